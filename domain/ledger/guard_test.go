package ledger_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// guardTrials is how often the race is run: 50 times every day, and as often as
// KEYLEDGER_GUARD_TRIALS says on demand.
func guardTrials(t *testing.T) int {
	text := os.Getenv("KEYLEDGER_GUARD_TRIALS")
	if text == "" {
		return 50
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("KEYLEDGER_GUARD_TRIALS=%q", text)
	}
	return n
}

// asked is one command of the race, and what became of it.
type asked struct {
	by ledger.By
	answer
}

// raceRevocation revokes the manager of a world while its creates, grants and
// rotations are in flight from two nodes, one of which follows the log and one
// of which lags behind it. It returns what was asked, and the revocation.
func raceRevocation(t *testing.T, w *world, commands int, edit func(*ledger.Config)) ([]asked, ledger.Changed) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	setup := w.node()
	var targets []string
	for range 4 {
		targets = append(targets, setup.key("read").ID)
	}
	nodes := []*node{w.node(edit), w.node(edit)}
	nodes[0].view.live(ctx)
	revoker := w.node()

	all := make([]asked, commands)
	begun := make(chan struct{}, commands)
	var wg sync.WaitGroup
	for i := range all {
		n, target := nodes[i%2], targets[i%len(targets)]
		by := w.by(w.manager)
		if i%10 == 9 {
			by = w.again(w.manager, by.Request, "digest")
		}
		wg.Go(func() {
			begun <- struct{}{}
			all[i] = asked{by, widen(ctx, n, by, target, i)}
		})
	}
	for range commands / 2 { // half of them are under way
		<-begun
	}
	revoked := revoker.mustRevoke(w.root, w.manager)
	wg.Wait()
	return all, revoked
}

// widen asks for the i-th widening command.
func widen(ctx context.Context, n *node, by ledger.By, target string, i int) answer {
	changed := func(c ledger.Changed, err error) answer { return answered(c.Outcome, err) }
	switch i % 5 {
	case 0, 1:
		return issued(n.CreateKey(ctx, by, newKey(fmt.Sprintf("key %d", i))))
	case 2:
		permissions := []string{"read", "write"}[:1+i/5%2]
		return changed(n.ChangeKey(ctx, by, target, apikey.Change{Permissions: &permissions}, 0))
	case 3:
		return issued(n.RotateKey(ctx, by, target, apikey.Rotate{}))
	}
	return issued(n.CreateKey(ctx, by, newKey(fmt.Sprintf("key %d", i))))
}

// lateWidenings lists the events by which the manager widened something after
// its own revocation.
func lateWidenings(w *world, revoked ledger.Changed) (late []events.Recorded) {
	for _, r := range w.events() {
		if r.Sequence <= revoked.Position || r.Actor != w.manager {
			continue
		}
		late = append(late, r)
	}
	return late
}

func TestNothingAKeyAskedForLandsAfterItsRevocation(t *testing.T) {
	trials := guardTrials(t)
	landed, refused := 0, 0
	for trial := range trials {
		w := newWorld(t)
		all, revoked := raceRevocation(t, w, 100, func(*ledger.Config) {})
		for _, r := range lateWidenings(w, revoked) {
			t.Errorf("trial %d: revoked at %d, and %s landed at %d", trial, revoked.Position, r.Data.Type(), r.Sequence)
		}
		for _, a := range all {
			if err := w.truth(a.by, a.answer); err != nil {
				t.Errorf("trial %d: %v", trial, err)
			}
			switch a.code {
			case "":
				landed++
			case "api_key_revoked", "ledger_unavailable":
				refused++
			default:
				t.Errorf("trial %d: %q, %v", trial, a.code, a.err)
			}
		}
		w.sane()
		if t.Failed() {
			return
		}
	}
	if landed == 0 || refused == 0 {
		t.Errorf("%d landed and %d were refused: there was no race", landed, refused)
	}
	t.Logf("%d trials: %d commands landed before a revocation, %d were refused after it", trials, landed, refused)
}

// The test above must be able to fail: without the guard it does.
func TestTheTestOfTheGuardCatchesItsAbsence(t *testing.T) {
	for range guardTrials(t) {
		w := newWorld(t)
		_, revoked := raceRevocation(t, w, 100, func(c *ledger.Config) { c.Unguarded = true })
		if len(lateWidenings(w, revoked)) > 0 {
			if w.audit() == nil {
				t.Error("the audit of the ledger did not see it")
			}
			return
		}
	}
	t.Error("nothing landed after the revocation, though nothing kept it from landing")
}

// The race, step by step: the actor loses what it needs between the decision and
// the landing of each command that widens. None of them lands.
func TestAnActorNarrowedBetweenDecisionAndLandingIsHeard(t *testing.T) {
	narrowings := map[string]struct {
		do   func(w *world, n *node)
		code string
	}{
		"revoked":   {func(w *world, n *node) { n.mustRevoke(w.root, w.manager) }, "api_key_revoked"},
		"suspended": {func(w *world, n *node) { _, _ = n.SuspendKey(w.t.Context(), w.by(w.root), w.manager) }, "api_key_suspended"},
		"without a right": {func(w *world, n *node) {
			n.mustChange(w.root, w.manager, apikey.Change{Permissions: &[]string{"read", "write"}})
		}, "permission_denied"},
		"without what it grants": {func(w *world, n *node) {
			n.mustChange(w.root, w.manager, apikey.Change{Grantable: &[]string{}})
		}, "escalation_refused"},
	}
	commands := map[string]func(n *node, by ledger.By, target string) answer{
		"create": func(n *node, by ledger.By, _ string) answer {
			return issued(n.CreateKey(n.t.Context(), by, newKey("a key")))
		},
		"create under an Idempotency-Key": func(n *node, by ledger.By, _ string) answer {
			by.Idempotency, by.Digest = "the same", "digest"
			return issued(n.CreateKey(n.t.Context(), by, newKey("a key")))
		},
		"add a permission": func(n *node, by ledger.By, id string) answer {
			c, err := n.ChangeKey(n.t.Context(), by, id, apikey.Change{Permissions: &[]string{"read", "write"}}, 0)
			return answered(c.Outcome, err)
		},
		"loosen an allowlist": func(n *node, by ledger.By, id string) answer {
			c, err := n.ChangeKey(n.t.Context(), by, id, apikey.Change{Allowlist: &[]string{}}, 0)
			return answered(c.Outcome, err)
		},
		"put off an expiry": func(n *node, by ledger.By, id string) answer {
			c, err := n.ChangeKey(n.t.Context(), by, id, apikey.Change{ExpiresAt: to[*time.Time](nil)}, 0)
			return answered(c.Outcome, err)
		},
		"rotate": func(n *node, by ledger.By, id string) answer {
			return issued(n.RotateKey(n.t.Context(), by, id, apikey.Rotate{Overlap: time.Hour}))
		},
		"resume": func(n *node, by ledger.By, id string) answer {
			c, err := n.ResumeKey(n.t.Context(), by, id)
			return answered(c.Outcome, err)
		},
	}
	for doing, command := range commands {
		for how, narrowing := range narrowings {
			for _, unguarded := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s by a key %s, unguarded %v", doing, how, unguarded), func(t *testing.T) {
					w := newWorld(t)
					n, other := w.node(func(c *ledger.Config) { c.Unguarded = unguarded }), w.node()
					expires := w.clock.Now().Add(time.Hour)
					target := n.mustCreate(w.manager, ledger.NewKey{
						Environment: "live", Name: "a key", Permissions: []string{"read"}, Allowlist: []string{"10.0.0.1"}, ExpiresAt: &expires,
					}).Key.ID
					if _, err := n.SuspendKey(t.Context(), w.by(w.manager), target); err != nil {
						t.Fatal(err)
					}
					by := w.by(w.manager)
					w.onNth(by, func(nth int) eventstest.Outcome {
						if nth == 1 {
							narrowing.do(w, other)
						}
						return eventstest.Land
					})
					a := command(n, by, target)
					if unguarded { // what the guard is there for
						if a.code != "" || len(of(w.events(), by)) == 0 || w.audit() == nil {
							t.Errorf("without the guard it did not land, or the audit did not see it: %q", a.code)
						}
						return
					}
					if a.code != narrowing.code || len(of(w.events(), by)) > 0 {
						t.Errorf("%q (%v), %d events; want %s", a.code, a.err, len(of(w.events(), by)), narrowing.code)
					}
					w.sane()
				})
			}
		}
	}
}

// A command that only takes away needs no guard, and carries none.
func TestNarrowingCommandsCarryNoGuard(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	id := n.mustCreate(w.manager, ledger.NewKey{Environment: "live", Name: "a key", Permissions: []string{"read", "write"}}).Key.ID
	for _, ask := range []func(by ledger.By) (ledger.Changed, error){
		func(by ledger.By) (ledger.Changed, error) {
			return n.ChangeKey(t.Context(), by, id, apikey.Change{Permissions: &[]string{"read"}}, 0)
		},
		func(by ledger.By) (ledger.Changed, error) {
			return n.ChangeKey(t.Context(), by, id, apikey.Change{Name: to("b")}, 0)
		},
		func(by ledger.By) (ledger.Changed, error) { return n.SuspendKey(t.Context(), by, id) },
		func(by ledger.By) (ledger.Changed, error) { return n.RevokeKey(t.Context(), by, id) },
	} {
		by := w.by(w.manager)
		if _, err := ask(by); err != nil {
			t.Fatal(err)
		}
		for _, r := range of(w.events(), by) {
			if r.Entity.ID != id || r.Count != 1 {
				t.Errorf("%s of %v, %d of %d", r.Data.Type(), r.Entity, r.Index, r.Count)
			}
		}
	}
}
