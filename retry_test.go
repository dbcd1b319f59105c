package keyledger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger"
)

// callsByHarm is every changing call, and whether it may be sent twice.
func callsByHarm(ctx context.Context) map[string]func(*keyledger.Client) error {
	once := keyledger.IdempotencyKey("order-17")
	return map[string]func(*keyledger.Client) error{
		"once: create key": func(c *keyledger.Client) error {
			_, err := c.CreateKey(ctx, keyledger.CreateKey{Name: "a"})
			return err
		},
		"once: rotate key": func(c *keyledger.Client) error {
			_, err := c.RotateKey(ctx, "k", keyledger.Rotation{})
			return err
		},
		"once: create account": func(c *keyledger.Client) error {
			_, err := c.CreateAccount(ctx, keyledger.CreateAccount{Name: "a"})
			return err
		},
		"once: change at a revision": func(c *keyledger.Client) error {
			_, err := c.UpdateKey(ctx, "k", keyledger.KeyChange{Name: keyledger.Set("b")}, keyledger.IfMatch(3))
			return err
		},
		"once: change at a revision, whatever else is said": func(c *keyledger.Client) error {
			_, err := c.UpdateKey(ctx, "k", keyledger.KeyChange{Name: keyledger.Set("b")}, keyledger.IfMatch(3), once)
			return err
		},
		"again: create key under an idempotency key": func(c *keyledger.Client) error {
			_, err := c.CreateKey(ctx, keyledger.CreateKey{Name: "a"}, once)
			return err
		},
		"again: rotate key under an idempotency key": func(c *keyledger.Client) error {
			_, err := c.RotateKey(ctx, "k", keyledger.Rotation{}, once)
			return err
		},
		"again: change": func(c *keyledger.Client) error {
			_, err := c.UpdateKey(ctx, "k", keyledger.KeyChange{Name: keyledger.Set("b")})
			return err
		},
		"again: revoke":          func(c *keyledger.Client) error { _, err := c.RevokeKey(ctx, "k", ""); return err },
		"again: suspend":         func(c *keyledger.Client) error { _, err := c.SuspendKey(ctx, "k"); return err },
		"again: resume":          func(c *keyledger.Client) error { _, err := c.ResumeKey(ctx, "k"); return err },
		"again: cut":             func(c *keyledger.Client) error { _, err := c.CutCredential(ctx, "k", "c"); return err },
		"again: close account":   func(c *keyledger.Client) error { _, err := c.CloseAccount(ctx, "a"); return err },
		"again: suspend account": func(c *keyledger.Client) error { _, err := c.SuspendAccount(ctx, "a"); return err },
		"again: read":            func(c *keyledger.Client) error { _, err := c.Key(ctx, "k"); return err },
		"again: verify": func(c *keyledger.Client) error {
			_, err := c.Verify(ctx, keyledger.VerifyRequest{Key: keyledger.NewSecret(someKey)})
			return err
		},
	}
}

// TestOnlyHarmlessCallsAreRepeated breaks the connection under every call, and
// tells every call to come back.
func TestOnlyHarmlessCallsAreRepeated(t *testing.T) {
	failures := map[string]http.HandlerFunc{
		"connection cut before the answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"connection cut inside the answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			answer(w, 200, `{"success": true, "data": {`)
			panic(http.ErrAbortHandler)
		},
		"told to come back": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "2")
			answer(w, 503, `{"success": false, "error": {"code": "ledger_unavailable", "message": "later"}}`)
		},
	}
	for name, call := range callsByHarm(t.Context()) {
		for failure, fail := range failures {
			var sent record
			client, waits := served(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent.add(r.Header.Get("Idempotency-Key") + " " + string(body))
				fail(w, r)
			})
			// A kept-alive connection that breaks is tried again by net/http itself.
			client.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			want := 1
			if strings.HasPrefix(name, "again") {
				want = keyledger.MaxAttempts
			}
			err := call(client)
			if answered := failure == "told to come back"; err == nil || errors.Is(err, keyledger.ErrNoAnswer) == answered {
				t.Errorf("%s, %s: %v", name, failure, err)
			}
			attempts := sent.all()
			if len(attempts) != want {
				t.Errorf("%s, %s: sent %d times, want %d", name, failure, len(attempts), want)
			}
			if len(slices.Compact(attempts)) != 1 {
				t.Errorf("%s, %s: the attempts differ", name, failure)
			}
			if failure == "told to come back" && want > 1 {
				if diff := cmp.Diff([]time.Duration{2e9, 2e9, 2e9}, *waits); diff != "" {
					t.Errorf("%s: waits (-want +got):\n%s", name, diff)
				}
			}
		}
	}
}

func TestWhatIsNotRepeated(t *testing.T) {
	const body = `{"success": false, "error": {"code": "internal", "message": "no"}}`
	for _, test := range []struct {
		name   string
		status int
		after  string
	}{
		{"a refusal", 422, "1"},
		{"a failure of the server", 500, "1"},
		{"a proxy's failure", 502, "1"},
		{"unavailable, with no word on when to come back", 503, ""},
		{"unavailable, with a word that cannot be read", 503, "soon"},
		{"unavailable for longer than anyone waits", 503, "3600"},
	} {
		var sent atomic.Int64
		client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
			sent.Add(1)
			w.Header().Set("Retry-After", test.after)
			answer(w, test.status, body)
		})
		_, err := client.Me(t.Context())
		if _, ok := errors.AsType[*keyledger.Error](err); !ok || sent.Load() != 1 {
			t.Errorf("%s: sent %d times, answered %v", test.name, sent.Load(), err)
		}
	}
}

func TestRetryAfterMayBeADateOfTheServersClock(t *testing.T) {
	var sent atomic.Int64
	client, waits := served(t, func(w http.ResponseWriter, _ *http.Request) {
		if sent.Add(1) == 2 {
			answer(w, 200, `{"success": true, "data": {"position": 9}}`)
			return
		}
		w.Header().Set("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
		w.Header().Set("Retry-After", "Sun, 06 Nov 1994 08:49:41 GMT")
		answer(w, 503, `{"success": false, "error": {"code": "verifier_stale", "message": "later"}}`)
	})
	me, err := client.Me(t.Context())
	if err != nil || me.Position != 9 {
		t.Errorf("got %v, %v", me, err)
	}
	if diff := cmp.Diff([]time.Duration{4 * time.Second}, *waits); diff != "" {
		t.Error(diff)
	}
}

func TestCancelledCallIsNotRepeated(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var sent atomic.Int64
	client, waits := served(t, func(http.ResponseWriter, *http.Request) {
		sent.Add(1)
		cancel()
		panic(http.ErrAbortHandler)
	})
	if _, err := client.Me(ctx); err == nil || sent.Load() != 1 || len(*waits) != 0 {
		t.Errorf("sent %d times, waited %v: %v", sent.Load(), *waits, err)
	}
}

// TestUnreachableServerIsAnErrorThatSaysWhichStepFailed also guards the wait:
// it grows, and never past its bound.
func TestUnreachableServerIsAnErrorThatSaysWhichStepFailed(t *testing.T) {
	client, waits := served(t, nil)
	client.HTTP = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, fmt.Errorf("planted: no route")
	}}}
	_, err := client.Me(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "look at own key: ") || !strings.Contains(err.Error(), "planted: no route") {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), someKey) {
		t.Error("the error repeats the key")
	}
	for i, w := range *waits {
		if most := 100 * time.Millisecond << i; w < most/2 || w > most {
			t.Errorf("wait %d is %v, want %v to %v", i+1, w, most/2, most)
		}
	}
}
