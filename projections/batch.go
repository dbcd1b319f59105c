package projections

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
)

// Batch takes the rows of one projection. It is valid during Apply.
//
// Set and Delete are for rows that Apply does not read. Rows that it reads go
// through [Batch.Own], which costs about twice as much; a row belongs to one of
// the two for ever.
type Batch struct {
	fold *fold
	ks   Keyspace
}

// Set writes a row. Key and value are copied.
func (b *Batch) Set(key, value []byte) error {
	op := b.fold.batch.SetDeferred(1+len(key), len(value))
	op.Key[0] = byte(b.ks)
	copy(op.Key[1:], key)
	copy(op.Value, value)
	return op.Finish()
}

// Delete removes a row, if it is there.
func (b *Batch) Delete(key []byte) error {
	op := b.fold.batch.DeleteDeferred(1 + len(key))
	op.Key[0] = byte(b.ks)
	copy(op.Key[1:], key)
	return op.Finish()
}

// Key is a key as it is after the event being applied, and the sequence of its
// newest event; see [Reader.Key].
func (b *Batch) Key(id string) (apikey.Key, uint64, error) {
	e, err := b.fold.load(keyRow(id))
	if err != nil || e.Key == nil {
		return apikey.Key{}, 0, err
	}
	return *e.Key, e.Sequence, nil
}

// Account is an account as it is after the event being applied.
func (b *Batch) Account(id string) (account.Account, uint64, error) {
	e, err := b.fold.load(accountRow(id))
	if err != nil || e.Account == nil {
		return account.Account{}, 0, err
	}
	return *e.Account, e.Sequence, nil
}

// Scheme is a scheme as it is after the event being applied.
func (b *Batch) Scheme(name string) (ledger.SchemeState, uint64, error) {
	e, err := b.fold.load(schemeRow(name))
	if err != nil || e.Scheme == nil {
		return ledger.SchemeState{}, 0, err
	}
	return *e.Scheme, e.Sequence, nil
}

// Own is the rows that the projection reads back: those in the store, with what
// Apply has written through Own since.
func (b *Batch) Own() OwnRows {
	if b.fold.indexed == nil {
		b.fold.indexed = b.fold.store.db.NewIndexedBatch()
	}
	return OwnRows{batch: b.fold.indexed, ks: b.ks}
}

// OwnRows reads and writes rows within a batch, see [Batch.Own].
type OwnRows struct {
	batch *pebble.Batch
	ks    Keyspace
}

// Set writes a row.
func (o OwnRows) Set(key, value []byte) error { return o.batch.Set(o.ks.key(key), value, nil) }

// Delete removes a row, if it is there.
func (o OwnRows) Delete(key []byte) error { return o.batch.Delete(o.ks.key(key), nil) }

// Get reads a row; false where there is none.
func (o OwnRows) Get(key []byte) ([]byte, bool, error) { return get(o.batch, o.ks.key(key)) }

// Scan is [Rows.Scan].
func (o OwnRows) Scan(lower, upper []byte, visit func(key, value []byte) (more bool, err error)) error {
	return scan(o.batch, o.ks, lower, upper, visit)
}

func get(r pebble.Reader, key []byte) ([]byte, bool, error) {
	value, closer, err := r.Get(key)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("read row: %w", err)
	}
	out := append([]byte(nil), value...)
	return out, true, closer.Close()
}
