package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/keyledger/keyledger/events"
)

// Runner keeps a store up with the log. There is one for a store.
type Runner struct {
	log         events.Log
	store       *Store
	projections []Projection
	report      func(Progress)
	head        uint64 // of the log when the run began
}

// RunnerConfig says what a Runner runs.
type RunnerConfig struct {
	Log         events.Log
	Store       *Store
	Projections []Projection
	// Progress, where it is set, hears of every commit until the run has reached
	// what the log held when it began. It must not block.
	Progress func(Progress)
}

// Progress is how far a run has come.
type Progress struct {
	Applied uint64 // newest event folded
	Head    uint64 // newest event of the log when the run began
}

// NewRunner makes the store ready for these projections: where it has been
// folded by others, or by other versions of them, it is emptied and the next run
// rebuilds it.
func NewRunner(c RunnerConfig) (*Runner, error) {
	seen := map[Keyspace]bool{Meta: true, State: true}
	for _, p := range c.Projections {
		if seen[p.Keyspace()] {
			return nil, fmt.Errorf("two projections in keyspace %s", p.Keyspace())
		}
		seen[p.Keyspace()] = true
	}
	if err := c.Store.prepare(c.Projections); err != nil {
		return nil, err
	}
	return &Runner{log: c.Log, store: c.Store, projections: c.Projections, report: c.Progress}, nil
}

// ErrRunning is returned for a second run beside the first.
var ErrRunning = errors.New("the runner is running")

// Run folds the log into the store until ctx ends or something stops it, and
// returns what did: events.ErrDamaged where the log contradicts itself or the
// store, [ErrStore] where the store cannot be written, an [ApplyError] where an
// event cannot be applied. It resumes at the store's position, of which the log
// first proves that it is its own.
func (r *Runner) Run(ctx context.Context) error {
	if !r.store.progress.start() {
		return ErrRunning
	}
	defer r.store.progress.running.Store(false)
	err := r.run(ctx)
	if err == nil {
		err = errors.New("the log has ended, which it never should")
	}
	r.store.progress.stop(err)
	return err
}

func (r *Runner) run(ctx context.Context) error {
	if err := r.store.health.err(); err != nil {
		return err
	}
	for _, p := range r.projections {
		if l, ok := p.(Loader); ok {
			if err := l.Load(r.store.Reader); err != nil {
				return fmt.Errorf("load %s: %w", p.Keyspace(), err)
			}
		}
	}
	if r.report != nil {
		r.head, _ = r.log.Head(ctx) // only to be reported; Follow says what is wrong
	}
	return r.log.Follow(ctx, r.store.Position(), r.deliver)
}

// deliver takes one delivery of the log, in as few batches as its size allows.
func (r *Runner) deliver(all []events.Recorded) error {
	for len(all) > 0 {
		n, err := wholeCommands(all, maxBatchBytes)
		if err != nil {
			return err
		}
		if err := r.fold(all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// wholeCommands is the length of the longest beginning of all that ends with a
// command and is within size, or else of the first command.
func wholeCommands(all []events.Recorded, size int) (int, error) {
	whole, bytes := 0, 0
	for i, r := range all {
		if want := following(all[:i]); r.Index != want || want > 1 && r.Command != all[i-1].Command {
			return 0, &events.DamageError{
				Sequence: r.Sequence, Problem: fmt.Sprintf("event %d of command %s is torn from it", r.Index, r.Command),
			}
		}
		if bytes += len(r.Payload); bytes > size && whole > 0 {
			return whole, nil
		}
		if r.Index == r.Count {
			whole = i + 1
		}
	}
	if last := all[len(all)-1]; last.Index != last.Count {
		return 0, &events.DamageError{Sequence: last.Sequence, Problem: "the log ends inside command " + last.Command}
	}
	return whole, nil
}

// following is the index that the event after these has in its command.
func following(done []events.Recorded) int {
	if len(done) == 0 || done[len(done)-1].Index == done[len(done)-1].Count {
		return 1
	}
	return done[len(done)-1].Index + 1
}

// ApplyError says which event stopped the Runner.
type ApplyError struct {
	Sequence uint64
	Type     string
	Err      error
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("apply event %d, %s: %v", e.Sequence, e.Type, e.Err)
}

// Unwrap is the reason.
func (e *ApplyError) Unwrap() error { return e.Err }

// fold is one batch: rows and position, committed together.
func (r *Runner) fold(all []events.Recorded) (err error) {
	s := r.store
	f, err := newFold(s, s.Position(), len(all), r.projections)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.close(); err == nil {
			err = cerr
		}
	}()
	for _, e := range all {
		if err := f.apply(e); err != nil {
			return &ApplyError{Sequence: e.Sequence, Type: e.Data.Type(), Err: err}
		}
	}
	if err := f.finish(); err != nil {
		return err
	}
	// Before the commit: who reads a key afterwards finds its scheme.
	s.schemes.Store(f.schemes)
	if s.tearCommit {
		if err := s.commitTorn(f); err != nil {
			return err
		}
	}
	if err := s.commit(f.batch, pebble.NoSync); err != nil {
		return fmt.Errorf("commit events %d to %d: %w", all[0].Sequence, f.position.Sequence, err)
	}
	for _, p := range r.projections {
		if c, ok := p.(Committer); ok {
			c.Committed(f.changes)
		}
	}
	s.progress.publish(f.position)
	if r.report != nil && all[0].Sequence <= r.head {
		r.report(Progress{Applied: f.position.Sequence, Head: r.head})
	}
	return nil
}

// commitTorn is the planted fault.
func (s *Store) commitTorn(f *fold) error {
	b := s.db.NewBatch()
	if err := setPosition(b, f.position); err != nil {
		return err
	}
	return s.commit(b, pebble.NoSync)
}

// Position is [Store.Position].
func (r *Runner) Position() events.Position { return r.store.Position() }

// Wait is [Store.Wait].
func (r *Runner) Wait(ctx context.Context, sequence uint64) error { return r.store.Wait(ctx, sequence) }

// Ready is [Store.Ready].
func (r *Runner) Ready(head uint64) bool { return r.store.Ready(head) }

// Lag is how many events of the log have not been folded yet.
func (r *Runner) Lag(ctx context.Context) (uint64, error) {
	head, err := r.log.Head(ctx)
	if err != nil {
		return 0, fmt.Errorf("lag: %w", err)
	}
	at := r.store.Position().Sequence
	return max(head, at) - at, nil
}
