package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// walk is a keyledger that runs one scheme, on which a seed document is walked
// from top to bottom. Each step is a subtest named by the sentence it proves.
type walk struct {
	*process
	root *client
}

func newWalk(t *testing.T, schemes ...string) *walk {
	t.Helper()
	dir := quickDir(t)
	args := []string{"serve", "--data", dir, "--http", "127.0.0.1:0", "--log-level", "debug"}
	for _, name := range schemes {
		args = append(args, "--scheme", name)
	}
	p := spawn(t, args...)
	return &walk{process: p, root: newClient(p.url, rootKey(t, dir))}
}

// open opens an account of a scheme.
func (w *walk) open(t *testing.T, id, scheme string) {
	t.Helper()
	w.root.must(t, http.StatusCreated, "POST", "/v1/accounts", fmt.Sprintf(`{"id":%q,"name":%q,"scheme":%q}`, id, id, scheme))
}

// create makes a key; body is JSON.
func (w *walk) create(t *testing.T, body string) answer {
	t.Helper()
	return w.root.must(t, http.StatusCreated, "POST", "/v1/keys", body)
}

// me presents what the headers carry, and wants a status and a code, "" for an
// answer that is no error.
func (w *walk) me(t *testing.T, status int, code string, header ...string) answer {
	t.Helper()
	return w.get(t, "/me", status, code, header...)
}

func (w *walk) get(t *testing.T, path string, status int, code string, header ...string) answer {
	t.Helper()
	a, err := newClient(w.url, "").do(t.Context(), "GET", path, "", header...)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != status || a.body.Error.Code != code {
		t.Errorf("GET %s: %d %s, want %d %s", path, a.status, a.raw, status, code)
	}
	return a
}

// question is the body of POST /v1/verify.
type question map[string]any

// decide asks POST /v1/verify and wants a code.
func (w *walk) decide(t *testing.T, code string, q question) answer {
	t.Helper()
	raw, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newClient(w.url, "").do(t.Context(), "POST", "/v1/verify", string(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := a.field("code"); a.status != http.StatusOK || got != code {
		delete(q, "key")
		delete(q, "keys")
		t.Errorf("%v: %d %s, want %s", q, a.status, got, code)
	}
	return a
}

// list is one list of the answer's data, as a sentence.
func (a answer) list(name string) string {
	var data map[string]json.RawMessage
	var items []string
	_ = json.Unmarshal(a.body.Data, &data)
	_ = json.Unmarshal(data[name], &items)
	return strings.Join(items, " ")
}

func basicAuth(public, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(public+":"+secret))
}

// hides reports an error where text shows more of a secret than its beginning
// and its last four characters.
func hides(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		middle := secret[len(secret)-24 : len(secret)-4]
		if strings.Contains(text, middle) {
			t.Errorf("%s shows a secret", where)
		}
	}
}
