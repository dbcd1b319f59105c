package eventstest

import "github.com/keyledger/keyledger/events"

// Outcome is what becomes of one call of [Memory.Append].
type Outcome int

// Outcomes of an append. Those that land do so only if the expectations hold,
// as with a broker; where they do not, the caller of Land sees the conflict and
// the caller of LandUnreported and LandLate learns nothing.
const (
	// Land is the ordinary course.
	Land Outcome = iota
	// Unavailable writes nothing and says so.
	Unavailable
	// Conflict writes nothing and answers as if the entity had moved.
	Conflict
	// Refused writes nothing and answers that asking again is useless.
	Refused
	// LandUnreported writes and answers [events.ErrUnknown]: the acknowledgement
	// was lost.
	LandUnreported
	// Lost writes nothing and answers [events.ErrUnknown]: the write was lost.
	Lost
	// LandLate answers [events.ErrUnknown] with nothing written yet. The write
	// is under way, and lands after the next call of Append has been decided, or
	// when [Memory.Settle] is called; so the same write sent again lands first.
	LandLate
)

// FollowFault is what happens to a [Memory.Follow] before a delivery.
type FollowFault int

// Faults of a follow. All but NoFault cost the delivery that was at hand.
const (
	// NoFault delivers.
	NoFault FollowFault = iota
	// ConnectionLost makes Follow reconnect and prove its position again.
	ConnectionLost
	// EventMissing loses the first event of the delivery.
	EventMissing
	// BytesChanged reconnects to a log with other bytes at the last position.
	// At position zero there are none, and it is no more than a lost connection.
	BytesChanged
	// LogShorter reconnects to a log that ends before the last position. At
	// position zero it is no more than a lost connection.
	LogShorter
)

// OnAppend sets a function that chooses the outcome of every append from now
// on; attempt counts the calls of Append from 1, over the life of m. It may
// itself use m, for example to move an entity between the decision and the
// landing of w; for an append made there it is called again. Nil removes it.
func (m *Memory) OnAppend(choose func(attempt int, w events.Write) Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onAppend = choose
}

// OnFollow sets a function that is asked before every delivery of every
// follower, with the position reached and the events at hand. It must not
// change them. Nil removes it.
func (m *Memory) OnFollow(choose func(at events.Position, next []events.Recorded) FollowFault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onFollow = choose
}
