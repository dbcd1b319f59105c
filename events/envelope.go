package events

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Envelope is one event with everything that is true of it besides what
// happened: when, to what, by whom, through which command.
type Envelope struct {
	ID      string    // "evt_...", unique; also the broker's message id
	Source  string    // "urn:keyledger:<incarnation>", see [Source]
	Time    time.Time // of the deciding node's clock, UTC; order is the sequence, not this
	Entity  Entity    // what it happened to
	Actor   string    // who: "key_..." or a name beginning with "system:"
	Request string    // the request that carried the command; "" if none did
	Command string    // "cmd_..."; all events of one command share it
	Index   int       // 1-based place of this event among those of its command
	Count   int       // how many events the command has
	// Revision says that this is the n-th event of its entity, from 1. A fold
	// that meets anything but the previous revision plus one has met damage.
	Revision uint64
	Reason   string // why, in the caller's words or a reason code; "" if not given
	// Idempotency is the digest of the request that an Idempotency-Key covered,
	// on the first event of the command; "" without such a key.
	Idempotency string
	Data        Event
}

// Source is the CloudEvents source of every event written under an incarnation.
func Source(incarnation string) string { return "urn:keyledger:" + incarnation }

// Recorded is an event as it stands on the ledger.
type Recorded struct {
	Envelope
	Sequence uint64 // place on the ledger, from 1, without gaps
	Payload  []byte // the stored bytes: the evidence
}

// Hash is the RFC 6962 leaf hash of the stored bytes, the identity of the event
// wherever a copy of it is compared.
func (r Recorded) Hash() Hash { return LeafHash(r.Payload) }

// Hash is a SHA-256 value.
type Hash [sha256.Size]byte

// LeafHash is the Merkle tree leaf hash of payload (RFC 6962, section 2.1).
func LeafHash(payload []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(payload)
	var out Hash
	h.Sum(out[:0])
	return out
}

// String is the hash in lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the hash in lower-case hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(h) {
		return fmt.Errorf("hash: want %d hex digits", 2*len(h))
	}
	copy(h[:], raw)
	return nil
}
