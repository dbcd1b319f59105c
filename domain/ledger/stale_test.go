package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events/eventstest"
)

// A node whose view is old would refuse, or find nothing to do, for reasons that
// have passed. Each case makes it old by a command through another node, and says
// what it must answer all the same.
func TestNoAnswerIsGivenFromOldState(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct {
		name string
		// meanwhile happens on the other node, ask on the one that has not seen it.
		meanwhile func(w *world, other *node, id string)
		ask       func(w *world, n *node, id string) (ledger.Outcome, error)
		code      string
		changed   bool
	}{
		{
			"resume of a key that seems active",
			func(w *world, o *node, id string) { _, _ = o.SuspendKey(ctx, w.by(w.manager), id) },
			func(w *world, n *node, id string) (ledger.Outcome, error) {
				c, err := n.ResumeKey(ctx, w.by(w.manager), id)
				return c.Outcome, err
			}, "", true,
		},
		{
			"suspend of a key that is suspended already",
			func(w *world, o *node, id string) { _, _ = o.SuspendKey(ctx, w.by(w.manager), id) },
			func(w *world, n *node, id string) (ledger.Outcome, error) {
				c, err := n.SuspendKey(ctx, w.by(w.manager), id)
				return c.Outcome, err
			}, "", false,
		},
		{
			"a change to what the key seems to be",
			func(w *world, o *node, id string) { o.mustChange(w.manager, id, apikey.Change{Name: to("other")}) },
			func(w *world, n *node, id string) (ledger.Outcome, error) {
				c, err := n.ChangeKey(ctx, w.by(w.manager), id, apikey.Change{Name: to("a key")}, 0)
				return c.Outcome, err
			}, "", true,
		},
		{
			"a change that is made already",
			func(w *world, o *node, id string) { o.mustChange(w.manager, id, apikey.Change{Name: to("other")}) },
			func(w *world, n *node, id string) (ledger.Outcome, error) {
				c, err := n.ChangeKey(ctx, w.by(w.manager), id, apikey.Change{Name: to("other")}, 0)
				return c.Outcome, err
			}, "", false,
		},
		{
			"a change of the revision that the caller has read elsewhere",
			func(w *world, o *node, id string) { o.mustChange(w.manager, id, apikey.Change{Name: to("other")}) },
			func(w *world, n *node, id string) (ledger.Outcome, error) {
				c, err := n.ChangeKey(ctx, w.by(w.manager), id, apikey.Change{Name: to("third")}, 2)
				return c.Outcome, err
			}, "", true,
		},
		{
			"a change of a revision that has passed",
			func(w *world, o *node, id string) { o.mustChange(w.manager, id, apikey.Change{Name: to("other")}) },
			func(w *world, n *node, id string) (ledger.Outcome, error) {
				c, err := n.ChangeKey(ctx, w.by(w.manager), id, apikey.Change{Name: to("third")}, 1)
				return c.Outcome, err
			}, "revision_mismatch", false,
		},
		{
			"a change of a revoked key",
			func(w *world, o *node, id string) { o.mustRevoke(w.manager, id) },
			func(w *world, n *node, id string) (ledger.Outcome, error) {
				c, err := n.ChangeKey(ctx, w.by(w.manager), id, apikey.Change{Name: to("b")}, 0)
				return c.Outcome, err
			}, "conflict", false,
		},
		{
			"a grant by a key that has got the permission since",
			func(w *world, o *node, _ string) {
				o.mustChange(w.root, w.manager, apikey.Change{Permissions: &[]string{"billing", "keys:manage", "read", "write"}})
			},
			func(w *world, n *node, id string) (ledger.Outcome, error) {
				c, err := n.ChangeKey(ctx, w.by(w.manager), id, apikey.Change{Permissions: &[]string{"billing"}}, 0)
				return c.Outcome, err
			}, "", true,
		},
		{
			"a create by a key that was suspended and is not any more",
			func(w *world, o *node, _ string) {
				_, _ = o.SuspendKey(ctx, w.by(w.root), w.manager)
				_, _ = o.ResumeKey(ctx, w.by(w.root), w.manager)
			},
			func(w *world, n *node, _ string) (ledger.Outcome, error) {
				i, err := n.CreateKey(ctx, w.by(w.manager), newKey("a key"))
				return i.Outcome, err
			}, "", true,
		},
		{
			"a create in an account that was opened since",
			func(w *world, o *node, _ string) {
				_, _ = o.OpenAccount(ctx, w.by(w.root), ledger.NewAccount{ID: "acct_3", Name: "Third", Scheme: "shop"})
			},
			func(w *world, n *node, _ string) (ledger.Outcome, error) {
				i, err := n.CreateKey(ctx, w.by(w.root), ledger.NewKey{Account: "acct_3", Environment: "live", Name: "a key"})
				return i.Outcome, err
			}, "", true,
		},
		{
			"an account opened since",
			func(w *world, o *node, _ string) {
				_, _ = o.OpenAccount(ctx, w.by(w.root), ledger.NewAccount{ID: "acct_3", Name: "Third", Scheme: "shop"})
			},
			func(w *world, n *node, _ string) (ledger.Outcome, error) {
				c, err := n.OpenAccount(ctx, w.by(w.root), ledger.NewAccount{ID: "acct_3", Name: "Third", Scheme: "shop"})
				return c.Outcome, err
			}, "conflict", false,
		},
		{
			"an account resumed since",
			func(w *world, o *node, _ string) { _, _ = o.SuspendAccount(ctx, w.by(w.root), "acct_2") },
			func(w *world, n *node, _ string) (ledger.Outcome, error) {
				c, err := n.ResumeAccount(ctx, w.by(w.root), "acct_2")
				return c.Outcome, err
			}, "", true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.node().key("read").ID
			n, other := w.node(), w.node()
			c.meanwhile(w, other, id)
			out, err := c.ask(w, n, id)
			if code(err) != c.code || out.Changed != c.changed {
				t.Errorf("%q, changed %v (%v); want %q, %v", code(err), out.Changed, err, c.code, c.changed)
			}
			if head, _ := w.log.Head(ctx); err == nil && (out.Position == 0 || out.Position > head) {
				t.Errorf("at position %d of %d", out.Position, head)
			}
			w.sane()
		})
	}
}

// Were Wait not to wait, the cases above would be answered from old state.
func TestTheTestOfOldStateCatchesAViewThatDoesNotWait(t *testing.T) {
	w := newWorld(t)
	id := w.node().key("read").ID
	n, other := w.node(), w.node()
	n.view.lags = true
	if _, err := other.SuspendKey(t.Context(), w.by(w.manager), id); err != nil {
		t.Fatal(err)
	}
	out, err := n.ResumeKey(t.Context(), w.by(w.manager), id)
	if err != nil || out.Changed {
		t.Errorf("a view that never moves has found something to resume: %+v, %v", out, err)
	}
}

// What cannot be known to be current is not answered.
func TestWithoutTheHeadNoRefusalIsGiven(t *testing.T) {
	for name, breaks := range map[string]func(*failing){
		"the log cannot be asked": func(f *failing) { f.head = true }, "the view breaks": func(f *failing) { f.wait = true },
	} {
		w := newWorld(t)
		var f *failing
		n := w.node(func(c *ledger.Config) { f = &failing{View: c.View, Log: c.Log}; c.View, c.Log = f, f })
		breaks(f)
		if _, err := n.RevokeKey(t.Context(), w.by(w.manager), "key_unknown"); code(err) != "ledger_unavailable" {
			t.Errorf("%s: revoking what is not there: %v", name, err)
		}
		if _, err := n.ResumeKey(t.Context(), w.by(w.manager), w.manager); code(err) != "ledger_unavailable" {
			t.Errorf("%s: resuming what is active: %v", name, err)
		}
	}
}

// The write stands, though this node cannot read it back; the answer shows it.
func TestAWriteThatCannotBeReadBackIsAnsweredAsItIs(t *testing.T) {
	w := newWorld(t)
	var f *failing
	n := w.node(func(c *ledger.Config) { f = &failing{View: c.View, Log: c.Log}; c.View, c.Log = f, f })
	id := n.key("read").ID
	before, _, _ := f.Key(id)
	f.wait = true
	created, err := n.CreateKey(t.Context(), w.by(w.manager), newKey("a key"))
	if err != nil || created.Applied || !created.Changed || created.Key.Name != "a key" || created.Minted.Secret.IsZero() {
		t.Errorf("create: %+v, %v", created, err)
	}
	changed, err := n.ChangeKey(t.Context(), w.by(w.manager), id, apikey.Change{Name: to("b")}, 0)
	if err != nil || changed.Applied || !changed.Changed || changed.Key.Name != "b" || changed.Key.Changed != before.Changed+1 {
		t.Errorf("change: %+v, %v", changed, err)
	}
	revoked, err := w.node(func(c *ledger.Config) {
		f := &failing{View: c.View, Log: c.Log, wait: true}
		c.View, c.Log = f, f
	}).RevokeKey(t.Context(), w.by(w.manager), id)
	if err != nil || revoked.Applied || revoked.Key.RevokedAt == nil {
		t.Errorf("revoke: %+v, %v", revoked, err)
	}
	rotated, err := w.node(func(c *ledger.Config) {
		f := &failing{View: c.View, Log: c.Log, wait: true}
		c.View, c.Log = f, f
	}).RotateKey(t.Context(), w.by(w.manager), w.manager, apikey.Rotate{Overlap: time.Hour})
	if err != nil || rotated.Applied || len(rotated.Key.Credentials) != 2 || rotated.Minted.Secret.IsZero() {
		t.Errorf("rotate: %+v, %v", rotated, err)
	}
	suspended, err := w.node(func(c *ledger.Config) {
		f := &failing{View: c.View, Log: c.Log, wait: true}
		c.View, c.Log = f, f
	}).SuspendAccount(t.Context(), w.by(w.root), "acct_2")
	if err != nil || suspended.Applied || suspended.Account.Status != account.StatusSuspended {
		t.Errorf("suspend account: %+v, %v", suspended, err)
	}
}

func TestACallerThatGoesAwayChangesNothingThatIsNotAnswered(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	by := w.by(w.manager)
	_, err := n.CreateKey(ended, by, newKey("a key"))
	if code(err) != "ledger_unavailable" || len(of(w.events(), by)) > 0 {
		t.Errorf("before it began: %v", err)
	}

	// One that waits for another command on the same key, and gives up.
	id := n.key("read").ID
	first, second := w.by(w.manager), w.by(w.manager)
	w.onNth(first, func(int) eventstest.Outcome {
		short, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := n.RevokeKey(short, second, id); code(err) != "ledger_unavailable" {
			t.Errorf("while it waited: %v", err)
		}
		return eventstest.Land
	})
	if _, err := n.ChangeKey(t.Context(), first, id, apikey.Change{Name: to("b")}, 0); err != nil {
		t.Error(err)
	}
	if len(of(w.events(), second)) > 0 {
		t.Error("the one that gave up was written")
	}
}

func TestAFaultOfTheViewIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	n := w.node(func(c *ledger.Config) { c.View = &unreadable{c.View} })
	for name, ask := range map[string]func() error{
		"create": func() error { _, err := n.CreateKey(t.Context(), w.by(w.manager), newKey("a key")); return err },
		"revoke": func() error { _, err := n.RevokeKey(t.Context(), w.by(w.manager), w.manager); return err },
		"open": func() error {
			_, err := n.OpenAccount(t.Context(), w.by(w.root), ledger.NewAccount{Name: "x", Scheme: "shop"})
			return err
		},
	} {
		if err := ask(); !errors.Is(err, errBroken) || refusal.CodeOf(err) != "" {
			t.Errorf("%s: %v, want the fault itself", name, err)
		}
	}
}

// unreadable is a view whose keys cannot be read.
type unreadable struct{ ledger.View }

func (*unreadable) Key(string) (apikey.Key, uint64, error) { return apikey.Key{}, 0, errBroken }
