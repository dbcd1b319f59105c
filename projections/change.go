package projections

import (
	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/events"
)

// Change is one event with the state of its entity before and after it. It is
// shared by all projections and must not be changed.
type Change struct {
	events.Recorded
	Before, After Entry
}

// Entry is the state of an entity. Before its first event it is zero. At most
// one of the pointers is set, by the kind of the entity; none for a kind of
// which only the revisions are followed. What they point to is never changed.
type Entry struct {
	Revision uint64 // of the newest event
	Sequence uint64 // of the newest event

	Key     *apikey.Key
	Account *account.Account
	Scheme  *ledger.SchemeState

	standing standing // of a scheme
}

// Exists reports whether the entity has had an event.
func (e Entry) Exists() bool { return e.Revision > 0 }

// Projection keeps rows about the ledger in a keyspace of its own.
type Projection interface {
	// Keyspace is where its rows are. No other projection has the same.
	Keyspace() Keyspace

	// Version counts the changes to what its rows say. A store whose rows are of
	// another version is rebuilt from the log.
	Version() int

	// Apply adds to the batch what follows from one event. It is called for
	// every event in order, by one goroutine at a time, and
	//
	//   - is deterministic: the same events always make the same rows, wherever
	//     a batch ends;
	//   - writes only to the batch, and, if it keeps something in memory for
	//     itself, to nothing that others see before Committed;
	//   - says what it does with an [events.Unknown];
	//   - returns an error only where it cannot go on. The Runner then stops,
	//     and nothing of the batch is kept.
	Apply(b *Batch, c *Change) error
}

// Loader is a projection that also keeps something in memory.
type Loader interface {
	// Load forgets what is in memory and takes up what the rows say. It is
	// called before the first Apply of every run.
	Load(r Reader) error
}

// Committer is a projection that acts when its rows can be read.
type Committer interface {
	// Committed is called after a batch has been committed and before its
	// position is published, with the batch's events in order. Whoever waits
	// for the position meets what it did. It must not block.
	Committed(changes []Change)
}
