package jetstream

import (
	"context"
	"fmt"
	"time"

	"github.com/keyledger/keyledger/events"
)

// Append is [events.Log.Append]. It gives up resolving a lost acknowledgement
// when ctx ends or after 15 s, whichever is first.
func (l *Log) Append(ctx context.Context, w events.Write) (events.Ack, error) {
	ack, err := l.append(ctx, w)
	if err != nil {
		return events.Ack{}, fmt.Errorf("append: %w", err)
	}
	return ack, nil
}

func (l *Log) append(ctx context.Context, w events.Write) (events.Ack, error) {
	if err := w.Validate(); err != nil {
		return events.Ack{}, err
	}
	if err := checkSize(w); err != nil {
		return events.Ack{}, err
	}
	if err := l.broken(); err != nil {
		return events.Ack{}, err
	}
	if err := l.checkSuspicion(); err != nil {
		return events.Ack{}, err
	}
	if ctx.Err() != nil {
		return events.Ack{}, because(events.ErrUnavailable, context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeout(ctx, l.settleFor)
	defer cancel()
	return l.settle(ctx, newAttempt(l, w))
}

// checkSuspicion spares a caller the wait for a broker that is known to be out of
// order: once an append has ended unsettled, the next ones ask first.
func (l *Log) checkSuspicion() error {
	if !l.suspect.Load() {
		return nil
	}
	if err := l.broker.Health(); err != nil {
		return because(events.ErrUnavailable, err)
	}
	l.suspect.Store(false)
	return nil
}

// attempt is one append on its way.
type attempt struct {
	log *Log
	events.Write
	place map[string]int // of each event in the write, by id
	// floor is a sequence that was on the ledger before the first copy was
	// sent. Every copy that lands, lands above it.
	floor uint64
	// doubt is set once a copy has been sent of which nothing is known. From
	// then on only the ledger can say what became of the write.
	doubt bool
}

func newAttempt(l *Log, w events.Write) *attempt {
	a := &attempt{log: l, Write: w, floor: l.seen.Load(), place: make(map[string]int, len(w.Events))}
	for i, p := range w.Events {
		a.place[p.ID] = i
		if p.Expect != nil {
			a.floor = max(a.floor, p.Expect.Last)
		}
	}
	return a
}

// lone reports that the write expects something of another entity than its own,
// so that a second copy of it could land beside the first. Once in doubt it is
// not sent again.
func (a *attempt) lone() bool {
	return len(a.Events) == 1 && a.Events[0].Expect.Entity != a.Events[0].Entity
}

// settle sends the write until it is known what became of it.
func (l *Log) settle(ctx context.Context, a *attempt) (events.Ack, error) {
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		ack, v, err := l.publish(ctx, a.Write)
		if v == landed {
			return l.accept(a, ack)
		}
		if a.doubt = a.doubt || v == silent; !a.doubt {
			switch v {
			case never:
				return events.Ack{}, because(events.ErrRefused, err)
			case notNow:
				if pause(ctx, wait) == nil {
					continue
				}
				return events.Ack{}, because(events.ErrUnavailable, err)
			case unable:
				return events.Ack{}, because(events.ErrUnavailable, err)
			default: // conflict, contended: the ledger says whose write was first
			}
		}
		at, found, lookErr := a.lookUntil(ctx, wait)
		switch {
		case found == ours:
			return at, nil
		case found == others, v == conflict && !a.doubt:
			return events.Ack{}, because(events.ErrConflict, err)
		case !(a.doubt && a.lone()) && pause(ctx, wait) == nil:
		case a.doubt:
			l.suspect.Store(true)
			return events.Ack{}, because(events.ErrUnknown, err, lookErr, context.Cause(ctx))
		default:
			return events.Ack{}, because(events.ErrConflict, err)
		}
	}
}

// lookUntil is look, but in doubt it asks until it is answered: nothing is sent
// again before the ledger could be read.
func (a *attempt) lookUntil(ctx context.Context, wait time.Duration) (events.Ack, finding, error) {
	for {
		at, found, err := a.look(ctx)
		if err == nil || !a.doubt || pause(ctx, wait) != nil {
			return at, found, err
		}
	}
}

// accept takes an acknowledgement. One that is not above everything seen before
// the write was sent comes from a stream that has lost its end.
func (l *Log) accept(a *attempt, ack pubAck) (events.Ack, error) {
	at := events.Ack{First: ack.Sequence - uint64(len(a.Events)) + 1, Last: ack.Sequence}
	if at.First <= a.floor {
		return events.Ack{}, l.damaged(&events.DamageError{
			Sequence: at.First,
			Problem:  fmt.Sprintf("acknowledged again after %d had been seen", a.floor),
		})
	}
	if err := l.blocks.sync(); err != nil {
		return events.Ack{}, because(events.ErrUnknown, err)
	}
	l.note(at.Last)
	return at, nil
}

// because adds to an outcome what led to it.
func because(outcome error, causes ...error) error {
	for _, e := range causes {
		if e != nil {
			outcome = fmt.Errorf("%w: %w", outcome, e)
		}
	}
	return outcome
}
