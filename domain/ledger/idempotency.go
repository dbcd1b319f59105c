package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// begin names the command. Under an Idempotency-Key the name is the same
// wherever and whenever the request arrives, and a second request that arrives
// while the first is being worked on is refused.
func (l *Ledger) begin(by By) (command string, release func(), err error) {
	if by.Idempotency == "" {
		return l.newID(events.IDCommand, l.now()), func() {}, nil
	}
	if len(by.Idempotency) > MaxIdempotencyKey {
		return "", nil, refusal.Invalid("Idempotency-Key", "use at most %d bytes", MaxIdempotencyKey)
	}
	command = l.derived(events.IDCommand, by, 0)
	if !l.inFlight.add(command) {
		return "", nil, refusal.New(refusal.Conflict, "a request with this Idempotency-Key is being worked on; wait for its answer")
	}
	return command, func() { l.inFlight.remove(command) }, nil
}

// derived is an id made of who asks and under which Idempotency-Key, keyed by
// the ledger's incarnation so that nobody outside can tell which. n tells apart
// the ids of one request.
func (l *Ledger) derived(prefix string, by By, n uint64) string {
	mac := hmac.New(sha256.New, []byte(l.View.Incarnation()))
	mac.Write([]byte(prefix + "\x00" + by.Key + "\x00" + by.Idempotency + "\x00"))
	mac.Write(binary.BigEndian.AppendUint64(nil, n))
	return events.FormatID(prefix, [16]byte(mac.Sum(nil)))
}

// replay answers a request that an earlier one under the same key has done.
func (a *attempt) replay(record CommandRecord) (Outcome, error) {
	if record.Digest != a.by.Digest {
		return Outcome{}, refusal.New(refusal.IdempotencyMismatch, "this Idempotency-Key came with another request before; use a new one")
	}
	return Outcome{Position: record.Last, Command: a.command, Replayed: &record, Applied: true}, nil
}

// inFlight is the set of commands with an Idempotency-Key that this node works
// on. It is bounded by the number of requests served at once.
type inFlight struct {
	mu       sync.Mutex
	commands map[string]bool
}

func (f *inFlight) add(command string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.commands[command] {
		return false
	}
	f.commands[command] = true
	return true
}

func (f *inFlight) remove(command string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.commands, command)
}
