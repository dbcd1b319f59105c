package httpapi_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden document anew")

const golden = "testdata/openapi.json"

func TestTheDocumentIsTheCommittedOne(t *testing.T) {
	w := newWorld(t)
	got := w.do(t, call{method: "GET", path: "/v1/openapi.json"})
	if got.status != 200 || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", got.status, got.header.Get("Content-Type"))
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got.body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.body, "\n")); diff != "" {
		t.Errorf("the document has changed; if it should have, run this test with -update (-committed +served):\n%s", diff)
	}
	if again := newWorld(t).do(t, call{method: "GET", path: "/v1/openapi.json"}); again.body != got.body {
		t.Error("two nodes describe themselves differently")
	}
}

// routes of this version, from the contract.
func routes() map[string][]string {
	return map[string][]string{
		"/v1/keys": {"get", "post"}, "/v1/keys/{id}": {"delete", "get", "patch"},
		"/v1/keys/{id}/rotate": {"post"}, "/v1/keys/{id}/cut": {"post"}, "/v1/keys/{id}/suspend": {"post"},
		"/v1/keysets":          {"post"},
		"/v1/keys/{id}/resume": {"post"}, "/v1/keys/{id}/events": {"get"},
		"/v1/accounts": {"get", "post"}, "/v1/accounts/{id}": {"get"}, "/v1/accounts/{id}/suspend": {"post"},
		"/v1/accounts/{id}/resume": {"post"}, "/v1/accounts/{id}/close": {"post"},
		"/v1/schemes": {"get", "post"}, "/v1/schemes/{name}": {"get"},
		"/v1/events": {"get"}, "/v1/verify": {"post"}, "/v1/me": {"get"}, "/me": {"get"},
		"/livez": {"get"}, "/readyz": {"get"}, "/metrics": {"get"}, "/v1/openapi.json": {"get"}, "/v1/docs": {"get"},
	}
}

func TestTheDocumentIsValidAndHasEveryRoute(t *testing.T) {
	w := newWorld(t)
	var doc object
	if err := json.Unmarshal([]byte(w.do(t, call{method: "GET", path: "/v1/openapi.json"}).body), &doc); err != nil {
		t.Fatal(err)
	}
	if doc["openapi"] != "3.1.0" || dig(doc, "info", "title") == nil || dig(doc, "info", "version") == nil {
		t.Errorf("openapi %v, info %v", doc["openapi"], doc["info"])
	}
	found := map[string][]string{}
	ids := map[string]bool{}
	for path, item := range doc["paths"].(object) {
		for method, op := range item.(object) {
			found[path] = append(found[path], method)
			checkOperation(t, w, path, method, op.(object), ids)
		}
		slices.Sort(found[path])
	}
	if diff := cmp.Diff(routes(), found); diff != "" {
		t.Errorf("routes (-contract +document): %s", diff)
	}
	checkRefs(t, doc, doc)
	for _, leftover := range []string{"ErrorModel", "ErrorDetail", "problem+json", "octet-stream"} {
		if raw, _ := json.Marshal(doc); strings.Contains(string(raw), leftover) {
			t.Errorf("the document mentions %s", leftover)
		}
	}
}

// checkOperation sees that an operation is described whole, and served.
func checkOperation(t *testing.T, w *world, path, method string, op object, ids map[string]bool) {
	t.Helper()
	at := method + " " + path
	id, _ := op["operationId"].(string)
	if id == "" || ids[id] || op["summary"] == nil || op["tags"] == nil {
		t.Errorf("%s: operationId %q, summary %v, tags %v", at, id, op["summary"], op["tags"])
	}
	ids[id] = true
	responses, _ := op["responses"].(object)
	if responses["default"] == nil || len(responses) < 2 {
		t.Errorf("%s: responses %v", at, slices.Collect(maps.Keys(responses)))
	}
	for status, r := range responses {
		if r.(object)["description"] == "" {
			t.Errorf("%s: response %s without a description", at, status)
		}
	}
	declared := map[string]bool{}
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		if dig(p, "in") == "path" {
			declared[dig(p, "name").(string)] = true
		}
	}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		if !declared[m[1]] {
			t.Errorf("%s: parameter %s is not declared", at, m[1])
		}
	}
	if body := op["requestBody"]; (body != nil) != (method == "post" || method == "patch") {
		t.Errorf("%s: request body %v", at, body)
	}
	served := w.do(t, call{method: strings.ToUpper(method), path: regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x"), key: w.Root})
	if strings.Contains(served.err.Message, "endpoint") || strings.Contains(served.err.Message, "this path answers") {
		t.Errorf("%s is described and not served: %s", at, served.body)
	}
}

// checkRefs follows every $ref.
func checkRefs(t *testing.T, doc, v any) {
	t.Helper()
	switch v := v.(type) {
	case object:
		if ref, ok := v["$ref"].(string); ok {
			path, local := strings.CutPrefix(ref, "#/")
			if !local || dig(doc, strings.Split(path, "/")...) == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		for _, child := range v {
			checkRefs(t, doc, child)
		}
	case []any:
		for _, child := range v {
			checkRefs(t, doc, child)
		}
	}
}

// TestTheAnswersAreWhatTheDocumentSays compares the fields of real answers with
// those described.
func TestTheAnswersAreWhatTheDocumentSays(t *testing.T) {
	w := newWorld(t)
	var doc object
	if err := json.Unmarshal([]byte(w.do(t, call{method: "GET", path: "/v1/openapi.json"}).body), &doc); err != nil {
		t.Fatal(err)
	}
	mine, id := w.holding(t, "keys:manage", "read")
	for _, c := range []struct {
		call
		route, status string
	}{
		{call{method: "POST", path: "/v1/keys", body: object{"name": "x", "environment": "live"}}, "/v1/keys", "201"},
		{call{method: "GET", path: "/v1/keys"}, "/v1/keys", "200"},
		{call{method: "GET", path: "/v1/keys/" + id}, "/v1/keys/{id}", "200"},
		{call{method: "PATCH", path: "/v1/keys/" + id, body: object{"name": "z"}}, "/v1/keys/{id}", "200"},
		{call{method: "POST", path: "/v1/keys/" + id + "/rotate"}, "/v1/keys/{id}/rotate", "200"},
		{call{method: "GET", path: "/v1/accounts"}, "/v1/accounts", "200"},
		{call{method: "GET", path: "/v1/schemes/ops"}, "/v1/schemes/{name}", "200"},
		{call{method: "GET", path: "/v1/events"}, "/v1/events", "200"},
		{call{method: "GET", path: "/v1/me"}, "/v1/me", "200"},
		{call{method: "POST", path: "/v1/verify", body: object{"key": mine}}, "/v1/verify", "200"},
		{call{method: "GET", path: "/readyz"}, "/readyz", "200"},
		{call{method: "GET", path: "/v1/keys/key_x"}, "/v1/keys/{id}", "default"},
	} {
		c.key = mine
		if c.path == "/readyz" || c.path == "/v1/verify" {
			c.key = ""
		}
		var body any
		if err := json.Unmarshal([]byte(w.do(t, c.call).body), &body); err != nil {
			t.Fatal(err)
		}
		schema := dig(doc, "paths", c.route, strings.ToLower(c.method), "responses", c.status, "content", "application/json", "schema")
		conforms(t, doc, c.method+" "+c.route, schema, body)
	}
}

// conforms checks a value against the part of JSON Schema that the document uses.
func conforms(t *testing.T, doc any, at string, schema, v any) {
	t.Helper()
	if ref, ok := dig(schema, "$ref").(string); ok {
		schema = dig(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	s, ok := schema.(object)
	if !ok {
		t.Errorf("%s is not described", at)
		return
	}
	if !hasType(s["type"], v) {
		t.Errorf("%s is %v, described as %v", at, v, s["type"])
	}
	if values, ok := s["enum"].([]any); ok && v != nil && !slices.Contains(values, v) {
		t.Errorf("%s is %v, none of %v", at, v, values)
	}
	if list, ok := v.([]any); ok {
		for _, item := range list {
			conforms(t, doc, at+"[]", s["items"], item)
		}
	}
	o, isObject := v.(object)
	properties, described := s["properties"].(object)
	if !isObject || !described {
		return
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := o[name.(string)]; !ok {
			t.Errorf("%s lacks %s", at, name)
		}
	}
	for name, value := range o {
		if properties[name] == nil {
			t.Errorf("%s has %s, which is not described", at, name)
			continue
		}
		conforms(t, doc, at+"."+name, properties[name], value)
	}
}

func hasType(wanted, v any) bool {
	var names []any
	switch w := wanted.(type) {
	case nil:
		return true
	case string:
		names = []any{w}
	case []any:
		names = w
	}
	kind := map[bool]string{true: "null"}[v == nil]
	switch n := v.(type) {
	case bool:
		kind = "boolean"
	case string:
		kind = "string"
	case []any:
		kind = "array"
	case object:
		kind = "object"
	case float64:
		if kind = "number"; n == float64(int64(n)) && slices.Contains(names, any("integer")) {
			kind = "integer"
		}
	}
	return slices.Contains(names, any(kind))
}

func TestTheDocumentCanBeReadInABrowserWithNothingFromElsewhere(t *testing.T) {
	w := newWorld(t)
	got := w.do(t, call{method: "GET", path: "/v1/docs"}).want(t, 200)
	if !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
		t.Errorf("Content-Type: %s", got.header.Get("Content-Type"))
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "connect-src 'self'") {
		t.Errorf("Content-Security-Policy: %s", policy)
	}
	if foreign := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z]+|@import|src=|innerHTML`).FindString(got.body); foreign != "" {
		t.Errorf("the page has %q", foreign)
	}
	for _, m := range regexp.MustCompile(`(?:href|fetch)[=(]"([^"]+)"`).FindAllStringSubmatch(got.body, -1) {
		if m[1] != "openapi.json" {
			t.Errorf("the page leads to %s", m[1])
		}
	}
}
