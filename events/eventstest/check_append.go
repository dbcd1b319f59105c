package eventstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/keyledger/keyledger/events"
)

func checkOrder(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	account := h.Account("acct_1")
	key := h.Key("acct_1", "key_1")
	for range 5 {
		h.Then(key, events.KeySuspended{})
		h.Then(account, events.AccountSuspended{})
		h.Then(key, events.KeyResumed{})
		h.Then(account, events.AccountResumed{})
	}
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

func checkPayloads(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	h.Then(events.AccountEntity("acct_1"), events.AccountOpened{Name: "Zoë <&> \u2028\U0001F511 \x00\t\"\\", Scheme: "s"})
	h.Then(events.SchemeEntity("s"), events.SchemeApplied{Name: "s", Version: 1, Document: []byte(`{"a":[1,null,"x"]}`)})
	h.Then(events.AccountEntity("acct_1"), events.Unknown{
		Name: "keyledger.account.praised.v7", Raw: []byte(`{"z":1,"a":{"big":123456789012345678901234567890}}`),
	})
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	// Once Append has returned, its caller's buffer is the caller's again.
	w := h.Propose(Change{events.AccountEntity("acct_2"), events.AccountOpened{Name: "n", Scheme: "s"}})
	kept := bytes.Clone(w.Events[0].Payload)
	ack, err := log.Append(ctx, w)
	if err != nil {
		return err
	}
	clear(w.Events[0].Payload)
	w.Events[0].Payload = kept
	if err := h.Landed(w, ack); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

func checkBatch(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	for n := 2; n <= 5; n++ {
		var batch []Change
		for i := range n {
			e := events.KeyEntity("live", "acct_1", fmt.Sprintf("key_%d_%d", n, i))
			batch = append(batch, Change{e, h.NewKey()})
		}
		h.Do(batch...)
	}
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

func checkAllOrNone(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	moved := h.Key("acct_1", "key_moved")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	key := func(i int) events.Entity { return events.KeyEntity("live", "acct_1", fmt.Sprintf("key_%d", i)) }
	for at := range 3 {
		batch := []Change{{key(0), h.NewKey()}, {key(1), h.NewKey()}, {key(2), h.NewKey()}}
		batch[at] = Change{moved, events.KeyRevoked{}}
		w := h.Propose(batch...)
		w.Events[at].Expect.Last--
		if err := conflicts(ctx, log, fmt.Sprintf("batch whose event %d of 3 conflicts", at+1), w); err != nil {
			return err
		}
	}
	return holds(ctx, log, h)
}

func checkConflict(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	key := h.Key("acct_1", "key_1")
	h.Account("acct_1")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	last := h.Expect(key).Last
	for _, wrong := range []uint64{0, last - 1, last + 1, last + 1000} {
		w := h.Propose(Change{key, events.KeySuspended{}})
		w.Events[0].Expect.Last = wrong
		if err := conflicts(ctx, log, fmt.Sprintf("expected %d of a key at %d", wrong, last), w); err != nil {
			return err
		}
	}
	w := h.Propose(Change{events.KeyEntity("live", "acct_1", "key_new"), h.NewKey()})
	w.Events[0].Expect.Last = last
	if err := conflicts(ctx, log, "expected a key that is not there", w); err != nil {
		return err
	}
	if err := lands(ctx, log, h, "expected what is so", h.Propose(Change{key, events.KeySuspended{}})); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

// checkWholeEntity uses event names that differ, and entities that are all but
// the same.
func checkWholeEntity(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	key := h.Key("acct_1", "key_1")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	for _, near := range []events.Entity{
		events.KeyEntity("test", "acct_1", "key_1"),
		events.KeyEntity("live", "acct_2", "key_1"),
		events.KeyEntity("live", "acct_1", "key_11"),
		events.KeyEntity("live", "acct_1", "key_"),
		events.KeyEntity("live", "acct_1", "KEY_1"),
		{Environment: "live", Account: "acct_1", Kind: "keys", ID: "key_1"},
	} {
		what := fmt.Sprintf("create %v beside %v", near, key)
		if err := lands(ctx, log, h, what, h.Propose(Change{near, h.NewKey()})); err != nil {
			return err
		}
	}
	created := h.Expect(key)
	if err := lands(ctx, log, h, "suspend", h.Propose(Change{key, events.KeySuspended{}})); err != nil {
		return err
	}
	// Nothing named "revoked" has happened to it, and yet it has moved.
	w := h.Propose(Change{key, events.KeyRevoked{}})
	w.Events[0].Expect = created
	if err := conflicts(ctx, log, "expected an event of the entity that is not its newest", w); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

func checkTwice(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	key := events.KeyEntity("live", "acct_1", "key_1")
	other := events.AccountEntity("acct_1")
	// Not next to one another, and one name twice.
	w := h.Propose(
		Change{key, h.NewKey()},
		Change{other, events.AccountOpened{Name: "n", Scheme: "s"}},
		Change{key, events.KeySuspended{}},
		Change{key, events.KeyResumed{}},
		Change{other, events.AccountSuspended{}},
		Change{key, events.KeySuspended{}},
	)
	if err := lands(ctx, log, h, "a batch with one entity four times", w); err != nil {
		return err
	}
	newest := h.Expect(key).Last
	for _, wrong := range []uint64{newest - 5, newest - 2} {
		w := h.Propose(Change{key, events.KeyRevoked{}})
		w.Events[0].Expect.Last = wrong
		if err := conflicts(ctx, log, fmt.Sprintf("expected %d of a batch that ends at %d", wrong, newest), w); err != nil {
			return err
		}
	}
	if err := lands(ctx, log, h, "expected the last of the batch", h.Propose(Change{key, events.KeyRevoked{}})); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

// checkResend sends the very same write twice. The second answer may be the
// first one's acknowledgement, or a conflict.
func checkResend(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	key, account := events.KeyEntity("live", "acct_1", "key_1"), events.AccountEntity("acct_1")
	for _, w := range []events.Write{
		h.Propose(Change{key, h.NewKey()}),
		h.Propose(Change{account, events.AccountOpened{Name: "n", Scheme: "s"}}, Change{account, events.AccountClosed{}}),
	} {
		first, err := log.Append(ctx, w)
		if err != nil {
			return err
		}
		if err := h.Landed(w, first); err != nil {
			return err
		}
		if again, err := log.Append(ctx, w); err == nil && again != first {
			return fmt.Errorf("sent again, it landed again at %v after %v", again, first)
		} else if err != nil && !errors.Is(err, events.ErrConflict) {
			return fmt.Errorf("sent again: %w", err)
		}
	}
	return holds(ctx, log, h)
}

func checkLargestPayload(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	account := events.AccountEntity("acct_1")
	opened := events.AccountOpened{Name: "n", Scheme: "s"}
	size := len(h.Propose(Change{account, opened}).Events[0].Payload)
	opened.Name = strings.Repeat("n", events.MaxPayload-size+1)
	if err := lands(ctx, log, h, "the largest payload", h.Propose(Change{account, opened})); err != nil {
		return err
	}
	w := h.Propose(Change{account, events.AccountSuspended{}})
	w.Events[0].Payload = append(w.Events[0].Payload, bytes.Repeat([]byte(" "), events.MaxPayload)...)
	if err := refused(ctx, log, "a larger payload", w); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

func checkLargestCommand(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	if err := lands(ctx, log, h, "the largest command", h.Propose(manyChanges(h, events.MaxCommandEvents)...)); err != nil {
		return err
	}
	w := h.Propose(manyChanges(h, events.MaxCommandEvents)...)
	w.Events = append(w.Events, h.Propose(manyChanges(h, 1)...).Events...)
	if err := refused(ctx, log, "a larger command", w); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

// manyChanges is n events, two for each of its keys, which are new.
func manyChanges(h *History, n int) []Change {
	var all []Change
	for len(all) < n {
		key := events.KeyEntity("live", "acct_1", h.id(events.IDKey))
		all = append(all, Change{key, h.NewKey()}, Change{key, events.KeySuspended{}})
	}
	return all[:n]
}
