package directory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

// recordsOf are the records of all commands with an Idempotency-Key.
func recordsOf(past *projectionstest.Past) map[string]ledger.CommandRecord {
	out := map[string]ledger.CommandRecord{}
	for _, r := range past.History.Events() {
		digest, ok := past.Commands[r.Command]
		if !ok {
			continue
		}
		c := out[r.Command]
		if r.Index == 1 {
			c = ledger.CommandRecord{ID: r.Command, Digest: digest, At: r.Time}
		}
		if !slices.Contains(c.Entities, r.Entity) {
			c.Entities = append(c.Entities, r.Entity)
		}
		c.Last = r.Sequence
		out[r.Command] = c
	}
	return out
}

func TestACommandWithAnIdempotencyKeyIsRememberedWithAllItDid(t *testing.T) {
	for seed := range uint64(10) {
		past := projectionstest.Random(seed, 12) // within a day, all but surely
		d, _ := folded(t, past)
		newest := past.History.Events()[past.History.Head()-1].Time
		for id, want := range recordsOf(past) {
			got, ok, err := d.Command(id)
			if err != nil || !ok && newest.Sub(want.At) < ledger.IdempotencyWindow/2 {
				t.Fatalf("seed %d: %s is forgotten, %v", seed, id, err)
			}
			if diff := cmp.Diff(want, got); ok && diff != "" {
				t.Errorf("seed %d: %s (-want +got):\n%s", seed, id, diff)
			}
		}
		if _, ok, err := d.Command("cmd_none"); ok || err != nil {
			t.Errorf("a command without record: %v, %v", ok, err)
		}
	}
}

// openAccount adds a command about an account of its own.
func openAccount(past *projectionstest.Past, idempotent bool) string {
	e := events.AccountEntity(fmt.Sprintf("acct_%d", past.History.Head()))
	data := events.AccountOpened{Name: "n", Scheme: "s"}
	return past.Do(idempotent, eventstest.Change{Entity: e, Data: data})[0].Command
}

func TestACommandIsForgottenAtTheFirstCommandAfterItsDay(t *testing.T) {
	past := projectionstest.NewPast(1)
	id := openAccount(past, true)
	d, n := folded(t, past)
	remembered := func() bool {
		t.Helper()
		fold(t, n, past)
		_, ok, err := d.Command(id)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	past.Advance(ledger.IdempotencyWindow - time.Second)
	openAccount(past, false)
	if !remembered() {
		t.Error("forgotten within its day")
	}
	past.Advance(2 * time.Second)
	if !remembered() {
		t.Error("forgotten though nothing has happened on the ledger")
	}
	openAccount(past, false)
	if remembered() {
		t.Error("remembered after its day")
	}
}

func TestForgettingIsBoundedAndCatchesUp(t *testing.T) {
	past := projectionstest.NewPast(1)
	var ids []string
	for range 100 {
		ids = append(ids, openAccount(past, true))
	}
	d, n := folded(t, past)
	past.Advance(2 * ledger.IdempotencyWindow)
	left := len(ids)
	for left > 0 {
		ids = append(ids, openAccount(past, true)) // one more, whatever goes
		fold(t, n, past)
		was := left
		left = 0
		for i, id := range ids[:100] {
			_, ok, err := d.Command(id)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				left++
			} else if i > 0 {
				if _, ok, _ := d.Command(ids[i-1]); ok {
					t.Fatal("a younger one went first")
				}
			}
		}
		if was-left > 4 || was == left {
			t.Fatalf("one command made %d forgotten", was-left)
		}
	}
	_, whole := folded(t, past) // in one run, with what Apply keeps in memory
	got, errGot := projectionstest.ReadRows(n.Store)
	want, errWant := projectionstest.ReadRows(whole.Store)
	if got != want || errGot != nil || errWant != nil {
		t.Errorf("many runs and one forget differently: %v, %v", errGot, errWant)
	}
	for _, id := range ids[100:] {
		if _, ok, err := d.Command(id); err != nil || !ok {
			t.Errorf("%s of today is forgotten, %v", id, err)
		}
	}
}

func TestTheSameKeyAgainReplacesItsRecord(t *testing.T) {
	past := projectionstest.NewPast(1)
	first := openAccount(past, true)
	past.Advance(time.Hour)
	again := past.Again(first, eventstest.Change{
		Entity: events.AccountEntity("acct_again"), Data: events.AccountOpened{Name: "n", Scheme: "s"},
	})
	d, n := folded(t, past)
	got, ok, err := d.Command(first)
	if err != nil || !ok || got.Last != again.Sequence || len(got.Entities) != 1 || got.Entities[0] != again.Entity {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	// When the first one's day is over, its place in the queue must be gone too.
	past.Advance(ledger.IdempotencyWindow - time.Minute)
	openAccount(past, false)
	fold(t, n, past)
	if _, ok, err := d.Command(first); err != nil || !ok {
		t.Errorf("forgotten with the record it replaced: %v", err)
	}
	past.Advance(time.Hour)
	openAccount(past, false)
	fold(t, n, past)
	if _, ok, err := d.Command(first); err != nil || ok {
		t.Errorf("not forgotten: %v", err)
	}
}
