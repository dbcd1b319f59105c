package ledger

import (
	"context"
	"time"

	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// Config is what a Ledger needs from the world.
type Config struct {
	Log  events.Log
	View View
	// Now is the node's clock.
	Now func() time.Time
	// Random fills p with bytes that nobody can predict.
	Random func(p []byte)
	// Pause waits a little before the n-th new attempt, or until ctx ends. Nil
	// does not wait.
	Pause func(ctx context.Context, attempt int)
	// Unguarded drops the actor's guard from widening commands. It exists so
	// that the test of the guard can be seen to fail.
	Unguarded bool
}

// Ledger takes commands. It is safe for concurrent use.
type Ledger struct {
	Config
	locks    locks
	inFlight inFlight
}

// New returns a Ledger.
func New(c Config) *Ledger {
	return &Ledger{Config: c, locks: newLocks(), inFlight: inFlight{commands: map[string]bool{}}}
}

// By says who asks, and through which request.
type By struct {
	// Key is the id of the key that asks. Empty means the node itself, under the
	// name System: such a command is bounded by nothing.
	Key     string
	System  string // "bootstrap", "usage"
	Request string // "req_...", for the record
	Reason  string // for the record

	// Idempotency is the caller's Idempotency-Key, Digest the hash of what was
	// asked under it. Both or neither are set.
	Idempotency string
	Digest      string
}

func (b By) actor() string {
	if b.Key == "" {
		return "system:" + b.System
	}
	return b.Key
}

// Outcome says what became of a command.
type Outcome struct {
	// Position is the sequence at which the command's effect stands: of its last
	// event, or of the entity's newest where it changed nothing.
	Position uint64
	Command  string
	Changed  bool // it wrote something
	Narrows  bool // it may refuse what was allowed before, or repeats what may have
	// Replayed is set where an earlier request under the same Idempotency-Key
	// had done it already.
	Replayed *CommandRecord
	// Applied says that this node's own index includes Position.
	Applied bool
}

func (l *Ledger) random10() (out [10]byte) {
	l.Random(out[:])
	return out
}

func (l *Ledger) newID(prefix string, at time.Time) string {
	return events.NewID(prefix, at, l.random10())
}

func (l *Ledger) entropy() (out scheme.Entropy) {
	l.Random(out[:])
	return out
}

// unavailable is the refusal of a command that was certainly not written.
func unavailable(err error) error {
	return &refusal.Error{Code: refusal.Unavailable, Message: "nothing was written; try again", Cause: err}
}

// unknown is the refusal of a command that may have been written.
func unknown(command string) error {
	return &refusal.Error{
		Code: refusal.Unavailable, Command: command,
		Message: "no acknowledgement: the change may have been written, or may still be; look before asking again",
	}
}
