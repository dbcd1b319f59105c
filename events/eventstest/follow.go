package eventstest

import (
	"context"
	"fmt"
	"slices"

	"github.com/keyledger/keyledger/events"
)

// LimitDelivery makes every delivery from now on hold at most n events, unless
// one command is larger. With 1, every command is delivered alone.
// 0 is [events.MaxDelivery].
func (m *Memory) LimitDelivery(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = n
}

// Follow is [events.Log.Follow].
func (m *Memory) Follow(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
	at, fault := from, NoFault
	for {
		if err := m.prove(at, fault); err != nil {
			return fmt.Errorf("follow: %w", err)
		}
		var err error
		if at, fault, err = m.connected(ctx, at, deliver); err != nil {
			return fmt.Errorf("follow: %w", err)
		}
	}
}

// connected delivers until the connection is lost, and returns the position
// reached and what lost it.
func (m *Memory) connected(
	ctx context.Context, at events.Position, deliver func([]events.Recorded) error,
) (events.Position, FollowFault, error) {
	for {
		if err := ctx.Err(); err != nil {
			return at, NoFault, err
		}
		next, ask, grown := m.after(at.Sequence)
		if len(next) == 0 {
			select {
			case <-ctx.Done():
				return at, NoFault, ctx.Err()
			case <-grown:
				continue
			}
		}
		if ask != nil {
			switch fault := ask(at, next); fault {
			case NoFault:
			case ConnectionLost, BytesChanged, LogShorter:
				return at, fault, nil
			case EventMissing:
				return at, fault, &events.DamageError{Sequence: at.Sequence + 1, Problem: "missing"}
			default:
				return at, fault, fmt.Errorf("fault %d is none", fault)
			}
		}
		reached := at
		for _, r := range next {
			var err error
			if reached, err = reached.Next(r); err != nil {
				return at, NoFault, err
			}
		}
		if err := deliver(next); err != nil {
			return at, NoFault, err
		}
		at = reached
	}
}

// prove compares the log with the position at, as fault lets it appear.
func (m *Memory) prove(at events.Position, fault FollowFault) error {
	if at.IsZero() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	size := uint64(len(m.recorded))
	if fault == LogShorter {
		size = at.Sequence - 1
	}
	if at.Sequence > size {
		return &events.DamageError{Sequence: at.Sequence, Problem: fmt.Sprintf("the log ends at %d", size)}
	}
	if fault == BytesChanged || m.recorded[at.Sequence-1].Hash() != at.Hash {
		return &events.DamageError{Sequence: at.Sequence, Problem: "other bytes than those delivered"}
	}
	return nil
}

// after returns the next delivery, the hook to ask about it, and, where there is
// none yet, a channel that is closed when there may be.
func (m *Memory) after(sequence uint64) (
	[]events.Recorded, func(events.Position, []events.Recorded) FollowFault, <-chan struct{},
) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := m.recorded[sequence:]
	if len(rest) == 0 {
		if m.grown == nil {
			m.grown = make(chan struct{})
		}
		return nil, nil, m.grown
	}
	limit := m.limit
	if limit < 1 || limit > events.MaxDelivery {
		limit = events.MaxDelivery
	}
	return slices.Clone(rest[:wholeCommands(rest, limit)]), m.onFollow, nil
}

// wholeCommands is the length of the longest beginning of rs that holds whole
// commands and at most limit events, or else of the first command.
func wholeCommands(rs []events.Recorded, limit int) int {
	end := 0
	for i, r := range rs {
		if i >= limit && end > 0 {
			break
		}
		if r.Index == r.Count {
			end = i + 1
		}
	}
	return end
}
