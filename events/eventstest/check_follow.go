package eventstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyledger/keyledger/events"
)

// checkResume follows from the end of every command.
func checkResume(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	key := h.Key("acct_1", "key_1")
	h.Then(key, events.KeySuspended{}, events.KeyResumed{}, events.KeySuspended{})
	h.Account("acct_1")
	h.Then(key, events.KeyRevoked{})
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	all := h.Events()
	for _, r := range all[:len(all)-1] {
		if r.Index != r.Count {
			continue
		}
		got, err := read(ctx, log, h.Position(r.Sequence), h.Head())
		if err != nil {
			return err
		}
		if err := same(got, all[r.Sequence:]); err != nil {
			return fmt.Errorf("resumed after %d: %w", r.Sequence, err)
		}
	}
	// At its end there is nothing to deliver until more is written.
	end := h.Position(h.Head())
	h.Account("acct_2")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	got, err := read(ctx, log, end, h.Head())
	if err != nil {
		return err
	}
	return same(got, h.Events()[end.Sequence:])
}

func checkForeign(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	h.Account("acct_1")
	h.Key("acct_1", "key_1")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	other := events.LeafHash([]byte("of another log"))
	at := func(p events.Position, sequence uint64, hash events.Hash) events.Position {
		p.Sequence, p.Hash = sequence, hash
		return p
	}
	middle, end := h.Position(h.Head()-1), h.Position(h.Head())
	for _, c := range []struct {
		what string
		from events.Position
	}{
		{"other bytes at event 1", at(middle, 1, other)},
		{"other bytes in the middle", at(middle, middle.Sequence, other)},
		{"other bytes at the end", at(end, end.Sequence, other)},
		{"the hash of a neighbour", at(end, end.Sequence, middle.Hash)},
		{"no hash", at(end, end.Sequence, events.Hash{})},
		{"a log that was one event longer", at(end, end.Sequence+1, other)},
		{"a log that was much longer", at(end, end.Sequence+100_000, end.Hash)},
	} {
		err := log.Follow(ctx, c.from, func([]events.Recorded) error { return errEnough })
		if errors.Is(err, errEnough) {
			return fmt.Errorf("from a position with %s: it delivered", c.what)
		}
		if !errors.Is(err, events.ErrDamaged) {
			return fmt.Errorf("from a position with %s: %w", c.what, unwanted(err, events.ErrDamaged))
		}
	}
	return holds(ctx, log, h)
}

// checkDeliveries puts the bound of a delivery into the middle of a command.
func checkDeliveries(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	for _, n := range []int{1, 700, 1, 700, 1000, 3, 900} {
		h.Do(manyChanges(h, n)...)
	}
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	for _, from := range []uint64{0, h.Head() - 903} {
		got, err := deliveries(ctx, log, h.Position(from), h.Head())
		if err != nil {
			return err
		}
		if err := same(slices.Concat(got...), h.Events()[from:]); err != nil {
			return err
		}
	}
	return nil
}

func checkLive(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	key := h.Key("acct_1", "key_1")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	// Each write is made only after the one before has been seen.
	want := h.Head()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var at events.Position
	err = log.Follow(ctx, at, func(d []events.Recorded) error {
		next, err := inspect(at, d)
		if err != nil {
			return err
		}
		at = next
		if at.Sequence < want {
			return nil
		}
		if want > 20 {
			return errEnough
		}
		h.Then(key, []events.Event{events.KeySuspended{}, events.KeyResumed{}}[:1+want%2]...)
		want = h.Head()
		return h.Save(ctx, log)
	})
	if !errors.Is(err, errEnough) {
		return fmt.Errorf("follow, with %d of %d seen: %w", at.Sequence, want, unwanted(err, errEnough))
	}
	return holds(ctx, log, h)
}

// checkFollowEnded ends the context before the call, in a delivery with more to
// come, and at the end of the log, where Follow waits.
func checkFollowEnded(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	for range 3 {
		h.Do(manyChanges(h, events.MaxCommandEvents)...)
	}
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	for _, until := range []uint64{0, 1, h.Head()} {
		if err := followEnds(ctx, log, until); err != nil {
			return fmt.Errorf("follow whose context ended at %d: %w", until, err)
		}
	}
	return nil
}

func followEnds(ctx context.Context, log events.Log, until uint64) error {
	ended, cancel := context.WithCancel(ctx)
	defer cancel()
	if until == 0 {
		cancel()
	}
	done := make(chan error, 1)
	go func() {
		done <- log.Follow(ended, events.Position{}, func(d []events.Recorded) error {
			if len(d) > 0 && d[len(d)-1].Sequence >= until {
				cancel()
			}
			return nil
		})
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			return unwanted(err, context.Canceled)
		}
		return nil
	case <-ctx.Done():
		return errors.New("it did not end")
	}
}

func checkDeliverFails(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	for range 3 {
		h.Do(manyChanges(h, events.MaxCommandEvents)...)
	}
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	full := errors.New("the disk is full")
	calls := 0
	err = log.Follow(ctx, events.Position{}, func([]events.Recorded) error {
		calls++
		return full
	})
	if !errors.Is(err, full) {
		return fmt.Errorf("follow whose delivery failed: %w", unwanted(err, full))
	}
	if calls != 1 {
		return fmt.Errorf("delivered %d times, want once: the first failed", calls)
	}
	return holds(ctx, log, h)
}

// checkCallee keeps and spoils the slices it is given.
func checkCallee(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	for range 30 {
		h.Do(manyChanges(h, 100)...)
	}
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	var inside atomic.Int32
	var kept, copied [][]events.Recorded
	err = log.Follow(ctx, events.Position{}, func(d []events.Recorded) error {
		if inside.Add(1) != 1 {
			return errors.New("delivered while a delivery was under way")
		}
		defer inside.Add(-1)
		time.Sleep(time.Millisecond) // time for another delivery to come
		copied = append(copied, slices.Clone(d))
		kept = append(kept, d)
		if len(d) > 0 && d[len(d)-1].Sequence >= h.Head() {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		return fmt.Errorf("follow: %w", unwanted(err, errEnough))
	}
	for i := range kept {
		if err := same(kept[i], copied[i]); err != nil {
			return fmt.Errorf("a delivery changed after it was made: %w", err)
		}
		clear(kept[i])
	}
	return holds(ctx, log, h)
}

func checkFollowers(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	key := h.Key("acct_1", "key_1")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	const followers, writes = 4, 40
	until := h.Head() + writes
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen, errs := make([][]events.Recorded, followers), make([]error, followers)
	var wg sync.WaitGroup
	for i := range followers {
		wg.Go(func() { seen[i], errs[i] = read(ctx, log, events.Position{}, until) })
	}
	for i := range writes {
		h.Then(key, events.KeyDetailsChanged{Name: fmt.Sprintf("name %d", i)})
	}
	if err = h.Save(ctx, log); err != nil {
		cancel() // nobody will see them all
	}
	wg.Wait()
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	for _, got := range seen {
		if err := same(got, h.Events()); err != nil {
			return err
		}
	}
	return nil
}
