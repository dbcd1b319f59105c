package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestReadmeSessionRuns types the session of the README into a shell, block
// after block, as a newcomer would. Only the port and the folder differ.
func TestReadmeSessionRuns(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	setup, session := shellBlocks(t, string(readme))
	if len(setup) != 2 || !strings.HasPrefix(setup[1], "go test ./...") {
		t.Fatalf("the README has %d commands of set-up, want 2, the second of which passes the tests: %q", len(setup), setup)
	}

	dir := t.TempDir()
	// The first command, in this process's words.
	command, ok := strings.CutPrefix(strings.TrimSpace(setup[0]), "go run ./cmd/keyledger ")
	if !ok {
		t.Fatalf("the first command is %q", setup[0])
	}
	addr := freeAddr(t)
	args := strings.Fields(command)
	for i, arg := range args {
		if arg == "data" {
			args[i] = filepath.Join(dir, "data")
		}
	}
	spawn(t, append(args, "--http", addr)...)

	bin := filepath.Join(dir, "bin")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(bin, "keyledger")); err != nil {
		t.Fatal(err)
	}
	script := "set -eu\n" + strings.Join(session, "\n")
	script = strings.ReplaceAll(script, "alias keyledger='go run ./cmd/keyledger'\n", "")
	script = strings.ReplaceAll(script, "127.0.0.1:8080", addr)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", script)
	shell.Dir = dir
	shell.Env = append(processEnv(), "PATH="+bin+":"+os.Getenv("PATH"), "KEYLEDGER_SERVER=http://"+addr)
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	if err := shell.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	text := out.String()
	for _, want := range []string{
		`"name":"checkout, production"`, `"valid":true`, `"code":"permission_denied"`, "overlapping", "api_key_revoked",
		"refused", "key.created", "key.permissions_changed", "key.rotated", "key.revoked", `"specversion":"1.0"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the session does not show %q\n%s", want, text)
		}
	}
}

// shellBlocks splits the README's shell blocks into those of the set-up and
// those of the session.
func shellBlocks(t *testing.T, readme string) (setup, session []string) {
	t.Helper()
	before, after, ok := strings.Cut(readme, "## A session")
	if !ok {
		t.Fatal("the README has no session")
	}
	block := regexp.MustCompile("(?s)```sh\n(.*?)```")
	for _, m := range block.FindAllStringSubmatch(before, -1) {
		setup = append(setup, strings.TrimSpace(m[1]))
	}
	for _, m := range block.FindAllStringSubmatch(after, -1) {
		session = append(session, m[1])
	}
	return setup, session
}

// freeAddr is a loopback address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
