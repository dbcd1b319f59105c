package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/keyledger/keyledger/events"
)

// ErrStopped is returned to whoever waits for a position once the Runner has
// stopped. It wraps the reason.
var ErrStopped = errors.New("index has stopped")

// progress is the published position, and those who wait for it.
type progress struct {
	running atomic.Bool

	mu      sync.Mutex
	at      events.Position
	stopped error         // why nothing more will come; nil while something may
	moved   chan struct{} // closed when any of these changes
}

func (p *progress) init() { p.moved = make(chan struct{}) }

// change lets everybody look again. The lock is held.
func (p *progress) change() {
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *progress) position() events.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func (p *progress) publish(at events.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = at
	p.change()
}

// start reports whether a run may begin.
func (p *progress) start() bool {
	if !p.running.CompareAndSwap(false, true) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = nil
	return true
}

// stop publishes why nothing more will come; the first reason stands.
func (p *progress) stop(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped == nil {
		p.stopped = reason
		p.change()
	}
}

// Wait returns nil once every event up to sequence has been folded and can be
// read, and the reason why it will not be where the Runner has stopped
// ([ErrStopped]) or ctx ends. Before the Runner has started it waits.
func (s *Store) Wait(ctx context.Context, sequence uint64) error {
	p := &s.progress
	for {
		p.mu.Lock()
		at, stopped, moved := p.at.Sequence, p.stopped, p.moved
		p.mu.Unlock()
		switch {
		case at >= sequence:
			return nil
		case stopped != nil:
			return fmt.Errorf("wait for event %d at %d: %w: %w", sequence, at, ErrStopped, stopped)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for event %d at %d: %w", sequence, at, ctx.Err())
		}
	}
}

// Ready reports whether every event up to head has been folded, and more may
// come.
func (s *Store) Ready(head uint64) bool {
	s.progress.mu.Lock()
	defer s.progress.mu.Unlock()
	return s.progress.stopped == nil && s.progress.running.Load() && s.progress.at.Sequence >= head
}
