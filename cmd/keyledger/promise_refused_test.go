package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBadInputHasItsCodeAndChangesNothing sends what must be refused to a real
// process: each has its code from the closed list, and the ledger stays as it is.
func TestBadInputHasItsCodeAndChangesNothing(t *testing.T) {
	t.Parallel()
	dir := quickDir(t)
	p := spawn(t, serveArgs(dir)...)
	root := newClient(p.url, rootKey(t, dir))
	as := func(key string) *client { return &client{url: p.url, key: key, http: root.http} }

	soon := time.Now().Add(1200 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	expired := root.must(t, http.StatusCreated, "POST", "/v1/keys",
		fmt.Sprintf(`{"name":"ends soon","environment":"live","permissions":["keys:manage"],"expires_at":%q}`, soon))
	revoked := root.must(t, http.StatusCreated, "POST", "/v1/keys", `{"name":"ended","environment":"live","permissions":["keys:manage"]}`)
	root.must(t, http.StatusOK, "DELETE", "/v1/keys/"+revoked.field("id"), "")
	weak := root.must(t, http.StatusCreated, "POST", "/v1/keys", `{"name":"weak","environment":"live","permissions":["onramp:read"]}`)
	manager := root.manager(t)
	root.must(t, http.StatusCreated, "POST", "/v1/accounts", `{"id":"acct_other","name":"other"}`)
	other := root.must(t, http.StatusCreated, "POST", "/v1/keys", `{"name":"of another","environment":"live","account":"acct_other"}`)
	live, foreign := "/v1/keys/"+weak.field("id"), "/v1/keys/"+other.field("id")
	waitFor(t, func() bool { // the expiry has come
		a, err := as(expired.field("key")).do(t.Context(), "GET", "/v1/me", "")
		return err == nil && a.status == http.StatusUnauthorized
	})
	before := len(readTrail(t, root))

	for _, bad := range []struct {
		name, key, method, path, body string
		status                        int
		code, field                   string
	}{
		{"malformed JSON", root.key, "POST", "/v1/keys", `{"name": "x"`, 422, "invalid_request", ""},
		{"unknown field", root.key, "POST", "/v1/keys", `{"name":"x","environment":"live","colour":"red"}`, 422, "invalid_request", "colour"},
		{"wrong type", root.key, "POST", "/v1/keys", `{"name":7,"environment":"live"}`, 422, "invalid_request", "name"},
		{"oversize", root.key, "POST", "/v1/keys", `{"name":"` + strings.Repeat("x", 4<<20) + `"}`, 413, "too_large", ""},
		{"bad CIDR", root.key, "POST", "/v1/keys", `{"name":"x","environment":"live","ip_allowlist":["10.0.0.0/33"]}`, 422, "invalid_request", "ip_allowlist"},
		{"unknown environment", root.key, "POST", "/v1/keys", `{"name":"x","environment":"mars"}`, 422, "invalid_request", "environment"},
		{"unknown permission", root.key, "POST", "/v1/keys", `{"name":"x","environment":"live","permissions":["fly"]}`, 422, "invalid_request", "permissions"},
		{"unknown kind", root.key, "POST", "/v1/keys", `{"name":"x","environment":"live","kind":"skeleton"}`, 422, "invalid_request", "kind"},
		{"past expiry", root.key, "POST", "/v1/keys", `{"name":"x","environment":"live","expires_at":"2020-01-01T00:00:00Z"}`, 422, "invalid_request", "expires_at"},
		{"environment change", root.key, "PATCH", live, `{"environment":"test"}`, 422, "immutable_field", "environment"},
		{"revoke of an unknown key", root.key, "DELETE", "/v1/keys/key_nobody", "", 404, "not_found", ""},
		{"no key", "", "GET", "/v1/keys", "", 401, "api_key_missing", ""},
		{"no such key", root.key[:len(root.key)-1] + "!", "GET", "/v1/keys", "", 401, "api_key_malformed", ""},
		{"revoked manager", revoked.field("key"), "POST", "/v1/keys", `{"name":"x","environment":"live"}`, 401, "api_key_revoked", ""},
		{"expired manager", expired.field("key"), "POST", "/v1/keys", `{"name":"x","environment":"live"}`, 401, "api_key_expired", ""},
		{"too weak", weak.field("key"), "POST", "/v1/keys", `{"name":"x","environment":"live"}`, 403, "permission_denied", ""},
		{"foreign account", manager.key, "DELETE", foreign, "", 404, "not_found", ""},
		{"foreign account, read", manager.key, "GET", foreign, "", 404, "not_found", ""},
		{"other environment", manager.key, "POST", "/v1/keys", `{"name":"x","environment":"test"}`, 403, "escalation_refused", ""},
		{"more than it may grant", manager.key, "POST", "/v1/keys", `{"name":"x","environment":"live","permissions":["webhooks:manage"]}`, 403, "escalation_refused", ""},
		{"an account, by a manager of keys", manager.key, "POST", "/v1/accounts", `{"name":"x"}`, 403, "permission_denied", ""},
	} {
		a, err := as(bad.key).do(t.Context(), bad.method, bad.path, bad.body)
		if err != nil {
			t.Errorf("%s: %v", bad.name, err)
			continue
		}
		if a.status != bad.status || a.body.Error.Code != bad.code || bad.field != "" && a.body.Error.Field != bad.field {
			t.Errorf("%s: %s, want %d %s %s", bad.name, a.raw, bad.status, bad.code, bad.field)
		}
	}
	if after := len(readTrail(t, root)); after != before {
		t.Errorf("%d events were written by requests that were refused", after-before)
	}
}
