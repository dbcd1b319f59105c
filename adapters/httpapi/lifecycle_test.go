package httpapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/ledger"
)

// verify asks whether a secret is good, for a permission if one is named.
func (w *world) verify(tb testing.TB, secret string, permissions ...string) string {
	tb.Helper()
	return w.do(tb, call{method: "POST", path: "/v1/verify", body: object{"key": secret, "permissions": permissions}}).want(tb, 200).text("code")
}

func TestAKeyIsWhatWasAskedFor(t *testing.T) {
	w := newWorld(t)
	mine, mineID := w.holding(t, "keys:manage", "read", "write", "pay:in")
	expires := time.Now().Add(day).UTC().Truncate(time.Second).Format(time.RFC3339)
	made := w.do(t, call{method: "POST", path: "/v1/keys", key: mine, body: object{
		"name": "till", "environment": "live", "kind": "wallet", "resource": "wal_1", "permissions": []string{"read", "write"},
		"roles": []string{"clerk"}, "ip_allowlist": []string{"10.0.0.0/8", "::ffff:192.0.2.1"}, "expires_at": expires,
		"metadata": object{"team": "tills"}, "grantable": []string{"read"}, "account": nil,
	}}).want(t, 201)
	want := object{
		"name": "till", "environment": "live", "kind": "wallet", "resource": "wal_1", "permissions": []any{"read", "write"},
		"roles": []any{"clerk"}, "ip_allowlist": []any{"10.0.0.0/8", "192.0.2.1"}, "expires_at": expires,
		"metadata": object{"team": "tills"}, "grantable": []any{"read"}, "account": "acme", "scheme": "ops", "status": "active",
		"created_by": mineID, "last_used_at": nil, "revoked_at": nil, "secret_available": true,
	}
	for field, value := range want {
		if diff := cmp.Diff(value, made.data[field]); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
	if secret := made.text("key"); made.text("last4") != secret[len(secret)-4:] || made.text("prefix") != secret[:len("opsw_live_")+8] {
		t.Errorf("prefix %s, last4 %s", made.text("prefix"), made.text("last4"))
	}
	read := w.do(t, call{method: "GET", path: "/v1/keys/" + made.text("id"), key: mine}).want(t, 200)
	for field, value := range made.data {
		if field == "key" || field == "secret_available" || field == "position" {
			if _, ok := read.data[field]; ok {
				t.Errorf("a read shows %s", field)
			}
			continue
		}
		if diff := cmp.Diff(value, read.data[field]); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
}

func TestAPairShowsBothHalvesOnce(t *testing.T) {
	w := newWorld(t)
	made := w.do(t, call{method: "POST", path: "/v1/keys", key: w.Root, body: object{"name": "x", "environment": "live", "account": "shop"}}).want(t, 201)
	again := w.do(t, call{method: "POST", path: "/v1/keys/" + made.text("id") + "/rotate", key: w.Root}).want(t, 200)
	for _, a := range []answer{made, again} {
		if _, ok := a.data["key"]; ok || a.text("public_key") == "" || a.text("secret_key") == "" {
			t.Errorf("%s", a.body)
		}
		got := w.do(t, call{method: "POST", path: "/v1/verify", body: object{"public_key": a.text("public_key"), "secret_key": a.text("secret_key")}})
		if got.want(t, 200).text("code") != "ok" {
			t.Errorf("%s", got.body)
		}
	}
	if made.text("public_key") == again.text("public_key") {
		t.Error("a rotation left the public half as it was")
	}
}

func TestAChangeReplacesWhatItNamesAndNothingElse(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage", "read", "write", "pay:in")
	secret, id := w.holding(t, "read")
	path := "/v1/keys/" + id
	patch := func(body object) answer {
		return w.do(t, call{method: "PATCH", path: path, key: mine, body: body}).want(t, 200)
	}
	first := patch(object{"name": "renamed"})
	if first.text("name") != "renamed" || first.data["fence"] != nil || first.number("position") != float64(w.Head(t)) {
		t.Errorf("%s", first.body)
	}
	if again := patch(object{"name": "renamed"}); again.number("position") != first.number("position") || again.number("revision") != first.number("revision") {
		t.Errorf("a change that changes nothing: %s, then %s", first.body, again.body)
	}
	if a := patch(object{"permissions": []string{"read", "write"}}); a.data["fence"] != nil || w.verify(t, secret, "write") != "ok" {
		t.Errorf("widened: %s", a.body)
	}
	if a := patch(object{"permissions": []string{"read"}}); a.text("fence") == "" || w.verify(t, secret, "write") != "permission_denied" {
		t.Errorf("narrowed: %s", a.body)
	}
	soon := time.Now().Add(day).UTC().Format(time.RFC3339)
	if a := patch(object{"expires_at": soon, "metadata": object{"a": "b"}, "grantable": []string{}, "roles": []string{"clerk"}}); a.text("expires_at") != soon ||
		a.text("metadata", "a") != "b" || a.data["grantable"] == nil {
		t.Errorf("%s", a.body)
	}
	if a := patch(object{"expires_at": nil, "grantable": nil, "ip_allowlist": []string{"10.0.0.0/8"}}); a.data["expires_at"] != nil ||
		a.data["grantable"] != nil || a.text("name") != "renamed" || a.text("metadata", "a") != "b" {
		t.Errorf("%s", a.body)
	}
	if got := w.verify(t, secret); got != "ip_not_allowed" {
		t.Errorf("with an allowlist: %s", got)
	}
	now := w.do(t, call{method: "GET", path: path, key: mine})
	for _, tag := range []string{`"%v"`, `W/"%v"`, `%v`} {
		header := map[string]string{"If-Match": fmt.Sprintf(tag, now.number("revision"))}
		now = w.do(t, call{method: "PATCH", path: path, key: mine, header: header, body: object{"name": "by " + tag}}).want(t, 200)
	}
}

func TestARotationKeepsTheOldSecretForTheOverlap(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage", "read")
	first, id := w.holding(t, "read")
	rotate := func(body any) answer {
		return w.do(t, call{method: "POST", path: "/v1/keys/" + id + "/rotate", key: mine, body: body}).want(t, 200)
	}
	a := rotate(nil)
	second := a.text("key")
	credentials := a.data["credentials"].([]any)
	if a.text("id") != id || second == "" || len(credentials) != 2 || dig(credentials[0], "status") != "overlapping" || dig(credentials[1], "status") != "active" {
		t.Fatalf("%s", a.body)
	}
	ends, err := time.Parse(time.RFC3339, dig(credentials[0], "ends_at").(string))
	if err != nil || time.Until(ends) < 23*time.Hour || time.Until(ends) > 25*time.Hour {
		t.Errorf("the default overlap ends at %v", ends)
	}
	if w.verify(t, first) != "ok" || w.verify(t, second) != "ok" {
		t.Error("one of two overlapping secrets is refused")
	}
	cut := w.do(t, call{method: "POST", path: "/v1/keys/" + id + "/cut", key: mine, body: object{"credential": dig(credentials[0], "id")}}).want(t, 200)
	if w.verify(t, first) != "api_key_revoked" || w.verify(t, second) != "ok" || cut.text("fence") == "" {
		t.Errorf("after the cut: %s", cut.body)
	}
	third := rotate(object{"overlap": "0s"}).text("key")
	if w.verify(t, second) != "api_key_revoked" || w.verify(t, third) != "ok" {
		t.Error("a rotation without overlap left the old secret")
	}
	fourth := rotate(object{"cut_on_first_use": true, "grace": "10m"})
	if creds := fourth.data["credentials"].([]any); dig(creds[2], "ends_at") != nil || dig(creds[2], "status") != "overlapping" {
		t.Errorf("%s", fourth.body)
	}
	w.do(t, call{method: "POST", path: "/v1/keys/" + id + "/rotate", key: mine, body: object{"overlap": "90d"}}).want(t, 200)
}

func TestASuspendedKeyIsRefusedUntilItIsResumed(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage", "read")
	secret, id := w.holding(t, "read")
	for range 2 { // repeating is harmless
		if a := w.do(t, call{method: "POST", path: "/v1/keys/" + id + "/suspend", key: mine, body: "{}"}).want(t, 200); a.text("status") != "suspended" {
			t.Errorf("%s", a.body)
		}
	}
	if got := w.verify(t, secret); got != "api_key_suspended" {
		t.Error(got)
	}
	w.do(t, call{method: "POST", path: "/v1/keys/" + id + "/resume?wait=none&timeout=5s", key: mine}).want(t, 200)
	if got := w.verify(t, secret); got != "ok" {
		t.Error(got)
	}
}

func TestARevocationIsFinalAndAnswersTheSameAgain(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage")
	_, id := w.holding(t)
	first := w.do(t, call{method: "DELETE", path: "/v1/keys/" + id + "?reason=key_compromise&wait=fence&timeout=10s", key: mine}).want(t, 200)
	again := w.do(t, call{method: "DELETE", path: "/v1/keys/" + id + "?reason=superseded", key: mine}).want(t, 200)
	if diff := cmp.Diff(first.data, again.data); diff != "" {
		t.Error(diff)
	}
	if k := w.do(t, call{method: "GET", path: "/v1/keys/" + id, key: mine}).want(t, 200); k.text("status") != "revoked" ||
		k.text("revocation_reason") != "key_compromise" || k.text("revoked_at") == "" {
		t.Errorf("%s", k.body)
	}
}

func TestARequestUnderAnIdempotencyKeyTakesEffectOnce(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage", "read")
	under := map[string]string{"Idempotency-Key": "order-7"}
	create := call{method: "POST", path: "/v1/keys", key: mine, header: under, body: `{"name": "x", "environment": "live"}`}
	first := w.do(t, create).want(t, 201)
	head := w.Head(t)
	create.body = `{ "environment":"live", "name":"x" }` // the same, written otherwise
	again := w.do(t, create).want(t, 201)
	if again.text("id") != first.text("id") || again.text("key") != "" || again.data["secret_available"] != false || first.data["secret_available"] != true {
		t.Errorf("first %s\nagain %s", first.body, again.body)
	}
	create.body = `{"name": "y", "environment": "live"}`
	w.do(t, create).refused(t, 422, "idempotency_mismatch", "")
	if w.Head(t) != head {
		t.Error("written twice")
	}
	other, _ := w.holding(t, "keys:manage", "read")
	create.key = other
	if a := w.do(t, create).want(t, 201); a.text("id") == first.text("id") {
		t.Error("another caller's request met this one's")
	}
	rotate := call{method: "POST", path: "/v1/keys/" + first.text("id") + "/rotate", key: mine, header: map[string]string{"Idempotency-Key": "r1"}}
	one, two := w.do(t, rotate).want(t, 200), w.do(t, rotate).want(t, 200)
	if one.text("key") == "" || two.text("key") != "" || len(two.data["credentials"].([]any)) != 2 {
		t.Errorf("%s\n%s", one.body, two.body)
	}
}

func TestAListIsFilteredAndPaged(t *testing.T) {
	w := newWorld(t)
	mine, mineID := w.holding(t, "keys:manage", "read")
	var all []string
	for i := range 5 {
		_, id := w.key(t, ledger.NewKey{Account: "acme", Environment: []string{"live", "test"}[i%2]})
		all = append(all, id)
	}
	_, wallet := w.key(t, ledger.NewKey{Account: "acme", Kind: "wallet", Resource: "wal_1"})
	w.do(t, call{method: "DELETE", path: "/v1/keys/" + all[0], key: mine}).want(t, 200)
	ids := func(query string) (out []string, next any) {
		a := w.do(t, call{method: "GET", path: "/v1/keys" + query, key: mine}).want(t, 200)
		for _, k := range a.data["keys"].([]any) {
			out = append(out, dig(k, "id").(string))
		}
		return out, a.data["next_cursor"]
	}
	for query, want := range map[string][]string{
		"":                                 {mineID, all[0], all[1], all[2], all[3], all[4], wallet},
		"?account=acme":                    {mineID, all[0], all[1], all[2], all[3], all[4], wallet},
		"?environment=test":                {all[1], all[3]},
		"?status=revoked":                  {all[0]},
		"?kind=wallet":                     {wallet},
		"?resource=wal_1":                  {wallet},
		"?resource=wal_2":                  nil,
		"?unused_for=90d":                  nil,
		"?unused_for=1ns&status=active":    {mineID, all[1], all[2], all[3], all[4], wallet},
		"?environment=live&status=revoked": {all[0]},
	} {
		if got, next := ids(query); !cmp.Equal(got, want) || next != nil {
			t.Errorf("%s: %v, want %v; next %v", query, got, want, next)
		}
	}
	var paged []string
	for query, pages := "?limit=3", 0; query != ""; pages++ {
		got, next := ids(query)
		if len(got) > 3 || pages > 3 {
			t.Fatalf("page %d of %d keys", pages, len(got))
		}
		paged = append(paged, got...)
		query = ""
		if next != nil {
			query = "?limit=3&cursor=" + next.(string)
		}
	}
	if got, _ := ids(""); !cmp.Equal(got, paged) {
		t.Errorf("pages have %v, the list %v", paged, got)
	}
}

func TestTheCallerReadsItsOwnWrites(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage", "read", "write")
	trials := 500
	if testing.Short() {
		trials = 50
	}
	for range trials {
		made := w.do(t, call{method: "POST", path: "/v1/keys", key: mine, body: object{"name": "x", "environment": "live", "permissions": []string{"read"}}}).want(t, 201)
		secret, path := made.text("key"), "/v1/keys/"+made.text("id")
		if got := w.verify(t, secret, "read"); got != "ok" {
			t.Fatalf("after create: %s", got)
		}
		w.do(t, call{method: "PATCH", path: path, key: mine, body: object{"permissions": []string{"write"}}}).want(t, 200)
		if got := w.verify(t, secret, "read"); got != "permission_denied" {
			t.Fatalf("after change: %s", got)
		}
		w.do(t, call{method: "DELETE", path: path, key: mine}).want(t, 200)
		if got := w.verify(t, secret); got != "api_key_revoked" {
			t.Fatalf("after revoke: %s", got)
		}
	}
}
