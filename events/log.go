package events

import (
	"context"
	"errors"
	"fmt"
)

// Log is the ledger: one totally ordered, append-only sequence of events,
// numbered from 1 without gaps. Package eventstest has the conformance suite
// that every implementation passes.
type Log interface {
	// Append writes the events of one command, all of them or none, next to one
	// another on the ledger.
	//
	// On success every event is durable: it survives a power cut of the machines
	// that acknowledged it. The error otherwise says what is known, and nothing
	// else may be concluded from it:
	//
	//   - [ErrConflict]: not written, and never will be. Something it expected
	//     is no longer so; look again and decide again.
	//   - [ErrUnavailable]: not written, and never will be. The log cannot take
	//     it now.
	//   - [ErrRefused]: not written, and never will be; asking again is useless.
	//   - [ErrUnknown]: it may be on the ledger, or may still come to be.
	//   - [ErrDamaged]: the log contradicts itself; the caller must stop.
	//
	// Append resolves a lost acknowledgement itself where the expectations allow
	// (see [Pending]), until ctx ends, and answers ErrUnknown only after that.
	Append(ctx context.Context, w Write) (Ack, error)

	// Follow delivers every event after from, in order and without gaps, then
	// goes on with new ones as they arrive. It returns only when ctx ends, when
	// deliver returns an error, or when the log contradicts itself; a lost
	// connection is not an error, it reconnects.
	//
	// Before the first delivery, and again whenever it had to reconnect, Follow
	// proves that the log still is the one that from was taken of: it reads the
	// event at the last sequence delivered and compares its hash. A log that is
	// shorter, or has other bytes there, ends it with [ErrDamaged].
	//
	// A delivery is never empty, never splits a command, and holds at most
	// [MaxDelivery] events unless one command is larger. deliver is called from
	// one goroutine at a time; the slice is the callee's to keep.
	Follow(ctx context.Context, from Position, deliver func([]Recorded) error) error

	// Head returns the sequence of the newest event, 0 for an empty log. It is
	// not older than any append acknowledged before the call, to whomever. It
	// serves to know how far there is to go, never as proof of anything.
	Head(ctx context.Context) (uint64, error)
}

// Write is one command on its way to the log: 1 to [MaxCommandEvents] events.
// The envelope's Index and Count say so in the payload as well.
type Write struct {
	Events []Pending
}

// Pending is an event that has been decided and encoded.
type Pending struct {
	Entity  Entity
	Name    string // last token of the subject, see [EventName]
	ID      string // the event's id
	Payload []byte
	// Expect must hold when the write lands, or none of it does. Nil for the
	// second and later events of an entity in one write; every first event of an
	// entity has one, and for two or more events it is about that entity itself.
	//
	// The write of a single event may expect something of another entity
	// instead (the key that asked, for a key born under a fresh id). Its lost
	// acknowledgement cannot always be resolved, since sending it again could
	// write it twice; ErrUnknown then comes without waiting, and the caller may
	// close the door by a second write that expects both.
	Expect *Expectation
}

// Expectation states the sequence of an entity's newest event, 0 for none yet.
type Expectation struct {
	Entity Entity
	Last   uint64
}

// Ack says where a write landed: sequences First to Last, in the order given.
type Ack struct {
	First, Last uint64
}

// Outcomes of [Log.Append], see there.
var (
	ErrConflict    = errors.New("conflict: the entity has moved")
	ErrUnavailable = errors.New("ledger unavailable, nothing written")
	ErrRefused     = errors.New("refused by the ledger")
	ErrUnknown     = errors.New("outcome unknown: may have been written")
	ErrDamaged     = errors.New("ledger damaged")
)

// DamageError is an [ErrDamaged] that says where.
type DamageError struct {
	Sequence uint64
	Problem  string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%v at sequence %d: %s", ErrDamaged, e.Sequence, e.Problem)
}

// Is makes a DamageError an [ErrDamaged].
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// Position is a place on a ledger that can be recognised again: a sequence
// alone would be met by another ledger, or by the same one after it lost its
// end and numbered new events from there.
type Position struct {
	Incarnation string `json:"incarnation"`
	Sequence    uint64 `json:"sequence"`
	Hash        Hash   `json:"hash"` // of the event at Sequence, see [LeafHash]
}

// IsZero reports whether p is the beginning, before event 1.
func (p Position) IsZero() bool { return p.Sequence == 0 }

// Next is the position after r, which stands directly after p. It fails with a
// [DamageError] where r does not: a gap, a repetition, a ledger that does not
// begin with [LedgerOpened].
func (p Position) Next(r Recorded) (Position, error) {
	if r.Sequence != p.Sequence+1 {
		return p, &DamageError{Sequence: p.Sequence + 1, Problem: fmt.Sprintf("next event is %d", r.Sequence)}
	}
	next := Position{Incarnation: p.Incarnation, Sequence: r.Sequence, Hash: r.Hash()}
	opened, isOpened := r.Data.(LedgerOpened)
	if isOpened != (r.Sequence == 1) {
		return p, &DamageError{Sequence: r.Sequence, Problem: "ledger.opened must be event 1 and no other"}
	}
	if isOpened {
		next.Incarnation = opened.Incarnation
	}
	if restored, ok := r.Data.(LedgerRestored); ok {
		next.Incarnation = restored.Incarnation
	}
	return next, nil
}
