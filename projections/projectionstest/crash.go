package projectionstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/keyledger/keyledger/projections"
)

// Campaign crashes stores.
//
// It runs a small store over a short random past, on a file system in memory
// that knows what has been synced, and before every write, sync, creation and
// removal keeps a copy of the file system as a power cut at that instant could
// leave it: everything synced, and of every other block and directory entry a
// random part. Each copy is one crash point. It is opened as a node would, and
//
//   - the rows must be exactly those of the events up to the stored position,
//     as a store that was never interrupted had them there;
//   - run on from there, one point in ten to the end, it must end with the rows
//     of a run that was never interrupted.
//
// One of the copies is what the next life of the store begins with, so that
// recoveries are crashed as well.
//
// Histories are short because every point pays for opening a store and reading
// it whole; what goes wrong in a crash goes wrong between two operations of a
// file system, and there are as many of those in a short history, one after the
// other, as in a long one.
type Campaign struct {
	Build Build
	// Points is how many crashes to try at least.
	Points int
	// Seed begins the random choices.
	Seed uint64
	// Opened, where it is set, may plant a fault in a store before it runs.
	Opened func(*projections.Store)
}

// bounds of one past.
const (
	campaignCommands = 40
	campaignLives    = 6
	campaignWorkers  = 2
)

// Tally is what a campaign has tried.
type Tally struct {
	Points int
	Onward int // of them, those run on to the end
	Inside int // of them, those that stood between the beginning and the end
}

func (t *Tally) add(o Tally) {
	t.Points += o.Points
	t.Onward += o.Onward
	t.Inside += o.Inside
}

// Run returns the first broken promise, and what was tried.
func (c Campaign) Run(ctx context.Context) (tally Tally, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for worker := range campaignWorkers {
		wg.Go(func() {
			for seed := c.Seed + uint64(worker); ; seed += campaignWorkers {
				n, failed := c.past(ctx, seed)
				mu.Lock()
				tally.add(n)
				if failed != nil && ctx.Err() == nil { // what fails after the end has only been cut short
					err = fmt.Errorf("seed %d: %w", seed, failed)
				}
				if err != nil || tally.Points >= c.Points {
					cancel()
				}
				mu.Unlock()
				if ctx.Err() != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return tally, err
}

// past tries a number of lives of a store over one past.
func (c Campaign) past(ctx context.Context, seed uint64) (tally Tally, err error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	past := Random(seed, campaignCommands)
	want, err := Uninterrupted(ctx, past, c.Build)
	if err != nil {
		return tally, fmt.Errorf("uninterrupted run: %w", err)
	}
	disk := vfs.NewCrashableMem()
	for range campaignLives {
		past.Log.LimitDelivery(1 + rng.IntN(8))
		crashes, err := c.live(ctx, past, disk, rng)
		if err != nil {
			return tally, fmt.Errorf("life: %w", err)
		}
		for _, crashed := range crashes {
			if err := ctx.Err(); err != nil {
				return tally, err
			}
			tried, err := c.check(ctx, past, crashed, want, rng.IntN(10) == 0)
			tally.add(tried)
			if err != nil {
				return tally, fmt.Errorf("crash point %d of this past: %w", tally.Points, err)
			}
		}
		if disk = vfs.NewCrashableMem(); rng.IntN(4) > 0 {
			disk = crashes[rng.IntN(len(crashes))].CrashClone(vfs.CrashCloneCfg{})
		}
	}
	return tally, nil
}

// live runs a store to the end of the past and returns the crashes it could have
// met on its way. The clones are synced throughout.
func (c Campaign) live(ctx context.Context, past *Past, disk *vfs.MemFS, rng *rand.Rand) ([]*vfs.MemFS, error) {
	var mu sync.Mutex
	var crashes []*vfs.MemFS
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			mu.Lock()
			defer mu.Unlock()
			percent := []int{0, 100, rng.IntN(101)}[rng.IntN(3)]
			crashes = append(crashes, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}))
		}
		return nil
	}))
	node, err := Open(fs, past.Log, c.Build)
	if err != nil {
		return nil, err
	}
	if c.Opened != nil {
		c.Opened(node.Store)
	}
	err = node.RunTo(ctx, past.History.Head())
	return crashes, errors.Join(err, node.Store.Close())
}

func (c Campaign) check(
	ctx context.Context, past *Past, disk *vfs.MemFS, want map[uint64]Rows, onward bool,
) (tried Tally, err error) {
	tried.Points = 1
	node, err := Open(disk.CrashClone(vfs.CrashCloneCfg{}), past.Log, c.Build)
	if err != nil {
		return tried, err
	}
	defer func() { err = errors.Join(err, node.Store.Close()) }()
	got, err := ReadRows(node.Store)
	if err != nil {
		return tried, err
	}
	if w, ok := want[got.At.Sequence]; !ok || got != w {
		return tried, fmt.Errorf("at %d (a position between commands: %v) the rows are others than an uninterrupted run had there",
			got.At.Sequence, ok)
	}
	head := past.History.Head()
	if got.At.Sequence > 0 && got.At.Sequence < head {
		tried.Inside = 1
	}
	if !onward {
		return tried, nil
	}
	tried.Onward = 1
	if err := node.RunTo(ctx, head); err != nil {
		return tried, err
	}
	if got, err = ReadRows(node.Store); err == nil && got != want[head] {
		err = errors.New("the rows at the end are others than those of an uninterrupted run")
	}
	return tried, err
}

// Uninterrupted is what a store that is never interrupted holds after every
// command, and before the first.
func Uninterrupted(ctx context.Context, past *Past, build Build) (map[uint64]Rows, error) {
	witness := &witness{rows: map[uint64]Rows{0: {}}}
	past.Log.LimitDelivery(1)
	node, err := Open(vfs.NewMem(), past.Log, func(s *projections.Store) []projections.Projection {
		witness.store = s
		return append(build(s), witness)
	})
	if err != nil {
		return nil, err
	}
	empty, err := ReadRows(node.Store)
	witness.rows[0] = empty
	if err == nil {
		err = node.RunTo(ctx, past.History.Head())
	}
	return witness.rows, errors.Join(err, witness.err, node.Store.Close())
}

// witness notes the rows after every commit. It has none itself.
type witness struct {
	store *projections.Store
	rows  map[uint64]Rows
	err   error
}

func (w *witness) Keyspace() projections.Keyspace { return projections.Meta + 0x40 }

func (w *witness) Version() int { return 1 }

func (w *witness) Apply(*projections.Batch, *projections.Change) error { return nil }

func (w *witness) Committed([]projections.Change) {
	r, err := ReadRows(w.store)
	w.rows[r.At.Sequence], w.err = r, errors.Join(w.err, err)
}
