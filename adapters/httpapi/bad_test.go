package httpapi_test

import (
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/ledger"
)

// TestABadRequestGetsItsCodeAndChangesNothing is the table of what can be wrong
// with a request.
func TestABadRequestGetsItsCodeAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	mine, mineID := w.holding(t, "keys:manage", "accounts:admin", "read")
	_, other := w.holding(t, "read")
	_, rivals := w.key(t, ledger.NewKey{Account: "rival"})
	changed := w.do(t, call{method: "PATCH", path: "/v1/keys/" + other, key: mine, body: object{"name": "twice"}}).want(t, 200)
	create := func(extra string) string { return `{"name": "x", "environment": "live"` + extra + `}` }
	long := strings.Repeat("x", 200)

	for name, c := range map[string]struct {
		method, path, body string
		header             map[string]string
		status             int
		code, field        string
	}{
		"no body":                 {"POST", "/v1/keys", "", nil, 422, "invalid_request", ""},
		"malformed JSON":          {"POST", "/v1/keys", `{"name": "x", `, nil, 422, "invalid_request", ""},
		"two documents":           {"POST", "/v1/keys", create("") + "{}", nil, 422, "invalid_request", ""},
		"a list":                  {"POST", "/v1/keys", `[]`, nil, 422, "invalid_request", ""},
		"unknown field":           {"POST", "/v1/keys", create(`, "nmae": 1`), nil, 422, "invalid_request", "nmae"},
		"field in other letters":  {"POST", "/v1/keys", create(`, "Kind": "key"`), nil, 422, "invalid_request", "Kind"},
		"field twice":             {"POST", "/v1/keys", create(`, "name": "y"`), nil, 422, "invalid_request", "name"},
		"wrong type":              {"POST", "/v1/keys", create(`, "permissions": "read"`), nil, 422, "invalid_request", "permissions"},
		"wrong type inside":       {"POST", "/v1/keys", create(`, "permissions": [1]`), nil, 422, "invalid_request", "permissions"},
		"metadata of numbers":     {"POST", "/v1/keys", create(`, "metadata": {"a": 1}`), nil, 422, "invalid_request", "metadata"},
		"no name":                 {"POST", "/v1/keys", `{"environment": "live"}`, nil, 422, "invalid_request", "name"},
		"blank name":              {"POST", "/v1/keys", `{"name": "  ", "environment": "live"}`, nil, 422, "invalid_request", "name"},
		"long name":               {"POST", "/v1/keys", `{"name": "` + long + `", "environment": "live"}`, nil, 422, "invalid_request", "name"},
		"no environment":          {"POST", "/v1/keys", `{"name": "x"}`, nil, 422, "invalid_request", "environment"},
		"unknown environment":     {"POST", "/v1/keys", `{"name": "x", "environment": "staging"}`, nil, 422, "invalid_request", "environment"},
		"unknown permission":      {"POST", "/v1/keys", create(`, "permissions": ["fly"]`), nil, 422, "invalid_request", "permissions"},
		"malformed permission":    {"POST", "/v1/keys", create(`, "permissions": ["Read"]`), nil, 422, "invalid_request", "permissions"},
		"unknown role":            {"POST", "/v1/keys", create(`, "roles": ["boss"]`), nil, 422, "invalid_request", "roles"},
		"unknown kind":            {"POST", "/v1/keys", create(`, "kind": "spoon"`), nil, 422, "invalid_request", "kind"},
		"resource not wanted":     {"POST", "/v1/keys", create(`, "resource": "w1"`), nil, 422, "invalid_request", "resource"},
		"resource missing":        {"POST", "/v1/keys", create(`, "kind": "wallet"`), nil, 422, "invalid_request", "resource"},
		"bad CIDR":                {"POST", "/v1/keys", create(`, "ip_allowlist": ["10.0.0.0/33"]`), nil, 422, "invalid_request", "ip_allowlist"},
		"CIDR with host bits":     {"POST", "/v1/keys", create(`, "ip_allowlist": ["10.0.0.1/8"]`), nil, 422, "invalid_request", "ip_allowlist"},
		"past expiry":             {"POST", "/v1/keys", create(`, "expires_at": "2020-01-01T00:00:00Z"`), nil, 422, "invalid_request", "expires_at"},
		"no instant":              {"POST", "/v1/keys", create(`, "expires_at": "tomorrow"`), nil, 422, "invalid_request", "expires_at"},
		"unknown grantable":       {"POST", "/v1/keys", create(`, "grantable": ["fly"]`), nil, 422, "invalid_request", "grantable"},
		"escalation":              {"POST", "/v1/keys", create(`, "permissions": ["write"]`), nil, 403, "escalation_refused", ""},
		"escalation by grantable": {"POST", "/v1/keys", create(`, "grantable": ["write"]`), nil, 403, "escalation_refused", ""},
		"another environment":     {"POST", "/v1/keys", `{"name": "x", "environment": "test"}`, nil, 403, "escalation_refused", ""},
		"foreign account":         {"POST", "/v1/keys", create(`, "account": "rival"`), nil, 404, "not_found", ""},
		"no such account":         {"POST", "/v1/keys", create(`, "account": "nobody"`), nil, 404, "not_found", ""},
		"form":                    {"POST", "/v1/keys", create(""), map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", ""},
		"text":                    {"PATCH", "/v1/keys/" + other, `{"name": "x"}`, map[string]string{"Content-Type": "text/plain"}, 415, "unsupported_media_type", ""},
		"oversize":                {"POST", "/v1/keys", create(`, "metadata": {"a": "` + strings.Repeat("x", 1<<20) + `"}`), nil, 413, "too_large", ""},
		"long idempotency key":    {"POST", "/v1/keys", create(""), map[string]string{"Idempotency-Key": strings.Repeat("k", 256)}, 422, "invalid_request", "Idempotency-Key"},
		"unknown query parameter": {"GET", "/v1/keys?staus=active", "", nil, 422, "invalid_request", "staus"},
		"limit of none":           {"GET", "/v1/keys?limit=0", "", nil, 422, "invalid_request", "limit"},
		"limit too high":          {"GET", "/v1/keys?limit=1001", "", nil, 422, "invalid_request", "limit"},
		"limit that is no number": {"GET", "/v1/keys?limit=ten", "", nil, 422, "invalid_request", "limit"},
		"made up cursor":          {"GET", "/v1/keys?cursor=abc", "", nil, 422, "invalid_request", "cursor"},
		"unknown status":          {"GET", "/v1/keys?status=dead", "", nil, 422, "invalid_request", "status"},
		"unused for ever":         {"GET", "/v1/keys?unused_for=ever", "", nil, 422, "invalid_request", "unused_for"},
		"keys of a rival":         {"GET", "/v1/keys?account=rival", "", nil, 404, "not_found", ""},
		"no such key":             {"GET", "/v1/keys/key_nothing", "", nil, 404, "not_found", ""},
		"no id at all":            {"GET", "/v1/keys/%2e%2e%2f", "", nil, 404, "not_found", ""},
		"a rival's key":           {"GET", "/v1/keys/" + rivals, "", nil, 404, "not_found", ""},
		"change of nothing":       {"PATCH", "/v1/keys/key_nothing", `{"name": "x"}`, nil, 404, "not_found", ""},
		"change of a rival's":     {"PATCH", "/v1/keys/" + rivals, `{"name": "x"}`, nil, 404, "not_found", ""},
		"change environment":      {"PATCH", "/v1/keys/" + other, `{"environment": "test"}`, nil, 422, "immutable_field", "environment"},
		"keep environment":        {"PATCH", "/v1/keys/" + other, `{"environment": "live"}`, nil, 422, "immutable_field", "environment"},
		"change kind":             {"PATCH", "/v1/keys/" + other, `{"kind": "key"}`, nil, 422, "immutable_field", "kind"},
		"change account":          {"PATCH", "/v1/keys/" + other, `{"account": null}`, nil, 422, "immutable_field", "account"},
		"change resource":         {"PATCH", "/v1/keys/" + other, `{"resource": {"a": []}}`, nil, 422, "immutable_field", "resource"},
		"change id":               {"PATCH", "/v1/keys/" + other, `{"id": "x"}`, nil, 422, "invalid_request", "id"},
		"null permissions":        {"PATCH", "/v1/keys/" + other, `{"permissions": null}`, nil, 422, "invalid_request", "permissions"},
		"permissions by string":   {"PATCH", "/v1/keys/" + other, `{"permissions": "read"}`, nil, 422, "invalid_request", "permissions"},
		"raise itself":            {"PATCH", "/v1/keys/" + mineID, `{"permissions": ["keys:manage", "write"]}`, nil, 403, "escalation_refused", ""},
		"old revision":            {"PATCH", "/v1/keys/" + other, `{"name": "late"}`, map[string]string{"If-Match": `"1"`}, 412, "revision_mismatch", ""},
		"no revision":             {"PATCH", "/v1/keys/" + other, `{"name": "late"}`, map[string]string{"If-Match": `"abc"`}, 422, "invalid_request", "If-Match"},
		"wait for what":           {"PATCH", "/v1/keys/" + other + "?wait=all", `{"name": "y"}`, nil, 422, "invalid_request", "wait"},
		"timeout of none":         {"DELETE", "/v1/keys/" + other + "?timeout=0s", "", nil, 422, "invalid_request", "timeout"},
		"timeout of a year":       {"DELETE", "/v1/keys/" + other + "?timeout=365d", "", nil, 422, "invalid_request", "timeout"},
		"reason of one's own":     {"DELETE", "/v1/keys/" + other + "?reason=boredom", "", nil, 422, "invalid_request", "reason"},
		"revoke of nothing":       {"DELETE", "/v1/keys/key_nothing", "", nil, 404, "not_found", ""},
		"revoke of a rival's":     {"DELETE", "/v1/keys/" + rivals, "", nil, 404, "not_found", ""},
		"suspend of a rival's":    {"POST", "/v1/keys/" + rivals + "/suspend", "", nil, 404, "not_found", ""},
		"suspend with a body":     {"POST", "/v1/keys/" + other + "/suspend", `{"for": "1h"}`, nil, 422, "invalid_request", "for"},
		"rotate of a rival's":     {"POST", "/v1/keys/" + rivals + "/rotate", "", nil, 404, "not_found", ""},
		"overlap of words":        {"POST", "/v1/keys/" + other + "/rotate", `{"overlap": "a while"}`, nil, 422, "invalid_request", "overlap"},
		"overlap below none":      {"POST", "/v1/keys/" + other + "/rotate", `{"overlap": "-1s"}`, nil, 422, "invalid_request", "overlap"},
		"overlap of a year":       {"POST", "/v1/keys/" + other + "/rotate", `{"overlap": "365d"}`, nil, 422, "invalid_request", "overlap"},
		"overlap and first use":   {"POST", "/v1/keys/" + other + "/rotate", `{"overlap": "1h", "cut_on_first_use": true}`, nil, 422, "invalid_request", "overlap"},
		"grace alone":             {"POST", "/v1/keys/" + other + "/rotate", `{"grace": "1h"}`, nil, 422, "invalid_request", "grace"},
		"cut of nothing":          {"POST", "/v1/keys/" + other + "/cut", `{}`, nil, 422, "invalid_request", "credential"},
		"cut of the unknown":      {"POST", "/v1/keys/" + other + "/cut", `{"credential": "crd_x"}`, nil, 422, "invalid_request", "credential"},
		"account by a tenant":     {"POST", "/v1/accounts", `{"name": "x"}`, nil, 403, "permission_denied", ""},
		"own account closed":      {"POST", "/v1/accounts/acme/close", "", nil, 403, "permission_denied", ""},
		"a rival's account":       {"GET", "/v1/accounts/rival", "", nil, 404, "not_found", ""},
		"no account's id":         {"GET", "/v1/accounts/a.b", "", nil, 404, "not_found", ""},
		"scheme without right":    {"POST", "/v1/schemes", `{}`, nil, 403, "permission_denied", ""},
		"a rival's scheme":        {"GET", "/v1/schemes/voltz", "", nil, 404, "not_found", ""},
		"no such scheme":          {"GET", "/v1/schemes/nothing", "", nil, 404, "not_found", ""},
		"trail of a rival":        {"GET", "/v1/events?account=rival", "", nil, 404, "not_found", ""},
		"trail of a rival's key":  {"GET", "/v1/keys/" + rivals + "/events", "", nil, 404, "not_found", ""},
		"after a word":            {"GET", "/v1/events?after=now", "", nil, 422, "invalid_request", "after"},
		"from a word":             {"GET", "/v1/events?from=yesterday", "", nil, 422, "invalid_request", "from"},
		"resume at a word":        {"GET", "/v1/events", "", map[string]string{"Last-Event-ID": "x"}, 422, "invalid_request", "Last-Event-ID"},
		"a path with gaps":        {"GET", "/v1//keys", "", nil, 404, "not_found", ""},
		"a path with dots":        {"GET", "/v1/events/../keys", "", nil, 404, "not_found", ""},
		"a path with an end":      {"GET", "/v1/keys/", "", nil, 404, "not_found", ""},
		"no such path":            {"GET", "/v1/nothing", "", nil, 404, "not_found", ""},
		"a later issue's path":    {"POST", "/v1/webhooks", `{}`, nil, 404, "not_found", ""},
		"another method":          {"PUT", "/v1/keys/" + other, `{}`, nil, 404, "not_found", ""},
	} {
		t.Run(name, func(t *testing.T) {
			head := w.Head(t)
			got := w.do(t, call{method: c.method, path: c.path, key: mine, body: c.body, header: c.header})
			got.refused(t, c.status, c.code, c.field)
			if now := w.Head(t); now != head {
				t.Errorf("the ledger went from %d to %d", head, now)
			}
		})
	}
	if now := w.do(t, call{method: "GET", path: "/v1/keys/" + other, key: mine}).want(t, 200); now.number("revision") != changed.number("revision") {
		t.Errorf("the key is at revision %v, was at %v", now.number("revision"), changed.number("revision"))
	}
	w.do(t, call{method: "PUT", path: "/v1/keys/" + other}).refused(t, 404, "not_found", "")
	if allow := w.do(t, call{method: "PUT", path: "/v1/keys/" + other}).header.Get("Allow"); allow != "GET, PATCH, DELETE" {
		t.Errorf("Allow: %s", allow)
	}
}

// TestACredentialThatIsNoLongerGoodManagesNothing goes through every way in which
// a management key ends.
func TestACredentialThatIsNoLongerGoodManagesNothing(t *testing.T) {
	w := newWorld(t)
	boss := w.Root
	for name, c := range map[string]struct {
		end  func(t *testing.T, id string)
		code string
	}{
		"revoked": {func(t *testing.T, id string) {
			w.do(t, call{method: "DELETE", path: "/v1/keys/" + id, key: boss}).want(t, 200)
		}, "api_key_revoked"},
		"suspended": {func(t *testing.T, id string) {
			w.do(t, call{method: "POST", path: "/v1/keys/" + id + "/suspend", key: boss}).want(t, 200)
		}, "api_key_suspended"},
	} {
		t.Run(name, func(t *testing.T) {
			secret, id := w.holding(t, "keys:manage")
			c.end(t, id)
			head := w.Head(t)
			for _, k := range []call{
				{method: "GET", path: "/v1/keys"},
				{method: "POST", path: "/v1/keys", body: object{"name": "x", "environment": "live"}},
				{method: "DELETE", path: "/v1/keys/" + id},
			} {
				k.key = secret
				got := w.do(t, k)
				got.refused(t, 401, c.code, "")
				if got.header.Get("WWW-Authenticate") == "" {
					t.Error("401 without WWW-Authenticate")
				}
			}
			if w.Head(t) != head {
				t.Error("something was written")
			}
		})
	}
	secret, id := w.key(t, ledger.NewKey{Account: "shop"})
	_ = secret
	w.do(t, call{method: "POST", path: "/v1/accounts/shop/suspend", key: boss}).want(t, 200)
	w.do(t, call{method: "POST", path: "/v1/keys", key: boss, body: object{"name": "x", "environment": "live", "account": "shop"}}).refused(t, 409, "conflict", "")
	w.do(t, call{method: "GET", path: "/v1/keys/" + id, key: boss}).want(t, 200)
	w.do(t, call{method: "GET", path: "/v1/keys"}).refused(t, 401, "api_key_missing", "")
	w.do(t, call{method: "GET", path: "/v1/keys", key: "hello"}).refused(t, 401, "api_key_malformed", "")
}
