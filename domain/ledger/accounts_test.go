package ledger_test

import (
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
)

func TestAnAccountsLife(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	ctx := t.Context()
	type ask func(by ledger.By) (ledger.ChangedAccount, error)
	open := func(want ledger.NewAccount) ask {
		return func(by ledger.By) (ledger.ChangedAccount, error) { return n.OpenAccount(ctx, by, want) }
	}
	on := func(f func(by ledger.By, id string) (ledger.ChangedAccount, error), id string) ask {
		return func(by ledger.By) (ledger.ChangedAccount, error) { return f(by, id) }
	}
	suspend := func(by ledger.By, id string) (ledger.ChangedAccount, error) { return n.SuspendAccount(ctx, by, id) }
	resume := func(by ledger.By, id string) (ledger.ChangedAccount, error) { return n.ResumeAccount(ctx, by, id) }
	closing := func(by ledger.By, id string) (ledger.ChangedAccount, error) { return n.CloseAccount(ctx, by, id) }
	admin := n.mustCreate(w.root, ledger.NewKey{Account: "acct_1", Kind: "span", Name: "admin of one account", Permissions: []string{"accounts:admin"}}).Key.ID
	for _, c := range []struct {
		name    string
		by      string
		ask     ask
		code    string
		changed bool
		status  string
	}{
		{"opened under the caller's own id", w.root, open(ledger.NewAccount{ID: "merchant_42", Name: "Shop", Scheme: "shop"}), "", true, "active"},
		{"opened again", w.root, open(ledger.NewAccount{ID: "merchant_42", Name: "Shop", Scheme: "shop"}), "conflict", false, ""},
		{"opened under the scheme of root", w.root, open(ledger.NewAccount{ID: "plain", Name: "Plain"}), "", true, "active"},
		{"opened under an unknown scheme", w.root, open(ledger.NewAccount{ID: "x", Name: "X", Scheme: "nothing"}), "invalid_request", false, ""},
		{"opened under a bad id", w.root, open(ledger.NewAccount{ID: "a.b", Name: "X", Scheme: "shop"}), "invalid_request", false, ""},
		{"opened without a name", w.root, open(ledger.NewAccount{ID: "x", Scheme: "shop"}), "invalid_request", false, ""},
		{"opened by a manager of keys", w.manager, open(ledger.NewAccount{ID: "x", Name: "X", Scheme: "shop"}), "permission_denied", false, ""},
		{"opened by an administrator of one account", admin, open(ledger.NewAccount{ID: "x", Name: "X", Scheme: "shop"}), "permission_denied", false, ""},
		{"suspended", w.root, on(suspend, "merchant_42"), "", true, "suspended"},
		{"suspended again", w.root, on(suspend, "merchant_42"), "", false, "suspended"},
		{"resumed", w.root, on(resume, "merchant_42"), "", true, "active"},
		{"resumed again", w.root, on(resume, "merchant_42"), "", false, "active"},
		{"closed", w.root, on(closing, "merchant_42"), "", true, "closed"},
		{"closed again", w.root, on(closing, "merchant_42"), "", false, "closed"},
		{"resumed after it was closed", w.root, on(resume, "merchant_42"), "conflict", false, ""},
		{"suspended, though not there", w.root, on(suspend, "acct_9"), "not_found", false, ""},
		{"root suspended", w.root, on(suspend, account.Root), "conflict", false, ""},
		{"root closed", w.root, on(closing, account.Root), "conflict", false, ""},
		{"its own account suspended by its manager", w.manager, on(suspend, "acct_1"), "permission_denied", false, ""},
	} {
		before, by := len(w.events()), w.by(c.by)
		out, err := c.ask(by)
		if code(err) != c.code || out.Changed != c.changed || len(w.events()) > before != c.changed || out.Account.Status != c.status {
			t.Errorf("%s: %q, %s, changed %v, %v; want %q, %s, %v", c.name, code(err), out.Account.Status, out.Changed, err, c.code, c.status, c.changed)
		}
	}
	w.sane()
}

func TestAnActorMustBeGood(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *world, n *node)
		code  string
	}{
		"revoked": {func(w *world, n *node) { n.mustRevoke(w.root, w.manager) }, "api_key_revoked"},
		"suspended": {func(w *world, n *node) {
			_, _ = n.SuspendKey(n.t.Context(), w.by(w.root), w.manager)
		}, "api_key_suspended"},
		"expired": {func(w *world, n *node) {
			n.mustChange(w.root, w.manager, apikey.Change{ExpiresAt: to(to(w.clock.Now().Add(time.Second)))})
			w.clock.advance(time.Minute)
		}, "api_key_expired"},
		"of a suspended account": {func(w *world, n *node) {
			_, _ = n.SuspendAccount(n.t.Context(), w.by(w.root), "acct_1")
		}, "account_inactive"},
		"of a closed account": {func(w *world, n *node) {
			_, _ = n.CloseAccount(n.t.Context(), w.by(w.root), "acct_1")
		}, "account_inactive"},
		"unknown": {func(w *world, _ *node) { w.manager = "key_unknown" }, "api_key_invalid"},
		"without the right": {func(w *world, n *node) {
			n.mustChange(w.root, w.manager, apikey.Change{Permissions: &[]string{"read"}})
		}, "permission_denied"},
	} {
		w := newWorld(t)
		n := w.node()
		id := n.key("read").ID
		c.spoil(w, n)
		before := len(w.events())
		for doing, ask := range map[string]func(by ledger.By) error{
			"create": func(by ledger.By) error { _, err := n.CreateKey(t.Context(), by, newKey("a key")); return err },
			"change": func(by ledger.By) error {
				_, err := n.ChangeKey(t.Context(), by, id, apikey.Change{Name: to("b")}, 0)
				return err
			},
			"rotate": func(by ledger.By) error { _, err := n.RotateKey(t.Context(), by, id, apikey.Rotate{}); return err },
			"revoke": func(by ledger.By) error { _, err := n.RevokeKey(t.Context(), by, id); return err },
		} {
			if err := ask(w.by(w.manager)); code(err) != c.code {
				t.Errorf("%s by a key %s: %v, want %s", doing, name, err, c.code)
			}
		}
		if len(w.events()) != before {
			t.Errorf("a key %s has written something", name)
		}
	}
}

func TestAKeyIsNotBornIntoAnAccountThatIsNotActive(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	for _, end := range []func() error{
		func() error { _, err := n.SuspendAccount(t.Context(), w.by(w.root), "acct_2"); return err },
		func() error { _, err := n.CloseAccount(t.Context(), w.by(w.root), "acct_2"); return err },
	} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		_, err := n.CreateKey(t.Context(), w.by(w.root), ledger.NewKey{Account: "acct_2", Environment: "live", Name: "a key"})
		if code(err) != "conflict" {
			t.Errorf("%v", err)
		}
	}
}
