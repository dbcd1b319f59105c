package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

func keysRotateCommand(a *app) *cobra.Command {
	var how keyledger.Rotation
	var overlap, grace string
	var secret secretFlags
	cmd := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Give a key a new secret and show it once",
		Long: `Give a key a new secret. The old one goes on beside it for a while, so that
nothing breaks: for --overlap (default 24 h), or with --cut-on-first-use until the
new one has been used and --grace (default 10 minutes) has passed. keys cut ends it
by hand.`,
		Example: `  keyledger keys rotate KEY --overlap 1h
  keyledger keys rotate KEY --cut-on-first-use --secret-file new.key
  keyledger keys rotate KEY --overlap 0s    # the old secret has leaked`,
		Args: positional("KEY"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			if how.CutOnFirstUse && overlap != "" {
				return usageError("--overlap and --cut-on-first-use exclude one another")
			}
			if grace != "" && !how.CutOnFirstUse {
				return usageError("--grace goes with --cut-on-first-use")
			}
			for _, f := range []struct {
				name, text string
				into       *keyledger.Optional[time.Duration]
			}{{"--overlap", overlap, &how.Overlap}, {"--grace", grace, &how.Grace}} {
				if f.text == "" {
					continue
				}
				d, err := parseSpan(f.text)
				if err != nil {
					return usageError("%s: %w", f.name, err)
				}
				*f.into = keyledger.Set(d)
			}
			return a.issue(secret, func(c *keyledger.Client, options []keyledger.Option) (*keyledger.IssuedKey, error) {
				return c.RotateKey(ctx, args[0], how, options...)
			})
		}),
	}
	cmd.Flags().StringVar(&overlap, "overlap", "", "how long the old secret goes on: 24h, 7d, 0s")
	cmd.Flags().BoolVar(&how.CutOnFirstUse, "cut-on-first-use", false, "end the old secret once the new one is in use")
	cmd.Flags().StringVar(&grace, "grace", "", "how long after the first use: 10m")
	secret.add(cmd)
	return cmd
}

func keysCutCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "cut KEY CREDENTIAL",
		Short:   "End an overlapping secret now",
		Long:    "End a secret that goes on after a rotation. keys show lists the credentials of a key.",
		Example: "  keyledger keys cut KEY crd_01kaz0n8q5e6vr2w8x4y7t3m1c",
		Args:    positional("KEY", "CREDENTIAL"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			changed, err := c.CutCredential(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return a.printChangedKey(*changed)
		}),
	}
}

func keysSuspendCommand(a *app) *cobra.Command {
	return keysMoveCommand(a, "suspend", "Refuse a key until it is resumed", (*keyledger.Client).SuspendKey)
}

func keysResumeCommand(a *app) *cobra.Command {
	return keysMoveCommand(a, "resume", "Accept a suspended key again", (*keyledger.Client).ResumeKey)
}

type keyMove = func(*keyledger.Client, context.Context, string, ...keyledger.Option) (*keyledger.ChangedKey, error)

func keysMoveCommand(a *app, verb, short string, move keyMove) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " KEY",
		Short:   short,
		Example: "  keyledger keys " + verb + " key_01kaz0n8q5e6vr2w8x4y7t3m1c",
		Args:    positional("KEY"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			changed, err := move(c, ctx, args[0])
			if err != nil {
				return err
			}
			return a.printChangedKey(*changed)
		}),
	}
}

func keysRevokeCommand(a *app) *cobra.Command {
	var reason string
	var yes bool
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: "End a key for good",
		Long: `End a key for good. It cannot be undone; to stop a key for a while, suspend it. A
terminal is asked first, a script says --yes.

Reasons: key_compromise, superseded, affiliation_changed, privilege_withdrawn,
unspecified.`,
		Example: `  keyledger keys revoke KEY --reason superseded
  keyledger keys revoke KEY --reason key_compromise --yes`,
		Args: positional("KEY"),
		RunE: a.action(func(ctx context.Context, args []string) error { return a.revokeKey(ctx, args[0], reason, yes) }),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) revokeKey(ctx context.Context, id, reason string, yes bool) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	question := ""
	if !yes && a.terminal(a.stdin) {
		key, err := c.Key(ctx, id)
		if err != nil {
			return err
		}
		question = fmt.Sprintf("Revoke %s, %q: %s, account %s, environment %s, last used %s.",
			key.ID, key.Name, key.Status, key.Account, key.Environment, orNever(a.full(key.LastUsedAt, "")))
	}
	if err := a.confirm(ctx, yes, question); err != nil {
		return err
	}
	done, err := c.RevokeKey(ctx, id, reason)
	if err != nil {
		return err
	}
	return a.printChange(done, func() error {
		return a.printDetails([]detail{{"id", id}, {"message", done.Message}, {"position", fmt.Sprint(done.Position)}})
	}, done.Fence, done.Receipt)
}

func (a *app) printChangedKey(k keyledger.ChangedKey) error {
	return a.printChange(k, func() error { return a.printKey(k.Key) }, k.Fence, k.Receipt)
}

// printChange prints what a change has led to, and whom it has reached.
func (a *app) printChange(v any, table func() error, fence string, receipt *keyledger.Receipt) error {
	var err error
	if a.json() {
		err = a.printJSON(v)
	} else {
		err = table()
	}
	if err != nil {
		return err
	}
	return a.fenced(fence, receipt)
}

// fenced says whom a narrowing change has reached, and ends with a status of its
// own where that is not everyone yet.
func (a *app) fenced(words string, receipt *keyledger.Receipt) error {
	if words != "" && !a.json() {
		a.note("%s", words)
	}
	if receipt.Pending() {
		a.note("It is written, and not every verifier has confirmed it yet: receipt %s", receipt.ID)
		return &exitError{status: exitPending}
	}
	return nil
}
