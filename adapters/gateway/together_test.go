package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/adapters/gateway"
	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/ledger"
)

// lnpayWorld is a node with lnpay and keys of two accounts.
type lnpayWorld struct {
	*world
	text map[string]string // by a name of the test
	id   map[string]string
}

func newLNPay(t *testing.T) *lnpayWorld {
	t.Helper()
	w := &lnpayWorld{world: presetWorld(t, "lnpay"), text: map[string]string{}, id: map[string]string{}}
	w.Open(t, "rival", "lnpay")
	for name, k := range map[string]ledger.NewKey{
		"sak": {Kind: "sak"}, "pak": {Kind: "pak"}, "pak limited": {Kind: "pak", Allowlist: []string{"192.0.2.1"}},
		"waka": {Kind: "waka", Resource: "wal_1"}, "waki": {Kind: "waki", Resource: "wal_1"},
		"wakr": {Kind: "wakr", Resource: "wal_1"}, "waklw": {Kind: "waklw", Resource: "wal_1"},
		"waka of wal_2": {Kind: "waka", Resource: "wal_2"}, "waka revoked": {Kind: "waka", Resource: "wal_1"},
		"rival pak": {Kind: "pak", Account: "rival"},
	} {
		if k.Account == "" {
			k.Account = "lnpay"
		}
		made := w.Create(t, k)
		w.text[name], w.id[name] = made.Minted.Secret.Reveal(), made.Key.ID
	}
	if _, err := w.Ledger.RevokeKey(t.Context(), ledger.By{Key: ledger.RootKey}, w.id["waka revoked"]); err != nil {
		t.Fatal(err)
	}
	w.text["garbage"] = "hello"
	lookalike := presetWorld(t, "lnpay")
	w.text["unknown waka"] = lookalike.Create(t, ledger.NewKey{Account: "lnpay", Kind: "waka", Resource: "wal_1"}).Minted.Secret.Reveal()
	return w
}

func TestTwoCredentialsMustBothHoldAndBelongTogether(t *testing.T) {
	w := newLNPay(t)
	guarded := gateway.Middleware(w.Verifier, http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		edge.WriteJSON(out, http.StatusOK, edge.OK(edge.Answer{}))
	}))
	const invoice, list = "POST /v1/wallet/wal_1/invoice", "GET /v1/wallets"
	for name, c := range map[string]struct {
		api, wallet, ask string
		status           int
		code             string
	}{
		"both good":                   {"pak", "waka", invoice, 200, ""},
		"the other wallet's key":      {"pak", "waka of wal_2", invoice, 403, "permission_denied"},
		"a public key alone":          {"pak", "", invoice, 403, "permission_denied"},
		"a wallet key alone":          {"", "waka", invoice, 401, "api_key_missing"},
		"a wallet key as the first":   {"waka", "", invoice, 401, "api_key_malformed"},
		"the two exchanged":           {"waka", "pak", invoice, 401, "api_key_malformed"},
		"a list":                      {"pak", "waka", list, 403, "permission_denied"},
		"a list by the public key":    {"pak", "", list, 403, "permission_denied"},
		"a list by the secret key":    {"sak", "", list, 200, ""},
		"secret key and wallet key":   {"sak", "waka", invoice, 401, "api_key_malformed"},
		"a key of links":              {"pak", "waklw", invoice, 401, "api_key_malformed"},
		"wallet key revoked":          {"pak", "waka revoked", invoice, 401, "api_key_revoked"},
		"wallet key unknown":          {"pak", "unknown waka", invoice, 401, "api_key_invalid"},
		"wallet key malformed":        {"pak", "garbage", invoice, 401, "api_key_malformed"},
		"public key malformed":        {"garbage", "waka", invoice, 401, "api_key_malformed"},
		"public key of another":       {"rival pak", "waka", invoice, 403, "permission_denied"},
		"public key from elsewhere":   {"pak limited", "waka", invoice, 403, "ip_not_allowed"},
		"revoked before the address":  {"pak limited", "waka revoked", invoice, 401, "api_key_revoked"},
		"unknown before revoked":      {"waka revoked", "unknown waka", invoice, 401, "api_key_malformed"},
		"invoice key pays no invoice": {"pak", "waki", "POST /v1/wallet/wal_1/withdraw", 403, "permission_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(c.ask, " ")
			r := request(t, method, path, "")
			if c.api != "" {
				r.Header.Set("X-Api-Key", w.text[c.api])
			}
			if c.wallet != "" {
				r.Header.Set("X-Wallet-Key", w.text[c.wallet])
			}
			if got := ask(t, guarded, r); got.status != c.status || got.code != c.code {
				t.Errorf("%d %s, want %d %s: %s", got.status, got.code, c.status, c.code, got.body)
			}
		})
	}
}

func TestVerifyDecidesOnTwoKeysAndNamesBoth(t *testing.T) {
	w := newLNPay(t)
	say := func(q map[string]any) edge.Answer {
		raw, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		got := ask(t, w.gate.VerifyHandler(), request(t, http.MethodPost, "/v1/verify", string(raw)))
		if got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return got.data
	}
	type in = map[string]any
	keys := func(names ...string) []string {
		var out []string
		for _, name := range names {
			out = append(out, w.text[name])
		}
		return out
	}
	got := say(in{"keys": keys("pak", "waki"), "permissions": []string{"wallet_deposit"}, "resource": "wal_1"})
	if !got.Valid || got.Code != "ok" || len(got.KeyIDs) != 2 || got.KeyIDs[0] != w.id["pak"] || got.KeyIDs[1] != w.id["waki"] ||
		*got.KeyID != w.id["pak"] || *got.Resource != "wal_1" || strings.Join(got.Permissions, " ") != "wallet_deposit wallet_tx_read" {
		t.Errorf("%+v", got)
	}
	for name, c := range map[string]struct {
		q    in
		code string
	}{
		"in the other order":     {in{"keys": keys("waki", "pak")}, "ok"},
		"one":                    {in{"keys": keys("waki")}, "ok"},
		"a permission of none":   {in{"keys": keys("pak", "waki"), "permissions": []string{"wallet_withdraw"}}, "permission_denied"},
		"another resource":       {in{"keys": keys("pak", "waki"), "resource": "wal_2"}, "permission_denied"},
		"another environment":    {in{"keys": keys("pak", "waki"), "environment": "test"}, "environment_mismatch"},
		"another scheme":         {in{"keys": keys("pak", "waki"), "scheme": "voltz"}, "api_key_malformed"},
		"by the endpoint":        {in{"keys": keys("pak", "waki"), "method": "POST", "path": "/v1/wallet/wal_1/invoice"}, "ok"},
		"N/A at the endpoint":    {in{"keys": keys("pak", "waki"), "method": "GET", "path": "/v1/wallet/wal_1/transactions"}, "permission_denied"},
		"the same twice":         {in{"keys": keys("waki", "waki")}, "api_key_malformed"},
		"two that never go so":   {in{"keys": keys("waki", "waka")}, "api_key_malformed"},
		"one that is unknown":    {in{"keys": keys("pak", "unknown waka")}, "api_key_invalid"},
		"one of another account": {in{"keys": keys("rival pak", "waka")}, "permission_denied"},
		"one that is empty":      {in{"keys": []string{w.text["pak"], ""}}, "api_key_missing"},
	} {
		got := say(c.q)
		if got.Code != c.code || got.Valid != (c.code == "ok") {
			t.Errorf("%s: %+v, want %s", name, got, c.code)
		}
		if c.code == "api_key_invalid" && len(got.KeyIDs) > 0 {
			t.Errorf("%s: tells about a key beside one that is unknown", name)
		}
	}
}

// "This key is used in public LNURL links": the key stands in the path, alone.
func TestAKeyMadeForURLsIsReadFromThePath(t *testing.T) {
	w := newLNPay(t)
	guarded := gateway.Middleware(w.Verifier, http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		p, _ := gateway.From(r.Context())
		edge.WriteJSON(out, http.StatusOK, edge.OK(edge.Answer{Resource: &p.Resource}))
	}))
	link := "/v1/wallet/" + w.text["waklw"] + "/lnurl/withdraw"
	for name, c := range map[string]struct {
		target string
		header [2]string
		status int
		code   string
	}{
		"a link":                      {link + "?k1=x", [2]string{}, 200, ""},
		"a link in a browser":         {link, [2]string{"Origin", "https://wallet.example"}, 200, ""},
		"another place in the path":   {"/v1/wallet/wal_1/" + w.text["waklw"], [2]string{}, 403, "permission_denied"},
		"in the query":                {"/v1/wallet/x/lnurl/withdraw?key=" + w.text["waklw"], [2]string{}, 401, "api_key_missing"},
		"in a header":                 {link[:11] + "wal_1/lnurl/withdraw", [2]string{"X-Api-Key", w.text["waklw"]}, 401, "api_key_malformed"},
		"with a key beside":           {link, [2]string{"X-Api-Key", w.text["sak"]}, 401, "api_key_malformed"},
		"a wallet key in the path":    {"/v1/wallet/" + w.text["waka"] + "/lnurl/withdraw", [2]string{}, 401, "api_key_malformed"},
		"a secret key in the path":    {"/v1/wallet/" + w.text["sak"], [2]string{"X-Api-Key", w.text["sak"]}, 401, "api_key_malformed"},
		"a secret key in the query":   {"/v1/wallets?key=" + w.text["sak"], [2]string{"X-Api-Key", w.text["sak"]}, 401, "api_key_malformed"},
		"the key of a link elsewhere": {"/v1/wallets/" + w.text["waklw"], [2]string{}, 403, "permission_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, http.MethodGet, c.target, "")
			if c.header[0] != "" {
				r.Header.Set(c.header[0], c.header[1])
			}
			got := ask(t, guarded, r)
			if got.status != c.status || got.code != c.code {
				t.Errorf("%d %s, want %d %s: %s", got.status, got.code, c.status, c.code, got.body)
			}
		})
	}
	r := request(t, http.MethodGet, "/v1/wallets", "")
	r.Header.Set("X-Api-Key", w.text["sak"])
	r.Header.Set("Origin", "https://shop.example")
	if got := ask(t, guarded, r); got.code != "permission_denied" {
		t.Errorf("a secret key in a browser: %d %s", got.status, got.code)
	}
}

// A scheme takes no header away from the services of another one: what stands in
// it there may be anything, except a second credential.
func TestAHeaderOfAnotherSchemeIsLeftToWhoeverUsesIt(t *testing.T) {
	w := presetWorld(t, "web3pay", "lnpay")
	key := w.Create(t, ledger.NewKey{Account: "web3pay", Environment: "live"}).Minted.Secret.Reveal()
	waka := w.Create(t, ledger.NewKey{Account: "lnpay", Kind: "waka", Resource: "wal_1"}).Minted.Secret.Reveal()
	for value, want := range map[string]int{"0xfeed": 200, waka: 401, key: 200} {
		r := request(t, http.MethodGet, "/me", "")
		r.Header.Set("X-Api-Key", key)
		r.Header.Set("X-Wallet-Key", value)
		if got := ask(t, w.gate.MeHandler(), r); got.status != want {
			t.Errorf("beside %.6q: %d %s, want %d", value, got.status, got.code, want)
		}
	}
}
