package main

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

// TestNoSecretIsLeftAnywhere creates a thousand secrets, uses them in every way,
// right and wrong, and looks for them in all that the node has written: its
// stream, its index, its files, its log at debug level, its metrics and every
// body that is not the one that shows the secret.
func TestNoSecretIsLeftAnywhere(t *testing.T) {
	t.Parallel()
	dir := quickDir(t)
	p := spawn(t, serveArgs(dir, "--log-level", "debug")...)
	c := newClient(p.url, rootKey(t, dir)).manager(t)
	places := &canary{secrets: map[string]bool{}}
	for range campaign(t, "KEYLEDGER_CANARY_SECRETS", 1000) / 2 {
		misuse(t, c, places)
	}
	places.look(t, "metrics", scrape(t, p.url))
	if status := p.stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	places.look(t, "log", []byte(p.stderr.String()))
	lookInFolder(t, places, dir)
	t.Logf("%d secrets, %d bytes looked at", len(places.secrets), places.looked)
	if !strings.Contains(p.stderr.String(), "level") {
		t.Error("the log is empty: debug level logs nothing to look at")
	}
}

// TestCanaryCatches shows that a secret is found where there is one.
func TestCanaryCatches(t *testing.T) {
	secret := strings.Repeat("aB3", 10) + "xy"
	places := &canary{secrets: map[string]bool{secret: true}}
	if !places.holds([]byte("some bytes \x00" + secret + " and more")) {
		t.Error("a secret in the middle was not found")
	}
	if places.holds([]byte(strings.Repeat("aB3", 400))) {
		t.Error("found where there is none")
	}
}

// canary knows the hidden 32 characters of every secret.
type canary struct {
	secrets map[string]bool
	looked  int
}

const hiddenLen = 32

// add remembers the hidden part of a key: what stands before its checksum.
func (c *canary) add(key string) {
	end := len(key) - 6
	c.secrets[key[end-hiddenLen:end]] = true
}

func (c *canary) holds(data []byte) bool {
	text := string(data)
	for i := 0; i+hiddenLen <= len(text); i++ {
		if c.secrets[text[i:i+hiddenLen]] {
			return true
		}
	}
	return false
}

func (c *canary) look(t *testing.T, where string, data []byte) {
	t.Helper()
	c.looked += len(data)
	if c.holds(data) {
		t.Errorf("a secret stands in clear in %s", where)
	}
}

// misuse makes a key with two secrets and presents them everywhere.
func misuse(t *testing.T, c *client, places *canary) {
	t.Helper()
	created := c.must(t, http.StatusCreated, "POST", "/v1/keys", `{"name":"canary","environment":"live","permissions":["keys:manage"]}`)
	key, path := created.field("key"), "/v1/keys/"+created.field("id")
	places.add(key)
	rotated := c.must(t, http.StatusOK, "POST", path+"/rotate", `{"overlap":"1h"}`)
	places.add(rotated.field("key"))
	own := newClient(c.url, key)
	own.http = c.http
	for _, bad := range []struct {
		c                  *client
		method, path, body string
		header             []string
	}{
		{own, "GET", "/v1/me", "", nil},
		{own, "GET", path, "", nil},
		{own, "POST", "/v1/keys", `{"name":` + key, nil},
		{own, "POST", "/v1/keys", fmt.Sprintf(`{"name":"x","environment":%q}`, key), nil},
		{own, "POST", "/v1/keys", fmt.Sprintf(`{"name":"x","environment":"live","permissions":[%q]}`, key), nil},
		{own, "POST", "/v1/keys", fmt.Sprintf(`{%q:1}`, key), nil},
		{own, "POST", "/v1/keys", fmt.Sprintf(`{"name":"x","environment":"live","ip_allowlist":[%q]}`, key), nil},
		{own, "POST", "/v1/keys", fmt.Sprintf(`{"name":"x","environment":"live","expires_at":%q}`, key), nil},
		{own, "PATCH", path, fmt.Sprintf(`{"roles":[%q]}`, key), nil},
		{own, "POST", path + "/rotate", fmt.Sprintf(`{"overlap":%q}`, key), nil},
		{own, "POST", path + "/cut", fmt.Sprintf(`{"credential":%q}`, key), nil},
		{c, "GET", "/v1/keys/" + key, "", nil},
		{c, "GET", "/v1/keys?cursor=" + key, "", nil},
		{c, "GET", "/v1/nothing/" + key + "?api_key=" + key, "", nil},
		{c, "DELETE", path + "?reason=" + url.QueryEscape(key), "", nil},
		{c, "GET", "/v1/me", "", []string{"Authorization", "Bearer " + key}},
		{c, "GET", "/v1/me", "", []string{"X-API-Key", key + "x"}},
		{c, "GET", "/v1/me", "", []string{"X-API-Key", strings.ToUpper(key)}},
		{c, "POST", "/v1/keys", `{"name":"x"}`, []string{"Idempotency-Key", key}},
		{c, "GET", path, "", []string{"X-Request-Id", key}},
		{c, "POST", "/v1/verify", fmt.Sprintf(`{"key":%q}`, key), nil},
		{c, "POST", "/v1/verify", fmt.Sprintf(`{"key":%q}`, key+"0"), nil},
		{c, "POST", "/v1/verify", fmt.Sprintf(`{"key":[%q]}`, key), nil},
		{c, "DELETE", path, "", nil},
		{own, "GET", "/v1/me", "", nil},
	} {
		a, err := bad.c.do(t.Context(), bad.method, bad.path, bad.body, bad.header...)
		if err != nil {
			t.Fatal(err)
		}
		places.look(t, bad.method+" answer", a.raw)
	}
}

func scrape(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url + "/metrics") //nolint:noctx // a test's single request
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || len(body) == 0 {
		t.Fatalf("metrics: %d bytes, %v", len(body), err)
	}
	return body
}

// lookInFolder looks at the files as they are, and at what they say: blocks in
// them are compressed.
func lookInFolder(t *testing.T, places *canary, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == rootFile {
			return err
		}
		data, err := os.ReadFile(path)
		places.look(t, "file "+d.Name(), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lookInStream(t, places, dir)
	store, err := projections.Open(projections.Config{Dir: filepath.Join(dir, "index")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	for _, space := range []projections.Keyspace{projections.Meta, projections.State, projections.Lookup, projections.Directory, projections.Audit} {
		err := store.Rows(space).Scan(nil, nil, func(key, value []byte) (bool, error) {
			places.look(t, "a key of "+space.Name(), key)
			places.look(t, "a row of "+space.Name(), value)
			return true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func lookInStream(t *testing.T, places *canary, dir string) {
	t.Helper()
	broker, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: filepath.Join(dir, "broker")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = broker.Close(t.Context()) }()
	log, err := broker.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = log.Follow(t.Context(), events.Position{}, func(all []events.Recorded) error {
		for _, r := range all {
			places.look(t, "event "+r.Data.Type(), r.Payload)
		}
		if all[len(all)-1].Sequence >= head {
			return io.EOF
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), io.EOF.Error()) {
		t.Fatal(err)
	}
}
