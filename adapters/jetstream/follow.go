package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/events"
)

// Follow is [events.Log.Follow]. Reading and decoding go on while deliver runs,
// at most two deliveries ahead.
func (l *Log) Follow(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
	if err := l.follow(ctx, from, deliver); err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	return nil
}

func (l *Log) follow(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
	if err := l.broken(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &reader{
		log:  l,
		last: from.Sequence,
		from: from.Hash,
		out:  make(chan []events.Recorded, 1),
	}
	ended := make(chan error, 1)
	go func() {
		ended <- r.run(ctx)
		close(r.out)
	}()
	for batch := range r.out {
		if ctx.Err() != nil {
			break
		}
		if err := deliver(batch); err != nil {
			cancel()
			for range r.out { // until the reader has ended
			}
			return err
		}
	}
	return <-ended
}

// reader reads the stream for one follower. It runs in a goroutine of its own.
type reader struct {
	log  *Log
	last uint64      // sequence of the last event read, 0 for none
	from events.Hash // of that event, as long as it was given, not read
	read []byte      // that event, once one has been read

	// The heartbeats in a row without an event while one was owed, what was
	// owed at the first of them, and since when the stream's leader has been
	// unable to give the next event (zero: it is not).
	idle    int
	owed    uint64
	stalled time.Time

	commands assembler
	out      chan []events.Recorded
}

// run reads until ctx ends or the ledger contradicts itself, through one
// consumer after another.
func (r *reader) run(ctx context.Context) error {
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		before := r.last
		err := r.consume(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if damage := (*events.DamageError)(nil); errors.As(err, &damage) {
			r.flush(ctx)
			// Before anything was read it may be the position that is wrong.
			if r.read == nil && r.last > 0 {
				return damage
			}
			return r.log.damaged(damage)
		}
		if err := r.log.broken(); err != nil {
			return err
		}
		r.log.broker.log.DebugContext(ctx, "following the ledger anew", slog.Uint64("after", r.last), slog.Any("error", err))
		if r.last != before {
			wait = minPause
		}
		if pause(ctx, wait) != nil {
			return context.Cause(ctx)
		}
	}
}

// flush hands over what was read before the damage, and is sound.
func (r *reader) flush(ctx context.Context) {
	if r.commands.whole == 0 {
		return
	}
	select {
	case r.out <- r.commands.ready():
	case <-ctx.Done():
	}
}

// errConsumer is why a consumer was given up and another one made.
var errConsumer = errors.New("consumer lost")

// consume reads through one consumer until it fails. It begins at the last event
// read, which must come first and unchanged.
func (r *reader) consume(ctx context.Context) error {
	ctx, cancel := r.log.broker.read.bind(ctx, 0)
	defer cancel()
	c, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	silence := 0
	r.idle = 0
	for proven := r.last == 0; ; {
		if err := c.pull(); err != nil {
			return err
		}
		// Reading goes before handing over, so that what is there goes into
		// one delivery; nothing is waited for.
		in, out := c.messages, r.out
		if r.commands.full() {
			in, silence = nil, 0
		} else if len(in) > 0 || r.commands.whole == 0 {
			out = nil
		}
		select {
		case m := <-in:
			silence = 0
			if err := r.take(ctx, c, m, &proven); err != nil {
				return err
			}
		case out <- r.commands.ready():
			r.commands.handedOver()
		case <-beat.C:
			if err := r.log.broken(); err != nil {
				return err
			}
			if silence++; silence > maxSilence {
				return fmt.Errorf("%w: no heartbeat", errConsumer)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// open makes the consumer. One that has nothing to deliver, not even the last
// event read, follows an empty stream, or one that has become shorter, or is
// gone, or a copy of it that lags; the stream's leader knows.
func (r *reader) open(ctx context.Context) (*consumer, error) {
	atLeast := r.last
	if atLeast == 0 {
		atLeast = r.log.seen.Load()
	}
	c, err := r.log.openConsumer(ctx, max(r.last, 1))
	nothing := code(err) == jetstream.JSErrCodeStreamNotFound || err == nil && c.pending == 0
	if !nothing {
		return c, err
	}
	if _, short := r.log.lastSequence(ctx, r.log.broker.read, atLeast); short != nil {
		if c != nil {
			c.close()
		}
		return nil, short
	}
	return c, err
}

// take deals with one message of the consumer.
func (r *reader) take(ctx context.Context, c *consumer, m *nats.Msg, proven *bool) error {
	place, err := c.place(m)
	if err != nil {
		return err
	}
	if place == 0 {
		return r.heard(ctx, m, *proven)
	}
	r.idle = 0
	if !*proven {
		if place != r.last || events.LeafHash(m.Data) != r.hash() {
			return &events.DamageError{
				Sequence: r.last, Problem: fmt.Sprintf("other bytes than those read before, at %d", place),
			}
		}
		*proven = true
		r.log.note(place)
		return nil
	}
	if place != r.last+1 {
		return &events.DamageError{Sequence: r.last + 1, Problem: fmt.Sprintf("missing: the next event is %d", place)}
	}
	event, err := decode(place, m)
	if err != nil {
		return err
	}
	if err := r.commands.add(event); err != nil {
		return err
	}
	r.last, r.read, r.stalled = place, m.Data, time.Time{}
	r.log.note(place)
	return nil
}

// hash is that of the last event read, by this reader or by whom it continues.
func (r *reader) hash() events.Hash {
	if r.read != nil {
		return events.LeafHash(r.read)
	}
	return r.from
}

// decode reads a message as an event, which must stand under its own subject.
func decode(sequence uint64, m *nats.Msg) (events.Recorded, error) {
	envelope, err := events.Decode(m.Data)
	if err != nil {
		return events.Recorded{}, &events.DamageError{Sequence: sequence, Problem: err.Error()}
	}
	name, err := events.EventName(envelope.Data.Type())
	if err != nil {
		return events.Recorded{}, &events.DamageError{Sequence: sequence, Problem: err.Error()}
	}
	if subject := envelope.Entity.Subject(name); subject != m.Subject {
		return events.Recorded{}, &events.DamageError{
			Sequence: sequence, Problem: fmt.Sprintf("event of %s under subject %s", subject, m.Subject),
		}
	}
	return events.Recorded{Envelope: envelope, Sequence: sequence, Payload: m.Data}, nil
}
