package gateway_test

import (
	"net/http"
	"testing"

	"github.com/keyledger/keyledger/adapters/gateway"
	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/ledger"
)

func TestTheMiddlewareLetsThroughWhatTheTableOfEndpointsAllows(t *testing.T) {
	w := newWorld(t)
	w.Open(t, "press", "widget")
	made := w.Create(t, ledger.NewKey{Environment: "live", Permissions: []string{"onramp:read"}})
	secret := made.Minted.Secret.Reveal()
	drawn := w.Create(t, ledger.NewKey{Account: "press"}).Minted.Secret.Reveal()
	var seen gateway.Principal
	guarded := gateway.Middleware(w.Verifier, http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		p, ok := gateway.From(r.Context())
		if !ok {
			t.Error("let in without a principal")
		}
		seen = p
		edge.WriteJSON(out, http.StatusOK, edge.OK(edge.Answer{}))
	}))
	for name, c := range map[string]struct {
		method, target, header, key string
		status                      int
	}{
		"listed and held":        {"GET", "/v1/onramp/7", "X-API-Key", secret, 200},
		"listed and not held":    {"POST", "/v1/onramp", "X-API-Key", secret, 403},
		"not listed":             {"GET", "/admin", "X-API-Key", secret, 403},
		"spelt otherwise":        {"GET", "/v1/%6Fnramp/7", "X-API-Key", secret, 403},
		"with dots":              {"GET", "/v1/onramp/../keys", "X-API-Key", secret, 403},
		"no key":                 {"GET", "/v1/onramp/7", "X-API-Key", "", 401},
		"scheme without a table": {"GET", "/anything", "X-Widget-Key", drawn, 200},
	} {
		r := request(t, c.method, c.target, "")
		r.Header.Set(c.header, c.key)
		if got := ask(t, guarded, r); got.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.code, c.status)
		}
	}
	r := request(t, http.MethodGet, "/v1/onramp/7", "")
	r.Header.Set("X-API-Key", secret)
	ask(t, guarded, r)
	if seen.KeyID != made.Key.ID || seen.Account != "root" || seen.Environment != "live" || !seen.Holds("onramp:read") || seen.Holds("keys:manage") {
		t.Errorf("principal %+v", seen)
	}
	if _, ok := gateway.From(t.Context()); ok {
		t.Error("a principal where nobody was let in")
	}
}
