package eventstest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/keyledger/keyledger/events"
)

// Memory is an [events.Log] in memory. It keeps the contract, except that
// nothing outlives the process, and fails where [Memory.OnAppend] and
// [Memory.OnFollow] say so. It may be used by many goroutines. The zero Memory
// is an empty log.
//
// It is stricter than the contract asks in one thing: a payload that does not
// decode, or says something other than the write it stands in, is refused.
//
// What it delivers is shared between followers and must not be changed, apart
// from the slice itself.
type Memory struct {
	mu       sync.Mutex
	recorded []events.Recorded
	last     map[events.Entity]uint64
	underWay []landing     // writes that will land late
	grown    chan struct{} // closed when recorded grows; nil while nobody waits
	attempts int
	limit    int
	onAppend func(attempt int, w events.Write) Outcome
	onFollow func(at events.Position, next []events.Recorded) FollowFault
}

var _ events.Log = (*Memory)(nil)

// landing is a write with its events decoded.
type landing struct {
	write    events.Write
	recorded []events.Recorded // without sequence
}

// Append is [events.Log.Append]. It resolves no lost acknowledgement: where the
// hook loses one, it answers at once what a log answers when ctx has ended.
func (m *Memory) Append(ctx context.Context, w events.Write) (events.Ack, error) {
	if err := ctx.Err(); err != nil {
		return events.Ack{}, fmt.Errorf("append: %w: %w", events.ErrUnavailable, err)
	}
	l, err := prepare(w)
	if err != nil {
		return events.Ack{}, fmt.Errorf("append: %w", err)
	}
	outcome := m.choose(w)

	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.settle(len(m.underWay)) // those sent before this one, after it
	switch outcome {
	case Land:
		return m.land(l)
	case Unavailable:
		return events.Ack{}, fmt.Errorf("append: %w", events.ErrUnavailable)
	case Conflict:
		return events.Ack{}, fmt.Errorf("append: %w", events.ErrConflict)
	case Refused:
		return events.Ack{}, fmt.Errorf("append: %w", events.ErrRefused)
	case LandUnreported:
		_, _ = m.land(l) // a conflict is as unreported as the landing
	case Lost:
	case LandLate:
		m.underWay = append(m.underWay, l)
	default:
		return events.Ack{}, fmt.Errorf("append: %w: outcome %d is none", events.ErrRefused, outcome)
	}
	return events.Ack{}, fmt.Errorf("append: %w", events.ErrUnknown)
}

// choose asks the hook, without the lock, so that the hook may use m.
func (m *Memory) choose(w events.Write) Outcome {
	m.mu.Lock()
	m.attempts++
	attempt, choose := m.attempts, m.onAppend
	m.mu.Unlock()
	if choose == nil {
		return Land
	}
	return choose(attempt, w)
}

// prepare checks w and decodes its events. The payloads are copied: the
// caller's buffers are its own again when Append returns.
func prepare(w events.Write) (landing, error) {
	if err := w.Validate(); err != nil {
		return landing{}, err
	}
	l := landing{write: events.Write{Events: slices.Clone(w.Events)}}
	for i, p := range w.Events {
		payload := slices.Clone(p.Payload)
		e, err := events.Decode(payload)
		if err != nil {
			return landing{}, fmt.Errorf("%w: event %d: %w", events.ErrRefused, i+1, err)
		}
		name, err := events.EventName(e.Data.Type())
		if err != nil || name != p.Name || e.ID != p.ID || e.Entity != p.Entity || e.Index != i+1 || e.Count != len(w.Events) {
			return landing{}, fmt.Errorf("%w: event %d: payload of %s, %s of %v, %d of %d, is not what is written",
				events.ErrRefused, i+1, e.ID, e.Data.Type(), e.Entity, e.Index, e.Count)
		}
		l.write.Events[i].Payload = payload
		if p.Expect != nil {
			expect := *p.Expect
			l.write.Events[i].Expect = &expect
		}
		l.recorded = append(l.recorded, events.Recorded{Envelope: e, Payload: payload})
	}
	return l, nil
}

// land writes l if what it expects holds. The lock is held.
func (m *Memory) land(l landing) (events.Ack, error) {
	for _, p := range l.write.Events {
		if p.Expect != nil && m.last[p.Expect.Entity] != p.Expect.Last {
			return events.Ack{}, fmt.Errorf("append: %w: newest event of %v is %d, not %d",
				events.ErrConflict, p.Expect.Entity, m.last[p.Expect.Entity], p.Expect.Last)
		}
	}
	if m.last == nil {
		m.last = make(map[events.Entity]uint64)
	}
	first := uint64(len(m.recorded)) + 1
	for _, r := range l.recorded {
		r.Sequence = uint64(len(m.recorded)) + 1
		m.recorded = append(m.recorded, r)
		m.last[r.Entity] = r.Sequence
	}
	if m.grown != nil {
		close(m.grown)
		m.grown = nil
	}
	return events.Ack{First: first, Last: uint64(len(m.recorded))}, nil
}

// settle lets the n oldest writes under way arrive. The lock is held.
func (m *Memory) settle(n int) {
	for _, l := range m.underWay[:n] {
		_, _ = m.land(l) // nobody is left to hear of a conflict
	}
	m.underWay = slices.Delete(m.underWay, 0, n)
}

// Settle lets every write that is under way arrive now; see [LandLate].
func (m *Memory) Settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settle(len(m.underWay))
}

// Head is [events.Log.Head].
func (m *Memory) Head(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("head: %w: %w", events.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.recorded)), nil
}
