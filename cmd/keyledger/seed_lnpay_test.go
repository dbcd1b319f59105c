package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestLNPayAccessKeys walks the page "API Keys & Access Keys" of LNPay.
func TestLNPayAccessKeys(t *testing.T) {
	t.Parallel()
	w := newWalk(t, "lnpay")
	key := map[string]string{}
	for _, kind := range []string{"sak", "pak"} {
		key[kind] = w.create(t, fmt.Sprintf(`{"name":%q,"kind":%q}`, kind, kind)).field("key")
	}
	// The keys of two wallets, by the secret key of the account.
	server := newClient(w.url, key["sak"])
	ids := map[string]string{}
	for _, wallet := range []string{"wal_1", "wal_2"} {
		// "The keys are generated on wallet create": all four, or none.
		body := fmt.Sprintf(`{"set":"wallet","name":%q,"resource":%q}`, wallet, wallet)
		a := server.must(t, http.StatusCreated, "POST", "/v1/keysets", body)
		var set struct {
			Keys []struct{ ID, Kind, Key string }
		}
		if err := json.Unmarshal(a.body.Data, &set); err != nil || len(set.Keys) != 4 {
			t.Fatalf("a wallet has four keys: %s", a.raw)
		}
		for _, k := range set.Keys {
			key[k.Kind+" "+wallet], ids[k.Kind+" "+wallet] = k.Key, k.ID
			if wallet == "wal_1" {
				key[k.Kind] = k.Key
			}
		}
		if again, err := server.do(t.Context(), "POST", "/v1/keysets", body); err != nil || again.status != http.StatusConflict {
			t.Errorf("the keys of a wallet are issued once: %s %v", again.raw, err)
		}
	}
	t.Run("The sak_ and the pak_ have distinct permission roles, told apart by prefix", func(t *testing.T) {
		for _, kind := range []string{"sak", "pak", "waka", "waki", "wakr", "waklw"} {
			if !strings.HasPrefix(key[kind], kind+"_") {
				t.Errorf("a key of kind %s begins %s", kind, key[kind][:6])
			}
		}
	})
	t.Run("The sak_ is intended to be used SERVER SIDE only", func(t *testing.T) {
		w.me(t, 200, "", "X-Api-Key", key["sak"])
		w.me(t, 403, "permission_denied", "X-Api-Key", key["sak"], "Origin", "https://shop.example")
		w.get(t, "/me?access_key="+key["sak"], 401, "api_key_malformed")
	})
	t.Run("The pak_ is intended to be paired with a Wallet Access Key", func(t *testing.T) {
		both := w.me(t, 200, "", "X-Api-Key", key["pak"], "X-Wallet-Key", key["waka"], "Origin", "https://shop.example")
		if len(strings.Fields(both.list("key_ids"))) != 2 || both.field("resource") != "wal_1" {
			t.Errorf("%s", both.raw)
		}
		w.me(t, 401, "api_key_missing", "X-Wallet-Key", key["waka"])
		w.me(t, 401, "api_key_malformed", "X-Api-Key", key["waka"])
		w.me(t, 401, "api_key_malformed", "X-Api-Key", key["waka"], "X-Wallet-Key", key["pak"])
		w.me(t, 401, "api_key_malformed", "X-Api-Key", key["sak"], "X-Wallet-Key", key["waka"])
	})
	t.Run("The pak_ essentially serves as an account identifier", func(t *testing.T) {
		if a := w.me(t, 200, "", "X-Api-Key", key["pak"]); a.list("permissions") != "" || a.field("account") != "root" {
			t.Errorf("%s", a.raw)
		}
		w.open(t, "rival", "lnpay")
		rival := w.create(t, `{"name":"rival","kind":"pak","account":"rival"}`).field("key")
		w.me(t, 403, "permission_denied", "X-Api-Key", rival, "X-Wallet-Key", key["waka"])
	})
	t.Run("The Public Access Key cannot perform any LIST functions", func(t *testing.T) {
		for _, path := range []string{"/v1/wallets", "/v1/transactions"} {
			w.decide(t, "permission_denied", question{"key": key["pak"], "method": "GET", "path": path})
			for _, kind := range []string{"waka", "waki", "wakr"} {
				w.decide(t, "permission_denied", question{"keys": []string{key["pak"], key[kind]}, "method": "GET", "path": path})
			}
			w.decide(t, "ok", question{"key": key["sak"], "method": "GET", "path": path})
		}
	})
	t.Run("Role-based permissioned access keys", func(t *testing.T) { lnpayRoles(t, w, key) })
	t.Run("Permission Breakdown", func(t *testing.T) { lnpayBreakdown(t, w, key) })
	t.Run("Each wallet has its keys", func(t *testing.T) {
		for _, wallet := range []string{"wal_1", "wal_2"} {
			for _, path := range []string{"wal_1", "wal_2"} {
				want := map[bool]string{true: "ok", false: "permission_denied"}[wallet == path]
				w.decide(t, want, question{"keys": []string{key["pak"], key["waka "+wallet]}, "method": "GET", "path": "/v1/wallet/" + path})
			}
		}
	})
	t.Run("They are only available via the API in the response from wallet create, and cannot be retrieved later", func(t *testing.T) {
		listed := w.root.must(t, http.StatusOK, "GET", "/v1/keys?limit=1000", "")
		for _, secret := range key {
			hides(t, "the list", string(listed.raw), secret)
			hides(t, "the log", w.stderr.String(), secret)
		}
	})
	t.Run("waklw_ is used in public LNURL links", func(t *testing.T) {
		link := "/v1/wallet/" + key["waklw"] + "/lnurl/withdraw"
		w.decide(t, "ok", question{"key": key["waklw"], "method": "GET", "path": link, "permissions": []string{"wallet_public_withdraw"}})
		for _, kind := range []string{"sak", "pak", "waka", "waki", "wakr"} {
			w.decide(t, "permission_denied", question{"key": key[kind], "method": "GET", "path": link})
		}
		w.decide(t, "api_key_malformed", question{"keys": []string{key["pak"], key["waklw"]}, "method": "GET", "path": link})
		w.me(t, 401, "api_key_malformed", "X-Api-Key", key["waklw"])
	})
	t.Run("A wallet key that is revoked is refused beside a good pak_", func(t *testing.T) {
		server.must(t, http.StatusOK, "DELETE", "/v1/keys/"+ids["waka wal_2"], "")
		w.me(t, 401, "api_key_revoked", "X-Api-Key", key["pak"], "X-Wallet-Key", key["waka wal_2"])
	})
}

// lnpayRoles goes through the table of roles: each kind has exactly these.
func lnpayRoles(t *testing.T, w *walk, key map[string]string) {
	for kind, want := range map[string]string{
		"waka":  "wallet_deposit wallet_read wallet_transfer wallet_tx_read wallet_withdraw",
		"waki":  "wallet_deposit wallet_tx_read",
		"wakr":  "wallet_read wallet_tx_read",
		"waklw": "wallet_public_withdraw wallet_read wallet_withdraw",
	} {
		if got := w.decide(t, "ok", question{"key": key[kind]}).list("permissions"); got != want {
			t.Errorf("%s has %q, want %q", kind, got, want)
		}
		for _, p := range []string{"wallet_deposit", "wallet_read", "wallet_transfer", "wallet_tx_read", "wallet_withdraw", "wallet_public_withdraw"} {
			code := "permission_denied"
			if slices.Contains(strings.Fields(want), p) {
				code = "ok"
			}
			w.decide(t, code, question{"key": key[kind], "permissions": []string{p}})
		}
	}
	// What a key holds comes with its kind: nothing can be added.
	a, err := w.root.do(t.Context(), "POST", "/v1/keys", `{"name":"x","kind":"waki","resource":"wal_1","permissions":["wallet_withdraw"]}`)
	if err != nil || a.status != http.StatusUnprocessableEntity || a.body.Error.Field != "permissions" {
		t.Errorf("%d %s %v", a.status, a.raw, err)
	}
}

// lnpayBreakdown goes through both tables cell by cell. A row names the wallet
// keys that the client-side table has for its function; none is N/A.
func lnpayBreakdown(t *testing.T, w *walk, key map[string]string) {
	cells := 0
	for _, row := range []struct {
		function, method, path string
		client                 []string
	}{
		{"Create Wallet", "POST", "/v1/wallet", nil},
		{"Retrieve Wallet", "GET", "/v1/wallet/wal_1", []string{"waka", "wakr"}},
		{"Generate Invoice", "POST", "/v1/wallet/wal_1/invoice", []string{"waka", "waki"}},
		{"Pay Invoice", "POST", "/v1/wallet/wal_1/withdraw", []string{"waka"}},
		{"Keysend", "POST", "/v1/wallet/wal_1/keysend", []string{"waka"}},
		{"Transfer", "POST", "/v1/wallet/wal_1/transfer", []string{"waka"}},
		{"Wallet Transactions", "GET", "/v1/wallet/wal_1/transactions", []string{"waka", "wakr"}},
	} {
		ask := func(code string, keys ...string) {
			cells++
			q := question{"method": row.method, "path": row.path, "function": row.function}
			for i := range keys {
				keys[i] = key[keys[i]]
			}
			q["keys"] = keys
			delete(q, "function")
			w.decide(t, code, q)
		}
		ask("ok", "sak") // "Server Side | Access Key sak_"
		ask("permission_denied", "pak")
		for _, kind := range []string{"waka", "waki", "wakr"} {
			code := "permission_denied"
			if slices.Contains(row.client, kind) {
				code = "ok"
			}
			ask(code, "pak", kind)
			ask("permission_denied", kind)
			ask("api_key_malformed", "sak", kind)
		}
		ask("api_key_malformed", "pak", "waklw") // in no row
		ask("permission_denied", "waklw")
	}
	// "Transactions | sak_ | wal_ optional": with a wallet above, and without.
	w.decide(t, "ok", question{"key": key["sak"], "method": "GET", "path": "/v1/transactions"})
	if cells != 7*13 {
		t.Errorf("%d cells, want %d", cells, 7*13)
	}
}
