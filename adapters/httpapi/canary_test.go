package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/scheme"
)

// hidden is the part of a credential's text that nobody may see again: what
// follows its locator.
func hidden(secret string) string {
	return secret[strings.LastIndexByte(secret, '_')+1+scheme.LocatorLen:][:scheme.SecretLen]
}

// TestNoSecretGetsOut makes secrets, uses them in every way a request allows,
// good and bad, and looks for them in everything but the one answer that shows
// them: logs at debug level, answers, metrics, and the events.
func TestNoSecretGetsOut(t *testing.T) {
	w := newWorld(t)
	mine, mineID := w.holding(t, "keys:manage", "read", "pay:in")
	secrets := []string{w.Root, mine}
	var answers strings.Builder
	note := func(a answer) {
		fmt.Fprintln(&answers, a.status, a.header, a.body)
	}
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		made := w.do(t, call{method: "POST", path: "/v1/keys", key: mine, body: object{"name": "x", "environment": "live"}}).want(t, 201)
		turned := w.do(t, call{method: "POST", path: "/v1/keys/" + made.text("id") + "/rotate", key: mine}).want(t, 200)
		for _, a := range []answer{made, turned} {
			secret := a.text("key")
			secrets = append(secrets, secret)
			note(answer{status: a.status, header: a.header, body: strings.Replace(a.body, secret, "", 1)})
			for _, c := range spills(secret, made.text("id")) {
				if c.key == "" {
					c.key = mine
				}
				note(w.do(t, c))
			}
		}
		note(w.do(t, call{method: "DELETE", path: "/v1/keys/" + made.text("id"), key: mine}))
		note(w.do(t, call{method: "GET", path: "/v1/keys", key: turned.text("key")}))
	}
	note(w.do(t, call{method: "GET", path: "/v1/keys?limit=1000", key: w.Root}))
	note(w.do(t, call{method: "GET", path: "/v1/events?limit=1000", key: w.Root}))
	note(w.do(t, call{method: "GET", path: "/v1/keys/" + mineID, key: mine}))
	metrics := w.do(t, call{method: "GET", path: "/metrics"}).want(t, 200).body
	if w.log.String() == "" || !strings.Contains(metrics, "http_requests_total") {
		t.Fatal("nothing to look through")
	}
	for where, text := range map[string]string{"answers": answers.String(), "logs": w.log.String(), "metrics": metrics} {
		for _, secret := range secrets {
			if i := strings.Index(text, hidden(secret)); i >= 0 {
				t.Fatalf("%s show a secret: ...%s...", where, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// spills are requests in which a secret stands where it should not.
func spills(secret, id string) []call {
	create := func(field string, value any) call {
		return call{method: "POST", path: "/v1/keys", body: object{"name": "x", "environment": "live", field: value}}
	}
	return []call{
		{method: "POST", path: "/v1/verify", body: object{"key": secret}},
		{method: "POST", path: "/v1/verify", body: object{"key": secret + "x"}},
		{method: "POST", path: "/v1/verify", body: object{"ip": secret}},
		{method: "POST", path: "/v1/verify", body: object{secret: 1}},
		{method: "POST", path: "/v1/verify", body: `{"key": "` + secret},
		{method: "POST", path: "/v1/verify", body: object{"key": []string{secret}}},
		{method: "GET", path: "/v1/keys/" + secret},
		{method: "GET", path: "/v1/keys/x" + secret},
		{method: "GET", path: "/" + secret},
		{method: "GET", path: "/v1//keys/x" + secret},
		{method: "GET", path: "/v1/keys?cursor=" + secret},
		{method: "GET", path: "/v1/keys?status=" + secret},
		{method: "GET", path: "/v1/keys?" + secret + "=1"},
		{method: "GET", path: "/v1/keys?status=x" + url.QueryEscape(secret+"é")},
		{method: "GET", path: "/v1/keys?limit=x-" + secret[1:]},
		{method: "GET", path: "/v1/events?type=" + "x" + secret},
		{method: "DELETE", path: "/v1/keys/" + id + "?reason=x" + secret},
		{method: "GET", path: "/v1/keys", header: map[string]string{"X-Request-Id": secret}},
		{method: "GET", path: "/v1/keys", header: map[string]string{"Authorization": "Bearer " + secret}},
		{method: "GET", path: "/v1/me", key: "-", header: map[string]string{"X-API-Key": "", "Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(secret+":"+secret))}},
		{method: "PATCH", path: "/v1/keys/" + id, body: `{}`, header: map[string]string{"If-Match": secret}},
		{method: "POST", path: "/v1/keys", body: `{}`, header: map[string]string{"Content-Type": secret}},
		{method: "POST", path: "/v1/keys", body: `{"name": "` + secret + `", "environment": "live"`},
		{method: "POST", path: "/v1/keys/" + id + "/cut", body: object{"credential": secret}},
		{method: "POST", path: "/v1/keys/" + id + "/rotate", body: object{"overlap": secret}},
		{method: "POST", path: "/v1/accounts/" + secret + "/close"},
		create("permissions", []string{secret}),
		create("permissions", []string{"x" + secret + strings.Repeat("y", 20)}),
		create("roles", []string{secret}),
		create("environment", secret),
		create("kind", secret),
		create("resource", secret),
		create("ip_allowlist", []string{secret}),
		create("ip_allowlist", []string{secret + "/8"}),
		create("expires_at", secret),
		create("account", secret),
		create("metadata", object{secret: 1}),
		create(secret, secret),
	}
}

// TestTheCanaryIsSeen plants a secret in the log, to see that the search for it
// finds one.
func TestTheCanaryIsSeen(t *testing.T) {
	w := newWorld(t)
	fmt.Fprintln(w.log, "careless:", w.Root)
	if !strings.Contains(w.log.String(), hidden(w.Root)) {
		t.Error("a secret in the log is not found")
	}
}
