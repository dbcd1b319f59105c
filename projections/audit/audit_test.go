package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, fs vfs.FS, past *projectionstest.Past) (*audit.Trail, *projectionstest.Node) {
	t.Helper()
	var trail *audit.Trail
	n, err := projectionstest.Open(fs, past.Log, func(s *projections.Store) []projections.Projection {
		trail = audit.New(s)
		return []projections.Projection{trail}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Store.Close() })
	return trail, n
}

// folded is the trail of a past to its end.
func folded(t *testing.T, past *projectionstest.Past) *audit.Trail {
	t.Helper()
	trail, n := open(t, vfs.NewMem(), past)
	fold(t, n, past)
	return trail
}

func fold(t *testing.T, n *projectionstest.Node, past *projectionstest.Past) {
	t.Helper()
	if err := n.RunTo(t.Context(), past.History.Head()); err != nil {
		t.Fatal(err)
	}
}

// matching is the answer to a query, found by looking at every event.
func matching(past *projectionstest.Past, q audit.Query) (out []events.Recorded) {
	for _, r := range past.History.Events() {
		if r.Sequence > q.After && (q.Entity == "" || r.Entity.Ref() == q.Entity) &&
			(q.Account == "" || r.Entity.Account == q.Account) && (q.Actor == "" || r.Actor == q.Actor) &&
			(q.From.IsZero() || !r.Time.Before(q.From)) && (q.Until.IsZero() || r.Time.Before(q.Until)) &&
			(len(q.Types) == 0 || slices.Contains(q.Types, r.Data.Type())) {
			out = append(out, r)
		}
	}
	return out
}

// answer reads all pages of a query.
func answer(t *testing.T, trail *audit.Trail, q audit.Query) (out []events.Recorded) {
	t.Helper()
	for {
		page, err := trail.Events(q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if len(page.Events) > q.Limit || page.More && page.Next == q.After {
			t.Fatalf("%+v: %d events, more %v, next %d", q, len(page.Events), page.More, page.Next)
		}
		out = append(out, page.Events...)
		q.After = page.Next
		if !page.More {
			if page.Next < page.Head {
				t.Fatalf("%+v: the end is %d, the head %d", q, page.Next, page.Head)
			}
			return out
		}
	}
}

func same(a, b events.Recorded) bool {
	return a.Sequence == b.Sequence && bytes.Equal(a.Payload, b.Payload) && a.ID == b.ID
}

func TestAnAnswerIsExactlyTheEventsThatMatchInTheOrderOfTheLedger(t *testing.T) {
	for seed := range uint64(3) {
		past := projectionstest.Random(seed, 1000)
		trail := folded(t, past)
		all := past.History.Events()
		rng := rand.New(rand.NewPCG(seed, 9))
		some := func() events.Recorded { return all[rng.IntN(len(all))] }
		found := 0
		for range 60 {
			q := audit.Query{Limit: 20 + rng.IntN(300)}
			for _, set := range []func(){
				func() { q.After = some().Sequence },
				func() { q.Entity = some().Entity.Ref() },
				func() { q.Account = some().Entity.Account },
				func() { q.Actor = some().Actor },
				func() { q.From = some().Time },
				func() { q.Until = some().Time.Add(time.Duration(rng.IntN(2))) },
				func() { q.Types = []string{some().Data.Type(), some().Data.Type()} },
			} {
				if rng.IntN(4) == 0 {
					set()
				}
			}
			want, got := matching(past, q), answer(t, trail, q)
			if !slices.EqualFunc(want, got, same) {
				t.Fatalf("seed %d, %+v: %d events, want %d", seed, q, len(got), len(want))
			}
			found += len(got)
		}
		if found < 500 {
			t.Errorf("seed %d: only %d events answered", seed, found)
		}
	}
}

func TestTheTrailHasEveryEventByteForByte(t *testing.T) {
	past := projectionstest.Random(3, 300)
	trail := folded(t, past)
	for _, want := range past.History.Events() {
		got, ok, err := trail.Event(want.Sequence)
		if err != nil || !ok || !same(got, want) || !got.Time.Equal(want.Time) || got.Entity != want.Entity {
			t.Fatalf("event %d: %v, %v, %+v", want.Sequence, ok, err, got)
		}
	}
	for _, beyond := range []uint64{0, past.History.Head() + 1} {
		if _, ok, err := trail.Event(beyond); ok || err != nil {
			t.Errorf("event %d: %v, %v", beyond, ok, err)
		}
	}
	for id := range past.Keys {
		var last uint64
		for _, r := range answer(t, trail, func() audit.Query { q := audit.OfKey(id); q.Limit = 10; return q }()) {
			if r.Entity.ID != id || r.Revision != last+1 {
				t.Fatalf("key %s: revision %d of %s after %d", id, r.Revision, r.Entity.Ref(), last)
			}
			last = r.Revision
		}
		if last != past.Keys[id].Revision {
			t.Errorf("key %s: %d events of %d", id, last, past.Keys[id].Revision)
		}
	}
}

func TestAMadClockHidesNothing(t *testing.T) {
	past := projectionstest.NewPast(5)
	h := past.History
	open := func(n int) {
		var all []eventstest.Change
		for range n {
			e := events.AccountEntity(fmt.Sprintf("acct_%d_%d", h.Head(), len(all)))
			all = append(all, eventstest.Change{Entity: e, Data: events.AccountOpened{Name: "n", Scheme: "s"}})
		}
		past.Do(false, all...)
	}
	for i := range 10 {
		past.Advance(time.Hour)
		open(250)
		if i%5 == 2 {
			past.Advance(70 * 365 * 24 * time.Hour)
			open(1)
			past.Advance(-90 * 365 * 24 * time.Hour)
			open(1)
			past.Advance(20 * 365 * 24 * time.Hour)
		}
	}
	trail := folded(t, past)
	all := h.Events()
	for i := 0; i < len(all); i += 97 {
		q := audit.Query{From: all[i].Time, Until: all[i].Time.Add(time.Nanosecond), Limit: 500}
		if want, got := matching(past, q), answer(t, trail, q); !slices.EqualFunc(want, got, same) {
			t.Errorf("at %v: %d events, want %d", q.From, len(got), len(want))
		}
	}
}

// forgetful is a trail that loses an event.
type forgetful struct {
	*audit.Trail
	loses uint64
}

func (f forgetful) Apply(b *projections.Batch, c *projections.Change) error {
	if c.Sequence == f.loses {
		return nil
	}
	return f.Trail.Apply(b, c)
}

func TestAMissingEventIsAnErrorAndNotAGap(t *testing.T) {
	past := projectionstest.Random(3, 100)
	var trail *audit.Trail
	n, err := projectionstest.Open(vfs.NewMem(), past.Log, func(s *projections.Store) []projections.Projection {
		trail = audit.New(s)
		return []projections.Projection{forgetful{trail, 50}}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Store.Close() }()
	fold(t, n, past)
	_, err = trail.Events(audit.Query{})
	var damage *events.DamageError
	if !errors.As(err, &damage) || damage.Sequence != 50 {
		t.Errorf("answered over a gap: %v", err)
	}
	if page, err := trail.Events(audit.Query{After: 50}); err != nil || page.Events[0].Sequence != 51 {
		t.Errorf("after the gap: %v", err)
	}
}

func TestWorkForOnePageIsBounded(t *testing.T) {
	past := projectionstest.NewPast(2)
	for range 21 {
		var all []eventstest.Change
		for i := range events.MaxCommandEvents {
			e := events.AccountEntity(fmt.Sprintf("acct_%d_%d", past.History.Head(), i))
			all = append(all, eventstest.Change{Entity: e, Data: events.AccountOpened{Name: "n", Scheme: "s"}})
		}
		past.Do(false, all...)
	}
	trail := folded(t, past)
	q := audit.Query{Types: []string{events.TypeKeyRevoked}, Limit: 5}
	page, err := trail.Events(q)
	if err != nil || !page.More || len(page.Events) > 0 || page.Next < 5000 || page.Next >= page.Head {
		t.Errorf("%d events, next %d of %d, more %v, %v", len(page.Events), page.Next, page.Head, page.More, err)
	}
	if got := answer(t, trail, q); len(got) > 0 {
		t.Errorf("%d events", len(got))
	}
	q = audit.Query{Limit: 1 << 30}
	if page, err = trail.Events(q); err != nil || len(page.Events) != audit.MaxPage || !page.More || page.Next != audit.MaxPage {
		t.Errorf("%d events, next %d, %v", len(page.Events), page.Next, err)
	}
	if page, err = trail.Events(audit.Query{}); err != nil || len(page.Events) != audit.DefaultPage {
		t.Errorf("%d events, %v", len(page.Events), err)
	}
	for _, after := range []uint64{page.Head, page.Head + 7, 1 << 63, math.MaxUint64 - 1, math.MaxUint64} {
		q = audit.Query{After: after}
		if page, err = trail.Events(q); err != nil || len(page.Events) > 0 || page.More || page.Next != after {
			t.Errorf("after %d, beyond the head: next %d, more %v, %v", after, page.Next, page.More, err)
		}
	}
}

func TestZonesGoOnWhereAStoppedRunLeftThem(t *testing.T) {
	past := projectionstest.NewPast(8)
	fs := vfs.NewMem()
	_, n := open(t, fs, past)
	for past.History.Head() < 2500 {
		for range 40 {
			past.Step()
		}
		fold(t, n, past)
		if err := n.Store.Close(); err != nil {
			t.Fatal(err)
		}
		_, n = open(t, fs, past)
	}
	_, got, err := n.Store.Digest(projections.Audit)
	if err != nil {
		t.Fatal(err)
	}
	_, whole := open(t, vfs.NewMem(), past)
	fold(t, whole, past)
	if _, want, err := whole.Store.Digest(projections.Audit); err != nil || got != want {
		t.Errorf("other rows after many runs than after one, %v", err)
	}
}
