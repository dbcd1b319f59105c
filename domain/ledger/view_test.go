package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// view is a [ledger.View] folded from a log, in memory. Any damage it meets ends
// it, and every later Wait says so.
//
// It follows the log only as far as it is asked to wait: between two waits it is
// as old as a view can be. [view.live] makes it follow all the time.
type view struct {
	log events.Log

	pulling sync.Mutex // one follower at a time
	mu      sync.Mutex // guards all below
	at      events.Position
	err     error
	lags    bool          // Wait returns at once and folds nothing, against the contract
	grown   chan struct{} // closed after every fold
	follows bool

	keys     map[string]known[apikey.Key]
	accounts map[string]known[account.Account]
	schemes  map[string]known[ledger.SchemeState]
	revision map[events.Entity]uint64
	commands map[string]ledger.CommandRecord
	catalog  *scheme.Catalog
}

// known is a state and the sequence of its entity's newest event.
type known[S any] struct {
	state S
	last  uint64
}

var _ ledger.View = (*view)(nil)

func newView(log events.Log) *view {
	catalog, err := scheme.NewCatalog()
	if err != nil {
		panic(err)
	}
	builtin := known[ledger.SchemeState]{state: ledger.SchemeState{Scheme: scheme.Builtin()}}
	return &view{
		log: log, catalog: catalog, grown: make(chan struct{}),
		keys: map[string]known[apikey.Key]{}, accounts: map[string]known[account.Account]{},
		schemes:  map[string]known[ledger.SchemeState]{scheme.BuiltinName: builtin},
		revision: map[events.Entity]uint64{}, commands: map[string]ledger.CommandRecord{},
	}
}

// live makes v follow the log until ctx ends.
func (v *view) live(ctx context.Context) {
	v.mu.Lock()
	v.follows = true
	v.mu.Unlock()
	go func() { _ = v.log.Follow(ctx, v.position(), v.fold) }()
}

func (v *view) position() events.Position {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.at
}

var errFarEnough = errors.New("far enough")

func (v *view) Wait(ctx context.Context, sequence uint64) error {
	v.mu.Lock()
	follows, lags := v.follows, v.lags
	v.mu.Unlock()
	switch {
	case lags:
		return nil
	case follows:
		return v.await(ctx, sequence)
	}
	v.pulling.Lock()
	defer v.pulling.Unlock()
	if at, err := v.reached(); err != nil || at >= sequence {
		return err
	}
	err := v.log.Follow(ctx, v.position(), func(rs []events.Recorded) error {
		if err := v.fold(rs); err != nil {
			return err
		}
		if at, _ := v.reached(); at >= sequence {
			return errFarEnough
		}
		return nil
	})
	if errors.Is(err, errFarEnough) {
		return nil
	}
	return err
}

func (v *view) await(ctx context.Context, sequence uint64) error {
	for {
		v.mu.Lock()
		at, err, grown := v.at.Sequence, v.err, v.grown
		v.mu.Unlock()
		if err != nil || at >= sequence {
			return err
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (v *view) reached() (uint64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.at.Sequence, v.err
}

// fold applies a delivery as one.
func (v *view) fold(rs []events.Recorded) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer func() { close(v.grown); v.grown = make(chan struct{}) }()
	for _, r := range rs {
		if v.err == nil {
			v.err = v.apply(r)
		}
	}
	return v.err
}

func (v *view) apply(r events.Recorded) error {
	next, err := v.at.Next(r)
	if err != nil {
		return err
	}
	if r.Revision != v.revision[r.Entity]+1 {
		return fmt.Errorf("sequence %d: revision %d of %v after %d", r.Sequence, r.Revision, r.Entity, v.revision[r.Entity])
	}
	v.at, v.revision[r.Entity] = next, r.Revision
	switch r.Entity.Kind {
	case events.KindKey:
		state, err := apikey.Evolve(v.keys[r.Entity.ID].state, r.Envelope)
		if err != nil {
			return fmt.Errorf("sequence %d: %w", r.Sequence, err)
		}
		v.keys[r.Entity.ID] = known[apikey.Key]{state, r.Sequence}
	case events.KindAccount:
		state, err := account.Evolve(v.accounts[r.Entity.ID].state, r.Envelope)
		if err != nil {
			return fmt.Errorf("sequence %d: %w", r.Sequence, err)
		}
		v.accounts[r.Entity.ID] = known[account.Account]{state, r.Sequence}
	case events.KindScheme:
		if err := v.applyScheme(r); err != nil {
			return fmt.Errorf("sequence %d: %w", r.Sequence, err)
		}
	}
	v.remember(r)
	return nil
}

func (v *view) applyScheme(r events.Recorded) error {
	state := v.schemes[r.Entity.ID].state
	if applied, ok := r.Data.(events.SchemeApplied); ok {
		s, err := scheme.Parse(applied.Document)
		if err != nil {
			return err
		}
		if v.catalog, err = v.catalog.With(s); err != nil {
			return err
		}
		state.Version, state.Document, state.Scheme = applied.Version, applied.Document, s
	} else {
		state.Opaque = true
	}
	v.schemes[r.Entity.ID] = known[ledger.SchemeState]{state, r.Sequence}
	return nil
}

// remember keeps the record of a command with an Idempotency-Key, and forgets
// those that the ledger's own time has left behind.
func (v *view) remember(r events.Recorded) {
	for id, record := range v.commands {
		if r.Time.Sub(record.At) > ledger.IdempotencyWindow {
			delete(v.commands, id)
		}
	}
	record, has := v.commands[r.Command]
	if r.Idempotency != "" {
		record, has = ledger.CommandRecord{ID: r.Command, Digest: r.Idempotency, At: r.Time}, true
	}
	if !has {
		return
	}
	record.Last = r.Sequence
	if !slices.Contains(record.Entities, r.Entity) {
		record.Entities = append(slices.Clone(record.Entities), r.Entity)
	}
	v.commands[r.Command] = record
}

func (v *view) Key(id string) (apikey.Key, uint64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keys[id].state, v.keys[id].last, nil
}

func (v *view) Account(id string) (account.Account, uint64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.accounts[id].state, v.accounts[id].last, nil
}

func (v *view) Scheme(name string) (ledger.SchemeState, uint64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.schemes[name].state, v.schemes[name].last, nil
}

func (v *view) Catalog() *scheme.Catalog {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.catalog
}

func (v *view) Command(id string) (ledger.CommandRecord, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	record, ok := v.commands[id]
	return record, ok, nil
}

func (v *view) Incarnation() string { return v.position().Incarnation }

// clock is a clock that moves a millisecond with every look at it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
