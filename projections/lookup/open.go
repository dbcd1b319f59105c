package lookup

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

// run is the Runner of a verifier with a store of its own.
type run struct {
	cancel context.CancelFunc
	ended  atomic.Bool
	done   chan struct{}
	err    error // why it ended; to be read after done
}

// stop ends the run and returns what else had ended it before.
func (r *run) stop() error {
	r.cancel()
	<-r.done
	if errors.Is(r.err, context.Canceled) {
		return nil
	}
	return r.err
}

// Open returns a verifier with a store of its own in c.Dir, which follows log.
// It comes back when the index has reached what the log held at the call; ctx
// bounds that and nothing after. Close must be called when it is done with.
func Open(ctx context.Context, log events.Log, c Config) (*Verifier, error) {
	if c.Dir == "" {
		return nil, fmt.Errorf("%w: name a folder for the index", ErrConfig)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	store, err := projections.Open(projections.Config{Dir: c.Dir, CacheSize: c.CacheSize, Logger: c.Logger})
	if err != nil {
		return nil, fmt.Errorf("open verifier: %w", err)
	}
	v, err := follow(ctx, log, store, c)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open verifier: %w", err), store.Close())
	}
	return v, nil
}

// follow begins to follow log. Where it fails, the Runner has returned.
func follow(ctx context.Context, log events.Log, store *projections.Store, c Config) (*Verifier, error) {
	r := &run{done: make(chan struct{})}
	fresh := c.Fresh
	c.Fresh = func() bool { return !r.ended.Load() && (fresh == nil || fresh()) }
	v, err := newVerifier(store, c)
	if err != nil {
		return nil, err
	}
	v.run = r
	runner, err := projections.NewRunner(projections.RunnerConfig{
		Log: log, Store: store, Projections: []projections.Projection{v},
	})
	if err != nil {
		return nil, err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return nil, err
	}
	var running context.Context
	running, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		r.err = runner.Run(running)
		r.ended.Store(true)
		close(r.done)
	}()
	if err := v.Wait(ctx, head); err != nil {
		_ = r.stop() // the wait has told why
		return nil, err
	}
	return v, nil
}

// Wait returns nil once Verify sees every event up to sequence, and otherwise
// why it will not.
func (v *Verifier) Wait(ctx context.Context, sequence uint64) error {
	// A store that was closed at the position stands there before the Runner has
	// had its projections load.
	if err := v.store.Wait(ctx, sequence); err != nil {
		return err
	}
	select {
	case <-v.loaded:
		return nil
	case <-v.ended():
		return v.Stopped()
	case <-ctx.Done():
		return fmt.Errorf("wait for the index to be loaded: %w", ctx.Err())
	}
}

// ended is closed once what Open began has ended; nil where it began nothing.
func (v *Verifier) ended() <-chan struct{} {
	if v.run == nil {
		return nil
	}
	return v.run.done
}

// Stopped returns why a verifier that [Open] returned no longer follows the log;
// nil while it does.
func (v *Verifier) Stopped() error {
	if v.run == nil || !v.run.ended.Load() {
		return nil
	}
	<-v.run.done
	return fmt.Errorf("%w: %w", projections.ErrStopped, v.run.err)
}
