package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger"
)

// overheard keeps the data of the last answer that a client received.
type overheard struct{ data json.RawMessage }

func (o *overheard) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	answer.Body = io.NopCloser(strings.NewReader(string(raw)))
	var envelope struct {
		Data json.RawMessage `json:"data"`
	}
	err = json.Unmarshal(raw, &envelope)
	o.data = envelope.Data
	return answer, err
}

// TestClientLosesNothingOfAnAnswer compares what the server sent with what the
// typed client makes of it, name by name: a field that one of them has and the
// other does not know is found here.
func TestClientLosesNothingOfAnAnswer(t *testing.T) {
	dir := t.TempDir()
	p := spawn(t, serveArgs(dir)...)
	heard := &overheard{}
	c := keyledger.NewClient(p.url, rootKey(t, dir))
	c.HTTP = &http.Client{Transport: heard}
	ctx := t.Context()

	compare := func(step string, got any, err error, hidden ...string) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		raw, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		var sent, kept map[string]any
		if json.Unmarshal(heard.data, &sent) != nil || json.Unmarshal(raw, &kept) != nil {
			t.Fatalf("%s: not an object: %s", step, heard.data)
		}
		for _, name := range hidden {
			delete(sent, name)
			delete(kept, name)
		}
		if diff := cmp.Diff(sent, kept); diff != "" {
			t.Errorf("%s (-sent +kept):\n%s", step, diff)
		}
	}

	issued, err := c.CreateKey(ctx, keyledger.CreateKey{
		Name: "a", Environment: "live", Permissions: []string{"onramp:read"}, Allowlist: []string{"127.0.0.0/8"},
		Metadata: map[string]string{"team": "x"}, Grantable: []string{},
	})
	compare("create", issued, err, "key")
	decision, err := c.Verify(ctx, keyledger.VerifyRequest{Key: issued.Secret, IP: "127.0.0.1"})
	compare("verify", decision, err)
	refused, err := c.Verify(ctx, keyledger.VerifyRequest{Key: keyledger.NewSecret("nonsense")})
	compare("verify nonsense", refused, err)
	me, err := c.Me(ctx)
	compare("me", me, err)
	rotated, err := c.RotateKey(ctx, issued.ID, keyledger.Rotation{})
	compare("rotate", rotated, err, "key")
	changed, err := c.UpdateKey(ctx, issued.ID, keyledger.KeyChange{Permissions: keyledger.Set([]string{})}, keyledger.IfMatch(rotated.Revision))
	compare("change", changed, err)
	shown, err := c.Key(ctx, issued.ID)
	compare("show", shown, err)
	page, err := c.Keys(ctx, keyledger.KeyFilter{Limit: 1})
	compare("list", page, err)
	// A server without a fence says so with a null receipt, and the rest in words.
	gone, err := c.RevokeKey(ctx, issued.ID, keyledger.ReasonKeyCompromise)
	compare("revoke", gone, err)
	shown, err = c.Key(ctx, issued.ID)
	compare("show revoked", shown, err)
	opened, err := c.CreateAccount(ctx, keyledger.CreateAccount{Name: "b"})
	compare("open account", opened, err)
	closed, err := c.CloseAccount(ctx, opened.ID)
	compare("close account", closed, err)
	accounts, err := c.Accounts(ctx, keyledger.AccountFilter{})
	compare("list accounts", accounts, err)
	known, err := c.Schemes(ctx)
	compare("list schemes", map[string]any{"schemes": known}, err)
}
