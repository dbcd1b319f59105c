package keyledger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger"
)

const someKey = "wp3_live_sk_A1b2C3d4E5f6A1b2C3d4E5f6A1b2C3d4E5f6A1b2C3d4E5f6t9"

// served is a client of handle, and the waits it was told to make. It does not
// wait.
func served(t *testing.T, handle http.HandlerFunc) (*keyledger.Client, *[]time.Duration) {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	client := keyledger.NewClient(server.URL, someKey)
	waits := new([]time.Duration)
	client.SetPause(func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	})
	return client, waits
}

// record is what a server's handlers have seen, for the test to read.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(line string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
	return len(r.lines)
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestRefusalCarriesWhatTheServerSaid(t *testing.T) {
	client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 422, `{"success": false, "error": {"code": "invalid_request", "message": "no such permission", "field": "permissions", "request_id": "req_1"}}`)
	})
	_, err := client.CreateKey(t.Context(), keyledger.CreateKey{Name: "a"})
	refused, ok := errors.AsType[*keyledger.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	want := keyledger.Error{Status: 422, Code: keyledger.ErrInvalidRequest, Message: "no such permission", Field: "permissions", RequestID: "req_1"}
	got := keyledger.Error{Status: refused.Status, Code: refused.Code, Message: refused.Message, Field: refused.Field, RequestID: refused.RequestID}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !errors.Is(err, keyledger.ErrInvalidRequest) || errors.Is(err, keyledger.ErrNotFound) || errors.Is(err, keyledger.ErrProtocol) {
		t.Errorf("errors.Is does not tell the code of %v", err)
	}
	if text := "create key: invalid_request: permissions: no such permission"; err.Error() != text {
		t.Errorf("got %q, want %q", err, text)
	}
}

func TestCallsGoToTheRoutesOfTheContract(t *testing.T) {
	ctx := t.Context()
	for _, test := range []struct {
		want string
		body string
		call func(*keyledger.Client) error
	}{
		{"POST /v1/keys", `{"name":"a","environment":"live","permissions":["x:<y>"]}`, func(c *keyledger.Client) error {
			_, err := c.CreateKey(ctx, keyledger.CreateKey{Name: "a", Environment: "live", Permissions: []string{"x:<y>"}})
			return err
		}},
		{"POST /v1/keys", `{"name":"a","grantable":[],"expires_at":"2027-01-02T03:04:05Z"}`, func(c *keyledger.Client) error {
			at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
			_, err := c.CreateKey(ctx, keyledger.CreateKey{Name: "a", Grantable: []string{}, ExpiresAt: &at})
			return err
		}},
		{"GET /v1/keys?cursor=c&limit=5&status=active&unused_for=90d", "", func(c *keyledger.Client) error {
			_, err := c.Keys(ctx, keyledger.KeyFilter{Status: "active", UnusedFor: "90d", Limit: 5, Cursor: "c"})
			return err
		}},
		{"GET /v1/keys/key_1", "", func(c *keyledger.Client) error { _, err := c.Key(ctx, "key_1"); return err }},
		{"GET /v1/keys/..%2Faccounts%3Fa=b", "", func(c *keyledger.Client) error { _, err := c.Key(ctx, "../accounts?a=b"); return err }},
		{"PATCH /v1/keys/key_1", `{"permissions":[],"expires_at":null}`, func(c *keyledger.Client) error {
			_, err := c.UpdateKey(ctx, "key_1", keyledger.KeyChange{
				Permissions: keyledger.Set([]string{}), ExpiresAt: keyledger.Set[*time.Time](nil),
			})
			return err
		}},
		{"POST /v1/keys/key_1/rotate", `{}`, func(c *keyledger.Client) error {
			_, err := c.RotateKey(ctx, "key_1", keyledger.Rotation{})
			return err
		}},
		{"POST /v1/keys/key_1/rotate", `{"overlap":"0s"}`, func(c *keyledger.Client) error {
			_, err := c.RotateKey(ctx, "key_1", keyledger.Rotation{Overlap: keyledger.Set(time.Duration(0))})
			return err
		}},
		{"POST /v1/keys/key_1/rotate", `{"cut_on_first_use":true,"grace":"10m0s"}`, func(c *keyledger.Client) error {
			_, err := c.RotateKey(ctx, "key_1", keyledger.Rotation{CutOnFirstUse: true, Grace: keyledger.Set(10 * time.Minute)})
			return err
		}},
		{"POST /v1/keys/key_1/cut", `{"credential":"crd_1"}`, func(c *keyledger.Client) error {
			_, err := c.CutCredential(ctx, "key_1", "crd_1")
			return err
		}},
		{"POST /v1/keys/key_1/suspend", "", func(c *keyledger.Client) error { _, err := c.SuspendKey(ctx, "key_1"); return err }},
		{"POST /v1/keys/key_1/resume", "", func(c *keyledger.Client) error { _, err := c.ResumeKey(ctx, "key_1"); return err }},
		{"DELETE /v1/keys/key_1?reason=superseded", "", func(c *keyledger.Client) error {
			_, err := c.RevokeKey(ctx, "key_1", keyledger.ReasonSuperseded)
			return err
		}},
		{"POST /v1/accounts", `{"id":"merchant_42","name":"M"}`, func(c *keyledger.Client) error {
			_, err := c.CreateAccount(ctx, keyledger.CreateAccount{ID: "merchant_42", Name: "M"})
			return err
		}},
		{"POST /v1/accounts/a/close", "", func(c *keyledger.Client) error { _, err := c.CloseAccount(ctx, "a"); return err }},
		{"GET /v1/schemes/web3pay", "", func(c *keyledger.Client) error { _, err := c.Scheme(ctx, "web3pay"); return err }},
		{"POST /v1/verify", `{"key":"` + someKey + `","permissions":["p"],"at_least":7}`, func(c *keyledger.Client) error {
			_, err := c.Verify(ctx, keyledger.VerifyRequest{Key: keyledger.NewSecret(someKey), Permissions: []string{"p"}, AtLeast: 7})
			return err
		}},
		{"GET /v1/me", "", func(c *keyledger.Client) error { _, err := c.Me(ctx); return err }},
		{"GET /v1/events?after=9&from=2027-01-02T03%3A04%3A05Z&key=key_1&type=a%2Cb", "", func(c *keyledger.Client) error {
			at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
			_, err := c.Events(ctx, keyledger.EventFilter{Key: "key_1", After: 9, From: at, Types: []string{"a", "b"}})
			return err
		}},
	} {
		var got record
		client, _ := served(t, func(w http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			got.add(r.Method + " " + r.RequestURI)
			got.add(strings.TrimSpace(string(raw)))
			got.add(r.Header.Get("X-API-Key"))
			answer(w, 200, `{"success": true, "data": {}}`)
		})
		if err := test.call(client); err != nil {
			t.Errorf("%s: %v", test.want, err)
		}
		if diff := cmp.Diff([]string{test.want, test.body, someKey}, got.all()); diff != "" {
			t.Errorf("request differs (-want +got):\n%s", diff)
		}
	}
}

func TestIDThatIsNotASegmentIsNotSent(t *testing.T) {
	client, _ := served(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for _, id := range []string{"", ".", ".."} {
		if _, err := client.RevokeKey(t.Context(), id, ""); err == nil {
			t.Errorf("id %q was taken", id)
		}
	}
}

// TestKeyDoesNotFollowARedirect: net/http would send X-API-Key along to another
// host, since it only knows the standard headers to be secret.
func TestKeyDoesNotFollowARedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with key %t", r.Header.Get("X-API-Key") != "")
	}))
	defer elsewhere.Close()
	client, _ := served(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusPermanentRedirect)
	})
	client.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	_, err := client.Me(t.Context())
	if !errors.Is(err, keyledger.ErrProtocol) || !strings.Contains(err.Error(), elsewhere.URL) {
		t.Errorf("got %v, want an ErrProtocol that names %s", err, elsewhere.URL)
	}
}

func TestAnswerOfSomethingElseIsAProtocolError(t *testing.T) {
	page := strings.Repeat("<p>bad gateway</p>", 10_000)
	for name, handle := range map[string]http.HandlerFunc{
		"page with success": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, page)
		},
		"page with failure": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(502)
			_, _ = io.WriteString(w, page)
		},
		"JSON of another kind":     func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"ok": true}`) },
		"failure of another kind":  func(w http.ResponseWriter, _ *http.Request) { answer(w, 404, `{"error": "gone"}`) },
		"success that is none":     func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"success": false, "data": {}}`) },
		"data of another type":     func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"success": true, "data": {"keys": 7}}`) },
		"data missing":             func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"success": true}`) },
		"no JSON":                  func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"success": true, "data"`) },
		"nothing, with status 204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"a page that leads to itself": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 200, `{"success": true, "data": {"keys": [], "next_cursor": "again"}}`)
		},
	} {
		client, waits := served(t, handle)
		var err error
		for _, err = range client.AllKeys(t.Context(), keyledger.KeyFilter{}) {
		}
		if !errors.Is(err, keyledger.ErrProtocol) {
			t.Errorf("%s: got %v, want ErrProtocol", name, err)
		}
		if len(*waits) > 0 {
			t.Errorf("%s: was asked for again", name)
		}
	}
}

func TestOversizeAnswerIsNotReadToItsEnd(t *testing.T) {
	var sent atomic.Int64
	client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		chunk := make([]byte, 1<<20)
		for sent.Load() < 4*keyledger.MaxAnswer {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	if _, err := client.Keys(t.Context(), keyledger.KeyFilter{}); !errors.Is(err, keyledger.ErrProtocol) {
		t.Errorf("got %v, want ErrProtocol", err)
	}
	if sent.Load() >= 4*keyledger.MaxAnswer {
		t.Error("all of it was read")
	}
}

func TestListsGoThroughEveryPage(t *testing.T) {
	client, _ := served(t, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": `"b"`, "b": `"c"`, "c": "null"}[r.FormValue("cursor")]
		answer(w, 200, fmt.Sprintf(`{"success": true, "data": {"keys": [{"id": "key_%s"}], "next_cursor": %s}}`, r.FormValue("cursor"), next))
	})
	var got []string
	for key, err := range client.AllKeys(t.Context(), keyledger.KeyFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, key.ID)
	}
	if diff := cmp.Diff([]string{"key_", "key_b", "key_c"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedAddressOrKeyIsTheErrorOfEveryCall(t *testing.T) {
	for _, test := range []struct{ address, key string }{
		{"127.0.0.1:8080", ""},
		{"", ""},
		{"ftp://host", ""},
		{"http://", ""},
		{"http://user:s3cret@host", ""},
		{"http://host?key=s3cret", ""},
		{"http://host:port s3cret", ""},
		{"http://host", "s3cret\n"},
		{"http://host", "s3cret key"},
	} {
		client := keyledger.NewClient(test.address, test.key)
		_, err := client.Me(t.Context())
		followed := client.Follow(t.Context(), keyledger.Subscription{}, nil)
		if err == nil || client.Ready(t.Context()) == nil || followed == nil {
			t.Errorf("address %q with key %q was taken", test.address, test.key)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v repeats a secret", err)
		}
	}
}

func TestHealthIsAskedOnceAndWithoutTheKey(t *testing.T) {
	var asked record
	client, _ := served(t, func(w http.ResponseWriter, r *http.Request) {
		status := 200
		if asked.add(r.RequestURI) == 2 {
			status = 503
		}
		if r.Header.Get("X-API-Key") != "" {
			t.Error("the key was presented")
		}
		w.Header().Set("Retry-After", "0")
		answer(w, status, `{"success": false, "error": {"code": "ledger_unavailable", "message": "catching up"}}`)
	})
	if err := client.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if err := client.Ready(t.Context()); !errors.Is(err, keyledger.ErrLedgerUnavailable) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"/readyz", "/readyz"}, asked.all()); diff != "" {
		t.Error(diff)
	}
}
