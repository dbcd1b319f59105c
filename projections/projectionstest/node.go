package projectionstest

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

// Build makes the projections of a store.
type Build func(*projections.Store) []projections.Projection

// Node is a small store with its runner.
type Node struct {
	Store  *projections.Store
	Runner *projections.Runner
}

// Open opens a store on a file system, where it has the folder "store".
func Open(fs vfs.FS, log events.Log, build Build) (*Node, error) {
	store, err := projections.Open(projections.Config{Dir: "store", FS: fs, Small: true})
	if err != nil {
		return nil, err
	}
	runner, err := projections.NewRunner(projections.RunnerConfig{Log: log, Store: store, Projections: build(store)})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &Node{Store: store, Runner: runner}, nil
}

// RunTo runs until everything up to head has been folded, and returns why the
// run ended before, if it did.
func (n *Node) RunTo(ctx context.Context, head uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reached := make(chan struct{})
	go func() {
		defer close(reached)
		for n.Store.Wait(ctx, head) != nil && ctx.Err() == nil {
			runtime.Gosched() // the run before this one has stopped, and this one not begun
		}
		cancel()
	}()
	err := n.Runner.Run(ctx)
	cancel()
	<-reached
	if at := n.Store.Position().Sequence; at < head || !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run to %d ended at %d: %w", head, at, err)
	}
	return nil
}

// Rows is what a store holds: its position, and the digest of every keyspace.
type Rows struct {
	At      events.Position
	Digests [Keyspaces]events.Hash
}

// Keyspaces is the number of keyspaces that [ReadRows] compares.
const Keyspaces = 5

// ReadRows reads all rows of a store, as of one moment.
func ReadRows(s *projections.Store) (r Rows, err error) {
	snap := s.Snapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	if r.At, err = snap.Position(); err != nil {
		return r, err
	}
	for i, ks := range [Keyspaces]projections.Keyspace{
		projections.State, projections.Lookup, projections.Directory, projections.Audit, projections.Usage,
	} {
		if r.Digests[i], err = snap.Digest(ks); err != nil {
			return r, err
		}
	}
	return r, nil
}
