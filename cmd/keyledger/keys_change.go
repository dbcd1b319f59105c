package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

// maxChangeAttempts bounds how often a change that builds on what the key has is
// decided anew because somebody else changed the key meanwhile.
const maxChangeAttempts = 5

// listChange says how a list of words is to change.
type listChange struct {
	set, add, remove []string
	clear            bool
}

func (l listChange) empty() bool {
	return !l.clear && len(l.set)+len(l.add)+len(l.remove) == 0
}

// contradicts reports whether l asks for two things at once.
func (l listChange) contradicts() bool {
	whole := 0
	for _, asked := range []bool{l.clear, len(l.set) > 0, len(l.add)+len(l.remove) > 0} {
		if asked {
			whole++
		}
	}
	return whole > 1
}

// apply returns the list that l makes of have.
func (l listChange) apply(have []string) []string {
	if l.clear {
		return []string{}
	}
	if len(l.set) > 0 {
		return l.set
	}
	next := []string{}
	for _, word := range slices.Concat(have, l.add) {
		if !slices.Contains(l.remove, word) && !slices.Contains(next, word) {
			next = append(next, word)
		}
	}
	return next
}

// missing returns the first word that is to be removed and is not there.
func (l listChange) missing(have []string) string {
	for _, word := range l.remove {
		if !slices.Contains(have, word) {
			return word
		}
	}
	return ""
}

func keysPermissionsCommand(a *app) *cobra.Command {
	var permissions, roles listChange
	cmd := &cobra.Command{
		Use:   "permissions KEY",
		Short: "Change what a key may do",
		Long: `Change the permissions and roles of a key: add some, remove some, or set them all.
What is taken away is refused, on the server that answers, from the moment that
this command returns.`,
		Example: `  keyledger keys permissions KEY --add transactions:read --remove onramp:create
  keyledger keys permissions KEY --set onramp:read,transactions:read
  keyledger keys permissions KEY --clear`,
		Args: positional("KEY"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			if permissions.empty() && roles.empty() {
				return usageError("say what to change: --add, --remove, --set or --clear, or the same for roles with --add-role and so on")
			}
			if permissions.contradicts() || roles.contradicts() {
				return usageError("--set and --clear replace everything: use one of them, or --add and --remove")
			}
			return a.changeKey(ctx, args[0], func(k keyledger.Key) (change keyledger.KeyChange, err error) {
				if word := permissions.missing(k.Permissions); word != "" {
					return change, errors.New("the key does not have permission " + word + ": nothing was changed")
				}
				if word := roles.missing(k.Roles); word != "" {
					return change, errors.New("the key does not have role " + word + ": nothing was changed")
				}
				if !permissions.empty() {
					change.Permissions = keyledger.Set(permissions.apply(k.Permissions))
				}
				if !roles.empty() {
					change.Roles = keyledger.Set(roles.apply(k.Roles))
				}
				return change, nil
			})
		}),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&permissions.add, "add", nil, "permissions to add: a,b")
	flags.StringSliceVar(&permissions.remove, "remove", nil, "permissions to remove")
	flags.StringSliceVar(&permissions.set, "set", nil, "permissions to have from now on, and no others")
	flags.BoolVar(&permissions.clear, "clear", false, "have none")
	flags.StringSliceVar(&roles.add, "add-role", nil, "roles to add")
	flags.StringSliceVar(&roles.remove, "remove-role", nil, "roles to remove")
	flags.StringSliceVar(&roles.set, "set-roles", nil, "roles to have from now on, and no others")
	flags.BoolVar(&roles.clear, "clear-roles", false, "have no role")
	return cmd
}

func keysAllowlistCommand(a *app) *cobra.Command {
	var entries listChange
	cmd := &cobra.Command{
		Use:   "allowlist KEY",
		Short: "Change the addresses a key may be used from",
		Long: `Change the IP allowlist of a key: IPv4 and IPv6 addresses and CIDR prefixes. A key
with an empty allowlist may be used from anywhere, so the last entry is taken away
by --clear alone.`,
		Example: `  keyledger keys allowlist KEY --add 203.0.113.0/24,2001:db8::/32
  keyledger keys allowlist KEY --remove 203.0.113.0/24
  keyledger keys allowlist KEY --clear`,
		Args: positional("KEY"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			if entries.empty() {
				return usageError("say what to change: --add, --remove, --set or --clear")
			}
			if entries.contradicts() {
				return usageError("--set and --clear replace everything: use one of them, or --add and --remove")
			}
			return a.changeKey(ctx, args[0], func(k keyledger.Key) (change keyledger.KeyChange, err error) {
				if word := entries.missing(k.Allowlist); word != "" {
					return change, errors.New(word + " is not an entry; the key has " + orNone(k.Allowlist) + ": nothing was changed")
				}
				next := entries.apply(k.Allowlist)
				if len(next) == 0 && !entries.clear {
					return change, errors.New("that would leave no entry, and so admit every address; if you mean that, use --clear: nothing was changed")
				}
				change.Allowlist = keyledger.Set(next)
				return change, nil
			})
		}),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&entries.add, "add", nil, "entries to add")
	flags.StringSliceVar(&entries.remove, "remove", nil, "entries to remove, as keys show writes them")
	flags.StringSliceVar(&entries.set, "set", nil, "entries to have from now on, and no others")
	flags.BoolVar(&entries.clear, "clear", false, "admit every address")
	return cmd
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// changeKey reads a key, decides on a change and makes it, at the revision that
// was read: where somebody else was faster it reads and decides again.
func (a *app) changeKey(ctx context.Context, id string, decide func(keyledger.Key) (keyledger.KeyChange, error)) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		key, err := c.Key(ctx, id)
		if err != nil {
			return err
		}
		change, err := decide(*key)
		if err != nil {
			return err
		}
		changed, err := c.UpdateKey(ctx, id, change, keyledger.IfMatch(key.Revision))
		if errors.Is(err, keyledger.ErrRevisionMismatch) && attempt < maxChangeAttempts {
			continue
		}
		if err != nil {
			return err
		}
		return a.printChangedKey(*changed)
	}
}
