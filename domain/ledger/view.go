package ledger

import (
	"context"
	"time"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// View is the folded state that commands decide on. It may lag behind the log:
// a decision taken on old state does not land, because its expectation no longer
// holds, and is taken again after [View.Wait].
//
// A sequence returned beside a state is that of the entity's newest event folded
// into it, 0 where there is none; both are of one moment.
type View interface {
	Key(id string) (apikey.Key, uint64, error)
	Account(id string) (account.Account, uint64, error)
	Scheme(name string) (SchemeState, uint64, error)

	// Catalog is every scheme's newest version. It is at least as new as any
	// state returned before the call.
	Catalog() *scheme.Catalog

	// Command returns what a command with an Idempotency-Key did, while that is
	// remembered: for 24 hours of the ledger's own time.
	Command(id string) (CommandRecord, bool, error)

	// Incarnation of the ledger, "" before its first event has been folded.
	Incarnation() string

	// Wait returns nil once every event up to sequence has been folded, and the
	// reason why it will not be otherwise.
	Wait(ctx context.Context, sequence uint64) error
}

// SchemeState is the newest version of a scheme; Version 0 is none.
type SchemeState struct {
	Version  int
	Document []byte // JSON, as applied
	Scheme   *scheme.Scheme
	Opaque   bool // an event of a type this build does not know touched it
}

// CommandRecord remembers a command that carried an Idempotency-Key.
type CommandRecord struct {
	ID       string          `json:"id"`
	Digest   string          `json:"digest"` // of the request, see [events.Envelope]
	Entities []events.Entity `json:"entities"`
	Last     uint64          `json:"last"` // sequence of its last event
	At       time.Time       `json:"at"`
}

// IdempotencyWindow is how long an Idempotency-Key is remembered, measured
// between event times, so that every node forgets at the same event.
const IdempotencyWindow = 24 * time.Hour
