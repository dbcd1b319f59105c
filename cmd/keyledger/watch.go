package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

func watchCommand(a *app) *cobra.Command {
	var t trailFlags
	var limit int
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow the ledger as things happen",
		Long: `Print events as they happen, until interrupted. A lost connection is opened again
where it was lost. --after N goes on after an earlier run, which said at its end
what N is; --after 0 begins with the first event of the ledger.

With --output json a line is an event as it is stored, byte for byte.`,
		Example: `  keyledger watch
  keyledger watch --type key.revoked,key.suspended --output json
  keyledger watch --after 1042 --account merchant_42
  keyledger watch --key KEY --type key.revoked --limit 1 && echo gone`,
		Args: positional(),
	}
	t.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 0, "end after so many; 0 goes on")
	cmd.Flags().Uint64Var(&t.filter.After, "after", 0, "go on after this sequence; default: begin with what happens next")
	cmd.RunE = a.action(func(ctx context.Context, _ []string) error {
		if limit < 0 {
			return usageError("--limit: want 0 or more")
		}
		return a.watch(ctx, t, cmd.Flags().Changed("after"), limit)
	})
	return cmd
}

// errEnough ends watching at the limit.
var errEnough = errors.New("enough")

// watch follows until ctx ends, which is how a person ends it, or until limit
// events have been printed.
func (a *app) watch(ctx context.Context, t trailFlags, resume bool, limit int) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	filter := t.resolve()
	if !resume {
		me, err := c.Me(ctx)
		if err != nil {
			return err
		}
		filter.After = me.Position
	}
	last, printed := filter.After, 0
	s := keyledger.Subscription{EventFilter: filter, Lost: func(err error) {
		a.note("connection lost, opening it again: %v", err)
	}}
	err = c.Follow(ctx, s, func(e keyledger.Event) error {
		if t.matches(e) {
			if err := a.printWatched(e); err != nil {
				return err
			}
			printed++
		}
		if last = e.Sequence; limit > 0 && printed == limit {
			return errEnough
		}
		return nil
	})
	a.note("to go on from here: --after %d", last)
	if errors.Is(err, errEnough) || ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

func (a *app) printWatched(e keyledger.Event) error {
	if a.json() {
		return a.printEvent(e)
	}
	if !a.person() {
		return a.printLines([][]string{a.eventRow(e)})
	}
	text := fmt.Sprintf("%d  %s  %-24s %s of %s by %s  %s\n",
		e.Sequence, e.Time.Local().Format("15:04:05"), shortType(e.Type), e.Subject, e.Account, e.Actor, summary(e))
	if _, err := fmt.Fprint(a.stdout, printable(text)); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
