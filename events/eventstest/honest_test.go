package eventstest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// answer is what one write was told.
type answer struct {
	write events.Write
	ack   events.Ack
	err   error
}

// TestWhatAMemorySaysIsTrueUnderRandomFaults has several goroutines write to a
// few keys while every append may meet any outcome, and then compares what each
// was told with what the ledger holds.
func TestWhatAMemorySaysIsTrueUnderRandomFaults(t *testing.T) {
	for seed := range uint64(50) {
		log, answers := scramble(t, seed)
		past := everything(t, log)
		places := make(map[string][]uint64)
		newest := make(map[events.Entity]uint64)
		expects := make(map[string]*events.Expectation)
		for _, a := range answers {
			for _, p := range a.write.Events {
				expects[p.ID] = p.Expect
			}
		}
		for _, r := range past {
			places[r.ID] = append(places[r.ID], r.Sequence)
			if e := expects[r.ID]; e != nil && newest[e.Entity] != e.Last {
				t.Errorf("seed %d: event %d landed expecting %d of %v at %d", seed, r.Sequence, e.Last, e.Entity, newest[e.Entity])
			}
			newest[r.Entity] = r.Sequence
		}
		for _, a := range answers {
			if err := truthful(a, places); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
	}
}

func truthful(a answer, places map[string][]uint64) error {
	first, last := places[a.write.Events[0].ID], places[a.write.Events[len(a.write.Events)-1].ID]
	if len(first) > 1 || len(first) != len(last) {
		return fmt.Errorf("%s landed at %v to %v", a.write.Events[0].ID, first, last)
	}
	if a.err == nil && (len(first) != 1 || first[0] != a.ack.First || last[0] != a.ack.Last) {
		return fmt.Errorf("acknowledged at %v, is at %v to %v", a.ack, first, last)
	}
	if a.err != nil && !errors.Is(a.err, events.ErrUnknown) && len(first) > 0 {
		return fmt.Errorf("landed at %v, answered %w", first, a.err)
	}
	return nil
}

// scramble writes at random and returns what every write was told.
func scramble(t *testing.T, seed uint64) (*eventstest.Memory, []answer) {
	t.Helper()
	const writers, each, keys = 4, 25, 3
	log, h := new(eventstest.Memory), eventstest.NewHistory()
	var entities []events.Entity
	for i := range keys {
		entities = append(entities, h.Key("acct_1", fmt.Sprintf("key_%d", i)))
	}
	save(t, h, log)
	chance := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	log.OnAppend(func(int, events.Write) eventstest.Outcome {
		mu.Lock()
		defer mu.Unlock()
		return eventstest.Outcome(chance.IntN(int(eventstest.LandLate) + 1))
	})
	var answers []answer
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				mu.Lock()
				e := entities[chance.IntN(keys)]
				changes := []eventstest.Change{{Entity: e, Data: events.KeySuspended{}}, {Entity: e, Data: events.KeyResumed{}}}
				w := h.Propose(changes[:1+chance.IntN(2)]...)
				mu.Unlock()
				w.Events[0].Expect.Last = newestOf(log, e)
				ack, err := log.Append(t.Context(), w)
				mu.Lock()
				answers = append(answers, answer{w, ack, err})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	log.Settle()
	return log, answers
}

// everything is the whole of a log that nobody writes to.
func everything(t *testing.T, log events.Log) []events.Recorded {
	t.Helper()
	return upTo(log, head(t, log))
}

func upTo(log events.Log, end uint64) []events.Recorded {
	var all []events.Recorded
	enough := errors.New("enough")
	_ = log.Follow(context.Background(), events.Position{}, func(d []events.Recorded) error {
		if all = append(all, d...); all[len(all)-1].Sequence >= end {
			return enough
		}
		return nil
	})
	return all
}

// newestOf is the sequence of the newest event of e.
func newestOf(log events.Log, e events.Entity) uint64 {
	end, _ := log.Head(context.Background())
	var newest uint64
	for _, r := range upTo(log, end) {
		if r.Entity == e {
			newest = r.Sequence
		}
	}
	return newest
}

func TestAnAnswerThatIsNotTrueIsNoticed(t *testing.T) {
	w := events.Write{Events: []events.Pending{{ID: "evt_1"}, {ID: "evt_2"}}}
	at := func(one, two []uint64) map[string][]uint64 { return map[string][]uint64{"evt_1": one, "evt_2": two} }
	for name, c := range map[string]struct {
		ack    events.Ack
		err    error
		places map[string][]uint64
		true   bool
	}{
		"landed there":                {events.Ack{First: 4, Last: 5}, nil, at([]uint64{4}, []uint64{5}), true},
		"landed elsewhere":            {events.Ack{First: 3, Last: 4}, nil, at([]uint64{4}, []uint64{5}), false},
		"acknowledged and lost":       {events.Ack{First: 4, Last: 5}, nil, at(nil, nil), false},
		"landed in part":              {events.Ack{}, events.ErrUnknown, at([]uint64{4}, nil), false},
		"landed twice":                {events.Ack{}, events.ErrUnknown, at([]uint64{4, 6}, []uint64{5, 7}), false},
		"unknown and landed":          {events.Ack{}, events.ErrUnknown, at([]uint64{4}, []uint64{5}), true},
		"unknown and not landed":      {events.Ack{}, events.ErrUnknown, at(nil, nil), true},
		"a conflict that landed":      {events.Ack{}, events.ErrConflict, at([]uint64{4}, []uint64{5}), false},
		"unavailable and landed":      {events.Ack{}, events.ErrUnavailable, at([]uint64{4}, []uint64{5}), false},
		"unavailable, and so it is":   {events.Ack{}, events.ErrUnavailable, at(nil, nil), true},
		"refused and landed all same": {events.Ack{}, events.ErrRefused, at([]uint64{4}, []uint64{5}), false},
	} {
		if err := truthful(answer{w, c.ack, c.err}, c.places); (err == nil) != c.true {
			t.Errorf("%s: %v, want it to be true: %v", name, err, c.true)
		}
	}
}
