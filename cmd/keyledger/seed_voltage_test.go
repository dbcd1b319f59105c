package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestVoltageAPIKeys walks the page "Security" of the Payments API, as far as it
// is about keys.
func TestVoltageAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWalk(t, "voltage")
	w.open(t, "team_7", "voltage")
	create := func(t *testing.T, name, environment, more string) answer {
		t.Helper()
		return w.create(t, fmt.Sprintf(`{"account":"team_7","name":%q,"environment":%q%s}`, name, environment, more))
	}
	t.Run("All API requests must include the x-api-key header with a valid environment API key", func(t *testing.T) {
		secret := create(t, "prod payment service", "production", "").field("key")
		w.me(t, 401, "api_key_missing")
		w.me(t, 200, "", "x-api-key", secret)
		w.me(t, 401, "api_key_malformed", "Authorization", "Bearer "+secret)
		w.me(t, 401, "api_key_malformed", "X-Api-Key", "your-api-key-here")
	})
	t.Run("API keys are scoped to a specific environment (staging or production)", func(t *testing.T) {
		for _, own := range []string{"staging", "production"} {
			a := create(t, own+" reporting dashboard", own, `,"permissions":["read"]`)
			for _, asked := range []string{"staging", "production"} {
				want := map[bool]string{true: "ok", false: "environment_mismatch"}[own == asked]
				w.decide(t, want, question{"key": a.field("key"), "environment": asked, "permissions": []string{"read"}})
			}
			moved, err := w.root.do(t.Context(), "PATCH", "/v1/keys/"+a.field("id"), `{"environment":"production"}`)
			if err != nil || moved.body.Error.Code != "immutable_field" {
				t.Errorf("an environment is for good: %d %s, %v", moved.status, moved.raw, err)
			}
		}
		for _, environment := range []string{"development", ""} {
			a, err := w.root.do(t.Context(), "POST", "/v1/keys", fmt.Sprintf(`{"account":"team_7","name":"x","environment":%q}`, environment))
			if err != nil || a.status != http.StatusUnprocessableEntity || a.body.Error.Field != "environment" {
				t.Errorf("%q: %d %s %v", environment, a.status, a.raw, err)
			}
		}
	})
	t.Run("Each API key can be configured with one or more permission levels", func(t *testing.T) {
		voltagePermissions(t, w, create)
	})
	t.Run("Restrict API key usage to specific IP addresses or ranges", func(t *testing.T) { voltageAddresses(t, w, create) })
	t.Run("Name keys by purpose and environment", func(t *testing.T) {
		for _, name := range []string{"prod payment service", "staging reporting dashboard"} {
			if a := create(t, name, "staging", ""); a.field("name") != name {
				t.Errorf("named %q", a.field("name"))
			}
		}
		a, err := w.root.do(t.Context(), "POST", "/v1/keys", `{"account":"team_7","name":" ","environment":"staging"}`)
		if err != nil || a.body.Error.Field != "name" {
			t.Errorf("%d %s %v", a.status, a.raw, err)
		}
	})
	t.Run("Create dedicated API keys for each service to enable granular revocation", func(t *testing.T) {
		one, other := create(t, "prod invoices", "production", ""), create(t, "prod payouts", "production", "")
		w.root.must(t, http.StatusOK, "DELETE", "/v1/keys/"+one.field("id"), "")
		w.me(t, 401, "api_key_revoked", "X-Api-Key", one.field("key"))
		w.me(t, 200, "", "X-Api-Key", other.field("key"))
	})
	t.Run("Rotate keys periodically: revoke and replace keys that may have been exposed", func(t *testing.T) {
		old := create(t, "prod ledger sync", "production", "")
		rotated := w.root.must(t, http.StatusOK, "POST", "/v1/keys/"+old.field("id")+"/rotate", `{"overlap":"0s"}`)
		w.me(t, 401, "api_key_revoked", "X-Api-Key", old.field("key"))
		w.me(t, 200, "", "X-Api-Key", rotated.field("key"))
	})
	t.Run("Regularly review which keys exist, their permissions, and whether they are still needed", func(t *testing.T) {
		listed := w.root.must(t, http.StatusOK, "GET", "/v1/keys?account=team_7&limit=1000", "")
		for _, word := range []string{"prod payouts", "permissions", "last_used_at", "ip_allowlist", `"status":"revoked"`} {
			if !strings.Contains(string(listed.raw), word) {
				t.Errorf("the list does not tell %s", word)
			}
		}
	})
	t.Run("Never commit keys to version control: add credential patterns", func(t *testing.T) {
		s, err := loadScheme("voltage")
		if err != nil || !strings.Contains(string(s), "vlt_") {
			t.Errorf("%v", err)
		}
	})
}

// voltagePermissions goes through the table of permissions: what each opens, and
// that it opens nothing of the others'. They add up; none implies another.
func voltagePermissions(t *testing.T, w *walk, create func(*testing.T, string, string, string) answer) {
	calls := map[string][][2]string{
		"read": {{"GET", "/v1/wallets"}, {"GET", "/v1/wallets/w_1"}, {"GET", "/v1/transactions"}, {"GET", "/v1/payments/p_1"}},
		"write": {
			{"POST", "/v1/wallets"}, {"POST", "/v1/payments"}, {"PATCH", "/v1/wallets/w_1"}, {"DELETE", "/v1/webhooks/wh_1"},
		},
		"billing": {{"GET", "/v1/billing/statements"}, {"GET", "/v1/lines_of_credit"}, {"POST", "/v1/lines_of_credit/loc_1/draws"}},
	}
	for _, held := range [][]string{{}, {"read"}, {"write"}, {"billing"}, {"read", "write"}, {"read", "write", "billing"}} {
		list := `"` + strings.Join(held, `","`) + `"`
		if len(held) == 0 {
			list = ""
		}
		a := create(t, "staging "+strings.Join(held, " and "), "staging", `,"permissions":[`+list+`]`)
		for permission, all := range calls {
			want := "permission_denied"
			if slices.Contains(held, permission) {
				want = "ok"
			}
			w.decide(t, want, question{"key": a.field("key"), "permissions": []string{permission}})
			for _, call := range all {
				w.decide(t, want, question{"key": a.field("key"), "method": call[0], "path": call[1]})
			}
		}
		w.decide(t, "permission_denied", question{"key": a.field("key"), "method": "GET", "path": "/v1/elsewhere"})
		// A key's write is about wallets and payments: it creates no keys.
		if got, err := newClient(w.url, a.field("key")).do(t.Context(), "POST", "/v1/keys", `{"name":"x","environment":"staging"}`); err != nil || got.status != http.StatusForbidden {
			t.Errorf("%v creates keys: %d %v", held, got.status, err)
		}
	}
	a, err := w.root.do(t.Context(), "POST", "/v1/keys", `{"account":"team_7","name":"x","environment":"staging","permissions":["admin"]}`)
	if err != nil || a.body.Error.Field != "permissions" {
		t.Errorf("an unknown permission: %d %s %v", a.status, a.raw, err)
	}
}

// voltageAddresses tries the supported formats.
func voltageAddresses(t *testing.T, w *walk, create func(*testing.T, string, string, string) answer) {
	for _, c := range []struct{ sentence, list, inside, outside string }{
		{"IPv4 addresses (e.g., 192.168.1.1)", `"192.168.1.1"`, "192.168.1.1 ::ffff:192.168.1.1", "192.168.1.2 ::1"},
		{"IPv6 addresses", `"2001:db8::7"`, "2001:db8::7 2001:DB8:0:0::7", "2001:db8::8 192.168.1.1"},
		{"CIDR notation (e.g., 10.0.0.0/8)", `"10.0.0.0/8","2001:db8::/32"`, "10.255.255.255 2001:db8:ffff::", "11.0.0.0 9.255.255.255 2001:db9::"},
		{"Leave the IP allowlist blank to permit requests from any IP address", ``, "192.0.2.1 2001:db8::1", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			secret := create(t, "production addresses", "production", `,"ip_allowlist":[`+c.list+`]`).field("key")
			for _, addr := range strings.Fields(c.inside) {
				w.decide(t, "ok", question{"key": secret, "ip": addr})
			}
			for _, addr := range strings.Fields(c.outside) {
				w.decide(t, "ip_not_allowed", question{"key": secret, "ip": addr})
			}
		})
	}
	for _, bad := range []string{"10.0.0.0/33", "10.0.0.1/8", "example.com", "192.168.1"} {
		a, err := w.root.do(t.Context(), "POST", "/v1/keys", fmt.Sprintf(`{"account":"team_7","name":"x","environment":"staging","ip_allowlist":[%q]}`, bad))
		if err != nil || a.status != http.StatusUnprocessableEntity || a.body.Error.Field != "ip_allowlist" {
			t.Errorf("%s: %d %s %v", bad, a.status, a.raw, err)
		}
	}
}
