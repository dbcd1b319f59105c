package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// The bound on the events of one command cannot be reached by any command of
// today; it is asked directly.
func TestACommandIsBounded(t *testing.T) {
	l := New(Config{View: blank{}, Now: func() time.Time { return time.Unix(0, 0) }, Random: func([]byte) {}})
	a := &attempt{Ledger: l, command: "cmd_1"}
	decided := slices.Repeat([]events.Event{events.KeySuspended{}}, events.MaxCommandEvents+1)
	d := func(n int) decision {
		return decision{changes: []change{{entity: events.KeyEntity("live", "acct_1", "key_1"), last: 7, revision: 3, events: decided[:n]}}}
	}
	write, lone, err := a.encode(d(events.MaxCommandEvents))
	if err != nil || lone || len(write.Events) != events.MaxCommandEvents || write.Validate() != nil {
		t.Fatalf("%d events, %v, %v", len(write.Events), err, write.Validate())
	}
	for i, p := range write.Events {
		e, err := events.Decode(p.Payload)
		if err != nil || e.Index != i+1 || e.Count != events.MaxCommandEvents || e.Revision != uint64(4+i) {
			t.Fatalf("event %d is %d of %d at revision %d: %v", i+1, e.Index, e.Count, e.Revision, err)
		}
		if (p.Expect != nil) != (i == 0) {
			t.Fatalf("event %d expects %v", i+1, p.Expect)
		}
	}
	if _, _, err := a.encode(d(events.MaxCommandEvents + 1)); !errors.Is(err, refusal.New(refusal.TooLarge, "")) {
		t.Errorf("one more: %v, want too_large", err)
	}
}

type blank struct{ View }

func (blank) Incarnation() string { return "kl_1" }

// Whatever is claimed in whatever order, everybody gets it in the end.
func TestLocksDoNotDeadlock(t *testing.T) {
	l := newLocks()
	done := make(chan struct{})
	for i := range 64 {
		go func() {
			defer func() { done <- struct{}{} }()
			for j := range 50 {
				claims := []claim{writes(fmt.Sprint("a", i%5)), reliesOn(fmt.Sprint("a", j%5)), writes(fmt.Sprint("b", (i+j)%3)), reliesOn("c")}
				if i%2 == 1 {
					slices.Reverse(claims)
				}
				unlock, err := l.lock(context.Background(), claims)
				if err != nil {
					t.Error(err)
					return
				}
				unlock()
			}
		}()
	}
	for range 64 {
		<-done
	}
}

func TestALockKeepsWritersApartAndLetsReadersShare(t *testing.T) {
	l := newLocks()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name   string
		held   claim
		wanted claim
		free   bool
	}{
		{"a writer after a writer", writes("a"), writes("a"), false},
		{"a writer after one who relies on it", reliesOn("a"), writes("a"), false},
		{"one who relies on it after a writer", writes("a"), reliesOn("a"), false},
		{"two who rely on it", reliesOn("a"), reliesOn("a"), true},
		{"another entity", writes("a"), writes("b"), true},
	} {
		unlock, err := l.lock(context.Background(), []claim{c.held})
		if err != nil {
			t.Fatal(err)
		}
		if c.free {
			second, err := l.lock(context.Background(), []claim{c.wanted})
			if err != nil {
				t.Fatal(err)
			}
			second()
		} else if _, err := l.lock(ended, []claim{c.wanted}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want it to wait", c.name, err)
		}
		unlock()
		again, err := l.lock(context.Background(), []claim{writes("a"), writes("b")}) // nothing is left behind
		if err != nil {
			t.Fatal(err)
		}
		again()
	}
}
