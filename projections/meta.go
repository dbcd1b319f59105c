package projections

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/cockroachdb/pebble/v2"

	"github.com/keyledger/keyledger/events"
)

// storeFormat counts the changes to the store as a whole: how Meta is written
// and which byte is whose. A store of an older format is rebuilt.
const storeFormat = 1

// ErrNewerFormat is returned for a store that a newer keyledger has written.
var ErrNewerFormat = errors.New("store of a newer format")

// Rows of the keyspace Meta. What stands in the manifest's row is read before
// anything else is known, so that row and the field "format" stay for ever.
const (
	rowManifest = "manifest"
	rowPosition = "position"
)

// manifest says what the rows of the store mean.
type manifest struct {
	Format int `json:"format"`
	// Folds is the version of every keyspace with rows.
	Folds map[string]int `json:"folds"`
}

func manifestOf(all []Projection) manifest {
	m := manifest{Format: storeFormat, Folds: map[string]int{State.Name(): foldVersion}}
	for _, p := range all {
		m.Folds[p.Keyspace().Name()] = p.Version()
	}
	return m
}

func (m manifest) equal(other manifest) bool {
	return m.Format == other.Format && maps.Equal(m.Folds, other.Folds)
}

// readManifest returns the zero manifest for a store that has none yet.
func readManifest(r Reader) (manifest, error) {
	var m manifest
	row, ok, err := r.Rows(Meta).Get([]byte(rowManifest))
	if err != nil || !ok {
		return m, err
	}
	if err := json.Unmarshal(row, &m); err != nil {
		return m, fmt.Errorf("manifest: %w: %w", errRow, err)
	}
	if m.Format > storeFormat {
		return m, fmt.Errorf("%w: it has format %d, this keyledger writes %d: use a newer keyledger, "+
			"or delete the folder, which is then rebuilt from the ledger", ErrNewerFormat, m.Format, storeFormat)
	}
	return m, nil
}

func readPosition(r Reader) (events.Position, error) {
	var p events.Position
	row, ok, err := r.Rows(Meta).Get([]byte(rowPosition))
	if err != nil || !ok {
		return p, err
	}
	if err := json.Unmarshal(row, &p); err != nil {
		return p, fmt.Errorf("position: %w: %w", errRow, err)
	}
	return p, nil
}

func setPosition(b *pebble.Batch, p events.Position) error {
	return setJSON(b, rowPosition, p)
}

func setJSON(b *pebble.Batch, row string, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		err = b.Set(Meta.key([]byte(row)), text, nil)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", row, err)
	}
	return nil
}

// understandsMore reports whether this build knows a type of event that was
// unknown to the one that folded it. What such an event did is not in the state,
// which is opaque where it should not be, so the store must be rebuilt.
func understandsMore(r Reader) (bool, error) {
	more := false
	err := r.Rows(State).Scan([]byte{rowUnknown}, []byte{rowUnknown + 1}, func(key, _ []byte) (bool, error) {
		more = isKnown(string(key[1:]))
		return !more, nil
	})
	return more, err
}

// isKnown asks the codec, which has the only list of types.
func isKnown(typ string) bool {
	payload, err := events.Encode(events.Envelope{
		ID: "evt_", Entity: events.LedgerEntity(), Index: 1, Count: 1, Revision: 1,
		Data: events.Unknown{Name: typ, Raw: []byte("{}")},
	})
	if err != nil {
		return false
	}
	e, err := events.Decode(payload)
	if err != nil {
		return true // it has a form of its own for the data
	}
	_, unknown := e.Data.(events.Unknown)
	return !unknown
}
