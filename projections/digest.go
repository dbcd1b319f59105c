package projections

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/keyledger/keyledger/events"
)

// Digest is the SHA-256 of all rows of a keyspace in order, each as length and
// bytes of its key and of its value, and the position they stand at. Two stores
// at one position have the same digest of every keyspace but Meta. It reads the
// whole keyspace.
func (s *Store) Digest(ks Keyspace) (events.Position, events.Hash, error) {
	snap := s.Snapshot()
	at, err := snap.Position()
	var sum events.Hash
	if err == nil {
		sum, err = snap.Digest(ks)
	}
	if cerr := snap.Close(); err == nil {
		err = cerr
	}
	return at, sum, err
}

// Digest is that of [Store.Digest], over what r reads.
func (r Reader) Digest(ks Keyspace) (events.Hash, error) {
	h := sha256.New()
	err := r.Rows(ks).Scan(nil, nil, func(key, value []byte) (bool, error) {
		addSized(h, key)
		addSized(h, value)
		return true, nil
	})
	if err != nil {
		return events.Hash{}, fmt.Errorf("digest of %s: %w", ks, err)
	}
	return events.Hash(h.Sum(nil)), nil
}

func addSized(h hash.Hash, b []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(b)))
	h.Write(size[:])
	h.Write(b)
}
