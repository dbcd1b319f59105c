package eventstest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/keyledger/keyledger/events"
)

func checkLoneGuard(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	actor := h.Key("acct_1", "key_actor")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	create := func(id string, guard *events.Expectation) events.Write {
		w := h.Propose(Change{events.KeyEntity("live", "acct_1", id), h.NewKey()})
		w.Events[0].Expect = guard
		return w
	}
	before := h.Expect(actor)
	// What is created does not move its actor: the guard holds again and again.
	for i := range 3 {
		if err := lands(ctx, log, h, "create guarded by the actor", create(fmt.Sprintf("key_%d", i), before)); err != nil {
			return err
		}
	}
	if err := lands(ctx, log, h, "narrow the actor", h.Propose(Change{actor, events.KeySuspended{}})); err != nil {
		return err
	}
	if err := conflicts(ctx, log, "create guarded by an actor that has moved", create("key_3", before)); err != nil {
		return err
	}
	if err := lands(ctx, log, h, "create guarded by what is so now", create("key_3", h.Expect(actor))); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

func checkBatchGuard(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	actor := h.Key("acct_1", "key_actor")
	target := h.Key("acct_1", "key_target")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	widen := func() events.Write { return h.Propose(guarded(target, actor)...) }
	stale := widen()
	if err := lands(ctx, log, h, "a guarded batch", widen()); err != nil {
		return err
	}
	if err := conflicts(ctx, log, "a batch after both have moved", stale); err != nil {
		return err
	}
	for _, moved := range []events.Entity{actor, target} {
		stale := widen()
		if err := lands(ctx, log, h, "narrow", h.Propose(Change{moved, events.KeySuspended{}})); err != nil {
			return err
		}
		if err := conflicts(ctx, log, fmt.Sprintf("a guarded batch after %v has moved", moved), stale); err != nil {
			return err
		}
	}
	if err := lands(ctx, log, h, "a guarded batch that looked again", widen()); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

// guarded widens target in the name of actor.
func guarded(target, actor events.Entity) []Change {
	return []Change{
		{target, events.KeyPermissionsChanged{Permissions: []string{"onramp:create"}}},
		{actor, events.CommandAccepted{Right: "keys", Target: target.Ref()}},
	}
}

// checkGuardRace revokes an actor while creates in its name are in flight, alone
// and in batches with other work.
func checkGuardRace(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	const rounds, creates = 5, 12
	for round := range rounds {
		actor := h.Key("acct_1", fmt.Sprintf("key_actor_%d", round))
		if err := h.Save(ctx, log); err != nil {
			return err
		}
		writes := []events.Write{h.Propose(Change{actor, events.KeyRevoked{}})}
		for i := range creates {
			key := events.KeyEntity("live", "acct_1", fmt.Sprintf("key_%d_%d", round, i))
			w := h.Propose(Change{key, h.NewKey()})
			w.Events[0].Expect = h.Expect(actor)
			if i%4 == 3 {
				w = h.Propose(Change{key, h.NewKey()}, Change{actor, events.CommandAccepted{Right: "keys", Target: key.Ref()}})
			}
			writes = append(writes, w)
		}
		landed, err := race(ctx, log, writes)
		if err != nil {
			return err
		}
		moves := 0
		for _, l := range landed { // in the order of the ledger
			if moves > 0 {
				return fmt.Errorf("round %d: %s landed at %d after the actor had moved", round, l.write.Events[0].ID, l.ack.First)
			}
			for _, p := range l.write.Events {
				if p.Entity == actor {
					moves++
				}
			}
			if err := h.Landed(l.write, l.ack); err != nil {
				return err
			}
		}
		if moves != 1 {
			return fmt.Errorf("round %d: the actor moved %d times, want once", round, moves)
		}
	}
	return holds(ctx, log, h)
}

// acknowledged is a write and where it landed.
type acknowledged struct {
	write events.Write
	ack   events.Ack
}

// race appends every write in a goroutine of its own, and returns those that
// landed, in the order of the ledger. Any error but a conflict ends it.
func race(ctx context.Context, log events.Log, writes []events.Write) ([]acknowledged, error) {
	acks, errs := make([]events.Ack, len(writes)), make([]error, len(writes))
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, w := range writes {
		wg.Go(func() {
			<-start
			acks[i], errs[i] = log.Append(ctx, w)
		})
	}
	close(start)
	wg.Wait()
	var landed []acknowledged
	for i, err := range errs {
		if err == nil {
			landed = append(landed, acknowledged{writes[i], acks[i]})
		} else if !errors.Is(err, events.ErrConflict) {
			return nil, fmt.Errorf("append among others: %w", err)
		}
	}
	inOrder(landed)
	return landed, nil
}
