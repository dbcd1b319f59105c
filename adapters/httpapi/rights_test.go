package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/adapters/gateway/gatewaytest"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
)

// TestEachRightOpensItsOwnDoorsOnly puts every right to every kind of call.
func TestEachRightOpensItsOwnDoorsOnly(t *testing.T) {
	w := newWorld(t)
	_, victim := w.holding(t, "read")
	keys := map[string]string{}
	for _, permission := range []string{"keys:manage", "accounts:admin", "schemes:admin", "audit:read", "verify", "read"} {
		keys[permission], _ = w.holding(t, permission)
	}
	document := string(canonical(t, gatewaytest.Widget()))
	for name, c := range map[string]struct {
		call
		open []string
	}{
		"create key":    {call{method: "POST", path: "/v1/keys", body: object{"name": "x", "environment": "live"}}, []string{"keys:manage"}},
		"change key":    {call{method: "PATCH", path: "/v1/keys/" + victim, body: object{"name": "x"}}, []string{"keys:manage"}},
		"suspend key":   {call{method: "POST", path: "/v1/keys/" + victim + "/suspend"}, []string{"keys:manage"}},
		"list keys":     {call{method: "GET", path: "/v1/keys"}, []string{"keys:manage", "audit:read"}},
		"read key":      {call{method: "GET", path: "/v1/keys/" + victim}, []string{"keys:manage", "audit:read"}},
		"read trail":    {call{method: "GET", path: "/v1/events"}, []string{"keys:manage", "audit:read"}},
		"read life":     {call{method: "GET", path: "/v1/keys/" + victim + "/events"}, []string{"keys:manage", "audit:read"}},
		"own account":   {call{method: "GET", path: "/v1/accounts/acme"}, []string{"keys:manage", "accounts:admin", "schemes:admin", "audit:read", "verify", "read"}},
		"own scheme":    {call{method: "GET", path: "/v1/schemes/ops"}, []string{"keys:manage", "accounts:admin", "schemes:admin", "audit:read", "verify", "read"}},
		"own identity":  {call{method: "GET", path: "/v1/me"}, []string{"keys:manage", "accounts:admin", "schemes:admin", "audit:read", "verify", "read"}},
		"open account":  {call{method: "POST", path: "/v1/accounts", body: object{"name": "x"}}, nil}, // of account root alone
		"close account": {call{method: "POST", path: "/v1/accounts/acme/close"}, nil},
		"apply scheme":  {call{method: "POST", path: "/v1/schemes", body: document}, nil}, // likewise
	} {
		for permission, secret := range keys {
			c.key = secret
			got := w.do(t, c.call)
			open := slices.Contains(c.open, permission)
			if (got.status < 300) != open {
				t.Errorf("%s with %s: %d %s", name, permission, got.status, got.body)
			}
			if !open {
				got.refused(t, 403, "permission_denied", "")
			}
		}
	}
}

func TestAnAccountSeesNothingOfAnother(t *testing.T) {
	w := newWorld(t)
	mine, mineID := w.holding(t, "keys:manage", "audit:read", "accounts:admin")
	_, theirs := w.key(t, ledger.NewKey{Account: "rival", Permissions: []string{"read"}})
	for _, path := range []string{"/v1/keys", "/v1/events", "/v1/accounts", "/v1/schemes"} {
		got := w.do(t, call{method: "GET", path: path, key: mine}).want(t, 200)
		for _, foreign := range []string{"rival", theirs, "voltz", "web3pay"} {
			if strings.Contains(got.body, foreign) {
				t.Errorf("%s shows %s: %s", path, foreign, got.body)
			}
		}
	}
	if all := w.do(t, call{method: "GET", path: "/v1/keys", key: w.Root}).want(t, 200).body; !strings.Contains(all, mineID) || !strings.Contains(all, theirs) {
		t.Error("the root key does not see every account")
	}
	if one := w.do(t, call{method: "GET", path: "/v1/keys?account=rival", key: w.Root}).want(t, 200).body; strings.Contains(one, mineID) || !strings.Contains(one, theirs) {
		t.Errorf("a list of one account: %s", one)
	}
}

func TestAKeyOfOneEnvironmentReadsAllAndChangesItsOwn(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.key(t, ledger.NewKey{Account: "acme", Environment: "test", Permissions: []string{"keys:manage"}})
	_, live := w.holding(t)
	w.do(t, call{method: "GET", path: "/v1/keys/" + live, key: mine}).want(t, 200)
	head := w.Head(t)
	w.do(t, call{method: "DELETE", path: "/v1/keys/" + live, key: mine}).refused(t, 403, "escalation_refused", "")
	w.do(t, call{method: "POST", path: "/v1/keys", key: mine, body: object{"name": "x", "environment": "live"}}).refused(t, 403, "escalation_refused", "")
	if w.Head(t) != head {
		t.Error("something was written")
	}
}

func TestAGrantableListBoundsWhatACallerGives(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.key(t, ledger.NewKey{Account: "acme", Permissions: []string{"keys:manage"}, Grantable: []string{"pay:*"}})
	give := func(permission string) answer {
		return w.do(t, call{method: "POST", path: "/v1/keys", key: mine, body: object{
			"name": "x", "environment": "live", "permissions": []string{permission}, "grantable": []string{},
		}})
	}
	give("pay:in").want(t, 201)
	give("pay:*").want(t, 201)
	give("keys:manage").refused(t, 403, "escalation_refused", "")
	give("read").refused(t, 403, "escalation_refused", "")
}

func TestAccountsAreOpenedSuspendedResumedAndClosed(t *testing.T) {
	w := newWorld(t)
	open := w.do(t, call{method: "POST", path: "/v1/accounts", key: w.Root, body: object{"id": "merchant_42", "name": "Merchant 42", "scheme": "ops"}}).want(t, 201)
	if open.text("id") != "merchant_42" || open.text("status") != "active" || open.text("scheme") != "ops" || open.number("position") == 0 || open.text("created_by") != ledger.RootKey {
		t.Errorf("%s", open.body)
	}
	if made := w.do(t, call{method: "POST", path: "/v1/accounts", key: w.Root, body: object{"name": "unnamed"}}).want(t, 201); !strings.HasPrefix(made.text("id"), "acct_") || made.text("scheme") != "web3pay" {
		t.Errorf("%s", made.body)
	}
	secret, _ := w.key(t, ledger.NewKey{Account: "merchant_42"})
	step := func(verb, status, code string) {
		t.Helper()
		if a := w.do(t, call{method: "POST", path: "/v1/accounts/merchant_42/" + verb, key: w.Root}).want(t, 200); a.text("status") != status || (a.text("fence") != "") != (verb != "resume") {
			t.Errorf("%s: %s", verb, a.body)
		}
		if got := w.verify(t, secret); got != code {
			t.Errorf("after %s: %s", verb, got)
		}
	}
	step("suspend", "suspended", "account_inactive")
	step("resume", "active", "ok")
	step("close", "closed", "account_inactive")
	for _, c := range []struct {
		call
		status      int
		code, field string
	}{
		{call{path: "/v1/accounts/merchant_42/resume"}, 409, "conflict", ""},
		{call{path: "/v1/accounts/nobody/close"}, 404, "not_found", ""},
		{call{path: "/v1/accounts/root/close"}, 409, "conflict", ""},
		{call{path: "/v1/accounts", body: object{"id": "merchant_42", "name": "again"}}, 409, "conflict", ""},
		{call{path: "/v1/accounts", body: object{"id": "a.b", "name": "x"}}, 422, "invalid_request", "id"},
		{call{path: "/v1/accounts", body: object{"name": ""}}, 422, "invalid_request", "name"},
		{call{path: "/v1/accounts", body: object{"name": "x", "scheme": "nothing"}}, 422, "invalid_request", "scheme"},
	} {
		c.method, c.key = "POST", w.Root
		w.do(t, c.call).refused(t, c.status, c.code, c.field)
	}
	list := w.do(t, call{method: "GET", path: "/v1/accounts?status=closed", key: w.Root}).want(t, 200)
	if all := list.data["accounts"].([]any); len(all) != 1 || dig(all[0], "id") != "merchant_42" {
		t.Errorf("%s", list.body)
	}
	if page := w.do(t, call{method: "GET", path: "/v1/accounts?limit=2", key: w.Root}).want(t, 200); len(page.data["accounts"].([]any)) != 2 || page.text("next_cursor") == "" {
		t.Errorf("%s", page.body)
	}
}

func TestASchemeIsAppliedOnceAndRead(t *testing.T) {
	w := newWorld(t)
	document := canonical(t, gatewaytest.Widget())
	first := w.do(t, call{method: "POST", path: "/v1/schemes", key: w.Root, body: string(document)}).want(t, 200)
	again := w.do(t, call{method: "POST", path: "/v1/schemes?confirm=true", key: w.Root, body: " " + string(document)}).want(t, 200)
	if first.text("name") != "widget" || first.number("version") != 1 || again.number("position") > first.number("position") || w.Head(t) != uint64(first.number("position")) {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	got := w.do(t, call{method: "GET", path: "/v1/schemes/widget", key: w.Root}).want(t, 200)
	if versions := got.data["versions"].([]any); len(versions) != 1 || dig(got.data, "document", "scheme") != "widget" || dig(versions[0], "version") != 1.0 {
		t.Errorf("%s", got.body)
	}
	if b := w.do(t, call{method: "GET", path: "/v1/schemes/" + scheme.BuiltinName, key: w.Root}).want(t, 200); dig(b.data, "document", "scheme") != "keyledger" || b.number("version") != 0 {
		t.Errorf("%s", b.body)
	}
	if all := w.do(t, call{method: "GET", path: "/v1/schemes", key: w.Root}).want(t, 200); len(all.data["schemes"].([]any)) != 5 {
		t.Errorf("%s", all.body)
	}
	other := gatewaytest.Widget()
	other.Title = "changed"
	for name, c := range map[string]struct {
		body        string
		status      int
		code, field string
	}{
		"another content": {string(canonical(t, other)), 409, "conflict", ""},
		"no document":     {`{"scheme": "x"}`, 422, "invalid_request", "document"},
		"unknown field":   {`{"schema": "x"}`, 422, "invalid_request", "document"},
		"field twice":     {`{"scheme": "x", "scheme": "y"}`, 422, "invalid_request", "scheme"},
		"taken prefix":    {strings.ReplaceAll(string(document), `"scheme":"widget"`, `"scheme":"copy"`), 409, "conflict", ""},
		"no JSON":         {`scheme: x`, 422, "invalid_request", ""},
	} {
		head := w.Head(t)
		w.do(t, call{method: "POST", path: "/v1/schemes", key: w.Root, body: c.body}).refused(t, c.status, c.code, c.field)
		if w.Head(t) != head {
			t.Errorf("%s: something was written", name)
		}
	}
}
