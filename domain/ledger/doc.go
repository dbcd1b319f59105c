// Package ledger is the write path: it loads the state a command is about and
// the state of who asks, decides, and appends what follows at the revisions it
// decided on. If either has moved meanwhile nothing lands, and it looks again.
//
// # What a crash does
//
// Nothing is kept between the steps. Before the append, a crash loses a command
// that nobody was told about. During it, the events of the command are all on
// the ledger or none is. After it, the events are there and the caller was not
// told: it may ask again, with an Idempotency-Key to be told of the first time.
//
// # Who may
//
// Rights and bounds are checked inside the loop, on the same state whose
// sequence guards the append. A command that widens access lands only if its
// actor has not changed since: either the actor's sequence is expected by the
// one event of a lone create, or a [events.CommandAccepted] on the actor's own
// history travels in the same batch. A command that only narrows needs no guard.
package ledger
