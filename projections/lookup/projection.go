package lookup

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

var (
	_ projections.Projection = (*Verifier)(nil)
	_ projections.Loader     = (*Verifier)(nil)
	_ projections.Committer  = (*Verifier)(nil)
)

// newestRow is the row of the newest time that an event has told, in whole
// seconds. No environment has an empty name, so it is among none of theirs.
var newestRow = []byte("/newest")

// Keyspace is part of [projections.Projection].
func (v *Verifier) Keyspace() projections.Keyspace { return projections.Lookup }

// Version is part of [projections.Projection]. It counts the changes to rowOf as
// well as those to the form of a row.
func (v *Verifier) Version() int { return 1 }

// Apply writes the rows of a key that has changed, those that differ. An
// [events.Unknown] in the history of a key has made its state opaque, and so its
// rows; of an account or scheme it is dealt with where those are read.
func (v *Verifier) Apply(b *projections.Batch, c *projections.Change) error {
	if second := c.Time.Unix(); second > v.newest {
		if err := b.Set(newestRow, binary.AppendVarint(nil, second)); err != nil {
			return fmt.Errorf("write newest time: %w", err)
		}
		v.newest = second
	}
	if c.Entity.Kind != events.KindKey {
		return nil
	}
	before, after := rowsOf(c.Before.Key), rowsOf(c.After.Key)
	for _, r := range after {
		if old := find(before, r.at); old != nil && bytes.Equal(old.value, r.value) {
			continue
		}
		if err := b.Set(r.at, r.value); err != nil {
			return fmt.Errorf("write row: %w", err)
		}
	}
	for _, r := range before {
		if find(after, r.at) == nil {
			if err := b.Delete(r.at); err != nil {
				return fmt.Errorf("delete row: %w", err)
			}
		}
	}
	return nil
}

func find(rows []stored, at []byte) *stored {
	for i := range rows {
		if bytes.Equal(rows[i].at, at) {
			return &rows[i]
		}
	}
	return nil
}

// Load is part of [projections.Loader].
func (v *Verifier) Load(r projections.Reader) error {
	v.newest = 0
	value, ok, err := r.Rows(projections.Lookup).Get(newestRow)
	if err != nil {
		return fmt.Errorf("load newest time: %w", err)
	}
	if ok {
		second, n := binary.Varint(value)
		if n != len(value) {
			return fmt.Errorf("load newest time: %w", errRow)
		}
		v.newest = second
		v.clock.observe(time.Unix(second, 0))
	}
	v.position.Store(v.store.Position().Sequence)
	v.begin(&owners{all: map[string]*owner{}})
	select {
	case <-v.loaded:
	default:
		close(v.loaded)
	}
	return nil
}

// begin begins an epoch, with the schemes as they are now.
func (v *Verifier) begin(o *owners) {
	e := &epoch{
		reader: v.store.Reader, rows: v.store.Rows(projections.Lookup),
		catalog: v.store.Catalog(), opaque: map[string]bool{}, owners: o,
	}
	for _, name := range v.store.SchemeNames() {
		// The store keeps schemes in memory, so that this cannot fail.
		if s, _, err := v.store.Scheme(name); err != nil || s.Opaque {
			e.opaque[name] = true
		}
	}
	v.reading.Lock()
	defer v.reading.Unlock()
	if !v.closed {
		v.epoch.Store(e)
	}
}

// Committed outdates what was held in memory of the keys, accounts and schemes
// that have changed. Their new rows can be read by now and their position has
// not been published: whoever reads from here on reads the new rows, and whoever
// has read before and has not yet decided looks again.
func (v *Verifier) Committed(changes []projections.Change) {
	now := v.epoch.Load()
	if now == nil || len(changes) == 0 {
		return // closed meanwhile
	}
	schemes := false
	for i := range changes {
		c := &changes[i]
		v.clock.observe(c.Time)
		v.outdate(c.Before.Key)
		v.outdate(c.After.Key)
		if a := c.After.Account; a != nil {
			now.owners.change(a.ID, a.Active())
		}
		schemes = schemes || c.After.Scheme != nil
	}
	if schemes {
		v.begin(now.owners)
	}
	v.position.Store(changes[len(changes)-1].Sequence)
}

func (v *Verifier) outdate(k *apikey.Key) {
	if k == nil {
		return
	}
	for i := range k.Credentials {
		v.cache.outdate(k.Credentials[i].Locator)
	}
}
