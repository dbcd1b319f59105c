package projections

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Reader reads the store: all of one moment where it is of a [Snapshot], the
// newest committed of each row where it is of a [Store].
type Reader struct{ pebble pebble.Reader }

// Rows are the rows of one keyspace.
func (r Reader) Rows(ks Keyspace) Rows { return Rows{pebble: r.pebble, ks: ks} }

// Rows reads the rows of one keyspace.
type Rows struct {
	pebble pebble.Reader
	ks     Keyspace
}

// Get reads a row; false where there is none. The value is the caller's.
func (r Rows) Get(key []byte) ([]byte, bool, error) { return get(r.pebble, r.ks.key(key)) }

// Scan visits the rows from lower up to and without upper in order, until visit
// returns false or an error. A nil bound is none. Key and value are valid during
// the visit only.
func (r Rows) Scan(lower, upper []byte, visit func(key, value []byte) (more bool, err error)) error {
	return scan(r.pebble, r.ks, lower, upper, visit)
}

// Iter returns an iterator over the rows from lower up to and without upper.
func (r Rows) Iter(lower, upper []byte) (*Iter, error) {
	return r.iter(lower, upper, false)
}

// Finder returns an iterator for [Iter.Find] that is quick to see that a row is
// not there: it asks the filters of every level, which Get does not.
func (r Rows) Finder() (*Iter, error) { return r.iter(nil, nil, true) }

func (r Rows) iter(lower, upper []byte, filters bool) (*Iter, error) {
	from, until := r.ks.bounds(lower, upper)
	it, err := r.pebble.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: until, UseL6Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("read %s rows: %w", r.ks, err)
	}
	return &Iter{it: it, seek: []byte{byte(r.ks)}}, nil
}

// Iter walks over rows as they were when it was made. It is for one goroutine,
// and must be closed.
type Iter struct {
	it   *pebble.Iterator
	seek []byte // scratch for keys, begins with the keyspace
}

// SeekGE moves to the first row at or after key, and reports whether there is
// one.
func (i *Iter) SeekGE(key []byte) bool {
	i.seek = append(i.seek[:1], key...)
	return i.it.SeekGE(i.seek)
}

// SeekLT moves to the last row before key.
func (i *Iter) SeekLT(key []byte) bool {
	i.seek = append(i.seek[:1], key...)
	return i.it.SeekLT(i.seek)
}

// Find moves to the row with exactly this key, and reports whether there is one.
// After it, Next and Prev must not be called before another Seek.
func (i *Iter) Find(key []byte) bool {
	i.seek = append(i.seek[:1], key...)
	return i.it.SeekPrefixGE(i.seek)
}

// First moves to the first row.
func (i *Iter) First() bool { return i.it.First() }

// Last moves to the last row.
func (i *Iter) Last() bool { return i.it.Last() }

// Next moves on by one row.
func (i *Iter) Next() bool { return i.it.Next() }

// Prev moves back by one row.
func (i *Iter) Prev() bool { return i.it.Prev() }

// Key is the key of the row, valid until the next move.
func (i *Iter) Key() []byte { return i.it.Key()[1:] }

// Value is the value of the row, valid until the next move.
func (i *Iter) Value() ([]byte, error) { return i.it.ValueAndErr() }

// Err is the error that ended a move early, if one did: a move that returned
// false has met the end only where Err is nil.
func (i *Iter) Err() error { return i.it.Error() }

// Close releases the iterator, and returns Err.
func (i *Iter) Close() error { return i.it.Close() }

func scan(r pebble.Reader, ks Keyspace, lower, upper []byte, visit func(key, value []byte) (bool, error)) (err error) {
	it, err := Rows{pebble: r, ks: ks}.iter(lower, upper, false)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := it.Close(); err == nil {
			err = cerr
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.Value()
		if err != nil {
			return err
		}
		if more, err := visit(it.Key(), value); err != nil || !more {
			return err
		}
	}
	return it.Err()
}
