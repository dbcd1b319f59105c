package events_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

func TestAPositionFollowsTheLedger(t *testing.T) {
	h := eventstest.NewHistory()
	h.Account("acct_1")
	h.Then(events.LedgerEntity(), events.LedgerRestored{Incarnation: "kl_restored", Size: 2})
	h.Key("acct_1", "key_1")
	past := h.Events()
	first := past[0].Data.(events.LedgerOpened).Incarnation

	var at events.Position
	if !at.IsZero() {
		t.Error("the beginning is not the beginning")
	}
	for i, want := range []string{first, first, "kl_restored", "kl_restored"} {
		next, err := at.Next(past[i])
		if err != nil {
			t.Fatal(err)
		}
		if next != (events.Position{Incarnation: want, Sequence: uint64(i) + 1, Hash: past[i].Hash()}) || next.IsZero() {
			t.Errorf("position after event %d is %+v, want incarnation %s", i+1, next, want)
		}
		at = next
	}
}

func TestAnEventThatDoesNotStandDirectlyAfterAPositionIsDamage(t *testing.T) {
	h := eventstest.NewHistory()
	h.Account("acct_1")
	h.Key("acct_1", "key_1")
	past := h.Events()
	again, early := past[0], past[1]
	again.Sequence, early.Sequence = 3, 1
	for _, c := range []struct {
		name string
		at   events.Position
		next events.Recorded
		seq  uint64
	}{
		{"a gap", h.Position(1), past[2], 2},
		{"a gap at the beginning", events.Position{}, past[1], 1},
		{"a repetition", h.Position(2), past[1], 3},
		{"going back", h.Position(2), past[0], 3},
		{"sequence 0", events.Position{}, events.Recorded{Envelope: past[0].Envelope, Payload: past[0].Payload}, 1},
		{"a second ledger.opened", h.Position(2), again, 3},
		{"a ledger that does not begin with ledger.opened", events.Position{}, early, 1},
	} {
		got, err := c.at.Next(c.next)
		var damage *events.DamageError
		if !errors.As(err, &damage) || !errors.Is(err, events.ErrDamaged) || damage.Sequence != c.seq {
			t.Errorf("%s: %v, want damage at %d", c.name, err, c.seq)
		}
		if got != c.at {
			t.Errorf("%s: moved to %+v", c.name, got)
		}
	}
}

func TestDamageSaysWhere(t *testing.T) {
	err := error(&events.DamageError{Sequence: 42, Problem: "a gap"})
	if got := err.Error(); !strings.Contains(got, "42") || !strings.Contains(got, "a gap") {
		t.Errorf("says %q", got)
	}
	if errors.Is(err, events.ErrUnknown) {
		t.Error("is taken for another error")
	}
}

func TestAPositionSurvivesJSON(t *testing.T) {
	h := eventstest.NewHistory()
	want := h.Position(1)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got events.Position
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%s reads as %+v, %v", text, got, err)
	}
	for _, bad := range []string{`{"hash":"00"}`, `{"hash":"zz"}`, `{"hash":"` + strings.Repeat("0", 66) + `"}`} {
		got := want
		if err := json.Unmarshal([]byte(bad), &got); err == nil || got.Hash != want.Hash {
			t.Errorf("%s reads as %+v, %v", bad, got, err)
		}
	}
}

// The hash of the empty leaf is that of RFC 6962's test vectors: SHA-256 of one
// zero byte.
func TestTheHashOfAnEventIsItsMerkleLeafHash(t *testing.T) {
	const empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
	if got := events.LeafHash(nil).String(); got != empty {
		t.Errorf("hash of nothing is %s, want %s", got, empty)
	}
	r := events.Recorded{Payload: []byte("{}")}
	if r.Hash() != events.LeafHash(r.Payload) || r.Hash() == events.LeafHash(nil) {
		t.Errorf("hash of an event is %s", r.Hash())
	}
}

func TestAWriteThatNoLogMayTakeIsRefused(t *testing.T) {
	h := eventstest.NewHistory()
	key, account := events.KeyEntity("live", "acct_1", "key_1"), events.AccountEntity("acct_1")
	batch := func() events.Write {
		return h.Propose(
			eventstest.Change{Entity: key, Data: h.NewKey()},
			eventstest.Change{Entity: account, Data: events.AccountSuspended{}},
			eventstest.Change{Entity: key, Data: events.KeySuspended{}},
		)
	}
	if err := batch().Validate(); err != nil {
		t.Errorf("a valid batch: %v", err)
	}
	lone := events.Write{Events: batch().Events[:1]}
	lone.Events[0].Expect = h.Expect(account)
	if err := lone.Validate(); err != nil {
		t.Errorf("a lone event guarded by another entity: %v", err)
	}
	for name, spoil := range map[string]func(*events.Write){
		"no events": func(w *events.Write) { w.Events = nil },
		"too many events": func(w *events.Write) {
			for len(w.Events) <= events.MaxCommandEvents {
				w.Events = append(w.Events, w.Events[2])
			}
		},
		"no expectation":                   func(w *events.Write) { w.Events[1].Expect = nil },
		"a lone event without expectation": func(w *events.Write) { w.Events = w.Events[2:] },
		"an expectation too many":          func(w *events.Write) { w.Events[2].Expect = h.Expect(key) },
		"an expectation of another":        func(w *events.Write) { w.Events[1].Expect = h.Expect(key) },
		"an expectation of nothing": func(w *events.Write) {
			w.Events = w.Events[:1]
			w.Events[0].Expect = &events.Expectation{}
		},
		"a subject that cannot be": func(w *events.Write) { w.Events[1].Entity.ID = "a.b" },
		"a name that cannot be":    func(w *events.Write) { w.Events[1].Name = "*" },
		"no id":                    func(w *events.Write) { w.Events[1].ID = "" },
		"no payload":               func(w *events.Write) { w.Events[1].Payload = nil },
		"too large a payload":      func(w *events.Write) { w.Events[1].Payload = make([]byte, events.MaxPayload+1) },
	} {
		w := batch()
		spoil(&w)
		if err := w.Validate(); !errors.Is(err, events.ErrRefused) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}
