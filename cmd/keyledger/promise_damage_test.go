package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The folders a node leaves behind are damaged while it is stopped. However the
// next start finds out, it says so and ends; it neither waits for ever nor
// serves, for a moment, what it cannot prove.
func TestANodeDoesNotStartOnADamagedLedger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		noIndex bool
		harm    func(t *testing.T, dir string)
	}{
		{"a torn file", false, tearBlock},
		{"a torn file without the index", true, tearBlock},
		{"the ledger's files gone", false, func(t *testing.T, dir string) {
			t.Helper()
			for _, block := range blockFiles(t, dir) {
				discard(t, filepath.Dir(block))
			}
		}},
		{"the streams gone", false, func(t *testing.T, dir string) {
			t.Helper()
			discard(t, filepath.Join(dir, "broker", "jetstream"))
		}},
		{"an older copy", false, func(t *testing.T, dir string) {
			t.Helper()
			discard(t, filepath.Join(dir, "broker"))
			if err := os.Rename(filepath.Join(dir, "older"), filepath.Join(dir, "broker")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := quickDir(t)
			writeTwice(t, dir)
			c.harm(t, dir)
			if c.noIndex {
				discard(t, filepath.Join(dir, "index"))
			}
			p, err := trySpawn(t, serveArgs(dir)...)
			if err == nil {
				t.Fatalf("the node is ready\n%s", p.stderr)
			}
			if status := p.cmd.ProcessState.ExitCode(); status != exitFailed {
				t.Errorf("exit status %d, want %d", status, exitFailed)
			}
			if !damageTold.MatchString(p.stderr.String()) {
				t.Errorf("the damage is not named:\n%s", p.stderr)
			}
		})
	}
}

var damageTold = regexp.MustCompile(`(?m)^keyledger: .*ledger damaged at sequence [1-9]`)

// writeTwice leaves a ledger with some keys in dir, and a copy of what the broker
// had of it halfway.
func writeTwice(t *testing.T, dir string) {
	t.Helper()
	for run := range 2 {
		p := spawn(t, serveArgs(dir)...)
		root := newClient(p.url, rootKey(t, dir))
		for i := range 10 {
			root.must(t, http.StatusCreated, "POST", "/v1/keys", fmt.Sprintf(
				`{"name":"key %d %d","environment":"live","permissions":["onramp:read"]}`, run, i))
		}
		if status := p.stop(); status != exitDone {
			t.Fatalf("exit status %d\n%s", status, p.stderr)
		}
		if run == 0 {
			if err := os.CopyFS(filepath.Join(dir, "older"), os.DirFS(filepath.Join(dir, "broker"))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func blockFiles(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "broker", "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("the ledger has no files")
	}
	return found
}

func tearBlock(t *testing.T, dir string) {
	t.Helper()
	for _, block := range blockFiles(t, dir) {
		info, err := os.Stat(block)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(block, info.Size()-10); err != nil {
			t.Fatal(err)
		}
	}
}

func discard(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
