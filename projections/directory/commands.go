package directory

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/projections"
)

// oldest is what Apply knows of the oldest remembered command, so that it need
// not look before there may be something to forget. It may be too early.
type oldest struct {
	known bool
	none  bool
	at    time.Time
}

// remember keeps a record of a command that carried an Idempotency-Key, and
// forgets old ones. Forgetting goes by the times of events, never by a clock: at
// each command, the oldest few that its time has left behind go. Every node thus
// remembers and forgets the same commands at the same events.
//
// A node whose clock is ahead makes others forget early, a few commands for each
// one of its own; nothing stays behind of it.
func (d *Directory) remember(b *projections.Batch, c *projections.Change) error {
	if c.Index == 1 {
		d.open = nil
		if c.Idempotency != "" {
			d.open = &ledger.CommandRecord{ID: c.Command, Digest: c.Idempotency, At: c.Time}
		}
	}
	if d.open != nil && !slices.Contains(d.open.Entities, c.Entity) {
		d.open.Entities = append(d.open.Entities, c.Entity)
	}
	if c.Index < c.Count {
		return nil // the rest is in the same batch
	}
	if err := d.forget(b, c.Time); err != nil {
		return err
	}
	if d.open == nil {
		return nil
	}
	d.open.Last = c.Sequence
	return d.write(b.Own(), *d.open)
}

func (d *Directory) write(own projections.OwnRows, r ledger.CommandRecord) error {
	row := append([]byte{rowCommand}, r.ID...)
	old, ok, err := own.Get(row)
	if err != nil {
		return err
	}
	if ok { // one that outlived its window: maxForget was not enough, or times went back
		before, err := readRecord(old)
		if err != nil {
			return err
		}
		if err := own.Delete(forgetRow(before)); err != nil {
			return err
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := own.Set(row, text); err != nil {
		return err
	}
	if d.oldest.none || d.oldest.known && r.At.Before(d.oldest.at) {
		d.oldest = oldest{known: true, at: r.At}
	}
	return own.Set(forgetRow(r), []byte(r.ID))
}

// forget drops the oldest commands that are IdempotencyWindow or more before at.
func (d *Directory) forget(b *projections.Batch, at time.Time) error {
	limit := at.Add(-ledger.IdempotencyWindow)
	if d.oldest.none || d.oldest.known && d.oldest.at.After(limit) {
		return nil
	}
	own := b.Own()
	var rows [][]byte // to go, each with its command
	left := oldest{known: true, none: true}
	err := own.Scan([]byte{rowForget}, []byte{rowForget + 1}, func(key, value []byte) (bool, error) {
		when, err := timeOf(key)
		if err != nil {
			return false, err
		}
		if when.After(limit) || len(rows) == 2*maxForget {
			left = oldest{known: true, at: when}
			return false, nil
		}
		rows = append(rows, slices.Clone(key), append([]byte{rowCommand}, value...))
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := own.Delete(row); err != nil {
			return err
		}
	}
	d.oldest = left
	return nil
}

// forgetRow orders records by time. Times before 1970 do not occur; one would
// only be out of order.
func forgetRow(r ledger.CommandRecord) []byte {
	row := binary.BigEndian.AppendUint64([]byte{rowForget}, uint64(r.At.UnixMicro()))
	return projections.AppendSequence(row, r.Last)
}

func timeOf(key []byte) (time.Time, error) {
	if len(key) != 1+8+8 {
		return time.Time{}, fmt.Errorf("row %x has no time", key)
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(key[1:]))), nil
}

func readRecord(text []byte) (ledger.CommandRecord, error) {
	var r ledger.CommandRecord
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("command record: %w", err)
	}
	return r, nil
}

// Command is [ledger.View.Command].
func (d *Directory) Command(id string) (ledger.CommandRecord, bool, error) {
	text, ok, err := d.rows.Get(append([]byte{rowCommand}, id...))
	if err != nil || !ok {
		return ledger.CommandRecord{}, false, err
	}
	r, err := readRecord(text)
	return r, err == nil, err
}
