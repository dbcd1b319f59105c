package eventstest

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/keyledger/keyledger/events"
)

// Times of a History count from here, a second or more from command to command.
var epoch = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

// Change is one event to be: what happens to which entity.
type Change struct {
	Entity events.Entity
	Data   events.Event
}

// History is a valid past: events in sequence, each with its place in its
// command and its entity. The same calls make the same bytes, ids and times
// included. It panics where an event cannot be encoded, which is a mistake in
// the test. It is for one goroutine.
type History struct {
	// Actor is who gives the commands to come.
	Actor string

	source   string
	serial   uint64 // ids drawn
	recorded []events.Recorded
	newest   map[events.Entity]place
	saved    uint64         // sequence of the newest event that a log holds
	unsaved  []events.Write // commands after it
}

// place is where an entity stands: its newest event.
type place struct{ sequence, revision uint64 }

// NewHistory begins a ledger: event 1 is ledger.opened.
func NewHistory() *History {
	h := &History{Actor: "system:test", newest: make(map[events.Entity]place)}
	incarnation := h.id(events.IDLedger)
	h.source = events.Source(incarnation)
	h.Then(events.LedgerEntity(), events.LedgerOpened{Incarnation: incarnation, Format: events.Format})
	return h
}

// Continue takes up the past that a log already holds, from event 1.
func Continue(past []events.Recorded) *History {
	h := &History{Actor: "system:test", newest: make(map[events.Entity]place)}
	// Far from the ids that the past has drawn.
	h.saved = uint64(len(past))
	h.serial = (h.saved + 1) << 12
	for _, r := range past {
		h.record(r)
		h.source = r.Source
	}
	return h
}

// Then adds one command: all of these happen to e. It returns its events.
func (h *History) Then(e events.Entity, data ...events.Event) []events.Recorded {
	changes := make([]Change, len(data))
	for i, d := range data {
		changes[i] = Change{Entity: e, Data: d}
	}
	return h.Do(changes...)
}

// Do adds one command, which may change several entities, and returns its events.
func (h *History) Do(changes ...Change) []events.Recorded {
	w := h.Propose(changes...)
	h.unsaved = append(h.unsaved, w)
	return h.land(w)
}

// Propose makes a command as Do would, with the expectations that hold now, and
// does not add it: for a test that sends it to a log itself. Where it landed,
// [History.Landed] says so.
func (h *History) Propose(changes ...Change) events.Write {
	at := epoch.Add(time.Duration(h.serial) * time.Second)
	command := h.id(events.IDCommand)
	revised := make(map[events.Entity]uint64)
	var w events.Write
	for i, c := range changes {
		p := events.Pending{Entity: c.Entity, ID: h.id(events.IDEvent)}
		if _, again := revised[c.Entity]; !again {
			p.Expect = h.Expect(c.Entity)
		}
		revised[c.Entity]++
		var err error
		if p.Name, err = events.EventName(c.Data.Type()); err != nil {
			panic(fmt.Sprintf("history: %v", err))
		}
		p.Payload, err = events.Encode(events.Envelope{
			ID: p.ID, Source: h.source, Time: at, Entity: c.Entity, Actor: h.Actor, Command: command,
			Index: i + 1, Count: len(changes), Revision: h.newest[c.Entity].revision + revised[c.Entity], Data: c.Data,
		})
		if err != nil {
			panic(fmt.Sprintf("history: %v", err))
		}
		w.Events = append(w.Events, p)
	}
	return w
}

// Landed adds a proposed command that a log has taken. It fails where the log
// says that it landed elsewhere than directly after all that h knows, or where
// h knows of commands that were not saved.
func (h *History) Landed(w events.Write, ack events.Ack) error {
	want := events.Ack{First: h.saved + 1, Last: h.saved + uint64(len(w.Events))}
	if len(h.unsaved) > 0 || ack != want {
		return fmt.Errorf("landed at %d to %d, want %d to %d with %d commands unsaved",
			ack.First, ack.Last, want.First, want.Last, len(h.unsaved))
	}
	h.land(w)
	h.saved = ack.Last
	return nil
}

func (h *History) land(w events.Write) []events.Recorded {
	begin := len(h.recorded)
	for _, p := range w.Events {
		e, err := events.Decode(p.Payload)
		if err != nil {
			panic(fmt.Sprintf("history: %v", err))
		}
		h.record(events.Recorded{Envelope: e, Sequence: h.Head() + 1, Payload: p.Payload})
	}
	return slices.Clone(h.recorded[begin:])
}

func (h *History) record(r events.Recorded) {
	h.recorded = append(h.recorded, r)
	h.newest[r.Entity] = place{sequence: r.Sequence, revision: r.Revision}
}

// Expect is the expectation that nothing has happened to e since.
func (h *History) Expect(e events.Entity) *events.Expectation {
	return &events.Expectation{Entity: e, Last: h.newest[e].sequence}
}

// Head is the sequence of the newest event.
func (h *History) Head() uint64 { return uint64(len(h.recorded)) }

// Events returns the whole past.
func (h *History) Events() []events.Recorded { return slices.Clone(h.recorded) }

// Position is the place of the n-th event; of the beginning, for 0.
func (h *History) Position(n uint64) events.Position {
	var at events.Position
	for _, r := range h.recorded[:n] {
		next, err := at.Next(r)
		if err != nil {
			panic(fmt.Sprintf("history: %v", err))
		}
		at = next
	}
	return at
}

// Save appends the commands that were added and not yet saved. The log must
// hold exactly the past before them.
func (h *History) Save(ctx context.Context, log events.Log) error {
	for len(h.unsaved) > 0 {
		w := h.unsaved[0]
		ack, err := log.Append(ctx, w)
		if err != nil {
			return fmt.Errorf("save: %w", err)
		}
		want := events.Ack{First: h.saved + 1, Last: h.saved + uint64(len(w.Events))}
		if ack != want {
			return fmt.Errorf("save: landed at %d to %d, want %d to %d", ack.First, ack.Last, want.First, want.Last)
		}
		h.saved, h.unsaved = ack.Last, h.unsaved[1:]
	}
	return nil
}

// id draws the next id. Its random part is a count, so that it is always the
// same and never given twice.
func (h *History) id(prefix string) string {
	h.serial++
	var random [10]byte
	binary.BigEndian.PutUint64(random[2:], h.serial)
	return events.NewID(prefix, epoch.Add(time.Duration(h.serial)*time.Second), random)
}
