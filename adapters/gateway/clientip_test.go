package gateway_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/adapters/gateway"
	"github.com/keyledger/keyledger/domain/ledger"
)

func TestTheClientIsTheRightMostAddressThatIsNoTrustedProxy(t *testing.T) {
	w := newWorld(t)
	secret := w.Create(t, ledger.NewKey{Environment: "live", Allowlist: []string{"203.0.113.7", "2001:db8::7"}}).Minted.Secret.Reveal()
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for name, c := range map[string]struct {
		peer    string
		hops    []string
		proxies []netip.Prefix
		admits  bool
	}{
		"the peer itself":           {"203.0.113.7:99", nil, proxies, true},
		"another peer":              {"203.0.113.8:99", nil, proxies, false},
		"mapped peer":               {"[::ffff:203.0.113.7]:99", nil, proxies, true},
		"through a proxy":           {"127.0.0.1:99", []string{"203.0.113.7"}, proxies, true},
		"through two":               {"127.0.0.1:99", []string{"203.0.113.7, 10.1.2.3"}, proxies, true},
		"through two, two lines":    {"127.0.0.1:99", []string{"203.0.113.7", "10.1.2.3"}, proxies, true},
		"with a port":               {"127.0.0.1:99", []string{"203.0.113.7:1234"}, proxies, true},
		"IPv6 in brackets":          {"127.0.0.1:99", []string{"[2001:db8::7]"}, proxies, true},
		"IPv6 with a port":          {"127.0.0.1:99", []string{"[2001:db8::7]:80"}, proxies, true},
		"claimed by the client":     {"127.0.0.1:99", []string{"203.0.113.7, 198.51.100.1"}, proxies, false},
		"claimed by a stranger":     {"198.51.100.1:99", []string{"203.0.113.7"}, proxies, false},
		"nobody is trusted":         {"127.0.0.1:99", []string{"203.0.113.7"}, []netip.Prefix{}, false},
		"loopback is by default":    {"127.0.0.1:99", []string{"203.0.113.7"}, nil, true},
		"what is no address":        {"127.0.0.1:99", []string{"203.0.113.7, unknown"}, proxies, false},
		"an empty hop":              {"127.0.0.1:99", []string{"203.0.113.7, "}, proxies, false},
		"a proxy that says nothing": {"127.0.0.1:99", nil, proxies, false},
		"a peer without an address": {"@", []string{"203.0.113.7"}, proxies, false},
		"proxies without end":       {"127.0.0.1:99", []string{"203.0.113.7," + strings.Repeat("10.0.0.1,", 50) + "10.0.0.1"}, proxies, false},
	} {
		t.Run(name, func(t *testing.T) {
			gate := gateway.New(w.Verifier, gateway.Config{TrustedProxies: c.proxies})
			r := request(t, http.MethodGet, "/me", "")
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.hops
			r.Header.Set("X-API-Key", secret)
			got := ask(t, gate.MeHandler(), r)
			if want := map[bool]int{true: 200, false: 403}[c.admits]; got.status != want {
				t.Errorf("%d %s, want %d", got.status, got.code, want)
			}
		})
	}
}
