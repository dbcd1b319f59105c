package projections_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

func TestWhoeverWaitsReadsWhatTheyWaitedFor(t *testing.T) {
	past := projectionstest.NewPast(11)
	n := openTest(t, vfs.NewMem(), past.Log, everything)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	waiting := make(chan error, 1)
	go func() { waiting <- n.Store.Wait(ctx, 1) }() // before the run has begun
	go func() { ended <- n.Runner.Run(ctx) }()
	if err := <-waiting; err != nil {
		t.Errorf("waited from before the run: %v", err)
	}
	for range 300 {
		past.Step()
		head := past.History.Head()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := n.Runner.Wait(ctx, head); err != nil {
					t.Error(err)
					return
				}
				newest := past.History.Events()[head-1]
				if _, at, err := n.Store.Key(newest.Entity.ID); newest.Entity.Kind == "key" && (err != nil || at != head) {
					t.Errorf("waited for %d and read the key at %d, %v", head, at, err)
				}
			})
		}
		wg.Wait()
		if lag, err := n.Runner.Lag(ctx); err != nil || lag != 0 || !n.Runner.Ready(head) || n.Runner.Ready(head+1) {
			t.Fatalf("at %d of %d: lag %d, %v", n.Runner.Position().Sequence, head, lag, err)
		}
	}
	go func() { waiting <- n.Store.Wait(context.WithoutCancel(ctx), past.History.Head()+1) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("run ended with %v", err)
	}
	if err := <-waiting; !errors.Is(err, projections.ErrStopped) || !errors.Is(err, context.Canceled) {
		t.Errorf("who waits for what will not come is told %v", err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	n := openTest(t, vfs.NewMem(), projectionstest.NewPast(1).Log, everything)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Store.Wait(ctx, 1); !errors.Is(err, context.Canceled) || errors.Is(err, projections.ErrStopped) {
		t.Errorf("%v", err)
	}
}

func TestOnlyOneRunAtATimeAndNoneBehindItsBack(t *testing.T) {
	past := projectionstest.Random(1, 5)
	n := openTest(t, vfs.NewMem(), past.Log, everything)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Runner.Run(ctx) }()
	if err := n.Store.Wait(ctx, past.History.Head()); err != nil {
		t.Fatal(err)
	}
	if err := n.Runner.Run(ctx); !errors.Is(err, projections.ErrRunning) {
		t.Errorf("second run: %v", err)
	}
	if err := n.Store.Close(); err == nil {
		t.Error("closed under its runner")
	}
	if err := n.Store.Rebuild(); err == nil {
		t.Error("emptied under its runner")
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the run ended with %v", err)
	}
}

func TestProgressGoesUpToTheHeadAndThenIsSilent(t *testing.T) {
	past := projectionstest.Random(1, 50)
	past.Log.LimitDelivery(4)
	store, err := projections.Open(projections.Config{Dir: "d", FS: vfs.NewMem(), Small: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	var heard []projections.Progress
	runner, err := projections.NewRunner(projections.RunnerConfig{
		Log: past.Log, Store: store, Progress: func(p projections.Progress) { heard = append(heard, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &projectionstest.Node{Store: store, Runner: runner}
	head := past.History.Head()
	runTo(t, n, head)
	var before uint64
	for _, p := range heard {
		if p.Applied <= before || p.Head != head {
			t.Errorf("after %d: %+v of %d", before, p, head)
		}
		before = p.Applied
	}
	if before != head || len(heard) < 5 {
		t.Errorf("%d reports up to %d of %d", len(heard), before, head)
	}
}

func TestTwoProjectionsInOneKeyspaceAreRefused(t *testing.T) {
	_, err := projectionstest.Open(vfs.NewMem(), projectionstest.NewPast(1).Log,
		func(s *projections.Store) []projections.Projection { return append(everything(s), everything(s)...) })
	if err == nil {
		t.Error("two projections write the same rows")
	}
}
