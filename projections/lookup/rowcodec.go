package lookup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"
)

// rowFormat is the first byte of a row. A change that older builds would read
// wrongly takes the next number, and raises [Verifier.Version] with it.
const rowFormat = 1

// Flags, the second byte of a row.
const (
	flagRevoked = 1 << iota
	flagSuspended
	flagOpaque
	flagCut
	flagAwaited
	flagEnds
	flagExpires

	flagsKnown = 1<<iota - 1
)

// errRow is returned for bytes that are not a row of this build.
var errRow = errors.New("unreadable lookup row")

// encodeRow is the binary form of r. The seal comes first, so that a wrong
// secret is refused before anything else is read.
func encodeRow(r *row) []byte {
	var flags byte
	for _, f := range [...]struct {
		set bool
		bit byte
	}{
		{r.revoked, flagRevoked},
		{r.suspended, flagSuspended},
		{r.opaque, flagOpaque},
		{r.cut, flagCut},
		{r.awaited, flagAwaited},
		{!r.endsAt.IsZero(), flagEnds},
		{!r.expiresAt.IsZero(), flagExpires},
	} {
		if f.set {
			flags |= f.bit
		}
	}
	b := make([]byte, 0, 256+len(r.allowlist)*20)
	b = append(b, rowFormat, flags)
	b = appendText(b, r.alg)
	b = appendText(b, r.salt)
	b = appendText(b, r.hash)
	if !r.endsAt.IsZero() {
		b = appendTime(b, r.endsAt)
	}
	if !r.expiresAt.IsZero() {
		b = appendTime(b, r.expiresAt)
	}
	for _, s := range [...]string{r.key, r.credential, r.account, r.scheme, r.kind, r.resource} {
		b = appendText(b, s)
	}
	for _, list := range [...][]string{r.permissions, r.roles, r.allowlist} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	return b
}

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendTime writes seconds and nanoseconds apart: nanoseconds alone in 64 bits
// end in the year 2262, and keys that "never" expire do so in 9999.
func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

// decodeSeal reads the beginning of a row. The seal refers to data, which must
// not be written to. The rest is for decodeBody, with the flags that say what is
// in it.
func decodeSeal(data []byte) (s seal, flags byte, rest []byte, err error) {
	if len(data) < 2 || data[0] != rowFormat || data[1]&^flagsKnown != 0 {
		return seal{}, 0, nil, fmt.Errorf("%w: format", errRow)
	}
	d := reader[[]byte]{rest: data[2:]}
	alg := d.text()
	s = seal{salt: d.text(), hash: d.text()}
	if d.failed {
		return seal{}, 0, nil, fmt.Errorf("%w: seal", errRow)
	}
	if s.alg = knownAlg; string(alg) != knownAlg { // the usual one is not copied
		s.alg = string(alg)
	}
	return s, data[1], d.rest, nil
}

// decodeBody reads what decodeSeal left. Every string of the row is a part of
// rest, which must never be written to again: a row that is held ready takes up
// its own bytes once, and reading it one allocation less.
func (r *row) decodeBody(flags byte, rest []byte) error {
	d := reader[string]{rest: unsafe.String(unsafe.SliceData(rest), len(rest))}
	r.revoked, r.suspended, r.opaque = flags&flagRevoked != 0, flags&flagSuspended != 0, flags&flagOpaque != 0
	r.cut, r.awaited = flags&flagCut != 0, flags&flagAwaited != 0
	if flags&flagEnds != 0 {
		r.endsAt = d.time()
	}
	if flags&flagExpires != 0 {
		r.expiresAt = d.time()
	}
	r.key, r.credential, r.account = d.text(), d.text(), d.text()
	r.scheme, r.kind, r.resource = d.text(), d.text(), d.text()
	r.permissions, r.roles, r.allowlist = d.list(), d.list(), d.list()
	if d.failed || d.rest != "" {
		return fmt.Errorf("%w: body", errRow)
	}
	return nil
}

// decodeRow reads a whole row, which refers to data as decodeBody says.
func decodeRow(data []byte) (row, error) {
	s, flags, rest, err := decodeSeal(data)
	if err != nil {
		return row{}, err
	}
	r := row{seal: s}
	if err := r.decodeBody(flags, rest); err != nil {
		return row{}, err
	}
	return r, nil
}

// reader takes values off the front of rest. After the first failure everything
// is empty.
type reader[T string | []byte] struct {
	rest   T
	failed bool
}

func (d *reader[T]) fail() {
	d.failed = true
	d.rest = d.rest[:0]
}

// uint reads an unsigned varint, which may not be longer than it needs to be.
func (d *reader[T]) uint() uint64 {
	var n uint64
	for i := range min(len(d.rest), binary.MaxVarintLen64) {
		c := d.rest[i]
		if c < 0x80 {
			if i > 0 && c == 0 || i == binary.MaxVarintLen64-1 && c > 1 {
				break
			}
			d.rest = d.rest[i+1:]
			return n | uint64(c)<<(7*i)
		}
		n |= uint64(c&0x7f) << (7 * i)
	}
	d.fail()
	return 0
}

func (d *reader[T]) text() T {
	n := d.uint()
	if n > uint64(len(d.rest)) {
		d.fail()
		return d.rest
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

func (d *reader[T]) time() time.Time {
	zigzag := d.uint()
	seconds, nanos := int64(zigzag>>1)^-int64(zigzag&1), d.uint()
	t := time.Unix(seconds, int64(nanos)).UTC()
	if nanos >= uint64(time.Second) || seconds > math.MaxInt32<<8 || seconds < math.MinInt32<<8 || t.IsZero() {
		d.fail() // far outside of what an event can carry
		return time.Time{}
	}
	return t
}

// list reads a list; an empty one is nil. Every element takes a byte at least.
func (d *reader[T]) list() []T {
	n := d.uint()
	if n > maxList || n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	out := make([]T, n)
	for i := range out {
		out[i] = d.text()
	}
	return out
}
