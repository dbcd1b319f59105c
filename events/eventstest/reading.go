package eventstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/keyledger/keyledger/events"
)

// errEnough ends a Follow that has delivered what was wanted.
var errEnough = errors.New("enough")

// begin returns the past of a log that a check has been given, opened if it was
// not.
func begin(ctx context.Context, log events.Log) (*History, error) {
	head, err := log.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("head of a new log: %w", err)
	}
	if head == 0 {
		h := NewHistory()
		return h, h.Save(ctx, log)
	}
	past, err := read(ctx, log, events.Position{}, head)
	if err != nil {
		return nil, fmt.Errorf("read a new log: %w", err)
	}
	return Continue(past), nil
}

// deliveries follows log from a position up to a sequence, and returns what it
// was given as it was given, once every promise about deliveries has held.
func deliveries(ctx context.Context, log events.Log, from events.Position, until uint64) ([][]events.Recorded, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var got [][]events.Recorded
	at := from
	err := log.Follow(ctx, from, func(d []events.Recorded) error {
		next, err := inspect(at, d)
		if err != nil {
			return err
		}
		at = next
		got = append(got, d)
		if at.Sequence >= until {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("follow from %d to %d ended at %d: %w", from.Sequence, until, at.Sequence, unwanted(err, errEnough))
	}
	return got, nil
}

// read is deliveries, joined.
func read(ctx context.Context, log events.Log, from events.Position, until uint64) ([]events.Recorded, error) {
	got, err := deliveries(ctx, log, from, until)
	var all []events.Recorded
	for _, d := range got {
		all = append(all, d...)
	}
	return all, err
}

// inspect checks one delivery that begins directly after a position, at the
// beginning of a command, and returns the position after it.
func inspect(at events.Position, d []events.Recorded) (events.Position, error) {
	if len(d) == 0 {
		return at, errors.New("an empty delivery")
	}
	commands, left := 0, 0
	for i, r := range d {
		next, err := at.Next(r)
		if err != nil {
			return at, err
		}
		at = next
		e, err := events.Decode(r.Payload)
		if err != nil {
			return at, fmt.Errorf("delivered at %d: %w", r.Sequence, err)
		}
		if !reflect.DeepEqual(e, r.Envelope) {
			return at, fmt.Errorf("delivered at %d: the envelope is not that of the payload:\n%+v\n%s", r.Sequence, r.Envelope, r.Payload)
		}
		if left == 0 {
			commands, left = commands+1, r.Count
			if r.Index != 1 {
				return at, fmt.Errorf("delivered at %d: a command begins with its event %d of %d", r.Sequence, r.Index, r.Count)
			}
		} else if p := d[i-1]; r.Command != p.Command || r.Index != p.Index+1 || r.Count != p.Count {
			return at, fmt.Errorf("delivered at %d: %d of %d of %s after %d of %d of %s",
				r.Sequence, r.Index, r.Count, r.Command, p.Index, p.Count, p.Command)
		}
		left--
	}
	if left > 0 {
		return at, fmt.Errorf("delivery to %d splits a command: %d events are missing", at.Sequence, left)
	}
	if len(d) > events.MaxDelivery && commands > 1 {
		return at, fmt.Errorf("delivery of %d events in %d commands, at most %d", len(d), commands, events.MaxDelivery)
	}
	return at, nil
}

// same reports where got is not want. Payloads and sequences are compared; the
// rest of an event follows from its payload, as inspect has checked.
func same(got, want []events.Recorded) error {
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if g.Sequence != w.Sequence || !bytes.Equal(g.Payload, w.Payload) {
			return fmt.Errorf("event %d of what was read is\n%d %s\nwant\n%d %s", i+1, g.Sequence, g.Payload, w.Sequence, w.Payload)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("read %d events, want %d", len(got), len(want))
	}
	return nil
}

// holds reports how log differs from the past h. It first adds a command to
// both, so that an event which should not be there, or is missing at the end,
// shows.
func holds(ctx context.Context, log events.Log, h *History) error {
	h.Account(h.id(events.IDAccount))
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	got, err := read(ctx, log, events.Position{}, h.Head())
	if err != nil {
		return err
	}
	return same(got, h.Events())
}

// conflicts appends a write that must be refused as a conflict.
func conflicts(ctx context.Context, log events.Log, what string, w events.Write) error {
	ack, err := log.Append(ctx, w)
	if !errors.Is(err, events.ErrConflict) {
		return fmt.Errorf("%s: acknowledged %v: %w", what, ack, unwanted(err, events.ErrConflict))
	}
	return outcome(err)
}

// lands appends a proposed write that must land next.
func lands(ctx context.Context, log events.Log, h *History, what string, w events.Write) error {
	ack, err := log.Append(ctx, w)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := h.Landed(w, ack); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// unwanted says that a call ended with got, which may be nil, where want was due.
// Only got is wrapped: nothing failed in the way that was wanted.
func unwanted(got, want error) error {
	if got == nil {
		return fmt.Errorf("no error, want %q", want.Error())
	}
	return fmt.Errorf("%w, want %q", got, want.Error())
}

// outcome reports an error of Append that is not exactly one of those it may be.
func outcome(err error) error {
	n := 0
	for _, of := range [...]error{
		events.ErrConflict, events.ErrUnavailable, events.ErrRefused, events.ErrUnknown, events.ErrDamaged,
	} {
		if errors.Is(err, of) {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("append answered an error of %d meanings: %w", n, err)
	}
	return nil
}
