package eventstest

import (
	"context"
	"errors"
	"fmt"

	"github.com/keyledger/keyledger/events"
)

// refused appends a write that no log may take.
func refused(ctx context.Context, log events.Log, what string, w events.Write) error {
	ack, err := log.Append(ctx, w)
	if !errors.Is(err, events.ErrRefused) {
		return fmt.Errorf("%s: acknowledged %v: %w", what, ack, unwanted(err, events.ErrRefused))
	}
	return outcome(err)
}

func checkRefused(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	actor := h.Key("acct_1", "key_actor")
	if err := h.Save(ctx, log); err != nil {
		return err
	}
	key := events.KeyEntity("live", "acct_1", "key_1")
	for _, c := range []struct {
		what  string
		spoil func(one, two *events.Pending)
	}{
		{"no expectation", func(one, _ *events.Pending) { one.Expect = nil }},
		{"an expectation of another entity in a batch", func(one, _ *events.Pending) { one.Expect = h.Expect(actor) }},
		{"an expectation on a second event of an entity", func(one, two *events.Pending) { two.Expect = one.Expect }},
		{"an id with a dot", func(one, _ *events.Pending) { one.Entity.ID, one.Expect.Entity.ID = "a.b", "a.b" }},
		{"a wildcard", func(one, _ *events.Pending) { one.Entity.ID, one.Expect.Entity.ID = "*", "*" }},
		{"an empty name", func(one, _ *events.Pending) { one.Name = "" }},
		{"a name of two tokens", func(one, _ *events.Pending) { one.Name = "a.b" }},
		{"no id", func(one, _ *events.Pending) { one.ID = "" }},
		{"no payload", func(one, _ *events.Pending) { one.Payload = nil }},
	} {
		w := h.Propose(Change{key, h.NewKey()}, Change{key, events.KeySuspended{}})
		c.spoil(&w.Events[0], &w.Events[1])
		if err := refused(ctx, log, "a batch with "+c.what, w); err != nil {
			return err
		}
	}
	w := h.Propose(Change{key, h.NewKey()})
	w.Events[0].Expect.Entity = events.Entity{}
	if err := refused(ctx, log, "a lone event with an expectation of no entity", w); err != nil {
		return err
	}
	if err := refused(ctx, log, "an empty write", events.Write{}); err != nil {
		return err
	}
	return holds(ctx, log, h)
}

// checkEndedAppend accepts every answer, and then looks whether it was true.
func checkEndedAppend(ctx context.Context, log events.Log) error {
	h, err := begin(ctx, log)
	if err != nil {
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	w := h.Propose(Change{events.AccountEntity("acct_1"), events.AccountOpened{Name: "n", Scheme: "s"}})
	ack, err := log.Append(ended, w)
	if err == nil {
		if err := h.Landed(w, ack); err != nil {
			return err
		}
		return holds(ctx, log, h)
	}
	if err := outcome(err); err != nil {
		return err
	}
	if errors.Is(err, events.ErrUnavailable) {
		return holds(ctx, log, h)
	}
	if !errors.Is(err, events.ErrUnknown) {
		return fmt.Errorf("append with an ended context: %w", err)
	}
	return nil
}
