package audit

import (
	"errors"
	"fmt"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

// Rows of the keyspace.
const (
	rowEvent     = 'e' // sequence -> payload
	rowOfEntity  = 'n' // kind/id, sequence -> nothing
	rowOfAccount = 'a' // account, sequence -> nothing
	rowOfActor   = 'r' // actor, sequence -> nothing
	rowZone      = 'z' // size, number -> earliest and latest time
)

// Trail is the projection and what is asked of it. Questions may be asked from
// many goroutines.
type Trail struct {
	store *projections.Store
	zones [2]zone // being filled; for Apply alone
}

// New returns the trail of a store.
func New(store *projections.Store) *Trail { return &Trail{store: store} }

var (
	_ projections.Projection = (*Trail)(nil)
	_ projections.Loader     = (*Trail)(nil)
)

// Keyspace is where the rows are.
func (t *Trail) Keyspace() projections.Keyspace { return projections.Audit }

// Version counts the changes to what the rows say.
func (t *Trail) Version() int { return 1 }

// Load takes up the zones that the next event may belong to.
func (t *Trail) Load(r projections.Reader) error {
	rows := r.Rows(projections.Audit)
	t.zones = [2]zone{{shift: zoneShiftLow}, {shift: zoneShiftHigh}}
	for i := range t.zones {
		if err := t.zones[i].loadLast(rows); err != nil {
			return err
		}
	}
	return nil
}

// Apply adds an event to the trail. What it means is nobody's business here, so
// one of an unknown type is added like any other.
func (t *Trail) Apply(b *projections.Batch, c *projections.Change) error {
	if err := b.Set(eventRow(c.Sequence), c.Payload); err != nil {
		return err
	}
	for _, index := range [...]struct {
		row byte
		of  string
	}{{rowOfEntity, c.Entity.Ref()}, {rowOfAccount, c.Entity.Account}, {rowOfActor, c.Actor}} {
		if err := b.Set(projections.AppendSequence(indexOf(index.row, index.of), c.Sequence), nil); err != nil {
			return err
		}
	}
	for i := range t.zones {
		if err := t.zones[i].add(b, c.Sequence, c.Time); err != nil {
			return err
		}
	}
	return nil
}

func eventRow(sequence uint64) []byte {
	return projections.AppendSequence([]byte{rowEvent}, sequence)
}

// indexOf begins the keys of an index.
func indexOf(row byte, of string) []byte {
	key := make([]byte, 0, 1+2+len(of)+8)
	return projections.AppendText(append(key, row), of)
}

// Event returns one event; false where the trail does not reach so far.
func (t *Trail) Event(sequence uint64) (events.Recorded, bool, error) {
	payload, ok, err := t.store.Rows(projections.Audit).Get(eventRow(sequence))
	if err != nil || !ok {
		return events.Recorded{}, false, err
	}
	r, err := recorded(sequence, payload)
	return r, err == nil, err
}

// recorded is an event from its row. The payload is kept.
func recorded(sequence uint64, payload []byte) (events.Recorded, error) {
	e, err := events.Decode(payload)
	if err != nil {
		return events.Recorded{}, errors.Join(&events.DamageError{Sequence: sequence, Problem: "trail has another event"},
			fmt.Errorf("trail: %w", err))
	}
	return events.Recorded{Envelope: e, Sequence: sequence, Payload: payload}, nil
}
