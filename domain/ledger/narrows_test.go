package ledger_test

import (
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
)

// Narrows decides whether somebody waits until every verifier has heard of it: a
// command that takes away must never be called one that does not.
func TestTheOutcomeSaysWhetherSomethingWasTakenAway(t *testing.T) {
	const narrows, widens = true, false
	changed := func(c ledger.Changed, err error) (ledger.Outcome, error) { return c.Outcome, err }
	issued := func(i ledger.Issued, err error) (ledger.Outcome, error) { return i.Outcome, err }
	onAccount := func(c ledger.ChangedAccount, err error) (ledger.Outcome, error) { return c.Outcome, err }
	type ask func(n *node, id string) (ledger.Outcome, error)
	change := func(c apikey.Change) ask {
		return func(n *node, id string) (ledger.Outcome, error) {
			return changed(n.ChangeKey(n.t.Context(), n.by(n.root), id, c, 0))
		}
	}
	do := func(f func(n *node, id string) (ledger.Changed, error)) ask {
		return func(n *node, id string) (ledger.Outcome, error) { return changed(f(n, id)) }
	}
	suspend := do(func(n *node, id string) (ledger.Changed, error) {
		return n.SuspendKey(n.t.Context(), n.by(n.root), id)
	})
	resume := do(func(n *node, id string) (ledger.Changed, error) {
		return n.ResumeKey(n.t.Context(), n.by(n.root), id)
	})
	revoke := do(func(n *node, id string) (ledger.Changed, error) {
		return n.RevokeKey(n.t.Context(), n.by(n.root), id)
	})
	rotate := func(r apikey.Rotate) ask {
		return func(n *node, id string) (ledger.Outcome, error) {
			return issued(n.RotateKey(n.t.Context(), n.by(n.root), id, r))
		}
	}
	cutOldest := do(func(n *node, id string) (ledger.Changed, error) {
		key, _, _ := n.view.Key(id)
		return n.CutCredential(n.t.Context(), n.by(n.root), id, key.Credentials[0].ID)
	})
	useNewest := do(func(n *node, id string) (ledger.Changed, error) {
		key, _, _ := n.view.Key(id)
		return n.FirstUse(n.t.Context(), id, key.Credentials[len(key.Credentials)-1].ID)
	})
	account := func(f func(n *node) (ledger.ChangedAccount, error)) ask {
		return func(n *node, _ string) (ledger.Outcome, error) { return onAccount(f(n)) }
	}
	suspendAccount := account(func(n *node) (ledger.ChangedAccount, error) {
		return n.SuspendAccount(n.t.Context(), n.by(n.root), "acct_2")
	})
	resumeAccount := account(func(n *node) (ledger.ChangedAccount, error) {
		return n.ResumeAccount(n.t.Context(), n.by(n.root), "acct_2")
	})
	closeAccount := account(func(n *node) (ledger.ChangedAccount, error) {
		return n.CloseAccount(n.t.Context(), n.by(n.root), "acct_2")
	})

	for _, c := range []struct {
		name    string
		given   []ask
		ask     ask
		changes bool
		narrows bool
	}{
		{"create", nil, func(n *node, _ string) (ledger.Outcome, error) {
			return issued(n.CreateKey(n.t.Context(), n.by(n.manager), newKey("another")))
		}, true, widens},
		{"rename", nil, change(apikey.Change{Name: to("b")}), true, widens},
		{"add a permission", nil, change(apikey.Change{Permissions: &[]string{"read", "write"}}), true, widens},
		{"remove a permission", nil, change(apikey.Change{Permissions: &[]string{}}), true, narrows},
		{"replace a permission", nil, change(apikey.Change{Permissions: &[]string{"write"}}), true, narrows},
		{"add a role", nil, change(apikey.Change{Roles: &[]string{"auditor"}}), true, widens},
		{"remove a role that only carries a right", []ask{change(apikey.Change{Roles: &[]string{"auditor"}})}, change(apikey.Change{Roles: &[]string{}}), true, narrows},
		{"replace a permission by a role that holds it", nil, change(apikey.Change{Permissions: &[]string{}, Roles: &[]string{"clerk"}}), true, widens},
		{"let grant nothing", nil, change(apikey.Change{Grantable: &[]string{}}), true, narrows},
		{"set an allowlist", nil, change(apikey.Change{Allowlist: &[]string{"10.0.0.0/8"}}), true, narrows},
		{"loosen an allowlist", []ask{change(apikey.Change{Allowlist: &[]string{"10.0.0.0/8"}})}, change(apikey.Change{Allowlist: &[]string{"10.0.0.0/7"}}), true, widens},
		{"write an allowlist in another way", []ask{change(apikey.Change{Allowlist: &[]string{"10.0.0.0/8"}})}, change(apikey.Change{Allowlist: &[]string{"10.0.0.0/9", "10.128.0.0/9"}}), true, widens},
		{"move an allowlist", []ask{change(apikey.Change{Allowlist: &[]string{"10.0.0.1"}})}, change(apikey.Change{Allowlist: &[]string{"10.0.0.2"}}), true, narrows},
		{"set an expiry", nil, change(apikey.Change{ExpiresAt: to(soon())}), true, narrows},
		{"put off an expiry", []ask{change(apikey.Change{ExpiresAt: to(soon())})}, change(apikey.Change{ExpiresAt: to(to(soon().Add(time.Hour)))}), true, widens},
		{"bring forward an expiry", []ask{change(apikey.Change{ExpiresAt: to(soon())})}, change(apikey.Change{ExpiresAt: to(to(soon().Add(-time.Hour)))}), true, narrows},
		{"suspend", nil, suspend, true, narrows},
		{"resume", []ask{suspend}, resume, true, widens},
		{"revoke", nil, revoke, true, narrows},
		{"rotate at once", nil, rotate(apikey.Rotate{}), true, narrows},
		{"rotate with an overlap", nil, rotate(apikey.Rotate{Overlap: time.Hour}), true, narrows},
		{"rotate until first use", nil, rotate(apikey.Rotate{CutOnFirstUse: true}), true, widens},
		{"first use", []ask{rotate(apikey.Rotate{CutOnFirstUse: true})}, useNewest, true, narrows},
		{"cut", []ask{rotate(apikey.Rotate{Overlap: time.Hour})}, cutOldest, true, narrows},
		{"suspend an account", nil, suspendAccount, true, narrows},
		{"resume an account", []ask{suspendAccount}, resumeAccount, true, widens},
		{"close an account", nil, closeAccount, true, narrows},

		// Asked again, for the one whose first answer was lost.
		{"suspend again", []ask{suspend}, suspend, false, narrows},
		{"revoke again", []ask{revoke}, revoke, false, narrows},
		{"cut again", []ask{rotate(apikey.Rotate{Overlap: time.Hour}), cutOldest}, cutOldest, false, narrows},
		{"remove a permission again", []ask{change(apikey.Change{Permissions: &[]string{}})}, change(apikey.Change{Permissions: &[]string{}}), false, narrows},
		{"suspend an account again", []ask{suspendAccount}, suspendAccount, false, narrows},
		{"close an account again", []ask{closeAccount}, closeAccount, false, narrows},
		{"resume again", nil, resume, false, widens},
		{"resume an account again", nil, resumeAccount, false, widens},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			n := w.node()
			id := n.key("read").ID
			for _, given := range c.given {
				if _, err := given(n, id); err != nil {
					t.Fatal(err)
				}
			}
			out, err := c.ask(n, id)
			if err != nil || out.Changed != c.changes || out.Narrows != c.narrows {
				t.Errorf("%+v, %v; want changed %v, narrows %v", out, err, c.changes, c.narrows)
			}
			if !c.changes { // the position at which the earlier effect stands
				all := w.events()
				if r := all[out.Position-1]; r.Entity.ID != id && r.Entity.ID != "acct_2" {
					t.Errorf("position %d is of %v", out.Position, r.Entity)
				}
			}
			w.sane()
		})
	}
}

// What a build cannot read, it can still end.
func TestAKeyOfASchemeThatCannotBeReadCanBeEnded(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	id := n.key("read").ID
	if _, err := n.RotateKey(t.Context(), w.by(w.manager), id, apikey.Rotate{CutOnFirstUse: true, Grace: time.Hour}); err != nil {
		t.Fatal(err)
	}
	key, _, _ := n.view.Key(id)
	n.view.fault("shop")
	for _, ask := range []struct {
		name string
		do   func(by ledger.By) (ledger.Changed, error)
		code string
	}{
		{"change", func(by ledger.By) (ledger.Changed, error) {
			return n.ChangeKey(t.Context(), by, id, apikey.Change{Name: to("b")}, 0)
		}, "conflict"},
		{"rotate", func(by ledger.By) (ledger.Changed, error) {
			i, err := n.RotateKey(t.Context(), by, id, apikey.Rotate{})
			return ledger.Changed{Outcome: i.Outcome, Key: i.Key}, err
		}, "conflict"},
		{"create", func(by ledger.By) (ledger.Changed, error) {
			want := newKey("a key")
			want.Account = "acct_1"
			i, err := n.CreateKey(t.Context(), by, want)
			return ledger.Changed{Outcome: i.Outcome, Key: i.Key}, err
		}, "conflict"},
		{"first use", func(ledger.By) (ledger.Changed, error) {
			return n.FirstUse(t.Context(), id, key.Credentials[1].ID)
		}, ""},
		{"cut", func(by ledger.By) (ledger.Changed, error) {
			return n.CutCredential(t.Context(), by, id, key.Credentials[0].ID)
		}, ""},
		{"suspend", func(by ledger.By) (ledger.Changed, error) { return n.SuspendKey(t.Context(), by, id) }, ""},
		{"resume", func(by ledger.By) (ledger.Changed, error) { return n.ResumeKey(t.Context(), by, id) }, "conflict"},
		{"revoke", func(by ledger.By) (ledger.Changed, error) { return n.RevokeKey(t.Context(), by, id) }, ""},
	} {
		out, err := ask.do(w.by(w.root))
		if code(err) != ask.code || ask.code == "" && !out.Changed {
			t.Errorf("%s: %q, %+v, %v; want %q", ask.name, code(err), out.Outcome, err, ask.code)
		}
	}
}

// fault makes a scheme one that this build cannot read.
func (v *view) fault(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.schemes[name]
	s.state.Opaque, s.state.Scheme = true, nil
	v.schemes[name] = s
}
