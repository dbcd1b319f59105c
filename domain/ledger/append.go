package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// change is the events that one entity is to receive, and the state they were
// decided on.
type change struct {
	entity   events.Entity
	last     uint64 // sequence of its newest event
	revision uint64 // of its newest event
	events   []events.Event
}

// decision is what follows from a command.
type decision struct {
	changes []change
	at      time.Time
	actor   *Actor // nil for the node itself
	right   access.Right
	widens  bool
	guarded bool // though it widens nothing, it must not land once its actor has moved
	narrows bool
	// fresh says that the only change is the birth of an entity under a random
	// id, which nobody else can write to.
	fresh bool
	// key and account are as they will be, where an existing one is changed.
	key     apikey.Key
	account account.Account
	// standing is the sequence at which the state stands that makes the command
	// superfluous, where nothing follows from it.
	standing uint64
}

// decider decides a command on the state of now. It is called again whenever
// that state turns out to be old.
type decider func(at time.Time) (decision, error)

// do decides and appends until the command has landed or been refused. claims
// are the entities it will write to or rely on, as far as known, so that commands
// of one node queue up instead of undoing one another.
func (l *Ledger) do(ctx context.Context, by By, claims []claim, decide decider) (Outcome, error) {
	command, release, err := l.begin(by)
	if err != nil {
		return Outcome{}, err
	}
	defer release()
	unlock, err := l.locks.lock(ctx, claims)
	if err != nil {
		return Outcome{}, unavailable(err)
	}
	defer unlock()

	attempt := attempt{Ledger: l, by: by, command: command, decide: decide}
	for range MaxAttempts {
		out, done, err := attempt.next(ctx)
		if done {
			return out, err
		}
	}
	if attempt.doubt {
		return Outcome{}, unknown(command)
	}
	return Outcome{}, unavailable(errors.New("too many changes to the same key at once"))
}

// attempt is the state of one command's loop.
type attempt struct {
	*Ledger
	by      By
	command string
	decide  decider
	n       int
	current bool // the view has been brought up to the head since the command came
	doubt   bool // a lone create may be on the ledger, or may yet land
}

// next decides once. It reports done with the command's outcome or refusal, or
// not done where it has to be decided again.
func (a *attempt) next(ctx context.Context) (out Outcome, done bool, err error) {
	if a.n++; a.n > 1 && a.Pause != nil {
		a.Pause(ctx, a.n)
	}
	d, refused := a.decide(a.now())
	if a.by.Idempotency != "" {
		// Looked up after deciding: the view goes on meanwhile, and a decision that
		// saw what an earlier request had made must see that it was this one.
		record, found, err := a.View.Command(a.command)
		if err != nil {
			return Outcome{}, true, fmt.Errorf("look up command: %w", err)
		}
		if found {
			out, err := a.replay(record)
			return out, true, err
		}
	}
	if refused != nil || len(d.changes) == 0 {
		return a.settle(ctx, d, refused)
	}
	write, lone, err := a.encode(d)
	if err != nil {
		return Outcome{}, true, err
	}
	ack, err := a.Log.Append(ctx, write)
	switch {
	case err == nil:
		return a.landed(ctx, d, ack), true, nil
	case errors.Is(err, events.ErrUnknown) && lone:
		// It may land until its actor moves. The next attempt moves the actor,
		// and expects that the key has not been born.
		a.doubt = true
		return a.again(ctx)
	case errors.Is(err, events.ErrConflict):
		return a.again(ctx)
	case errors.Is(err, events.ErrUnknown), a.doubt && !errors.Is(err, events.ErrDamaged):
		return Outcome{}, true, unknown(a.command)
	case errors.Is(err, events.ErrUnavailable):
		return Outcome{}, true, unavailable(err)
	default:
		return Outcome{}, true, fmt.Errorf("append: %w", err)
	}
}

// settle ends a command from which nothing follows, or which is refused. Either
// was found on state that may be old, and must hold on the state of a moment
// after the command came; only then is it an answer.
func (a *attempt) settle(ctx context.Context, d decision, refused error) (Outcome, bool, error) {
	if !a.current {
		return a.again(ctx)
	}
	switch {
	case refused != nil && a.doubt: // refused now, and perhaps written before
		return Outcome{}, true, unknown(a.command)
	case refused != nil:
		return Outcome{}, true, refused
	}
	// In doubt, that nothing is left to do means that it has been done.
	return Outcome{Position: d.standing, Command: a.command, Changed: a.doubt, Narrows: d.narrows, Applied: true}, true, nil
}

// again brings the view up to the head, so that the next decision is taken on
// state at least as new as this moment.
func (a *attempt) again(ctx context.Context) (Outcome, bool, error) {
	head, err := a.Log.Head(ctx)
	if err == nil {
		err = a.View.Wait(ctx, head)
	}
	if err != nil {
		if a.doubt {
			return Outcome{}, true, unknown(a.command)
		}
		return Outcome{}, true, unavailable(err)
	}
	a.current = true
	return Outcome{}, false, nil
}

// landed waits until this node reads its own write. The write stands, whatever
// becomes of the waiting.
func (a *attempt) landed(ctx context.Context, d decision, ack events.Ack) Outcome {
	err := a.View.Wait(ctx, ack.Last)
	return Outcome{Position: ack.Last, Command: a.command, Changed: true, Narrows: d.narrows, Applied: err == nil}
}

// encode makes the write of a decision, with the guard that it needs. lone says
// that it is a single event that expects something of its actor only.
func (a *attempt) encode(d decision) (w events.Write, lone bool, err error) {
	changes := slices.Clone(d.changes)
	guarded := (d.widens || d.guarded) && d.actor != nil && !a.Unguarded &&
		!slices.ContainsFunc(changes, func(c change) bool { return c.entity == d.actor.Key.Entity() })
	lone = guarded && d.fresh && !a.doubt && len(changes) == 1 && len(changes[0].events) == 1
	if guarded && !lone {
		changes = append(changes, change{
			entity: d.actor.Key.Entity(), last: d.actor.Last, revision: d.actor.Key.Revision,
			events: []events.Event{events.CommandAccepted{Right: string(d.right), Target: changes[0].entity.Ref()}},
		})
	}
	count := 0
	for _, c := range changes {
		count += len(c.events)
	}
	if count > events.MaxCommandEvents {
		return w, false, refusal.New(refusal.TooLarge, "%d events in one command, at most %d", count, events.MaxCommandEvents)
	}
	for _, c := range changes {
		for i, e := range c.events {
			p, err := a.pending(d, c, i, e, len(w.Events)+1, count)
			if err != nil {
				return w, false, err
			}
			if i == 0 {
				p.Expect = &events.Expectation{Entity: c.entity, Last: c.last}
			}
			w.Events = append(w.Events, p)
		}
	}
	if lone {
		w.Events[0].Expect = &events.Expectation{Entity: d.actor.Key.Entity(), Last: d.actor.Last}
	}
	return w, lone, nil
}

func (a *attempt) pending(d decision, c change, i int, e events.Event, index, count int) (events.Pending, error) {
	envelope := events.Envelope{
		ID: a.newID(events.IDEvent, d.at), Source: events.Source(a.incarnation(e)), Time: d.at, Entity: c.entity,
		Actor: a.by.actor(), Request: a.by.Request, Command: a.command, Index: index, Count: count,
		Revision: c.revision + uint64(i) + 1, Reason: a.by.Reason, Data: e,
	}
	if index == 1 && a.by.Idempotency != "" {
		envelope.Idempotency = a.by.Digest
	}
	payload, err := events.Encode(envelope)
	if errors.Is(err, events.ErrTooLarge) {
		return events.Pending{}, refusal.New(refusal.TooLarge, "the change does not fit into one event of %d bytes", events.MaxPayload)
	}
	if err != nil {
		return events.Pending{}, fmt.Errorf("encode: %w", err)
	}
	name, err := events.EventName(e.Type())
	if err != nil {
		return events.Pending{}, fmt.Errorf("encode: %w", err)
	}
	return events.Pending{Entity: c.entity, Name: name, ID: envelope.ID, Payload: payload}, nil
}

// incarnation is the view's, or the new one that the ledger is opened under.
func (a *attempt) incarnation(e events.Event) string {
	if opened, ok := e.(events.LedgerOpened); ok {
		return opened.Incarnation
	}
	return a.View.Incarnation()
}

// now is the node's clock in UTC, without its monotonic reading.
func (l *Ledger) now() time.Time { return l.Now().UTC().Round(0) }
