package audit

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/keyledger/keyledger/projections"
)

// zone is the span of time of 1<<shift events next to one another: their
// earliest and latest time, in whole seconds rounded down.
type zone struct {
	shift       uint
	number      uint64 // the zone has the sequences number<<shift + 1 and following
	first, last int64
	begun       bool // it has an event
}

func zoneOf(sequence uint64, shift uint) uint64 { return (sequence - 1) >> shift }

func zoneRow(shift uint, number uint64) []byte {
	return projections.AppendSequence([]byte{rowZone, byte(shift)}, number)
}

// add takes in the next event and writes the zone, if that has changed it. The
// row of a zone that is not full yet is that of the events so far.
func (z *zone) add(b *projections.Batch, sequence uint64, at time.Time) error {
	sec := at.Unix()
	if n := zoneOf(sequence, z.shift); !z.begun || n != z.number {
		*z = zone{shift: z.shift, number: n, first: sec, last: sec, begun: true}
	} else if sec >= z.first && sec <= z.last {
		return nil
	}
	z.first, z.last = min(z.first, sec), max(z.last, sec)
	var row [16]byte
	binary.BigEndian.PutUint64(row[:8], uint64(z.first))
	binary.BigEndian.PutUint64(row[8:], uint64(z.last))
	return b.Set(zoneRow(z.shift, z.number), row[:])
}

// loadLast takes up the newest zone of its size.
func (z *zone) loadLast(rows projections.Rows) (err error) {
	prefix := []byte{rowZone, byte(z.shift)}
	it, err := rows.Iter(prefix, projections.After(prefix))
	if err != nil {
		return err
	}
	defer func() {
		if cerr := it.Close(); err == nil {
			err = cerr
		}
	}()
	if !it.Last() {
		return it.Err()
	}
	return z.read(it)
}

func (z *zone) read(it *projections.Iter) error {
	row, err := it.Value()
	if err != nil {
		return err
	}
	if len(row) != 16 {
		return fmt.Errorf("zone row of %d bytes", len(row))
	}
	z.number, z.begun = projections.LastSequence(it.Key()), true
	z.first = int64(binary.BigEndian.Uint64(row[:8]))
	z.last = int64(binary.BigEndian.Uint64(row[8:]))
	return nil
}

// span is a span of time from and until, the latter outside it; zero is no bound.
type span struct{ from, until time.Time }

func (s span) bounded() bool { return !s.from.IsZero() || !s.until.IsZero() }

func (s span) contains(at time.Time) bool {
	return (s.from.IsZero() || !at.Before(s.from)) && (s.until.IsZero() || at.Before(s.until))
}

// touches reports whether an event inside the zone can be inside the span.
func (s span) touches(z zone) bool {
	return (s.from.IsZero() || z.last >= s.from.Unix()) && (s.until.IsZero() || z.first <= s.until.Unix())
}

// skip returns the first sequence at or after from whose zones touch s, and the
// steps it took to find. A sequence beyond all zones is returned as it is.
func (s span) skip(zones *projections.Iter, from uint64, steps *int) (uint64, error) {
	for *steps < maxSteps {
		moved := false
		for _, shift := range [...]uint{zoneShiftHigh, zoneShiftLow} {
			n := zoneOf(from, shift)
			key := zoneRow(shift, n)
			*steps++
			if !zones.SeekGE(key) || string(zones.Key()) != string(key) {
				return from, zones.Err()
			}
			z := zone{shift: shift}
			if err := z.read(zones); err != nil {
				return from, err
			}
			if !s.touches(z) {
				from, moved = (n+1)<<shift+1, true
				break
			}
		}
		if !moved {
			return from, nil
		}
	}
	return from, nil
}
