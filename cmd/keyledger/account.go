package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

func accountCommand(a *app) *cobra.Command {
	return family("account", "Open, look at, suspend and close accounts, which own keys",
		accountCreateCommand(a), accountListCommand(a), accountShowCommand(a),
		accountMoveCommand(a, "suspend", "Refuse all keys of an account until it is resumed", (*keyledger.Client).SuspendAccount),
		accountMoveCommand(a, "resume", "Accept the keys of a suspended account again", (*keyledger.Client).ResumeAccount),
		accountCloseCommand(a),
	)
}

func accountCreateCommand(a *app) *cobra.Command {
	var want keyledger.CreateAccount
	var idempotency string
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Open an account",
		Long: `Open an account: a merchant, team or organisation that owns keys. Its scheme, the
system its keys follow, is for ever.`,
		Example: `  keyledger account create --id merchant_42 --name "Merchant 42" --scheme web3pay`,
		Args:    positional(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			if strings.TrimSpace(want.Name) == "" {
				return usageError("--name is missing: say whose account it is")
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			var options []keyledger.Option
			if idempotency != "" {
				options = append(options, keyledger.IdempotencyKey(idempotency))
			}
			created, err := c.CreateAccount(ctx, want, options...)
			if err != nil {
				return err
			}
			return a.printChangedAccount(*created)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&want.Name, "name", "", "whose account it is")
	flags.StringVar(&want.ID, "id", "", "id of your own choice; default: one is made up")
	flags.StringVar(&want.Scheme, "scheme", "", "key system of its keys; default: that of account root")
	flags.StringVar(&idempotency, "idempotency-key", "", "`TEXT` under which the command takes effect once, however often it is repeated")
	return cmd
}

func accountListCommand(a *app) *cobra.Command {
	var filter keyledger.AccountFilter
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List accounts, closed ones included",
		Example: "  keyledger account list\n  keyledger account list --status suspended",
		Args:    positional(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			return listPages(a, "accounts", limit, []string{"ID", "NAME", "SCHEME", "STATUS", "CREATED"},
				func(cursor string, size int) ([]keyledger.Account, string, error) {
					filter.Cursor, filter.Limit = cursor, size
					page, err := c.Accounts(ctx, filter)
					if err != nil {
						return nil, "", err
					}
					return page.Accounts, string(page.NextCursor), nil
				},
				func(x keyledger.Account) []string {
					return []string{x.ID, x.Name, x.Scheme, x.Status, a.brief(&x.CreatedAt, "")}
				})
		}),
	}
	cmd.Flags().StringVar(&filter.Status, "status", "", "active, suspended or closed")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 is all")
	return cmd
}

func accountShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show ACCOUNT",
		Short:   "Describe one account",
		Example: "  keyledger account show merchant_42",
		Args:    positional("ACCOUNT"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			account, err := c.Account(ctx, args[0])
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(account)
			}
			return a.printAccount(*account)
		}),
	}
}

type accountMove = func(*keyledger.Client, context.Context, string, ...keyledger.Option) (*keyledger.ChangedAccount, error)

func accountMoveCommand(a *app, verb, short string, move accountMove) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " ACCOUNT",
		Short:   short,
		Example: "  keyledger account " + verb + " merchant_42",
		Args:    positional("ACCOUNT"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			return a.moveAccount(ctx, args[0], move)
		}),
	}
}

func accountCloseCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "close ACCOUNT",
		Short: "Refuse all keys of an account for good",
		Long: `Close an account: all its keys are refused for good, and it can have no new ones.
It cannot be undone; to stop an account for a while, suspend it. A terminal is
asked first, a script says --yes.`,
		Example: "  keyledger account close merchant_42",
		Args:    positional("ACCOUNT"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			question := fmt.Sprintf("Close account %s, which ends all its keys.", args[0])
			if err := a.confirm(ctx, yes, question); err != nil {
				return err
			}
			return a.moveAccount(ctx, args[0], (*keyledger.Client).CloseAccount)
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func (a *app) moveAccount(ctx context.Context, id string, move accountMove) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	changed, err := move(c, ctx, id)
	if err != nil {
		return err
	}
	return a.printChangedAccount(*changed)
}

func (a *app) printChangedAccount(x keyledger.ChangedAccount) error {
	return a.printChange(x, func() error { return a.printAccount(x.Account) }, x.Fence, x.Receipt)
}

func (a *app) printAccount(x keyledger.Account) error {
	return a.printDetails([]detail{
		{"id", x.ID},
		{"name", x.Name},
		{"scheme", x.Scheme},
		{"status", x.Status},
		{"created_at", a.full(&x.CreatedAt, "")},
		{"created_by", x.CreatedBy},
		{"revision", fmt.Sprint(x.Revision)},
	})
}
