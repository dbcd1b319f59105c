package projections

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// errRow is returned for a row of this version that cannot be read.
var errRow = errors.New("unreadable row")

// encoder appends values in a form that depends on nothing but them. Nil and
// empty slices stay apart, so that a state is the same whether it has been
// stored in between or not.
type encoder struct{ b []byte }

func (e *encoder) uint(n uint64) { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) int(n int64)   { e.b = binary.AppendVarint(e.b, n) }

func (e *encoder) bool(v bool) {
	var n byte
	if v {
		n = 1
	}
	e.b = append(e.b, n)
}

func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

// size writes the length of a slice or map, 0 for nil.
func (e *encoder) size(n int, isNil bool) {
	if isNil {
		e.uint(0)
		return
	}
	e.uint(uint64(n) + 1)
}

func (e *encoder) bytes(b []byte) {
	e.size(len(b), b == nil)
	e.b = append(e.b, b...)
}

func (e *encoder) strings(all []string) {
	e.size(len(all), all == nil)
	for _, s := range all {
		e.string(s)
	}
}

func (e *encoder) labels(m map[string]string) {
	e.size(len(m), m == nil)
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		e.string(k)
		e.string(m[k])
	}
}

// time keeps the offset from UTC, as the event states it.
func (e *encoder) time(t time.Time) {
	_, offset := t.Zone()
	e.int(t.Unix())
	e.uint(uint64(t.Nanosecond()))
	e.bool(t.Location() == time.UTC)
	e.int(int64(offset))
}

func (e *encoder) timePtr(t *time.Time) {
	e.bool(t != nil)
	if t != nil {
		e.time(*t)
	}
}

// decoder reads what encoder wrote. After the first error everything is zero.
// The row is one string, of which all texts are parts: one allocation, not thirty.
type decoder struct {
	s   string
	err error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s, %d bytes before its end", errRow, what, len(d.s))
	}
	d.s = ""
}

func (d *decoder) uint() uint64 {
	var n uint64
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		b := d.s[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			d.s = d.s[i+1:]
			return n
		}
	}
	d.fail("number")
	return 0
}

// int undoes the zigzag of binary.AppendVarint.
func (d *decoder) int() int64 {
	n := d.uint()
	return int64(n>>1) ^ -int64(n&1)
}

func (d *decoder) bool() bool {
	if d.s == "" || d.s[0] > 1 {
		d.fail("flag")
		return false
	}
	v := d.s[0] == 1
	d.s = d.s[1:]
	return v
}

func (d *decoder) take(n uint64) string {
	if n > uint64(len(d.s)) {
		d.fail("text")
		return ""
	}
	out := d.s[:n]
	d.s = d.s[n:]
	return out
}

func (d *decoder) string() string { return d.take(d.uint()) }

// size reads a length; false is nil. Every element takes a byte at least, so a
// length that the row cannot hold is refused before anything is made of it.
func (d *decoder) size() (int, bool) {
	n := d.uint()
	if n == 0 {
		return 0, false
	}
	if n-1 > uint64(len(d.s)) {
		d.fail("length")
		return 0, false
	}
	return int(n - 1), true
}

func (d *decoder) bytes() []byte {
	n, ok := d.size()
	if !ok {
		return nil
	}
	return []byte(d.take(uint64(n)))
}

func (d *decoder) strings() []string {
	n, ok := d.size()
	if !ok {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = d.string()
	}
	return out
}

func (d *decoder) labels() map[string]string {
	n, ok := d.size()
	if !ok {
		return nil
	}
	out := make(map[string]string, n)
	for range n {
		k := d.string()
		out[k] = d.string()
	}
	return out
}

func (d *decoder) time() time.Time {
	sec, nano, utc, offset := d.int(), d.uint(), d.bool(), d.int()
	t := time.Unix(sec, int64(nano))
	if utc {
		return t.UTC()
	}
	return t.In(time.FixedZone("", int(offset)))
}

func (d *decoder) timePtr() *time.Time {
	if !d.bool() {
		return nil
	}
	t := d.time()
	return &t
}

// end reports what went wrong, bytes left over included.
func (d *decoder) end() error {
	if d.s != "" {
		d.fail("something follows")
	}
	return d.err
}
