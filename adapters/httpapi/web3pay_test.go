package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/ledger"
)

// send is one request over the network, as the page prints it.
func send(t *testing.T, method, url, key, body string) (int, object) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out object
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return res.StatusCode, out
}

// TestTheRequestsOfTheWeb3PayPageGetTheDocumentedAnswers types what the Keys API
// page prints, with only host and key replaced.
func TestTheRequestsOfTheWeb3PayPageGetTheDocumentedAnswers(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	everything := []string{"onramp:create", "onramp:read", "transactions:read", "keys:manage", "webhooks:manage"}
	yours, yoursID := w.key(t, ledger.NewKey{Permissions: everything})

	// "Create a new API key. The full key is only returned once at creation time."
	status, out := send(t, http.MethodPost, server.URL+"/v1/keys", yours, `{
"name": "Production API Key",
"environment": "live",
"permissions": ["onramp:create", "onramp:read", "transactions:read"]
}`)
	made, _ := out["data"].(object)
	if status != 201 || out["success"] != true {
		t.Fatalf("create: %d %v", status, out)
	}
	secret, _ := made["key"].(string)
	id, _ := made["id"].(string)
	if !regexp.MustCompile(`^wp3_live_sk_[0-9A-Za-z]{50}$`).MatchString(secret) || !strings.HasPrefix(id, "key_") {
		t.Errorf("id %q, key of %d characters", id, len(secret))
	}
	if made["name"] != "Production API Key" || made["environment"] != "live" || made["prefix"] != secret[:len("wp3_live_sk_")+8] {
		t.Errorf("create: %v", made)
	}
	list, err := json.Marshal(made["permissions"])
	if err != nil || string(list) != `["onramp:create","onramp:read","transactions:read"]` {
		t.Errorf("permissions %s", list)
	}
	if at, err := time.Parse(time.RFC3339, made["created_at"].(string)); err != nil || !strings.HasSuffix(made["created_at"].(string), "Z") || time.Since(at) > time.Minute {
		t.Errorf("created_at %v", made["created_at"])
	}

	// "List all API keys for your account. Full keys are not returned, only prefixes."
	status, out = send(t, http.MethodGet, server.URL+"/v1/keys", yours, "")
	keys, _ := dig(out, "data", "keys").([]any)
	if status != 200 || len(keys) == 0 {
		t.Fatalf("list: %d %v", status, out)
	}
	seen := map[any]object{}
	for _, k := range keys {
		seen[dig(k, "id")] = k.(object)
	}
	for _, field := range []string{"id", "name", "environment", "prefix", "permissions", "last_used_at", "created_at"} {
		if _, ok := seen[id][field]; !ok {
			t.Errorf("list lacks %s: %v", field, seen[id])
		}
	}
	if seen[id]["last_used_at"] != nil || seen[yoursID]["last_used_at"] == nil || seen[id]["key"] != nil {
		t.Errorf("last_used_at of an unused key is %v, of one in use %v", seen[id]["last_used_at"], seen[yoursID]["last_used_at"])
	}

	// "Revoke an API key. This action is immediate and cannot be undone."
	if status, _ = send(t, http.MethodGet, server.URL+"/v1/me", secret, ""); status != 200 {
		t.Errorf("before: %d", status)
	}
	status, out = send(t, http.MethodDelete, server.URL+"/v1/keys/"+id, yours, "")
	if status != 200 || out["success"] != true || dig(out, "data", "message") != "API key revoked successfully" {
		t.Errorf("revoke: %d %v", status, out)
	}
	if receipt, ok := dig(out, "data").(object)["receipt"]; !ok || receipt != nil || !strings.Contains(dig(out, "data", "fence").(string), "no fence") {
		t.Errorf("a revocation that does not say whom it has reached: %v", out)
	}
	// "Any applications using this key will receive 401 errors."
	if status, out = send(t, http.MethodGet, server.URL+"/v1/me", secret, ""); status != 401 || dig(out, "error", "code") != "api_key_revoked" {
		t.Errorf("after: %d %v", status, out)
	}
	for _, verb := range []string{"resume", "rotate"} {
		if status, out = send(t, http.MethodPost, server.URL+"/v1/keys/"+id+"/"+verb, yours, ""); status != 409 {
			t.Errorf("%s of a revoked key: %d %v", verb, status, out)
		}
	}
}

// TestTheWeb3PayPermissionTableHoldsRowByRow puts every row of the table of
// permissions to POST /v1/verify.
func TestTheWeb3PayPermissionTableHoldsRowByRow(t *testing.T) {
	w := newWorld(t)
	rows := []struct{ permission, method, path string }{
		{"onramp:create", "POST", "/v1/onramp"},
		{"onramp:read", "GET", "/v1/onramp"},
		{"onramp:read", "GET", "/v1/onramp/ses_1"},
		{"transactions:read", "GET", "/v1/transactions"},
		{"keys:manage", "POST", "/v1/keys"},
		{"keys:manage", "GET", "/v1/keys"},
		{"keys:manage", "DELETE", "/v1/keys/key_1"},
		{"webhooks:manage", "POST", "/v1/webhooks"},
		{"webhooks:manage", "DELETE", "/v1/webhooks/whk_1"},
	}
	all := []string{"onramp:create", "onramp:read", "transactions:read", "keys:manage", "webhooks:manage"}
	for _, held := range all {
		secret, _ := w.key(t, ledger.NewKey{Permissions: []string{held}})
		for _, row := range rows {
			got := w.do(t, call{method: "POST", path: "/v1/verify", body: object{"key": secret, "method": row.method, "path": row.path}}).want(t, 200)
			if valid, want := got.data["valid"], row.permission == held; valid != want {
				t.Errorf("%s on %s %s: valid is %v, want %v", held, row.method, row.path, valid, want)
			}
		}
	}
}

func TestAWeb3PayKeyManagesKeysOnlyWithKeysManage(t *testing.T) {
	w := newWorld(t)
	weak, weakID := w.key(t, ledger.NewKey{Permissions: []string{"onramp:create", "webhooks:manage"}})
	head := w.Head(t)
	for _, c := range []call{
		{method: "GET", path: "/v1/keys"},
		{method: "GET", path: "/v1/keys/" + weakID},
		{method: "POST", path: "/v1/keys", body: object{"name": "x", "environment": "live"}},
		{method: "DELETE", path: "/v1/keys/" + weakID},
	} {
		c.key = weak
		w.do(t, c).refused(t, 403, "permission_denied", "")
	}
	if w.Head(t) != head {
		t.Error("something was written")
	}
}
