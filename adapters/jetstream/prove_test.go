package jetstream_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/adapters/jetstream/jetstreamtest"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// tornLedger is a ledger that was written, stopped, and whose file lost its end.
func tornLedger(t *testing.T, past *eventstest.History, tear func(t *testing.T, block string, size int64)) *jetstream.Log {
	t.Helper()
	dir := t.TempDir()
	b, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: dir})
	must(t, err)
	must(t, past.Save(t.Context(), ledger(t, b)))
	must(t, b.Close(t.Context()))
	blocks, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", jetstream.StreamName, "msgs", "*.blk"))
	must(t, err)
	if len(blocks) != 1 {
		t.Fatalf("the ledger is in files %v, want one", blocks)
	}
	info, err := os.Stat(blocks[0])
	must(t, err)
	tear(t, blocks[0], info.Size())
	return ledger(t, jetstreamtest.StartWith(t, jetstream.EmbeddedConfig{Dir: dir}))
}

func truncate(t *testing.T, block string, size int64) {
	t.Helper()
	must(t, os.Truncate(block, size))
}

// tears are ways to lose the end of the ledger's file.
func tears() map[string]func(t *testing.T, block string, size int64) {
	return map[string]func(t *testing.T, block string, size int64){
		"ten bytes gone": func(t *testing.T, block string, size int64) {
			t.Helper()
			truncate(t, block, size-10)
		},
		"half gone": func(t *testing.T, block string, size int64) {
			t.Helper()
			truncate(t, block, size/2)
		},
		"zeros at the end": func(t *testing.T, block string, size int64) {
			t.Helper()
			truncate(t, block, size-300)
			truncate(t, block, size)
		},
	}
}

func TestAFollowerOfATornFileStopsAtTheFirstEventLost(t *testing.T) {
	t.Parallel()
	for name, tear := range tears() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			past, _ := pasts(50)
			log := tornLedger(t, past, tear)
			f := follow(t, log, events.Position{})
			delivered := uint64(0)
			for limit := time.After(time.Minute); ; {
				select {
				case _, ok := <-f.got:
					if ok {
						delivered++
						continue
					}
				case <-limit:
					t.Fatalf("after event %d follow goes on", delivered)
				}
				break
			}
			err := <-f.ended
			var damage *events.DamageError
			if !errors.As(err, &damage) || damage.Sequence != delivered+1 || delivered >= past.Head() {
				t.Fatalf("follow delivered %d of %d and ended with %v, want damage at the next", delivered, past.Head(), err)
			}
			_, err = log.Head(t.Context())
			wants(t, err, events.ErrDamaged)
		})
	}
}

func TestAPositionOnAnEventLostIsNotProven(t *testing.T) {
	t.Parallel()
	for name, tear := range tears() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			past, _ := pasts(50)
			log := tornLedger(t, past, tear)
			must(t, log.Prove(t.Context(), past.Position(1)))
			var damage *events.DamageError
			err := log.Prove(t.Context(), past.Position(past.Head()))
			if !errors.As(err, &damage) || damage.Sequence != past.Head() {
				t.Fatalf("got %v, want damage at %d", err, past.Head())
			}
		})
	}
}

func TestAFollowerFromAnEventLostStopsBeforeAnyDelivery(t *testing.T) {
	t.Parallel()
	past, _ := pasts(50)
	log := tornLedger(t, past, tears()["ten bytes gone"])
	follow(t, log, past.Position(past.Head())).damaged(t, past.Head())
}

func TestAPositionIsProvenByTheEventAtItAlone(t *testing.T) {
	t.Parallel()
	log := ledger(t, jetstreamtest.Start(t))
	past, other := pasts(5)
	must(t, past.Save(t.Context(), log))
	elsewhere := past.Position(past.Head())
	elsewhere.Incarnation = "kl_other"
	for name, c := range map[string]struct {
		at     events.Position
		proven bool
	}{
		"the beginning":        {events.Position{}, true},
		"the first event":      {past.Position(1), true},
		"the newest":           {past.Position(past.Head()), true},
		"another incarnation":  {elsewhere, true},
		"another ledger's":     {other.Position(3), false},
		"beyond the end":       {events.Position{Sequence: past.Head() + 1}, false},
		"far beyond the end":   {events.Position{Sequence: 1 << 40, Hash: elsewhere.Hash}, false},
		"without its own hash": {events.Position{Sequence: 2}, false},
	} {
		err := log.Prove(t.Context(), c.at)
		var damage *events.DamageError
		switch {
		case c.proven && err != nil:
			t.Errorf("%s: %v", name, err)
		case !c.proven && (!errors.As(err, &damage) || damage.Sequence != c.at.Sequence):
			t.Errorf("%s: got %v, want damage at %d", name, err, c.at.Sequence)
		}
	}
	// It may be the position that is wrong: the ledger goes on.
	holds(t, log, past)
}

func TestAnIdleConsumerIsNotDamageWhereTheEventIsThere(t *testing.T) {
	t.Parallel()
	log := ledger(t, jetstreamtest.Start(t))
	past, _ := pasts(5)
	must(t, past.Save(t.Context(), log))
	long := time.Now().Add(-2 * jetstream.ConfirmFor)
	for _, replicated := range []bool{false, true} {
		wants(t, log.Owing(t.Context(), past.Head(), long, replicated), jetstream.ErrConsumer)
	}
}

func TestOneOfSeveralReplicasIsAskedAgainBeforeItIsDamage(t *testing.T) {
	t.Parallel()
	past, _ := pasts(50)
	log := tornLedger(t, past, tears()["ten bytes gone"])
	long := time.Now().Add(-2 * jetstream.ConfirmFor)
	for _, c := range []struct {
		replicated bool
		since      time.Time
		want       error
	}{
		{false, time.Time{}, events.ErrDamaged},
		{true, time.Time{}, jetstream.ErrConsumer},
		{true, time.Now(), jetstream.ErrConsumer},
		{true, long, events.ErrDamaged},
	} {
		wants(t, log.Owing(t.Context(), past.Head(), c.since, c.replicated), c.want)
	}
}
