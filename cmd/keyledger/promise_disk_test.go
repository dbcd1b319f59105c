package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// disk mounts a small file system for a data folder.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		if errors.Is(err, syscall.EPERM) {
			t.Skip("mounting a small disk needs root")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// TestFullDiskRefusesAndKeeps fills the disk under a running node: commands are
// refused as unavailable, keys are still verified, and after a restart with room
// everything acknowledged is there and new commands are taken.
func TestFullDiskRefusesAndKeeps(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(disk(t, "192m"), "data")
	p := spawn(t, serveArgs(dir)...)
	c := newClient(p.url, rootKey(t, dir))
	created := c.must(t, http.StatusCreated, "POST", "/v1/keys", `{"name":"before","environment":"live"}`)
	before := len(readTrail(t, c))

	filler := filepath.Join(filepath.Dir(dir), "filler")
	fill(t, filler)
	refused := 0
	for range 400 {
		a, err := c.do(t.Context(), "POST", "/v1/keys", `{"name":"`+strings.Repeat("x", 100)+`","environment":"live"}`)
		if err != nil {
			t.Fatalf("no answer on a full disk: %v\n%s", err, p.stderr)
		}
		if a.status == http.StatusServiceUnavailable && a.body.Error.Code == "ledger_unavailable" {
			refused++
			if refused == 5 {
				break
			}
		} else if a.status != http.StatusCreated {
			t.Fatalf("status %d on a full disk: %s", a.status, a.raw)
		} else {
			before++
		}
	}
	if refused == 0 {
		t.Fatal("the disk is full and nothing was refused")
	}
	a := c.must(t, http.StatusOK, "POST", "/v1/verify", `{"key":"`+created.field("key")+`"}`)
	if a.field("code") != "ok" {
		t.Errorf("verify on a full disk: %s", a.raw)
	}
	p.kill()
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}

	p = spawn(t, serveArgs(dir)...)
	c = newClient(p.url, c.key)
	if after := len(readTrail(t, c)); after != before {
		t.Errorf("%d events after the restart, %d were acknowledged", after, before)
	}
	c.must(t, http.StatusCreated, "POST", "/v1/keys", `{"name":"after","environment":"live"}`)
}

// fill takes all the room there is.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
}

// TestReadOnlyDiskIsRefused starts on a folder that cannot be written to.
func TestReadOnlyDiskIsRefused(t *testing.T) {
	t.Parallel()
	mount := disk(t, "64m")
	dir := filepath.Join(mount, "data")
	if status := spawn(t, serveArgs(dir)...).stop(); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	if err := syscall.Mount("", mount, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	p, err := trySpawn(t, serveArgs(dir)...)
	if err == nil {
		t.Fatal("started on a read-only disk")
	}
	if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.stderr.String(), "read-only") {
		t.Errorf("exit status %d, want 1 and a word about the disk:\n%s", status, p.stderr)
	}
}

// TestFolderInUseIsRefused starts a second node on the same folder.
func TestFolderInUseIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	spawn(t, serveArgs(dir)...)
	p, err := trySpawn(t, serveArgs(dir)...)
	if err == nil {
		t.Fatal("two nodes on one folder")
	}
	if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.stderr.String(), "in use") {
		t.Errorf("exit status %d, want 1 and who has it:\n%s", status, p.stderr)
	}
}

// TestNewerFolderIsRefused starts on a folder that a later version has written.
func TestNewerFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "format.json"), []byte(`{"format": 99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := trySpawn(t, serveArgs(dir)...)
	if err == nil {
		t.Fatal("started on a newer folder")
	}
	if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.stderr.String(), "format 99") {
		t.Errorf("exit status %d, want 1 and the format:\n%s", status, p.stderr)
	}
}

// TestFolderOfSomethingElseIsRefused starts on a folder with other files in it,
// and on one whose ledger is gone.
func TestFolderOfSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), []byte("chapter one"), 0o600); err != nil {
		t.Fatal(err)
	}
	lost := t.TempDir()
	if status := spawn(t, serveArgs(lost)...).stop(); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	if err := errors.Join(os.RemoveAll(filepath.Join(lost, "broker")), os.RemoveAll(filepath.Join(lost, "index"))); err != nil {
		t.Fatal(err)
	}
	before := rootKey(t, lost)
	for dir, word := range map[string]string{foreign: "not empty", lost: "is gone"} {
		p, err := trySpawn(t, serveArgs(dir)...)
		if err == nil {
			t.Fatalf("started where it should say %q", word)
		}
		if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(p.stderr.String(), word) {
			t.Errorf("exit status %d, want 1 and %q:\n%s", status, word, p.stderr)
		}
	}
	if rootKey(t, lost) != before {
		t.Error("the root key of a lost ledger was written over")
	}
}

// TestCommandLineDoesNotRepeatSecrets gives a key where none belongs.
func TestCommandLineDoesNotRepeatSecrets(t *testing.T) {
	t.Parallel()
	const secret = "wp3_live_sk_" + "RCW7uIR07r2O" + "9YT5BE2RhA1MAwBZIaNz6jSTQkGBCQJe" + "0VRFHd"
	for _, args := range [][]string{
		{"keys", "verify", secret},
		{secret},
		{"keys", "list", secret},
		{"health", secret},
		{"keys", "list", "--key-file", secret},
		{"keys", "list", "--limit", secret},
		{"keys", "rotate", "key_x", "--overlap", secret},
		{"--" + secret},
		{"serve", "--data", t.TempDir(), "--scheme", secret},
		{"--server", secret, "health"},
	} {
		p, err := trySpawn(t, args...)
		if err == nil {
			t.Fatalf("%v was ready", args)
		}
		if strings.Contains(p.stderr.String(), "9YT5BE2RhA1MAwBZIaNz6jSTQkGBCQJe") {
			t.Errorf("%.20v: the secret is repeated:\n%s", args, p.stderr)
		}
		if p.stderr.String() == "" {
			t.Errorf("%v: nothing was said", args)
		}
	}
}
