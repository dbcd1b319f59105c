package eventstest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/keyledger/keyledger/events"
)

// inOrder sorts by place on the ledger.
func inOrder(landed []acknowledged) {
	slices.SortFunc(landed, func(a, b acknowledged) int { return cmp.Compare(a.ack.First, b.ack.First) })
}

func checkOneWinner(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	key := h.Key("acct_1", "key_1")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	const rounds, writers = 10, 8
	for round := range rounds {
		var writes []events.Write
		for i := range writers {
			change := []Change{{key, events.KeyDetailsChanged{Name: fmt.Sprintf("writer %d of round %d", i, round)}}}
			if i%4 == 3 { // a batch among the lone ones
				change = append(change, Change{key, events.KeySuspended{}})
			}
			writes = append(writes, h.Propose(change...))
		}
		landed, err := race(ctx, log, writes)
		if err != nil {
			return err
		}
		if len(landed) != 1 {
			return fmt.Errorf("round %d: %d of %d writers that expected %d have landed, want 1",
				round, len(landed), writers, h.Expect(key).Last)
		}
		if err := h.Landed(landed[0].write, landed[0].ack); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return holds(ctx, log, h)
}

// checkLinear has writers that never conflict, each with keys of its own, some
// in batches. Whatever was acknowledged before an append began must be before it
// on the ledger.
func checkLinear(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	const writers, each = 8, 12
	var plan [writers][]events.Write
	for i := range plan {
		for j := range each {
			key := events.KeyEntity("live", "acct_1", fmt.Sprintf("key_%d_%d", i, j))
			changes := []Change{{key, h.NewKey()}}
			if j%3 == 2 {
				changes = append(changes, Change{key, events.KeySuspended{}}, Change{key, events.KeyResumed{}})
			}
			plan[i] = append(plan[i], h.Propose(changes...))
		}
	}
	var newest newestAck
	var wg sync.WaitGroup
	landed, errs := make([][]acknowledged, writers), make([]error, writers)
	for i, writes := range plan {
		wg.Go(func() { landed[i], errs[i] = newest.appendAll(ctx, log, writes) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	all := slices.Concat(landed...)
	inOrder(all)
	for _, l := range all {
		if err := h.Landed(l.write, l.ack); err != nil {
			return err
		}
	}
	return holds(ctx, log, h)
}

// newestAck is the highest sequence acknowledged to anyone.
type newestAck struct {
	mu       sync.Mutex
	sequence uint64
}

func (n *newestAck) get() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sequence
}

func (n *newestAck) raise(sequence uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sequence = max(n.sequence, sequence)
}

// appendAll appends one write after another, and after each asks for the head.
func (n *newestAck) appendAll(ctx context.Context, log events.Log, writes []events.Write) ([]acknowledged, error) {
	var landed []acknowledged
	for _, w := range writes {
		before := n.get()
		ack, err := log.Append(ctx, w)
		if err != nil {
			return nil, fmt.Errorf("append among others: %w", err)
		}
		if ack.First <= before {
			return nil, fmt.Errorf("landed at %d after %d had been acknowledged", ack.First, before)
		}
		n.raise(ack.Last)
		landed = append(landed, acknowledged{w, ack})
		if err := headIsAtLeast(ctx, log, n.get()); err != nil {
			return nil, err
		}
	}
	return landed, nil
}

func headIsAtLeast(ctx context.Context, log events.Log, want uint64) error {
	head, err := log.Head(ctx)
	if err != nil {
		return fmt.Errorf("head: %w", err)
	}
	if head < want {
		return fmt.Errorf("head is %d after %d was acknowledged", head, want)
	}
	return nil
}

func checkHead(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	for i := range 20 {
		key := events.KeyEntity("live", "acct_1", fmt.Sprintf("key_%d", i))
		changes := []Change{{key, h.NewKey()}, {key, events.KeySuspended{}}}[:1+i%2]
		if err := lands(ctx, log, h, "append", h.Propose(changes...)); err != nil {
			return err
		}
		head, err := log.Head(ctx)
		if err != nil {
			return fmt.Errorf("head: %w", err)
		}
		if head != h.Head() {
			return fmt.Errorf("head is %d, the newest event %d", head, h.Head())
		}
	}
	return nil
}
