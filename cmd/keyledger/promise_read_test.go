package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// TestVerifySeesWhatReturnedBefore asks about a key right after the call that
// created, changed or revoked it has returned, and gets the new answer each time.
func TestVerifySeesWhatReturnedBefore(t *testing.T) {
	t.Parallel()
	dir := quickDir(t)
	p := spawn(t, serveArgs(dir)...)
	root := newClient(p.url, rootKey(t, dir))
	trials := int64(campaign(t, "KEYLEDGER_READ_TRIALS", 10_000))
	var done atomic.Int64
	var workers sync.WaitGroup
	for range 16 {
		c := root.manager(t)
		workers.Go(func() {
			for done.Load() < trials && !t.Failed() {
				n, err := readAfterWrite(t, c)
				if err != nil {
					t.Error(err)
				}
				done.Add(n)
			}
		})
	}
	workers.Wait()
	if t.Failed() {
		t.Logf("what the node said:\n%s", p.stderr)
	}
	t.Logf("%d trials", done.Load())
}

// readAfterWrite takes a key through four changes, and verifies it after each.
func readAfterWrite(t *testing.T, c *client) (trials int64, err error) {
	created, err := c.do(t.Context(), "POST", "/v1/keys", `{"name":"fresh","environment":"live","permissions":["onramp:read"]}`)
	if err != nil || created.status != http.StatusCreated {
		return 0, fmt.Errorf("create: %s %w", created.raw, err)
	}
	secret, path := created.field("key"), "/v1/keys/"+created.field("id")
	expect := func(step, permission, code string) error {
		a, err := c.do(t.Context(), "POST", "/v1/verify", fmt.Sprintf(`{"key":%q,"permissions":[%q]}`, secret, permission))
		if err != nil {
			return err
		}
		if got := a.field("code"); got != code {
			return fmt.Errorf("right after %s: %s answers %q, want %q", step, permission, got, code)
		}
		trials++
		return nil
	}
	if err := expect("create", "onramp:read", "ok"); err != nil {
		return trials, err
	}
	for _, step := range []struct{ name, method, path, body, permission, code string }{
		{"a change", "PATCH", path, `{"permissions":["onramp:create"]}`, "onramp:read", "permission_denied"},
		{"suspend", "POST", path + "/suspend", "", "onramp:create", "api_key_suspended"},
		{"resume", "POST", path + "/resume", "", "onramp:create", "ok"},
		{"revoke", "DELETE", path, "", "onramp:create", "api_key_revoked"},
	} {
		a, err := c.do(t.Context(), step.method, step.path, step.body)
		if err != nil || a.status != http.StatusOK {
			return trials, fmt.Errorf("%s: %s %w", step.name, a.raw, err)
		}
		if err := expect(step.name, step.permission, step.code); err != nil {
			return trials, err
		}
	}
	return trials, nil
}
