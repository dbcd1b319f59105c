package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/events"
)

// Prove reads the event at a position from the stream's leader and compares its
// hash. The position before event 1 needs no proof. A [events.DamageError] says
// that the stream is shorter, has other bytes there, or cannot read them; it
// does not stop the Log, for it may be the position that is wrong.
func (l *Log) Prove(ctx context.Context, at events.Position) error {
	if err := l.broken(); err != nil {
		return fmt.Errorf("prove position %d: %w", at.Sequence, err)
	}
	if at.IsZero() {
		return nil
	}
	for began := time.Now(); ; {
		err := l.proveOnce(ctx, at)
		if err == nil {
			l.note(at.Sequence)
			return nil
		}
		isDamage, over := errors.Is(err, events.ErrDamaged), time.Since(began) > confirmFor
		switch {
		case isDamage && (over || l.single):
			return fmt.Errorf("prove position %d: %w", at.Sequence, err)
		case !isDamage && over:
			return fmt.Errorf("prove position %d: %w: %w", at.Sequence, events.ErrUnavailable, err)
		}
		if cause := pause(ctx, maxPause); cause != nil {
			return fmt.Errorf("prove position %d: %w: %w", at.Sequence, events.ErrUnavailable, cause)
		}
	}
}

func (l *Log) proveOnce(ctx context.Context, at events.Position) error {
	m, err := l.get(ctx, getRequest{Seq: at.Sequence})
	switch {
	case code(err) == jetstream.JSErrCodeStreamNotFound:
		return &events.DamageError{Sequence: at.Sequence, Problem: "the stream is gone"}
	case err != nil:
		return err
	case m.Sequence == 0:
		end, err := l.lastSequence(ctx, l.broker.write, at.Sequence)
		if err != nil {
			return err
		}
		return &events.DamageError{
			Sequence: at.Sequence, Problem: fmt.Sprintf("cannot be read, though the stream says it ends at %d", end),
		}
	case m.Sequence != at.Sequence || events.LeafHash(m.Payload) != at.Hash:
		return &events.DamageError{Sequence: at.Sequence, Problem: "other bytes than those read before"}
	}
	return nil
}

// heard counts the heartbeats of a consumer that delivers nothing while events
// are owed to it: those the Log had seen when the first of them came. A broker
// that has lost the end of its files goes on like that for ever.
func (r *reader) heard(ctx context.Context, m *nats.Msg, proven bool) error {
	if m.Header.Get("Status") != "100" {
		return nil
	}
	next := r.last + 1
	if !proven {
		next = r.last
	}
	if r.idle == 0 {
		r.owed = r.log.seen.Load()
	}
	if r.owed < next {
		return nil
	}
	if r.idle++; r.idle < maxIdle {
		return nil
	}
	r.idle = 0
	return r.owing(ctx, next)
}

// owing asks the stream's leader for an event that its consumer does not
// deliver. Where the leader has it, the consumer is at fault and nothing is
// lost. Where it says that the stream goes further and cannot give the event, a
// single replica has lost it; one of several may have been deposed, and has to
// be found so by another consumer, after [confirmFor].
func (r *reader) owing(ctx context.Context, next uint64) error {
	end, err := r.log.lastSequence(ctx, r.log.broker.read, r.owed)
	if err != nil {
		return err
	}
	m, err := r.log.get(ctx, getRequest{Seq: next})
	if err != nil {
		return fmt.Errorf("%w: %w", errConsumer, err)
	}
	if m.Sequence != 0 {
		r.stalled = time.Time{}
		return fmt.Errorf("%w: it does not deliver %d, which is there", errConsumer, next)
	}
	if r.stalled.IsZero() {
		r.stalled = time.Now()
	}
	if r.log.single || time.Since(r.stalled) > confirmFor {
		return &events.DamageError{
			Sequence: next, Problem: fmt.Sprintf("the stream says it ends at %d and delivers nothing after %d", end, next-1),
		}
	}
	return fmt.Errorf("%w: %d is neither delivered nor readable", errConsumer, next)
}
