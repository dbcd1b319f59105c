package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// answer is what a caller is told: a code as [code] gives it, and what came with it.
type answer struct {
	code    string
	command string // where the outcome is unknown
	outcome ledger.Outcome
	secret  scheme.Secret
	key     apikey.Key
	err     error
}

// truth compares an answer with the log, after everything under way has arrived:
// written means written once, not written means never, and unknown gives the id
// under which it would be found.
func (w *world) truth(by ledger.By, a answer) error {
	w.log.Settle()
	landed := of(w.events(), by)
	commands, born := map[string]bool{}, 0
	for _, r := range landed {
		commands[r.Command] = true
		if _, ok := r.Data.(events.KeyCreated); ok {
			born++
		}
	}
	switch {
	case born > 1:
		return fmt.Errorf("%d keys were created", born)
	case len(commands) > 1:
		return fmt.Errorf("written under %d commands", len(commands))
	case a.code == "" && a.outcome.Changed && len(landed) == 0:
		return errors.New("answered as written, and is not on the ledger")
	case a.code == "" && a.outcome.Replayed == nil && !a.outcome.Changed && len(landed) > 0:
		return errors.New("answered that nothing changed, and is on the ledger")
	case a.code == "" && len(landed) > 0 && (!commands[a.outcome.Command] || a.outcome.Position != landed[len(landed)-1].Sequence):
		return fmt.Errorf("answered %s at %d, written as %s at %d",
			a.outcome.Command, a.outcome.Position, landed[0].Command, landed[len(landed)-1].Sequence)
	case a.code == "unknown" && (a.command == "" || len(landed) > 0 && !commands[a.command]):
		return fmt.Errorf("answered unknown as %q, written as %v", a.command, commands)
	case a.code != "" && a.code != "unknown" && len(landed) > 0:
		return fmt.Errorf("answered %s (%w), and is on the ledger at %d", a.code, a.err, landed[0].Sequence)
	case !a.secret.IsZero() && len(landed) > 0 && !fits(landed, a.secret):
		return errors.New("the secret that was shown is not the one on the ledger")
	}
	return nil
}

// fits reports whether a credential written by these events has the secret.
func fits(landed []events.Recorded, secret scheme.Secret) bool {
	text, err := scheme.ParseText(secret.Reveal())
	if err != nil {
		return false
	}
	for _, r := range landed {
		var c events.Credential
		if e, ok := r.Data.(events.KeyCreated); ok {
			c = e.Credential
		}
		if e, ok := r.Data.(events.KeyRotated); ok {
			c = e.Credential
		}
		if scheme.Matches(c.Alg, c.Salt, c.Hash, c.Locator, text.Secret) {
			return true
		}
	}
	return false
}

// asking is a command under test.
type asking struct {
	name string
	// lone says that a lost acknowledgement of it can be found out.
	lone bool
	do   func(ctx context.Context, n *node, by ledger.By, target string) answer
}

func answered(out ledger.Outcome, err error) answer {
	a := answer{code: code(err), outcome: out, err: err}
	var refused *refusal.Error
	if errors.As(err, &refused) {
		a.command = refused.Command
	}
	return a
}

func issued(i ledger.Issued, err error) answer {
	a := answered(i.Outcome, err)
	a.secret, a.key = i.Minted.Secret, i.Key
	return a
}

// askings lists every command. Each is asked about an existing key of acct_1, by
// its manager or, for what only it may do, by the root key.
func askings(w *world) []asking {
	idempotent := func(by ledger.By) ledger.By {
		by.Idempotency, by.Digest = "the same", "sha256"
		return by
	}
	rooted := func(by ledger.By) ledger.By { by.Key = w.root; return by }
	newKey := ledger.NewKey{Environment: "live", Name: "a key", Permissions: []string{"read"}}
	owned := newKey
	owned.Account = "acct_1"
	changed := func(c ledger.Changed, err error) answer { a := answered(c.Outcome, err); a.key = c.Key; return a }
	onAccount := func(c ledger.ChangedAccount, err error) answer { return answered(c.Outcome, err) }
	return []asking{
		{"create", true, func(ctx context.Context, n *node, by ledger.By, _ string) answer {
			return issued(n.CreateKey(ctx, by, newKey))
		}},
		{"create by the node itself", false, func(ctx context.Context, n *node, by ledger.By, _ string) answer {
			by.Key, by.System = "", "test"
			return issued(n.CreateKey(ctx, by, owned))
		}},
		{"create under an Idempotency-Key", false, func(ctx context.Context, n *node, by ledger.By, _ string) answer {
			return issued(n.CreateKey(ctx, idempotent(by), newKey))
		}},
		{"add a permission", false, func(ctx context.Context, n *node, by ledger.By, id string) answer {
			return changed(n.ChangeKey(ctx, by, id, apikey.Change{Permissions: &[]string{"read", "write"}}, 0))
		}},
		{"remove a permission", false, func(ctx context.Context, n *node, by ledger.By, id string) answer {
			return changed(n.ChangeKey(ctx, by, id, apikey.Change{Permissions: &[]string{}}, 0))
		}},
		{"rotate", false, func(ctx context.Context, n *node, by ledger.By, id string) answer {
			return issued(n.RotateKey(ctx, by, id, apikey.Rotate{Overlap: time.Hour}))
		}},
		{"suspend", false, func(ctx context.Context, n *node, by ledger.By, id string) answer {
			return changed(n.SuspendKey(ctx, by, id))
		}},
		{"revoke", false, func(ctx context.Context, n *node, by ledger.By, id string) answer {
			return changed(n.RevokeKey(ctx, by, id))
		}},
		{"revoke oneself", false, func(ctx context.Context, n *node, by ledger.By, _ string) answer {
			return changed(n.RevokeKey(ctx, by, by.Key))
		}},
		{"rotate oneself", false, func(ctx context.Context, n *node, by ledger.By, _ string) answer {
			return issued(n.RotateKey(ctx, by, by.Key, apikey.Rotate{}))
		}},
		{"open an account", false, func(ctx context.Context, n *node, by ledger.By, _ string) answer {
			return onAccount(n.OpenAccount(ctx, rooted(by), ledger.NewAccount{Name: "Shop", Scheme: "shop"}))
		}},
		{"suspend an account", false, func(ctx context.Context, n *node, by ledger.By, _ string) answer {
			return onAccount(n.SuspendAccount(ctx, rooted(by), "acct_2"))
		}},
		{"apply a scheme", false, func(ctx context.Context, n *node, by ledger.By, _ string) answer {
			doc := document()
			doc.Scheme, doc.Kinds = "other", map[string]scheme.Kind{"k": {Prefix: "other_", Environments: []string{access.Spanning}}}
			data, err := json.Marshal(doc)
			if err != nil {
				return answer{err: err}
			}
			return answered(n.ApplyScheme(ctx, rooted(by), data))
		}},
	}
}

// onFirst chooses the outcome of the first append of a request.
func (w *world) onFirst(by ledger.By, outcome eventstest.Outcome) {
	w.onNth(by, func(n int) eventstest.Outcome {
		if n == 1 {
			return outcome
		}
		return eventstest.Land
	})
}

// onNth chooses the outcome of the n-th append of a request; others land.
func (w *world) onNth(by ledger.By, choose func(n int) eventstest.Outcome) {
	count := 0
	w.log.OnAppend(func(_ int, write events.Write) eventstest.Outcome {
		e, err := events.Decode(write.Events[0].Payload)
		if err != nil || e.Request != by.Request {
			return eventstest.Land
		}
		count++
		return choose(count)
	})
}

// Every command, every way in which an append can fail: the answer is true.
func TestTheAnswerIsTrueHoweverTheAppendFails(t *testing.T) {
	for i, ask := range askings(&world{}) {
		for _, f := range []struct {
			name    string
			outcome eventstest.Outcome
			code    string
			written bool // in the end
		}{
			{"nothing fails", eventstest.Land, "", true},
			{"the ledger is unavailable", eventstest.Unavailable, "ledger_unavailable", false},
			{"a conflict", eventstest.Conflict, "", true},
			{"the ledger refuses", eventstest.Refused, "error", false},
			{"written but reported failed", eventstest.LandUnreported, "unknown", true},
			{"lost", eventstest.Lost, "unknown", false},
			{"written late", eventstest.LandLate, "unknown", true},
		} {
			t.Run(ask.name+"/"+f.name, func(t *testing.T) {
				w := newWorld(t)
				ask, want := askings(w)[i], f.code
				n := w.node()
				target := n.key("read").ID
				by := w.by(w.manager)
				w.onFirst(by, f.outcome)
				a := ask.do(t.Context(), n, by, target)
				if want == "unknown" && ask.lone {
					want, f.written = "", true
				}
				if a.code != want {
					t.Errorf("answered %q: %v; want %q", a.code, a.err, want)
				}
				if err := w.truth(by, a); err != nil {
					t.Error(err)
				}
				if got := len(of(w.events(), by)) > 0; got != f.written {
					t.Errorf("written in the end: %v, want %v", got, f.written)
				}
				if a.code != "" && !a.secret.IsZero() {
					t.Error("a secret comes with a refusal")
				}
				w.sane()
			})
		}
	}
}

// What may have been written is found under the Idempotency-Key, on any node.
func TestAskingAgainAfterAnUnknownOutcomeTakesEffectOnce(t *testing.T) {
	for _, f := range []struct {
		name    string
		outcome eventstest.Outcome
		settle  bool // before asking again
		secret  bool // comes with the second answer
	}{
		{"written but reported failed", eventstest.LandUnreported, false, false},
		{"lost", eventstest.Lost, false, true},
		{"written late, before", eventstest.LandLate, true, false},
		{"written late, after", eventstest.LandLate, false, true},
	} {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t)
			want := ledger.NewKey{Environment: "live", Name: "a key"}
			first, second := w.again(w.manager, "the same", "sha256"), w.again(w.manager, "the same", "sha256")
			one, other := w.node(), w.node()
			w.onFirst(first, f.outcome)
			a := issued(one.CreateKey(t.Context(), first, want))
			if a.code != "unknown" {
				t.Fatalf("answered %q: %v", a.code, a.err)
			}
			if f.settle {
				w.log.Settle()
			}
			b := issued(other.CreateKey(t.Context(), second, want))
			w.log.Settle()
			if b.code != "" || b.secret.IsZero() == f.secret || (b.outcome.Replayed == nil) != f.secret || b.outcome.Command != a.command {
				t.Errorf("asked again: %q (%v), secret %v, %+v", b.code, b.err, !b.secret.IsZero(), b.outcome)
			}
			all := w.events()
			if n := len(created(all, first)) + len(created(all, second)); n != 1 {
				t.Errorf("%d keys were created", n)
			}
			w.sane()
		})
	}
}

// created lists the keys that a request has created.
func created(all []events.Recorded, by ledger.By) (ids []string) {
	for _, r := range of(all, by) {
		if _, ok := r.Data.(events.KeyCreated); ok {
			ids = append(ids, r.Entity.ID)
		}
	}
	return ids
}
