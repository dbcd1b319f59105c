package eventstest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyledger/keyledger/events"
)

// broken is a Memory with a planted fault.
type broken struct {
	*Memory
	append func(ctx context.Context, w events.Write) (events.Ack, error)
	follow func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error
	head   func(ctx context.Context) (uint64, error)
	over   <-chan struct{} // closed when the test is over
}

func (b *broken) Append(ctx context.Context, w events.Write) (events.Ack, error) {
	if b.append != nil {
		return b.append(ctx, w)
	}
	return b.Memory.Append(ctx, w)
}

func (b *broken) Follow(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
	if b.follow != nil {
		return b.follow(ctx, from, deliver)
	}
	return b.Memory.Follow(ctx, from, deliver)
}

func (b *broken) Head(ctx context.Context) (uint64, error) {
	if b.head != nil {
		return b.head(ctx)
	}
	return b.Memory.Head(ctx)
}

// fault is something that a Log may get wrong, and the checks that must notice.
type fault struct {
	name   string
	plant  func(b *broken)
	caught []string
}

// run runs a check on a log with a fault, in a bubble with a clock of its own,
// so that waiting for what never comes takes no time.
func run(t *testing.T, check Check, plant func(*broken)) error {
	t.Helper()
	var failed error
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		over := make(chan struct{})
		defer close(over)
		log := &broken{Memory: new(Memory), over: over}
		plant(log)
		failed = check.Run(ctx, log)
	})
	return failed
}

func TestEveryPlantedFaultIsCaught(t *testing.T) {
	unused := make(map[string]Check)
	for _, check := range Checks() {
		unused[check.Name] = check
	}
	checks := maps.Clone(unused)
	for _, f := range slices.Concat(appendFaults(), followFaults()) {
		t.Run(f.name, func(t *testing.T) {
			for _, name := range f.caught {
				check, ok := checks[name]
				if !ok {
					t.Fatalf("there is no check %q", name)
				}
				delete(unused, name)
				if err := run(t, check, f.plant); err != nil {
					t.Logf("%s: %.300v", name, err)
				} else {
					t.Errorf("not caught by %q", name)
				}
			}
		})
	}
	for name := range unused {
		t.Errorf("no fault is planted that %q must catch", name)
	}
}

func TestNoCheckFailsWhereThereIsNoFault(t *testing.T) {
	for _, check := range Checks() {
		if err := run(t, check, func(*broken) {}); err != nil {
			t.Errorf("%s: %v", check.Name, err)
		}
	}
}

// unchecked lands w whatever it expects.
func (b *broken) unchecked(w events.Write) (events.Ack, error) {
	l, err := prepare(w)
	if err != nil {
		return events.Ack{}, err
	}
	for i := range l.write.Events {
		l.write.Events[i].Expect = nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.land(l)
}

// newest is the sequence of the newest event for which is holds, 0 for none.
func (b *broken) newest(is func(events.Recorded) bool) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range slices.Backward(b.recorded) {
		if is(r) {
			return r.Sequence
		}
	}
	return 0
}

// forgetExpect appends with those expectations made true that forget chooses.
func (b *broken) forgetExpect(forget func(i int, p events.Pending) bool) {
	b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
		w.Events = slices.Clone(w.Events)
		for i, p := range w.Events {
			if p.Expect != nil && forget(i, p) {
				now := b.newest(func(r events.Recorded) bool { return r.Entity == p.Expect.Entity })
				w.Events[i].Expect = &events.Expectation{Entity: p.Expect.Entity, Last: now}
			}
		}
		return b.Memory.Append(ctx, w)
	}
}

// sharedCursor hands every event to one follower only.
type sharedCursor struct {
	mu    sync.Mutex
	given uint64
}

func (c *sharedCursor) take(sequence uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sequence <= c.given {
		return false
	}
	c.given = sequence
	return true
}
