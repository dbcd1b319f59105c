package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
)

func TestACredentialIsReadAsItsSchemePresentsIt(t *testing.T) {
	w := newWorld(t)
	w.Open(t, "shop", "voltz")
	w.Open(t, "press", "widget")
	key := w.Create(t, ledger.NewKey{Environment: "live"}).Minted.Secret.Reveal()
	other := w.Create(t, ledger.NewKey{Environment: "test"}).Minted.Secret.Reveal()
	pair := w.Create(t, ledger.NewKey{Account: "shop", Environment: "live"}).Minted
	public, secret := pair.Public.Reveal(), pair.Secret.Reveal()
	drawn := w.Create(t, ledger.NewKey{Account: "press"}).Minted.Secret.Reveal()
	link := w.Create(t, ledger.NewKey{Account: "press", Kind: "link"}).Minted.Secret.Reveal()

	const mine, theirs, plain = `ApiKey realm="keyledger", header="X-API-Key"`, `ApiKey realm="keyledger", header="X-Widget-Key"`,
		`Basic realm="keyledger", charset="UTF-8"`
	for name, c := range map[string]struct {
		target    string
		headers   [][2]string
		status    int
		code      string
		challenge string
	}{
		"nothing":               {"/me", nil, 401, "api_key_missing", mine},
		"empty header":          {"/me", [][2]string{{"X-API-Key", " "}}, 401, "api_key_missing", mine},
		"key":                   {"/me", [][2]string{{"x-api-key", key}}, 200, "", ""},
		"root":                  {"/me", [][2]string{{"X-API-Key", w.Root}}, 200, "", ""},
		"the same twice":        {"/me", [][2]string{{"X-API-Key", key}, {"X-API-Key", key}}, 200, "", ""},
		"two that differ":       {"/me", [][2]string{{"X-API-Key", key}, {"X-API-Key", other}}, 401, "api_key_malformed", mine},
		"two headers":           {"/me", [][2]string{{"X-API-Key", key}, {"X-Widget-Key", drawn}}, 401, "api_key_malformed", mine},
		"with Authorization":    {"/me", [][2]string{{"X-API-Key", key}, {"Authorization", basic(public, secret)}}, 401, "api_key_malformed", mine},
		"two Authorizations":    {"/me", [][2]string{{"Authorization", basic(public, secret)}, {"Authorization", "Bearer x"}}, 401, "api_key_malformed", mine},
		"wrong header":          {"/me", [][2]string{{"X-Widget-Key", key}}, 401, "api_key_malformed", mine},
		"own header":            {"/me", [][2]string{{"X-Widget-Key", drawn}}, 200, "", ""},
		"another's header":      {"/me", [][2]string{{"X-API-Key", drawn}}, 401, "api_key_malformed", theirs},
		"pair":                  {"/me", [][2]string{{"Authorization", basic(public, secret)}}, 200, "", ""},
		"pair, wrong secret":    {"/me", [][2]string{{"Authorization", basic(public, "sk_live_"+strings.Repeat("0", 32))}}, 401, "api_key_invalid", plain},
		"pair, halves swapped":  {"/me", [][2]string{{"Authorization", basic(secret, public)}}, 401, "api_key_malformed", plain},
		"secret half in header": {"/me", [][2]string{{"X-API-Key", secret}}, 401, "api_key_missing", plain},
		"key by Basic":          {"/me", [][2]string{{"Authorization", basic(key, "")}}, 401, "api_key_malformed", mine},
		"Basic that is none":    {"/me", [][2]string{{"Authorization", "Basic ???"}}, 401, "api_key_malformed", mine},
		"Bearer":                {"/me", [][2]string{{"Authorization", "Bearer " + key}}, 401, "api_key_malformed", mine},
		"in the query":          {"/me?api_key=" + key, nil, 401, "api_key_malformed", mine},
		"in the query as well":  {"/me?x=%77p3" + key[3:], [][2]string{{"X-API-Key", key}}, 401, "api_key_malformed", mine},
		"in the path":           {"/v1/keys/" + key, [][2]string{{"X-API-Key", key}}, 401, "api_key_malformed", mine},
		"made for URLs":         {"/me?k=" + link, [][2]string{{"X-API-Key", key}}, 200, "", ""},
		"garbage":               {"/me", [][2]string{{"X-API-Key", "hello"}}, 401, "api_key_malformed", mine},
		"checksum off":          {"/me", [][2]string{{"X-API-Key", key[:len(key)-1] + flip(key)}}, 401, "api_key_malformed", mine},
		"unknown":               {"/me", [][2]string{{"X-API-Key", foreign(t)}}, 401, "api_key_invalid", mine},
		"server key, browser":   {"/me", [][2]string{{"X-API-Key", key}, {"Origin", "https://shop.example"}}, 403, "permission_denied", ""},
		"server key, null":      {"/me", [][2]string{{"X-API-Key", key}, {"Origin", "null"}}, 403, "permission_denied", ""},
		"browser key, browser":  {"/me", [][2]string{{"X-Widget-Key", drawn}, {"Origin", "https://shop.example"}}, 200, "", ""},
		"wrong server, browser": {"/me", [][2]string{{"X-API-Key", foreign(t)}, {"Origin", "https://shop.example"}}, 401, "api_key_invalid", mine},
		"much too long":         {"/me", [][2]string{{"X-API-Key", strings.Repeat("x", 8000)}}, 401, "api_key_malformed", mine},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, http.MethodGet, c.target, "")
			for _, h := range c.headers {
				r.Header.Add(h[0], h[1])
			}
			got := ask(t, w.gate.MeHandler(), r)
			if got.status != c.status || got.code != c.code {
				t.Errorf("%d %s, want %d %s: %s", got.status, got.code, c.status, c.code, got.body)
			}
			if got := got.header.Get("WWW-Authenticate"); got != c.challenge {
				t.Errorf("WWW-Authenticate: %s, want %s", got, c.challenge)
			}
			for _, text := range []string{key, other, secret, drawn, link} {
				if strings.Contains(got.body, text[len(text)-20:]) {
					t.Errorf("the answer shows a secret: %s", got.body)
				}
			}
		})
	}
	if strings.Contains(w.log.String(), key[20:]) {
		t.Error("the log shows a secret")
	}
}

// flip is another last character than that of key.
func flip(key string) string {
	if strings.HasSuffix(key, "0") {
		return "1"
	}
	return "0"
}

// foreign is a well-formed key that no ledger knows.
func foreign(tb testing.TB) string {
	tb.Helper()
	s, err := scheme.Parse(web3pay(tb))
	if err != nil {
		tb.Fatal(err)
	}
	m, err := s.Mint("key", "live", scheme.Entropy{7})
	if err != nil {
		tb.Fatal(err)
	}
	return m.Secret.Reveal()
}

func TestARefusalIsInTheWordsOfTheScheme(t *testing.T) {
	w := newWorld(t)
	w.Open(t, "shop", "voltz")
	by := ledger.By{Key: ledger.RootKey}
	made := w.Create(t, ledger.NewKey{Account: "shop", Environment: "live"})
	me := func() answer {
		r := request(t, http.MethodGet, "/me", "")
		r.Header.Set("Authorization", basic(made.Minted.Public.Reveal(), made.Minted.Secret.Reveal()))
		return ask(t, w.gate.MeHandler(), r)
	}
	if got := me(); got.status != 200 || *got.data.KeyID != made.Key.ID || got.data.Code != "ok" || got.data.Position == 0 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if _, err := w.Ledger.SuspendKey(t.Context(), by, made.Key.ID); err != nil {
		t.Fatal(err)
	}
	if got := me(); got.status != 401 || got.code != "api_key_revoked" {
		t.Errorf("suspended key: %d %s", got.status, got.body)
	}
	if _, err := w.Ledger.SuspendAccount(t.Context(), by, "shop"); err != nil {
		t.Fatal(err)
	}
	if got := me(); got.status != 401 || got.code != "merchant_inactive" {
		t.Errorf("suspended account: %d %s", got.status, got.body)
	}
}
