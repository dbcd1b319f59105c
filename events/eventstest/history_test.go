package eventstest_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// life is a history of everything that the builders make.
func life() *eventstest.History {
	h := eventstest.NewHistory()
	h.Account("acct_1")
	key := h.Key("acct_1", "key_1", func(k *events.KeyCreated) { k.Permissions = []string{"keys:manage"} })
	h.Actor = "key_1"
	created := h.Events()[h.Head()-1].Data.(events.KeyCreated)
	h.Then(key, h.Rotated(created.Credential.ID), events.KeySuspended{})
	h.Do(
		eventstest.Change{Entity: events.KeyEntity("live", "acct_1", "key_2"), Data: h.NewKey()},
		eventstest.Change{Entity: key, Data: events.CommandAccepted{Right: "keys", Target: "key/key_2"}},
	)
	return h
}

func TestTheSameCallsMakeTheSameHistory(t *testing.T) {
	a, b := life().Events(), life().Events()
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got\n%+v\nand\n%+v", a, b)
	}
}

func TestAHistoryIsValid(t *testing.T) {
	h := life()
	ids := make(map[string]bool)
	revision := make(map[events.Entity]uint64)
	var at events.Position
	for _, r := range h.Events() {
		next, err := at.Next(r)
		if err != nil {
			t.Fatal(err)
		}
		at = next
		revision[r.Entity]++
		if r.Revision != revision[r.Entity] {
			t.Errorf("event %d is revision %d of %v, want %d", r.Sequence, r.Revision, r.Entity, revision[r.Entity])
		}
		if ids[r.ID] {
			t.Errorf("event %d has the id %s of another", r.Sequence, r.ID)
		}
		ids[r.ID] = true
		payload, err := events.Encode(r.Envelope)
		if err != nil || !bytes.Equal(payload, r.Payload) {
			t.Errorf("event %d: envelope encodes to\n%s, %v\nits payload is\n%s", r.Sequence, payload, err, r.Payload)
		}
	}
	if at != h.Position(h.Head()) {
		t.Errorf("position of its end is %v, want %v", h.Position(h.Head()), at)
	}
}

func TestASavedHistoryIsWhatTheLogHolds(t *testing.T) {
	log, h := new(eventstest.Memory), life()
	save(t, h, log)
	if got := everything(t, log); !reflect.DeepEqual(got, h.Events()) {
		t.Errorf("the log holds\n%+v\nwant\n%+v", got, h.Events())
	}
	h.Account("acct_2")
	save(t, h, log)
	if got := head(t, log); got != h.Head() {
		t.Errorf("head is %d after saving more, want %d", got, h.Head())
	}
}

func TestAHistoryGoesOnFromThePastOfALog(t *testing.T) {
	log := new(eventstest.Memory)
	save(t, life(), log)
	h := eventstest.Continue(everything(t, log))
	key := events.KeyEntity("live", "acct_1", "key_1")
	h.Then(key, events.KeyRevoked{})
	h.Key("acct_1", "key_3")
	save(t, h, log)
	got := everything(t, log)
	if !reflect.DeepEqual(got, h.Events()) {
		t.Errorf("the log holds\n%+v\nwant\n%+v", got, h.Events())
	}
	ids := make(map[string]bool)
	for _, r := range got {
		if ids[r.ID] {
			t.Errorf("event %d has the id %s of another", r.Sequence, r.ID)
		}
		ids[r.ID] = true
	}
}

func TestAHistoryIsNotSavedWhereItDoesNotBelong(t *testing.T) {
	log := new(eventstest.Memory)
	save(t, life(), log)
	if err := life().Save(t.Context(), log); err == nil {
		t.Error("saved a second history on a log that has one")
	}
	ahead := new(eventstest.Memory)
	h := eventstest.NewHistory() // one event, which conflicts with nothing
	w := eventstest.NewHistory().Propose(eventstest.Change{
		Entity: events.AccountEntity("acct_0"), Data: events.AccountOpened{Name: "n", Scheme: "s"},
	})
	if _, err := ahead.Append(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if err := h.Save(t.Context(), ahead); err == nil {
		t.Error("saved a history behind an event that it does not know")
	}
}
