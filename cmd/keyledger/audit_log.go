package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

func auditCommand(a *app) *cobra.Command {
	return family("audit", "Read what happened, when, and at whose request", auditLogCommand(a))
}

func auditLogCommand(a *app) *cobra.Command {
	var t trailFlags
	var since, until string
	var limit int
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Print the trail, oldest first",
		Long: `Print the events of the ledger, oldest first. With --output json a line is an event
as it is stored, byte for byte.`,
		Example: `  keyledger audit log --key key_01kaz0n8q5e6vr2w8x4y7t3m1c
  keyledger audit log --type key.revoked --since 7d
  keyledger audit log --output json | jq -c 'select(.actor == "key_root") | .type'`,
		Args: positional(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			for _, f := range []struct {
				name, text string
				into       *time.Time
			}{{"--since", since, &t.filter.From}, {"--until", until, &t.filter.Until}} {
				if f.text == "" {
					continue
				}
				at, err := parseInstant(f.text, a.now(), true)
				if err != nil {
					return usageError("%s: %w", f.name, err)
				}
				*f.into = at
			}
			return a.printTrail(ctx, t, limit)
		}),
	}
	t.add(cmd)
	flags := cmd.Flags()
	flags.Uint64Var(&t.filter.After, "after", 0, "after this sequence")
	flags.StringVar(&since, "since", "", "not before: 7d (ago), 2027-03-01 or 2027-03-01T12:00:00Z")
	flags.StringVar(&until, "until", "", "before")
	flags.IntVar(&limit, "limit", 0, "at most so many; 0 is all")
	return cmd
}

// printTrail prints page by page.
func (a *app) printTrail(ctx context.Context, t trailFlags, limit int) error {
	if limit < 0 {
		return usageError("--limit: want 0 or more")
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	filter, printed := t.resolve(), 0
	filter.Limit = pageSize
	for more := true; more; {
		page, err := c.Events(ctx, filter)
		if err != nil {
			return err
		}
		var events []keyledger.Event
		for _, e := range page.Events {
			if t.matches(e) && (limit == 0 || printed+len(events) < limit) {
				events = append(events, e)
			}
		}
		if err := a.printEvents(events); err != nil {
			return err
		}
		printed += len(events)
		filter.After, more = page.NextAfter, page.More && (limit == 0 || printed < limit)
	}
	if printed == 0 {
		a.note("no event matches")
	}
	return nil
}

func (a *app) printEvents(events []keyledger.Event) error {
	if a.json() {
		for _, e := range events {
			if err := a.printEvent(e); err != nil {
				return err
			}
		}
		return nil
	}
	if len(events) == 0 {
		return nil
	}
	rows := make([][]string, len(events))
	for i, e := range events {
		rows[i] = a.eventRow(e)
	}
	return a.printTable(eventHeader(), rows)
}
