package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keyledger/keyledger/adapters/jetstream"
)

// process is a keyledger of its own: this test binary under the name of the
// real one, so that it can be killed and its output read.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string // of the API
	nats   string // of the broker, "" if it does not listen
	stderr *tail
	done   chan struct{}
}

// spawn starts keyledger and waits for the line that says it is ready.
func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	p, err := trySpawn(t, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.stderr)
	}
	return p
}

func trySpawn(t *testing.T, args ...string) (*process, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, stderr: &tail{}, done: make(chan struct{})}
	p.cmd = &exec.Cmd{Path: exe, Args: append([]string{"keyledger"}, args...), Env: processEnv(), Stderr: p.stderr}
	// It must not outlive the test, however that ends.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	ready := make(chan string, 1)
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if where, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- where
			}
		}
		_ = p.cmd.Wait()
	}()
	select {
	case where := <-ready:
		for _, field := range strings.Fields(where) {
			switch name, value, _ := strings.Cut(field, "="); name {
			case "http":
				p.url = "http://" + value
			case "nats":
				p.nats = value
			}
		}
		return p, nil
	case <-p.done:
		return p, fmt.Errorf("keyledger %v ended with %v before it was ready", args, p.cmd.ProcessState)
	case <-time.After(60 * time.Second):
		return p, fmt.Errorf("keyledger %v is not ready after a minute", args)
	}
}

// processEnv is the environment without anything that configures a keyledger.
func processEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "KEYLEDGER_") {
			env = append(env, kv)
		}
	}
	return env
}

// kill ends the process as a power switch would, and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end, and returns its exit status.
func (p *process) stop() int {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.t.Errorf("still running ten seconds after SIGTERM\n%s", p.stderr)
		p.kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

// tail keeps the end of what a process has written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (b *tail) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf = append(b.buf, p...); len(b.buf) > 1<<20 {
		b.buf = bytes.Clone(b.buf[len(b.buf)-1<<19:])
	}
	return len(p), nil
}

func (b *tail) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buf)
}

// answer is what the API answered.
type answer struct {
	status int
	raw    []byte
	body   struct {
		Success bool            `json:"success"`
		Data    json.RawMessage `json:"data"`
		Error   struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Field   string `json:"field"`
		} `json:"error"`
	}
}

// field is one value of the answer's data, "" where it is absent.
func (a answer) field(name string) string {
	var data map[string]any
	_ = json.Unmarshal(a.body.Data, &data)
	switch v := data[name].(type) {
	case nil:
		return ""
	case float64:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprint(v)
	}
}

// client speaks HTTP and nothing of keyledger's own.
type client struct {
	url, key string
	http     *http.Client
}

func newClient(url, key string) *client {
	return &client{url: url, key: key, http: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
	}}
}

// do sends a request; body is JSON text, "" for none. An error means that there
// is no answer.
func (c *client) do(ctx context.Context, method, path, body string, header ...string) (answer, error) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, reader)
	if err != nil {
		return answer{}, err
	}
	if c.key != "" {
		req.Header.Set("X-API-Key", c.key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode}
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		return answer{}, err
	}
	if err := json.Unmarshal(a.raw, &a.body); err != nil {
		return a, fmt.Errorf("%s %s: status %d, not our envelope: %q", method, path, a.status, a.raw)
	}
	return a, nil
}

// must is do for a request that has to be answered with a status.
func (c *client) must(t *testing.T, status int, method, path, body string) answer {
	t.Helper()
	a, err := c.do(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, status, a.raw)
	}
	return a
}

// quickDir is a folder in memory, for tests that ask what happens in which order
// and not what a disk keeps. Where the system has none it is on disk.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "keyledger-test-") //nolint:usetesting // t.TempDir is on disk, and the disk would set the pace
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// credentials makes a credentials file for the broker of a data folder.
func credentials(t *testing.T, dir, into string) (path string) {
	t.Helper()
	raw, err := jetstream.Credentials(filepath.Join(dir, "broker"), jetstream.User{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(into, "bus.creds")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// waitFor waits until something is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("waited twenty seconds in vain")
		}
	}
}

// manager makes a key that manages others, so that callers need not share one.
func (c *client) manager(t *testing.T) *client {
	t.Helper()
	a := c.must(t, http.StatusCreated, "POST", "/v1/keys", `{"name":"manager","environment":"live",
		"permissions":["keys:manage"],"grantable":["onramp:create","onramp:read","transactions:read","keys:manage"]}`)
	return &client{url: c.url, key: a.field("key"), http: c.http}
}

// rootKey reads the key that a new ledger left for its operator.
func rootKey(t *testing.T, dir string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// serveArgs are those of a serve that takes any free port.
func serveArgs(dir string, more ...string) []string {
	return append([]string{"serve", "--data", dir, "--http", "127.0.0.1:0", "--scheme", "web3pay"}, more...)
}
