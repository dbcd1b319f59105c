package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// A lone create whose acknowledgement is lost may be on the ledger, or may land
// as long as its actor does not move. These tests let everything happen between
// that and the second write which is to close the door, and ask for one thing:
// that the answer is true.

// failing is a view and a log that fail from some moment on. onHead is called
// once, before the log is first asked for its head.
type failing struct {
	ledger.View
	events.Log
	wait, head bool
	onHead     func()
}

var errBroken = errors.New("broken")

func (f *failing) Wait(ctx context.Context, sequence uint64) error {
	if f.wait {
		return errBroken
	}
	return f.View.Wait(ctx, sequence)
}

func (f *failing) Head(ctx context.Context) (uint64, error) {
	if do := f.onHead; do != nil {
		f.onHead = nil
		do()
	}
	if f.head {
		return 0, fmt.Errorf("%w: %w", errBroken, events.ErrUnavailable)
	}
	return f.Log.Head(ctx)
}

// meanwhile is what happens between the first attempt and the second.
type meanwhile struct {
	name string
	// harmless says that the command can go on afterwards, so that its outcome
	// can be found out.
	harmless bool
	do       func(w *world, other *node, f *failing, cancel func())
}

func meanwhiles() []meanwhile {
	revoke := func(w *world, other *node) { other.mustRevoke(w.root, w.manager) }
	settle := func(w *world) { w.log.Settle() }
	return []meanwhile{
		{"nothing", true, func(*world, *node, *failing, func()) {}},
		{"the first write lands", true, func(w *world, _ *node, _ *failing, _ func()) { settle(w) }},
		{"the actor is revoked", false, func(w *world, o *node, _ *failing, _ func()) { revoke(w, o) }},
		{"the first write lands, then the actor is revoked", false, func(w *world, o *node, _ *failing, _ func()) { settle(w); revoke(w, o) }},
		{"the actor is revoked, then the first write comes", false, func(w *world, o *node, _ *failing, _ func()) { revoke(w, o); settle(w) }},
		{"the actor is suspended", false, func(w *world, o *node, _ *failing, _ func()) {
			if _, err := o.SuspendKey(o.t.Context(), w.by(w.root), w.manager); err != nil {
				o.t.Fatal(err)
			}
		}},
		{"the actor loses what it grants", false, func(w *world, o *node, _ *failing, _ func()) {
			o.mustChange(w.root, w.manager, apikey.Change{Permissions: &[]string{"keys:manage"}})
		}},
		{"the actor is renamed", true, func(w *world, o *node, _ *failing, _ func()) {
			o.mustChange(w.root, w.manager, apikey.Change{Name: to("another")})
		}},
		{"the account is suspended", false, func(w *world, o *node, _ *failing, _ func()) {
			if _, err := o.SuspendAccount(o.t.Context(), w.by(w.root), "acct_1"); err != nil {
				o.t.Fatal(err)
			}
		}},
		{"the first write lands, then the account is suspended", false, func(w *world, o *node, _ *failing, _ func()) {
			settle(w)
			if _, err := o.SuspendAccount(o.t.Context(), w.by(w.root), "acct_1"); err != nil {
				o.t.Fatal(err)
			}
		}},
		{"the log cannot be asked", false, func(_ *world, _ *node, f *failing, _ func()) { f.head = true }},
		{"the view breaks", false, func(_ *world, _ *node, f *failing, _ func()) { f.wait = true }},
		{"the caller goes away", false, func(_ *world, _ *node, _ *failing, cancel func()) { cancel() }},
	}
}

// doubtful is one way in which a lone create can come into doubt and go on.
type doubtful struct {
	lost    eventstest.Outcome // of the first append
	next    eventstest.Outcome // of the second
	forever bool               // and of all later ones
	meanwhile
	// seen says that what happens meanwhile comes before the node looks again.
	seen bool
}

// ask creates a key, all of d happening to it.
func (d doubtful) ask(t *testing.T, w *world) (ledger.By, answer) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	other := w.node()
	n := w.node(func(c *ledger.Config) {
		f := &failing{View: c.View, Log: c.Log}
		c.View, c.Log = f, f
		happen := func() { d.do(w, other, f, cancel) }
		if d.seen {
			f.onHead = happen
			return
		}
		c.Pause = func(_ context.Context, attempt int) {
			if attempt == 2 {
				happen()
			}
		}
	})
	by := w.by(w.manager)
	w.onNth(by, func(n int) eventstest.Outcome {
		switch {
		case n == 1:
			return d.lost
		case n == 2 || d.forever:
			return d.next
		}
		return eventstest.Land
	})
	return by, issued(n.CreateKey(ctx, by, newKey("a key")))
}

func TestALoneCreateInDoubtIsAnsweredTruly(t *testing.T) {
	outcomes := map[string]eventstest.Outcome{
		"lands": eventstest.Land, "unavailable": eventstest.Unavailable, "conflict": eventstest.Conflict, "refused": eventstest.Refused,
		"written but reported failed": eventstest.LandUnreported, "lost": eventstest.Lost, "written late": eventstest.LandLate,
	}
	seen := map[string]int{}
	check := func(t *testing.T, d doubtful) {
		w := newWorld(t)
		by, a := d.ask(t, w)
		if err := w.truth(by, a); err != nil {
			t.Errorf("answered %q (%v): %v", a.code, a.err, err)
		}
		if a.code == "" && (a.secret.IsZero() || !a.key.Exists()) {
			t.Errorf("a key without its secret: %+v", a.key)
		}
		goesOn := d.next == eventstest.Land || d.next == eventstest.Conflict && !d.forever
		if d.harmless && goesOn && a.code != "" {
			t.Errorf("answered %q, where the outcome could be found out: %v", a.code, a.err)
		}
		if a.code != "" && a.code != "unknown" {
			t.Errorf("answered %q (%v) in doubt", a.code, a.err)
		}
		seen[a.code]++
		w.sane()
	}
	for _, first := range []string{"written but reported failed", "lost", "written late"} {
		for _, m := range meanwhiles() {
			for second, outcome := range outcomes {
				for variant := range 4 {
					d := doubtful{lost: outcomes[first], next: outcome, meanwhile: m, forever: variant&1 == 1, seen: variant&2 == 2}
					t.Run(fmt.Sprintf("%s/%s, seen %v/then %s, for ever %v", first, m.name, d.seen, second, d.forever), func(t *testing.T) { check(t, d) })
				}
			}
		}
	}
	if seen[""] == 0 || seen["unknown"] == 0 {
		t.Errorf("answers were %v", seen)
	}
}

func TestADoubtOfTheLastAttemptIsNotDeniedEither(t *testing.T) {
	w := newWorld(t)
	n, by := w.node(), w.by(w.manager)
	w.onNth(by, func(n int) eventstest.Outcome {
		if n == ledger.MaxAttempts-1 {
			return eventstest.LandLate
		}
		return eventstest.Conflict
	})
	a := issued(n.CreateKey(t.Context(), by, ledger.NewKey{Environment: "live", Name: "a key"}))
	if err := w.truth(by, a); err != nil || a.code != "unknown" {
		t.Errorf("answered %q (%v): %v", a.code, a.err, err)
	}
}

func TestACommandThatNeverGetsThroughWasNotWritten(t *testing.T) {
	w := newWorld(t)
	n, by := w.node(), w.by(w.manager)
	attempts := 0
	w.onNth(by, func(n int) eventstest.Outcome { attempts = n; return eventstest.Conflict })
	a := issued(n.CreateKey(t.Context(), by, ledger.NewKey{Environment: "live", Name: "a key"}))
	if err := w.truth(by, a); err != nil || a.code != "ledger_unavailable" || attempts != ledger.MaxAttempts {
		t.Errorf("after %d attempts answered %q (%v): %v", attempts, a.code, a.err, err)
	}
}
