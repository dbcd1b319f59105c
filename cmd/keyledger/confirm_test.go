package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatCannotBeUndoneIsAskedFirst: nothing but a typed "yes" ends a key.
func TestWhatCannotBeUndoneIsAskedFirst(t *testing.T) {
	can := map[string][]string{
		"GET /v1/keys/key_1":        {`{"id": "key_1", "name": "checkout", "status": "active", "account": "root", "environment": "live", "last_used_at": "2027-01-10T11:00:00Z"}`},
		"DELETE /v1/keys/key_1":     {`{"message": "gone", "position": 7}`},
		"POST /v1/accounts/a/close": {`{"id": "a", "position": 7}`},
	}
	for _, test := range []struct {
		person bool
		types  string
		yes    bool
		status int
	}{
		{person: true, types: "yes\n", status: exitDone},
		{person: true, types: "yes", status: exitDone},
		{person: true, types: "y\n", status: exitFailed},
		{person: true, types: "no\nyes\n", status: exitFailed},
		{person: true, types: "", status: exitFailed},
		{person: true, types: strings.Repeat("y", 2*maxTyped), status: exitFailed},
		{person: false, types: "yes\n", status: exitUsage},
		{person: false, yes: true, status: exitDone},
		{person: true, yes: true, status: exitDone},
	} {
		for _, line := range []string{"keys revoke key_1", "account close a"} {
			k, c := serveCanned(t, can)
			k.person, k.types = test.person, test.types
			args := strings.Fields(line)
			if test.yes {
				args = append(args, "--yes")
			}
			if status := k.run(t.Context(), args...); status != test.status {
				t.Errorf("%s, %+v: status %d: %s", line, test, status, k.stderr)
			}
			done := false
			for _, asked := range requests(c) {
				done = done || !strings.HasPrefix(asked, "GET")
			}
			if done != (test.status == exitDone) {
				t.Errorf("%s, %+v: was done %t", line, test, done)
			}
		}
	}
	k, _ := serveCanned(t, can)
	k.person = true
	k.run(t.Context(), "keys", "revoke", "key_1")
	if want := `Revoke key_1, "checkout": active, account root, environment live, last used 2027-01-10T11:00:00Z (1h ago).`; !strings.Contains(k.stderr, want) {
		t.Errorf("asks %q", k.stderr)
	}
}

// TestInterruptEndsAQuestion: the reader of a terminal cannot be interrupted, so
// the question must not wait for it.
func TestInterruptEndsAQuestion(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	never, typed := io.Pipe()
	defer func() { _ = typed.Close() }()
	a := &app{stdin: never, stderr: io.Discard, terminal: func(any) bool { return true }}
	cancel()
	if err := a.confirm(ctx, false, "End it?"); err == nil {
		t.Error("an interrupt was taken for yes")
	}
}

func TestKeyComesFromOnePlaceInAFixedOrder(t *testing.T) {
	dir := t.TempDir()
	flagged, named := writeLine(t, dir, "flagged", "from_flag"), writeLine(t, dir, "named", "from_file")
	for _, test := range []struct {
		name  string
		env   map[string]string
		args  []string
		types string
		want  string
	}{
		{"flag before environment", map[string]string{"KEYLEDGER_KEY": "from_env"}, []string{"--key-file", flagged}, "", "from_flag"},
		{"flag before both", map[string]string{"KEYLEDGER_KEY": "from_env", "KEYLEDGER_KEY_FILE": named}, []string{"--key-file", flagged}, "", "from_flag"},
		{"key in the environment", map[string]string{"KEYLEDGER_KEY": " from_env\n"}, nil, "", "from_env"},
		{"file in the environment", map[string]string{"KEYLEDGER_KEY": "", "KEYLEDGER_KEY_FILE": named}, nil, "", "from_file"},
		{"standard input", map[string]string{"KEYLEDGER_KEY": ""}, []string{"--key-file", "-"}, "from_stdin\n", "from_stdin"},
		{"settings file", map[string]string{"KEYLEDGER_KEY": "", "KEYLEDGER_CONFIG": writeLine(t, dir, "set", "key-file: "+named)}, nil, "", "from_file"},
		{"environment before settings file", map[string]string{"KEYLEDGER_KEY": "from_env", "KEYLEDGER_CONFIG": writeLine(t, dir, "set2", "key-file: "+named)}, nil, "", "from_env"},
	} {
		k, c := serveCanned(t, map[string][]string{"GET /v1/schemes": {`{"schemes": []}`}})
		k.env, k.types = test.env, test.types
		if status := k.run(t.Context(), append([]string{"scheme", "list"}, test.args...)...); status != exitDone {
			t.Errorf("%s: status %d: %s", test.name, status, k.stderr)
		}
		_, presented := c.seen()
		if diff := cmp.Diff([]string{test.want}, presented); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func writeLine(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
