package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

const shownOnce = "wp3_live_sk_A1b2C3d4E5f6A1b2C3d4E5f6A1b2C3d4E5f6A1b2C3d4E5f6"

// keyboard is one run of the program inside the test.
type keyboard struct {
	person bool              // stdin and stdout are a terminal
	types  string            // on stdin
	env    map[string]string // besides KEYLEDGER_SERVER and KEYLEDGER_KEY
	server string

	stdout, stderr string
}

// run carries out a command line and returns the exit status.
func (k *keyboard) run(ctx context.Context, args ...string) int {
	var stdout bytes.Buffer
	status := k.runTo(ctx, &stdout, args...)
	k.stdout = stdout.String()
	return status
}

func (k *keyboard) runTo(ctx context.Context, stdout io.Writer, args ...string) int {
	var stderr bytes.Buffer
	a := &app{
		stdin: strings.NewReader(k.types), stdout: stdout, stderr: &stderr,
		lookupEnv: func(name string) (string, bool) {
			if value, ok := k.env[name]; ok {
				return value, true
			}
			value, ok := map[string]string{"KEYLEDGER_SERVER": k.server, "KEYLEDGER_KEY": "klr_root"}[name]
			return value, ok
		},
		terminal: func(any) bool { return k.person },
		now:      func() time.Time { return time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC) },
	}
	status := a.execute(ctx, args)
	k.stderr = stderr.String()
	return status
}

// canned is a server that answers "METHOD /path" with what is written, in turn,
// the last one for ever, and records what it was asked.
type canned struct {
	mu        sync.Mutex
	can       map[string][]string
	asked     []string
	presented []string
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	asked := strings.TrimSpace(r.Method + " " + r.RequestURI + " " + string(body))
	if at := r.Header.Get("If-Match"); at != "" {
		asked += " at " + at
	}
	c.asked = append(c.asked, asked)
	c.presented = append(c.presented, r.Header.Get("X-API-Key"))
	route := r.Method + " " + r.URL.Path
	answers := c.can[route]
	if len(answers) == 0 {
		http.Error(w, "no "+route, http.StatusTeapot)
		return
	}
	if len(answers) > 1 {
		c.can[route] = answers[1:]
	}
	status, text := http.StatusOK, answers[0]
	if code, ok := strings.CutPrefix(text, "refuse "); ok {
		status = http.StatusConflict
		text = fmt.Sprintf(`{"success": false, "error": {"code": %q, "message": "planted", "field": null, "request_id": "req_1"}}`, code)
	} else {
		text = `{"success": true, "data": ` + text + `}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// seen is what the server was asked, and the keys that were presented.
func (c *canned) seen() (asked, presented []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked, c.presented
}

func requests(c *canned) []string {
	asked, _ := c.seen()
	return asked
}

func serveCanned(t *testing.T, can map[string][]string) (*keyboard, *canned) {
	t.Helper()
	c := &canned{can: can}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return &keyboard{server: server.URL}, c
}

func TestEveryCommandIsExplainedWithAnExample(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short description", cmd.CommandPath())
		}
		if !cmd.HasSubCommands() && cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if cmd.Args == nil {
			t.Errorf("%s takes whatever arguments it is given", cmd.CommandPath())
		}
		for _, below := range cmd.Commands() {
			visit(below)
		}
	}
	visit(newApp().rootCommand())
}

func TestSecretGoesToItsFileAloneAndOnlyItsOwnerReadsIt(t *testing.T) {
	k, _ := serveCanned(t, map[string][]string{"POST /v1/keys": {`{"id": "key_1", "key": "` + shownOnce + `", "position": 7}`}})
	for _, output := range []string{"table", "json"} {
		file := filepath.Join(t.TempDir(), "new.key")
		if status := k.run(t.Context(), "keys", "create", "--name", "a", "--secret-file", file, "--output", output); status != exitDone {
			t.Fatalf("status %d: %s", status, k.stderr)
		}
		text, err := os.ReadFile(file)
		if err != nil || string(text) != shownOnce+"\n" {
			t.Errorf("the file has %q, %v", text, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file has mode %v, %v", info.Mode(), err)
		}
		if strings.Contains(k.stdout+k.stderr, shownOnce) || strings.Contains(k.stdout, `"key":`) {
			t.Errorf("--output %s shows the secret as well", output)
		}
		if !strings.Contains(k.stderr, file) {
			t.Errorf("does not say where the secret is: %q", k.stderr)
		}
	}
}

func TestNoFileIsLeftWhereThereIsNoSecretToKeep(t *testing.T) {
	for name, said := range map[string]string{
		"refused":  "refuse conflict",
		"replayed": `{"id": "key_1", "secret_available": false, "position": 7}`,
	} {
		k, _ := serveCanned(t, map[string][]string{"POST /v1/keys": {said}})
		file := filepath.Join(t.TempDir(), "new.key")
		k.run(t.Context(), "keys", "create", "--name", "a", "--secret-file", file)
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("%s: a file is left: %v", name, err)
		}
	}
}

func TestSecretIsShownOnceOnStandardOutputWithANote(t *testing.T) {
	k, _ := serveCanned(t, map[string][]string{"POST /v1/keys/key_1/rotate": {
		`{"id": "key_1", "public_key": "pk_live_1", "secret_key": "` + shownOnce + `", "position": 7}`,
	}})
	for _, output := range []string{"table", "json"} {
		if status := k.run(t.Context(), "keys", "rotate", "key_1", "--output", output); status != exitDone {
			t.Fatalf("status %d: %s", status, k.stderr)
		}
		if n := strings.Count(k.stdout, shownOnce); n != 1 || !strings.Contains(k.stdout, "pk_live_1") {
			t.Errorf("--output %s shows the secret %d times:\n%s", output, n, k.stdout)
		}
		if strings.Contains(k.stderr, shownOnce) || !strings.Contains(k.stderr, "only time") {
			t.Errorf("--output %s notes %q", output, k.stderr)
		}
	}
}

// TestJSONIsOneDocumentOrNothing: whatever happens, standard output is a
// document, or empty.
func TestJSONIsOneDocumentOrNothing(t *testing.T) {
	key := `{"id": "key_1", "name": "<a>", "permissions": [], "last_used_at": null, "position": 7}`
	k, _ := serveCanned(t, map[string][]string{
		"GET /v1/keys":              {`{"keys": [` + key + `], "next_cursor": "b"}`, `{"keys": [], "next_cursor": "c"}`, `{"keys": [` + key + `], "next_cursor": null}`},
		"GET /v1/keys/key_1":        {key},
		"GET /v1/keys/key_2":        {"refuse not_found"},
		"POST /v1/keys":             {`{"id": "key_1", "key": "` + shownOnce + `"}`},
		"POST /v1/keys/key_1/cut":   {key},
		"DELETE /v1/keys/key_1":     {`{"message": "gone", "position": 7, "receipt": null, "fence": "words"}`},
		"GET /v1/accounts":          {`{"accounts": [], "next_cursor": null}`},
		"POST /v1/accounts/a/close": {`{"id": "a", "position": 7}`},
		"GET /v1/schemes":           {`{"schemes": []}`},
		"GET /readyz":               {`{"status": "ready"}`},
	})
	for _, test := range []struct {
		line   string
		status int
		says   bool
	}{
		{"keys list", exitDone, true},
		{"keys show key_1", exitDone, true},
		{"keys show key_2", exitFailed, false},
		{"keys create --name a", exitDone, true},
		{"keys create", exitUsage, false},
		{"keys cut key_1 crd_1", exitDone, true},
		{"keys revoke key_1 --yes", exitDone, true},
		{"keys revoke key_1", exitUsage, false},
		{"account list", exitDone, true},
		{"account close a --yes", exitDone, true},
		{"scheme list", exitDone, true},
		{"scheme list --presets", exitDone, true},
		{"scheme check web3pay", exitDone, true},
		{"health", exitDone, true},
		{"version", exitDone, true},
		{"audit log --limit -1", exitUsage, false},
	} {
		status := k.run(t.Context(), append(strings.Fields(test.line), "--output", "json")...)
		if status != test.status {
			t.Errorf("%s: status %d, want %d: %s", test.line, status, test.status, k.stderr)
		}
		var document any
		dec := json.NewDecoder(strings.NewReader(k.stdout))
		err := dec.Decode(&document)
		if test.says && (err != nil || dec.More()) || !test.says && k.stdout != "" {
			t.Errorf("%s: standard output is not as it should be (%v): %q", test.line, err, k.stdout)
		}
		if !test.says && k.stderr == "" {
			t.Errorf("%s: does not say why", test.line)
		}
	}
}

func TestListsAreWholeUnlessALimitSaysOtherwise(t *testing.T) {
	three := func() map[string][]string {
		return map[string][]string{"GET /v1/keys": {
			`{"keys": [{"id": "key_1"}, {"id": "key_2"}], "next_cursor": "b"}`, `{"keys": [], "next_cursor": "c"}`, `{"keys": [{"id": "key_3"}], "next_cursor": null}`,
		}}
	}
	list := func(k *keyboard, args ...string) (ids []string, next any) {
		var document struct {
			Keys []struct{ ID string }
			Next any `json:"next_cursor"`
		}
		if status := k.run(t.Context(), append([]string{"keys", "list", "--output", "json"}, args...)...); status != exitDone {
			t.Fatalf("status %d: %s", status, k.stderr)
		}
		if err := json.Unmarshal([]byte(k.stdout), &document); err != nil {
			t.Fatal(err)
		}
		for _, key := range document.Keys {
			ids = append(ids, key.ID)
		}
		return ids, document.Next
	}
	k, c := serveCanned(t, three())
	ids, next := list(k)
	if diff := cmp.Diff([]string{"key_1", "key_2", "key_3"}, ids); diff != "" || next != nil {
		t.Errorf("next_cursor %v: %s", next, diff)
	}
	if diff := cmp.Diff([]string{"GET /v1/keys?limit=200", "GET /v1/keys?cursor=b&limit=200", "GET /v1/keys?cursor=c&limit=200"}, requests(c)); diff != "" {
		t.Error(diff)
	}
	k, _ = serveCanned(t, three())
	if ids, next := list(k, "--limit", "2"); len(ids) != 2 || next != "b" {
		t.Errorf("got %v, next_cursor %v", ids, next)
	}
	k, _ = serveCanned(t, map[string][]string{"GET /v1/keys": {`{"keys": [], "next_cursor": null}`}})
	if ids, next := list(k); len(ids) != 0 || next != nil {
		t.Errorf("got %v, next_cursor %v", ids, next)
	}
	k, _ = serveCanned(t, map[string][]string{"GET /v1/keys": {`{"keys": [{"id": "key_1"}], "next_cursor": "again"}`}})
	if status := k.run(t.Context(), "keys", "list"); status != exitFailed {
		t.Errorf("a list that leads to itself: status %d", status)
	}
}

// TestPeopleGetTablesAndProgramsGetLines also guards the terminal: what a name
// holds cannot steer it.
func TestPeopleGetTablesAndProgramsGetLines(t *testing.T) {
	k, _ := serveCanned(t, map[string][]string{"GET /v1/keys": {`{"keys": [
		{"id": "key_1", "name": "a\u001b[2Jb\tc\nd", "account": "root", "environment": "live", "prefix": "p_", "permissions": ["x", "y"],
		 "roles": ["r"], "status": "active", "last_used_at": "2027-01-10T09:00:00Z"},
		{"id": "key_2", "name": "é", "account": "root", "environment": "live", "prefix": "p_", "status": "revoked"}], "next_cursor": null}`}})
	k.run(t.Context(), "keys", "list")
	want := "key_1\ta?[2Jb?c d\troot\tlive\tp_\tx,y roles r\tactive\t2027-01-10T09:00:00Z\n" +
		"key_2\té\troot\tlive\tp_\t-\trevoked\t-\n"
	if diff := cmp.Diff(want, k.stdout); diff != "" {
		t.Errorf("for a program:\n%s", diff)
	}
	k.person = true
	k.run(t.Context(), "keys", "list")
	want = "ID     NAME        ACCOUNT  ENV   PREFIX  PERMISSIONS  STATUS   LAST USED\n" +
		"key_1  a?[2Jb?c d  root     live  p_      x,y roles r  active   3h ago\n" +
		"key_2  é           root     live  p_      -            revoked  never\n"
	if diff := cmp.Diff(want, k.stdout); diff != "" {
		t.Errorf("for a person:\n%s", diff)
	}
}

func TestRefusalsSayWhatToDoAndDoNotSteerTheTerminal(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"success": false, "error": {"code": "api_key_revoked", "message": "revoked\u001b[31m", "request_id": "req_\u0007"}}`)
	}))
	defer server.Close()
	k := &keyboard{server: server.URL, env: map[string]string{}}
	if status := k.run(t.Context(), "keys", "list"); status != exitFailed {
		t.Errorf("status %d", status)
	}
	want := "keyledger: list keys: api_key_revoked: revoked?[31m\n" +
		"  the key that was presented came from KEYLEDGER_KEY\n" +
		"  request req_?\n"
	if diff := cmp.Diff(want, k.stderr); diff != "" {
		t.Error(diff)
	}
}

func TestPendingFenceHasAStatusOfItsOwn(t *testing.T) {
	pending := `"position": 7, "receipt": {"id": "rcp_1", "state": "pending"}`
	k, _ := serveCanned(t, map[string][]string{
		"DELETE /v1/keys/key_1":       {`{"message": "written", ` + pending + `}`},
		"POST /v1/keys/key_1/suspend": {`{"id": "key_1", ` + pending + `}`},
		"POST /v1/accounts/a/suspend": {`{"id": "a", ` + pending + `}`},
		"POST /v1/keys/key_1/resume":  {`{"id": "key_1", "position": 7, "receipt": {"id": "rcp_1", "state": "final"}}`},
	})
	for line, want := range map[string]int{
		"keys revoke key_1 --yes": exitPending, "keys suspend key_1": exitPending, "account suspend a": exitPending, "keys resume key_1": exitDone,
	} {
		if status := k.run(t.Context(), strings.Fields(line)...); status != want {
			t.Errorf("%s: status %d, want %d", line, status, want)
		}
		if want == exitPending && (k.stdout == "" || !strings.Contains(k.stderr, "rcp_1")) {
			t.Errorf("%s: says %q and notes %q", line, k.stdout, k.stderr)
		}
	}
}

// TestChangeIsDecidedAgainWhenTheKeyHasMoved: adding to a list that somebody
// else has changed meanwhile must not undo what they did.
func TestChangeIsDecidedAgainWhenTheKeyHasMoved(t *testing.T) {
	k, c := serveCanned(t, map[string][]string{
		"GET /v1/keys/key_1":   {`{"id": "key_1", "permissions": ["a"], "revision": 3}`, `{"id": "key_1", "permissions": ["a", "b"], "revision": 4}`},
		"PATCH /v1/keys/key_1": {"refuse revision_mismatch", `{"id": "key_1", "permissions": ["a", "b", "c"], "position": 9}`},
	})
	if status := k.run(t.Context(), "keys", "permissions", "key_1", "--add", "c"); status != exitDone {
		t.Fatalf("status %d: %s", status, k.stderr)
	}
	want := []string{
		"GET /v1/keys/key_1", `PATCH /v1/keys/key_1 {"permissions":["a","c"]} at "3"`,
		"GET /v1/keys/key_1", `PATCH /v1/keys/key_1 {"permissions":["a","b","c"]} at "4"`,
	}
	if diff := cmp.Diff(want, requests(c)); diff != "" {
		t.Error(diff)
	}

	k, c = serveCanned(t, map[string][]string{
		"GET /v1/keys/key_1":   {`{"id": "key_1", "permissions": ["a"], "revision": 3}`},
		"PATCH /v1/keys/key_1": {"refuse revision_mismatch"},
	})
	if status := k.run(t.Context(), "keys", "permissions", "key_1", "--add", "c"); status != exitFailed || len(requests(c)) != 2*maxChangeAttempts {
		t.Errorf("status %d after %d requests", status, len(requests(c)))
	}
}

// TestBrokenConnectionDoesNotPassForNothingDone: a create whose answer is lost
// may have made a key.
func TestBrokenConnectionDoesNotPassForNothingDone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	k := &keyboard{server: server.URL}
	if status := k.run(t.Context(), "keys", "create", "--name", "a"); status != exitFailed || !strings.Contains(k.stderr, "may have been carried out") {
		t.Errorf("status %d: %s", status, k.stderr)
	}
}
