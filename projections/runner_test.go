package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

// given is a log that delivers what it is told to, whether it makes sense or
// not, and then nothing more.
type given struct {
	events.Log
	deliveries [][]events.Recorded
}

func (g given) Follow(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
	for _, d := range g.deliveries {
		if err := deliver(d); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// none is no projection: the fold alone.
func none(*projections.Store) []projections.Projection { return nil }

func TestRowsDoNotDependOnWhereADeliveryEnds(t *testing.T) {
	for seed := range uint64(8) {
		past := projectionstest.Random(seed, 80)
		want, err := projectionstest.Uninterrupted(t.Context(), past, everything)
		if err != nil {
			t.Fatal(err)
		}
		head := past.History.Head()
		for _, size := range []int{1, 2, 3, 7, 50, events.MaxDelivery} {
			past.Log.LimitDelivery(size)
			n := openTest(t, vfs.NewMem(), past.Log, everything)
			runTo(t, n, head)
			if rowsOf(t, n) != want[head] {
				t.Errorf("seed %d: other rows with deliveries of %d", seed, size)
			}
		}
	}
}

func TestStatesAreThoseOfTheFold(t *testing.T) {
	for seed := range uint64(20) {
		past := projectionstest.Random(seed, 100)
		n := openTest(t, vfs.NewMem(), past.Log, none)
		runTo(t, n, past.History.Head())
		newest := map[string]uint64{}
		for _, r := range past.History.Events() {
			newest[r.Entity.Ref()] = r.Sequence
		}
		for id, want := range past.Keys {
			got, at, err := n.Store.Key(id)
			if diff := cmp.Diff(want, got); err != nil || diff != "" || at != newest["key/"+id] {
				t.Fatalf("seed %d: key %s at %d: %v (-folded +stored)\n%s", seed, id, at, err, diff)
			}
		}
		for id, want := range past.Accounts {
			got, at, err := n.Store.Account(id)
			if diff := cmp.Diff(want, got); err != nil || diff != "" || at != newest["account/"+id] {
				t.Fatalf("seed %d: account %s at %d: %v (-folded +stored)\n%s", seed, id, at, err, diff)
			}
		}
	}
}

func TestWhatIsNotThereIsZero(t *testing.T) {
	past := projectionstest.Random(1, 5)
	n := openTest(t, vfs.NewMem(), past.Log, none)
	runTo(t, n, past.History.Head())
	k, seqK, errK := n.Store.Key("key_none")
	a, seqA, errA := n.Store.Account("acct_none")
	s, seqS, errS := n.Store.Scheme("none")
	if err := errors.Join(errK, errA, errS); err != nil || seqK+seqA+seqS != 0 || k.Exists() || a.Exists() || s.Version != 0 {
		t.Errorf("%v %d, %v %d, %v %d, %v", k, seqK, a, seqA, s, seqS, err)
	}
}

// recorder keeps what it is given, before and after the commit.
type recorder struct {
	store     *projections.Store
	applied   []projections.Change
	committed []projections.Change
	problems  []string
	fail      error
}

func (r *recorder) Keyspace() projections.Keyspace { return projections.Usage }
func (r *recorder) Version() int                   { return 1 }

func (r *recorder) Apply(b *projections.Batch, c *projections.Change) error {
	if r.fail != nil {
		return r.fail
	}
	r.applied = append(r.applied, *c)
	if c.After.Key != nil {
		if k, at, err := b.Key(c.Entity.ID); err != nil || at != c.Sequence || k.Revision != c.Revision {
			r.problems = append(r.problems, fmt.Sprintf("the batch's key at %d is of %d, revision %d, %v", c.Sequence, at, k.Revision, err))
		}
	}
	return b.Set([]byte("row"), []byte(fmt.Sprint(c.Sequence)))
}

func (r *recorder) Committed(changes []projections.Change) {
	last := changes[len(changes)-1]
	row, _, err := r.store.Rows(projections.Usage).Get([]byte("row"))
	if err != nil || string(row) != fmt.Sprint(last.Sequence) {
		r.problems = append(r.problems, fmt.Sprintf("row is %q at %d, %v", row, last.Sequence, err))
	}
	if at := r.store.Position().Sequence; at >= changes[0].Sequence {
		r.problems = append(r.problems, fmt.Sprintf("%d was published before its effects", at))
	}
	r.committed = append(r.committed, changes...)
}

func TestProjectionsSeeEveryEventOnceWithTheStatesAroundIt(t *testing.T) {
	past := projectionstest.Random(7, 100)
	past.Log.LimitDelivery(5)
	var rec *recorder
	n := openTest(t, vfs.NewMem(), past.Log, func(s *projections.Store) []projections.Projection {
		rec = &recorder{store: s}
		return []projections.Projection{rec}
	})
	runTo(t, n, past.History.Head())
	keys := map[string]apikey.Key{}
	for i, want := range past.History.Events() {
		got := rec.applied[i]
		if got.Sequence != want.Sequence || got.After.Sequence != want.Sequence || got.After.Revision != want.Revision ||
			got.Before.Revision != want.Revision-1 || rec.committed[i].Sequence != want.Sequence {
			t.Fatalf("event %d was handed over as %+v", want.Sequence, got)
		}
		if want.Entity.Kind != events.KindKey {
			continue
		}
		before := keys[want.Entity.ID]
		after, err := apikey.Evolve(before, want.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		keys[want.Entity.ID] = after
		if got.Before.Exists() != (got.Before.Key != nil) || got.Before.Key != nil && !cmp.Equal(*got.Before.Key, before) ||
			!cmp.Equal(*got.After.Key, after) {
			t.Fatalf("event %d came with other states", want.Sequence)
		}
	}
	if len(rec.applied) != len(past.History.Events()) || len(rec.committed) != len(rec.applied) || len(rec.problems) > 0 {
		t.Errorf("%d applied, %d committed, problems %q", len(rec.applied), len(rec.committed), rec.problems)
	}
}

func TestWhatCannotBeAppliedStopsTheRunnerAtItsSequence(t *testing.T) {
	h := eventstest.NewHistory()
	h.Account("acct_1")
	key := h.Key("acct_1", "key_1")
	h.Then(key, events.KeySuspended{}, events.KeyResumed{})
	h.Then(key, events.KeyRevoked{})
	all := h.Events()
	edit := func(i int, f func(*events.Recorded)) []events.Recorded {
		out := slices.Clone(all)
		f(&out[i])
		return out
	}
	for name, c := range map[string]struct {
		deliver []events.Recorded
		at      uint64
		is      error
	}{
		"a revision is skipped":       {edit(3, func(r *events.Recorded) { r.Revision++ }), 4, events.ErrDamaged},
		"a revision is repeated":      {edit(5, func(r *events.Recorded) { r.Revision-- }), 6, events.ErrDamaged},
		"a second creation":           {edit(2, func(r *events.Recorded) { r.Revision = 2 }), 3, events.ErrDamaged},
		"of an account, a skip":       {edit(1, func(r *events.Recorded) { r.Revision = 2 }), 2, events.ErrDamaged},
		"of an unknown kind, a skip":  {edit(1, func(r *events.Recorded) { r.Entity.Kind, r.Revision = "member", 2 }), 2, events.ErrDamaged},
		"a sequence is missing":       {slices.Delete(slices.Clone(all), 1, 2), 3, events.ErrDamaged},
		"a sequence is repeated":      {slices.Insert(slices.Clone(all), 2, all[1]), 2, events.ErrDamaged},
		"opened twice":                {edit(1, func(r *events.Recorded) { r.Data = all[0].Data }), 2, events.ErrDamaged},
		"an event of something else":  {edit(3, func(r *events.Recorded) { r.Data = events.AccountClosed{} }), 4, apikey.ErrHistory},
		"a key's event on a stranger": {edit(1, func(r *events.Recorded) { r.Entity.Kind, r.Data = "member", events.KeyRevoked{} }), 2, nil},
		"a key's event on the ledger": {edit(1, func(r *events.Recorded) {
			r.Entity, r.Revision, r.Data = events.LedgerEntity(), 2, events.KeyRevoked{}
		}), 2, nil},
		"a command without its end":   {all[:4], 4, events.ErrDamaged},
		"a command without its begin": {slices.Delete(slices.Clone(all), 3, 4), 5, events.ErrDamaged},
		"two commands in one":         {edit(4, func(r *events.Recorded) { r.Command = "cmd_other" }), 5, events.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			n := openTest(t, vfs.NewMem(), given{deliveries: [][]events.Recorded{c.deliver}}, everything)
			err := n.Runner.Run(t.Context())
			if err == nil || !errors.Is(err, c.is) && c.is != nil || !strings.Contains(err.Error(), fmt.Sprint(c.at)) {
				t.Fatalf("stopped with: %v; want %v at %d", err, c.is, c.at)
			}
			if at := n.Store.Position().Sequence; at >= c.at {
				t.Errorf("published %d", at)
			}
			if r := rowsOf(t, n); r.At.Sequence != 0 {
				t.Errorf("a part of the delivery was kept: %d", r.At.Sequence)
			}
			waited := n.Store.Wait(t.Context(), c.at)
			if !errors.Is(waited, projections.ErrStopped) || c.is != nil && !errors.Is(waited, c.is) {
				t.Errorf("who waits is told: %v", waited)
			}
			if n.Runner.Ready(0) {
				t.Error("ready after it has stopped")
			}
		})
	}
}

func TestAFailingProjectionStopsTheRunnerAndNamesTheEvent(t *testing.T) {
	past := projectionstest.Random(3, 10)
	var rec *recorder
	n := openTest(t, vfs.NewMem(), past.Log, func(s *projections.Store) []projections.Projection {
		rec = &recorder{store: s}
		return append(everything(s), rec)
	})
	head := past.History.Head()
	runTo(t, n, head)
	want := rowsOf(t, n)
	past.Step()
	rec.fail = errors.New("no room")
	err := n.Runner.Run(t.Context())
	var at *projections.ApplyError
	if !errors.Is(err, rec.fail) || !errors.As(err, &at) || at.Sequence != head+1 || at.Type != past.History.Events()[head].Data.Type() {
		t.Errorf("stopped with %v", err)
	}
	if rowsOf(t, n) != want || n.Store.Position() != want.At {
		t.Error("something of the batch was kept")
	}
	rec.fail = nil
	runTo(t, n, past.History.Head())
	fresh := openTest(t, vfs.NewMem(), past.Log, func(s *projections.Store) []projections.Projection {
		return append(everything(s), &recorder{store: s})
	})
	runTo(t, fresh, past.History.Head())
	if rowsOf(t, n) != rowsOf(t, fresh) {
		t.Error("other rows after the failure was mended and the run resumed")
	}
}

func TestRunResumesOnlyOnTheLogItComesFrom(t *testing.T) {
	past := projectionstest.Random(3, 20)
	n := openTest(t, vfs.NewMem(), past.Log, everything)
	head := past.History.Head()
	runTo(t, n, head)
	for range 10 {
		past.Step()
	}
	runTo(t, n, past.History.Head())
	if at := n.Store.Position(); at != past.History.Position(past.History.Head()) {
		t.Errorf("at %v", at)
	}
	fs := vfs.NewMem()
	n = openTest(t, fs, past.Log, everything)
	runTo(t, n, past.History.Head())
	if err := n.Store.Close(); err != nil {
		t.Fatal(err)
	}
	other := projectionstest.Random(4, 60)
	n = openTest(t, fs, other.Log, everything)
	if err := n.Runner.Run(t.Context()); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("went on with another ledger: %v", err)
	}
}

func TestADamagedLogStopsTheRunner(t *testing.T) {
	for _, fault := range []eventstest.FollowFault{eventstest.EventMissing, eventstest.BytesChanged, eventstest.LogShorter} {
		past := projectionstest.Random(5, 40)
		past.Log.LimitDelivery(3)
		past.Log.OnFollow(func(at events.Position, _ []events.Recorded) eventstest.FollowFault {
			if at.Sequence > 20 {
				return fault
			}
			return eventstest.NoFault
		})
		n := openTest(t, vfs.NewMem(), past.Log, everything)
		if err := n.Runner.Run(t.Context()); !errors.Is(err, events.ErrDamaged) {
			t.Errorf("fault %d: stopped with %v", fault, err)
		}
		if at := n.Store.Position().Sequence; at <= 20 || at >= past.History.Head() {
			t.Errorf("fault %d: stopped at %d", fault, at)
		}
	}
}

func TestALostConnectionIsNoMoreThanThat(t *testing.T) {
	past := projectionstest.Random(5, 40)
	past.Log.LimitDelivery(3)
	lost := map[uint64]bool{}
	past.Log.OnFollow(func(at events.Position, _ []events.Recorded) eventstest.FollowFault {
		if lost[at.Sequence] {
			return eventstest.NoFault
		}
		lost[at.Sequence] = true
		return eventstest.ConnectionLost
	})
	n := openTest(t, vfs.NewMem(), past.Log, everything)
	runTo(t, n, past.History.Head())
}
