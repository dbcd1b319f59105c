package jetstream

import (
	"fmt"

	"github.com/keyledger/keyledger/events"
)

// assembler gathers events into deliveries of whole commands, at most
// [events.MaxDelivery] events each. A command is smaller than that
// ([events.MaxCommandEvents]), so a full one always has a whole command.
type assembler struct {
	batch []events.Recorded
	whole int // events at the beginning of batch that are whole commands

	// The command that the newest event belongs to, and its place in it.
	command      string
	index, count int
}

// full reports that nothing may be added before something is handed over.
func (a *assembler) full() bool { return len(a.batch) >= events.MaxDelivery }

// add takes the next event. Events of one command stand next to one another,
// numbered from 1 to their count.
func (a *assembler) add(r events.Recorded) error {
	begins := a.index == a.count
	switch {
	case begins && r.Index == 1:
	case !begins && r.Command == a.command && r.Index == a.index+1 && r.Count == a.count:
	default:
		return &events.DamageError{Sequence: r.Sequence, Problem: fmt.Sprintf(
			"event %d of %d of command %s after %d of %d of %s", r.Index, r.Count, r.Command, a.index, a.count, a.command)}
	}
	a.command, a.index, a.count = r.Command, r.Index, r.Count
	a.batch = append(a.batch, r)
	if r.Index == r.Count {
		a.whole = len(a.batch)
	}
	return nil
}

// ready is the next delivery, empty if no command is whole.
func (a *assembler) ready() []events.Recorded { return a.batch[:a.whole:a.whole] }

// handedOver forgets the next delivery, which is the receiver's from now on.
func (a *assembler) handedOver() {
	a.batch = append([]events.Recorded(nil), a.batch[a.whole:]...)
	a.whole = 0
}
