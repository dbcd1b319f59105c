package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

// creation is the flags of keys create.
type creation struct {
	want      keyledger.CreateKey
	grantable []string
	expires   string
	secret    secretFlags
}

func keysCreateCommand(a *app) *cobra.Command {
	var k creation
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Create a key and show its secret once",
		Long: `Create a key. Its secret is shown once, now: it is stored nowhere, and nobody can
show it again. With --secret-file it goes into a new file that only you can read,
and not to the terminal.

Without permissions a key may do nothing. Environment and kind are for ever.`,
		Example: `  keyledger keys create --name "checkout, production" --environment live \
    --permissions onramp:create,onramp:read --ip-allowlist 203.0.113.0/24
  keyledger keys create --name ci --environment test --expires-at 90d --secret-file ci.key
  keyledger keys create --name batch --environment live --output json | jq -r .key`,
		Args: positional(),
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.createKey(ctx, k) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&k.want.Name, "name", "", "what the key is for, in words")
	flags.StringVar(&k.want.Environment, "environment", "", "where it works; needed if the scheme has several")
	flags.StringSliceVar(&k.want.Permissions, "permissions", nil, "what it may do: a,b")
	flags.StringSliceVar(&k.want.Roles, "roles", nil, "roles of the scheme")
	flags.StringVar(&k.want.Kind, "kind", "", "kind of key; default: the scheme's")
	flags.StringVar(&k.want.Account, "account", "", "who owns it; default: the account of your own key")
	flags.StringVar(&k.want.Resource, "resource", "", "what it is bound to, for kinds that are bound to something")
	flags.StringSliceVar(&k.want.Allowlist, "ip-allowlist", nil, "addresses and CIDR prefixes it may be used from; default: any")
	flags.StringVar(&k.expires, "expires-at", "", "when it ends: 90d, 2027-03-01 or 2027-03-01T12:00:00Z; default: never")
	flags.StringToStringVar(&k.want.Metadata, "metadata", nil, "labels: team=payments,ticket=OPS-7")
	flags.StringSliceVar(&k.grantable, "grantable", nil, "what it may give to other keys; default: its own permissions, \"\" is nothing")
	k.secret.add(cmd)
	return cmd
}

func (a *app) createKey(ctx context.Context, k creation) error {
	if strings.TrimSpace(k.want.Name) == "" {
		return usageError("--name is missing: say what the key is for, so that its purpose is known in a year")
	}
	if k.expires != "" {
		at, err := parseInstant(k.expires, a.now(), false)
		if err != nil {
			return usageError("--expires-at: %w", err)
		}
		at = at.Truncate(time.Second) // nobody means the nanoseconds of this moment
		k.want.ExpiresAt = &at
	}
	k.want.Grantable = k.grantable
	return a.issue(k.secret, func(c *keyledger.Client, options []keyledger.Option) (*keyledger.IssuedKey, error) {
		return c.CreateKey(ctx, k.want, options...)
	})
}
