package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

func keysCommand(a *app) *cobra.Command {
	return family("keys", "Create, look at, change and end keys",
		keysCreateCommand(a), keysListCommand(a), keysShowCommand(a), keysVerifyCommand(a),
		keysPermissionsCommand(a), keysAllowlistCommand(a),
		keysRotateCommand(a), keysCutCommand(a), keysSuspendCommand(a), keysResumeCommand(a), keysRevokeCommand(a),
	)
}

func keysListCommand(a *app) *cobra.Command {
	var filter keyledger.KeyFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List keys, revoked ones included",
		Long: `List keys in the order in which they were created, revoked ones included. Secrets
are not shown: nobody has them.`,
		Example: `  keyledger keys list --status active --environment live
  keyledger keys list --unused-for 90d
  keyledger keys list --output json | jq -r '.keys[].id'`,
		Args: positional(),
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.listKeys(ctx, filter, limit) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&filter.Account, "account", "", "of one account")
	flags.StringVar(&filter.Environment, "environment", "", "of one environment")
	flags.StringVar(&filter.Status, "status", "", "active, suspended, expired or revoked")
	flags.StringVar(&filter.Kind, "kind", "", "of one kind")
	flags.StringVar(&filter.Resource, "resource", "", "bound to one resource")
	flags.StringVar(&filter.UnusedFor, "unused-for", "", "not used for so long: 90d, 12h")
	flags.IntVar(&limit, "limit", 0, "at most so many; 0 is all")
	return cmd
}

func (a *app) listKeys(ctx context.Context, filter keyledger.KeyFilter, limit int) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	return listPages(a, "keys", limit, []string{"ID", "NAME", "ACCOUNT", "ENV", "PREFIX", "PERMISSIONS", "STATUS", "LAST USED"},
		func(cursor string, size int) ([]keyledger.Key, string, error) {
			filter.Cursor, filter.Limit = cursor, size
			page, err := c.Keys(ctx, filter)
			if err != nil {
				return nil, "", err
			}
			return page.Keys, string(page.NextCursor), nil
		},
		func(k keyledger.Key) []string {
			held := commas(k.Permissions)
			if len(k.Roles) > 0 {
				held = strings.TrimPrefix(held+" roles "+commas(k.Roles), " ")
			}
			return []string{k.ID, k.Name, k.Account, k.Environment, k.Prefix, held, k.Status, a.brief(k.LastUsedAt, "never")}
		})
}

func keysShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show KEY",
		Short:   "Describe one key and every generation of its secret",
		Example: `  keyledger keys show key_01kaz0n8q5e6vr2w8x4y7t3m1c`,
		Args:    positional("KEY"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			key, err := c.Key(ctx, args[0])
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(key)
			}
			return a.printKey(*key)
		}),
	}
}

// printKey describes a key; first stands before everything else.
func (a *app) printKey(k keyledger.Key, first ...detail) error {
	details := append(first,
		detail{"id", k.ID}, detail{"name", k.Name}, detail{"status", k.Status},
		detail{"account", k.Account}, detail{"environment", k.Environment}, detail{"kind", k.Kind},
		detail{"resource", string(k.Resource)}, detail{"prefix", k.Prefix}, detail{"last4", k.Last4},
		detail{"permissions", commas(k.Permissions)}, detail{"roles", commas(k.Roles)}, detail{"grantable", a.grantable(k)},
		detail{"ip_allowlist", a.allowlist(k)},
		detail{"expires_at", a.full(k.ExpiresAt, "never")}, detail{"last_used_at", a.full(k.LastUsedAt, "never")},
		detail{"created_at", a.full(&k.CreatedAt, "")}, detail{"created_by", k.CreatedBy},
		detail{"revoked_at", a.full(k.RevokedAt, "")}, detail{"revocation_reason", string(k.Reason)},
		detail{"revision", fmt.Sprint(k.Revision)},
	)
	for _, c := range k.Credentials {
		text := fmt.Sprintf("%s %s…%s %s, used %s", c.ID, c.Prefix, c.Last4, c.Status, orNever(a.full(c.LastUsedAt, "")))
		if c.EndsAt != nil {
			text += ", ends " + a.full(c.EndsAt, "")
		}
		details = append(details, detail{"credential", text})
	}
	return a.printDetails(details)
}

func orNever(s string) string {
	if s == "" {
		return "never"
	}
	return s
}

func (a *app) grantable(k keyledger.Key) string {
	switch {
	case k.Grantable == nil && a.person():
		return "its own permissions"
	case k.Grantable != nil && len(k.Grantable) == 0:
		return "nothing"
	}
	return commas(k.Grantable)
}

func (a *app) allowlist(k keyledger.Key) string {
	if len(k.Allowlist) == 0 && a.person() {
		return "any address"
	}
	return commas(k.Allowlist)
}
