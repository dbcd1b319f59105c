package projections_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

// failing is a file system on which writes fail from the n-th on: all of them,
// or that one alone.
type failing struct {
	vfs.FS
	from   atomic.Int64 // 0 is never
	lasts  bool
	writes atomic.Int64
}

func fail(disk vfs.FS, lasts bool) *failing {
	f := &failing{lasts: lasts}
	f.FS = errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		n, from := f.writes.Add(1), f.from.Load()
		if from > 0 && (n == from || f.lasts && n > from) {
			return syscall.ENOSPC
		}
		return nil
	}))
	return f
}

// TestAFullDiskStopsTheRunnerAndTearsNothing lets every write of a run fail in
// its turn, for once and for good.
func TestAFullDiskStopsTheRunnerAndTearsNothing(t *testing.T) {
	past := projectionstest.Random(21, 80)
	head := past.History.Head()
	want, err := projectionstest.Uninterrupted(t.Context(), past, everything)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	stopped := 0
	for _, lasts := range []bool{true, false} {
		for turn := int64(1); ; turn++ {
			disk := vfs.NewCrashableMem()
			fs := fail(disk, lasts)
			past.Log.LimitDelivery(1 + rng.IntN(5))
			opened, err := failOnce(t.Context(), fs, past, turn)
			if opened && err == nil {
				break // the run has fewer writes than this
			}
			if opened {
				stopped++
				if !errors.Is(err, projections.ErrStore) {
					t.Fatalf("write %d failed, lasting %v: stopped with %v", turn, lasts, err)
				}
			}
			for _, percent := range []int{100, 50, 0} {
				left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
				if percent == 100 { // no power cut: what is there is there
					left = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
				}
				n := openTest(t, left, past.Log, everything)
				got := rowsOf(t, n)
				if w, ok := want[got.At.Sequence]; !ok || got != w {
					t.Fatalf("write %d failed, lasting %v: at %d the rows are others", turn, lasts, got.At.Sequence)
				}
				runTo(t, n, head)
				if rowsOf(t, n) != want[head] {
					t.Fatalf("write %d failed, lasting %v: other rows in the end", turn, lasts)
				}
				if err := n.Store.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Logf("%d runs were stopped", stopped)
	if stopped < 20 {
		t.Errorf("only %d runs met a failing write", stopped)
	}
}

// failOnce runs a store whose writes begin to fail some writes after it has been
// opened, and reports whether it could be opened, and what ended the run.
func failOnce(ctx context.Context, fs *failing, past *projectionstest.Past, turn int64) (opened bool, err error) {
	n, err := projectionstest.Open(fs, past.Log, everything)
	if err != nil {
		return false, err
	}
	fs.from.Store(fs.writes.Load() + turn)
	err = n.RunTo(ctx, past.History.Head())
	if err == nil && n.Store.Failed() == nil {
		fs.from.Store(0)
		return true, n.Store.Close()
	}
	if err == nil { // it failed after the last commit
		err = n.Store.Failed()
	}
	waited := n.Store.Wait(ctx, past.History.Head()+1)
	if !errors.Is(waited, projections.ErrStopped) {
		return true, errors.Join(errors.New("who waits is not told"), waited)
	}
	again := n.Runner.Run(ctx)
	if !errors.Is(again, projections.ErrStore) {
		return true, errors.Join(errors.New("a store that has failed runs again"), again)
	}
	_ = n.Store.Close() // what it cannot write is lost, and the log has it
	return true, err
}

func TestASlowDiskBoundsWhatIsHeldInMemory(t *testing.T) {
	past := projectionstest.NewPast(1)
	for past.History.Head() < 1500 { // some 3 MB of rows against memtables of 64 KiB
		past.Step()
	}
	past.Log.LimitDelivery(10)
	var slow atomic.Bool
	release := make(chan struct{})
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if slow.Load() && op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
			<-release
		}
		return nil
	}))
	n := openTest(t, fs, past.Log, everything)
	slow.Store(true)
	go func() {
		for projections.Waits(n.Store) == 0 && n.Store.Position().Sequence < past.History.Head() {
			runtime.Gosched()
		}
		if is, may := projections.InMemory(n.Store); is > 2*may {
			t.Errorf("%d bytes in memory, at most %d", is, may)
		}
		close(release)
	}()
	runTo(t, n, past.History.Head())
	if projections.Waits(n.Store) == 0 {
		t.Error("nothing could be written out, and no commit has waited")
	}
}

// TestAFreshStoreDoesNotWaitForAFlushThatIsNotDue folds, one by one, as much as
// Pebble holds back while its first memtables are small.
func TestAFreshStoreDoesNotWaitForAFlushThatIsNotDue(t *testing.T) {
	log := createdLog(t, 8_000)
	log.delivery = 1
	store, err := projections.Open(projections.Config{Dir: "store", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	runner, err := projections.NewRunner(projections.RunnerConfig{Log: log, Store: store, Projections: everything(store)})
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Run(t.Context()); !errors.Is(err, errDrained) {
		t.Error(err)
	}
	if projections.Waits(store) > 0 {
		t.Error("a commit has waited")
	}
}
