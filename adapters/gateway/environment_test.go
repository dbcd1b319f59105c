package gateway_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/keyledger/keyledger/adapters/gateway"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/projections/lookup"
)

// "The same key never crosses environments." Random keys of four schemes are
// presented for random environments, as many as KEYLEDGER_CROSS_ENVIRONMENT says.
// None is accepted outside its own, and that it belongs to another one is said
// only where the secret was right.
func TestNoKeyCrossesEnvironments(t *testing.T) {
	pairs := 100_000
	if text := os.Getenv("KEYLEDGER_CROSS_ENVIRONMENT"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("KEYLEDGER_CROSS_ENVIRONMENT=%q: want a positive number", text)
		}
		pairs = n
	}
	w := presetWorld(t, "web3pay", "voltz", "voltage", "lnpay")
	keys := crossing(t, w)
	random := rand.New(rand.NewPCG(1, 2))
	asked := []string{"live", "test", "staging", "production", "Live", "live ", "_", "moon"}
	count := map[access.Code]int{}
	for range pairs {
		k, environment := keys[random.IntN(len(keys))], asked[random.IntN(len(asked))]
		r, want := k.good, access.EnvironmentMismatch
		if environment == k.environment {
			want = access.Allowed
		}
		if random.IntN(4) == 0 {
			r, want = k.wrong, access.Invalid
		}
		r.Environment = environment
		d := w.Verifier.Verify(r)
		count[d.Code]++
		if d.Code != want || d.Valid() && d.Environment != environment {
			t.Fatalf("a key of %s presented for %s: %s, want %s", k.environment, environment, d.Code, want)
		}
	}
	t.Logf("%d pairs: %v", pairs, count)
	if len(count) != 3 {
		t.Errorf("only %v: the test does not ask what it says", count)
	}
}

// crossed is a key and its environment, presented rightly and with the secret of
// another key.
type crossed struct {
	environment string
	good, wrong lookup.Request
}

func crossing(t *testing.T, w *world) (out []crossed) {
	t.Helper()
	for _, c := range []struct {
		account, kind string
		environments  []string
	}{
		{"web3pay", "key", []string{"live", "test"}},
		{"voltz", "pair", []string{"live", "test"}},
		{"voltage", "key", []string{"staging", "production"}},
		{"lnpay", "sak", []string{"live"}},
	} {
		for _, environment := range c.environments {
			for range 10 {
				made := w.Create(t, ledger.NewKey{Account: c.account, Kind: c.kind, Environment: environment}).Minted
				s, _ := w.Verifier.Catalog().Scheme(c.account)
				var random [64]byte
				for i := range random {
					random[i] = byte(rand.IntN(256))
				}
				other, err := s.Mint(c.kind, environment, random)
				if err != nil {
					t.Fatal(err)
				}
				k := crossed{environment: environment, good: lookup.Request{Key: made.Secret.Reveal()}, wrong: lookup.Request{Key: other.Secret.Reveal()}}
				if !made.Public.IsZero() {
					k.good = lookup.Request{PublicKey: made.Public.Reveal(), SecretKey: made.Secret.Reveal()}
					k.wrong = lookup.Request{PublicKey: made.Public.Reveal(), SecretKey: other.Secret.Reveal()}
				}
				out = append(out, k)
			}
		}
	}
	return out
}

// A service that says which environment it is in refuses all keys of others, and
// nothing in a request changes that: "the API trusts the key, never the request".
func TestNothingInARequestChangesTheEnvironmentOfAKey(t *testing.T) {
	w := presetWorld(t, "voltz")
	made := w.Create(t, ledger.NewKey{Account: "voltz", Environment: "test"}).Minted
	gate := gateway.New(w.Verifier, gateway.Config{Scheme: "voltz", Environment: "live"})
	for _, target := range []string{"/me", "/me?environment=test", "/me?env=test&mode=test"} {
		r := request(t, http.MethodGet, target, "")
		r.Header.Set("Authorization", basic(made.Public.Reveal(), made.Secret.Reveal()))
		r.Header.Set("X-Environment", "test")
		if got := ask(t, gate.MeHandler(), r); got.status != 403 || got.code != "environment_mismatch" {
			t.Errorf("%s: %d %s", target, got.status, got.code)
		}
	}
}
