package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Groups of commands in the help.
const (
	groupKeys    = "keys"
	groupHistory = "history"
	groupServer  = "server"
)

// suggestAt is how many letters a mistyped command may be off to be recognised.
const suggestAt = 2

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "keyledger",
		Short: "Every API key's whole life on one ledger",
		Long: `keyledger keeps the whole life of every API key on one append-only ledger:
created, permissions changed, rotated, used, revoked. Keys are verified beside
your service, from an index that follows the ledger.

Client commands talk to a server with a key that may manage others. The key is
never an argument: it comes from --key-file FILE ("-" is standard input), or from
the environment, KEYLEDGER_KEY_FILE or KEYLEDGER_KEY. The first start of a server
leaves its root key in DIR/root.key.

Exit status: 0 done; 1 refused or failed; 2 wrong usage; 3 evidence of damage;
4 written, though not every verifier has confirmed it yet.`,
		Example: `  export KEYLEDGER_KEY_FILE=data/root.key
  keyledger keys create --name checkout --environment live --permissions onramp:create
  keyledger keys list
  keyledger watch`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          incomplete,
		Args:          subcommand,

		DisableFlagsInUseLine:      true,
		SuggestionsMinimumDistance: suggestAt,
	}
	root.AddGroup(
		&cobra.Group{ID: groupKeys, Title: "Keys and who owns them:"},
		&cobra.Group{ID: groupHistory, Title: "What happened:"},
		&cobra.Group{ID: groupServer, Title: "The server:"},
	)
	flags := root.PersistentFlags()
	flags.StringVar(&a.globals.server, "server", "http://127.0.0.1:8080", "`URL` of the server")
	flags.StringVar(&a.globals.keyFile, "key-file", "", "`FILE` with the key to present, \"-\" for standard input; KEYLEDGER_KEY holds the key itself")
	flags.StringVar(&a.globals.output, "output", outputTable, "\"table\" for people, \"json\" for programs")
	configurable(flags)
	flags.StringVar(&a.globals.config, "config", "", "settings `FILE` in YAML; flags and environment override it (env KEYLEDGER_CONFIG)")

	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
		}
		root.AddCommand(commands...)
	}
	add(groupKeys, keysCommand(a), accountCommand(a), schemeCommand(a))
	add(groupHistory, auditCommand(a), watchCommand(a))
	add(groupServer, serveCommand(a), healthCommand(a))
	root.AddCommand(versionCommand(a))
	return root
}

// family is a command that only has others below it.
func family(use, short string, commands ...*cobra.Command) *cobra.Command {
	f := &cobra.Command{
		Use: use, Short: short, RunE: incomplete, Args: subcommand,
		DisableFlagsInUseLine: true, SuggestionsMinimumDistance: suggestAt,
	}
	f.AddCommand(commands...)
	return f
}

// incomplete is the body of a command that needs another word.
func incomplete(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(cmd.ErrOrStderr())
	_ = cmd.Usage()
	return errors.New("name one of the commands above")
}

// subcommand refuses a word that is none of the commands below cmd.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s has no command %q", cmd.CommandPath(), args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += ", did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

// positional wants exactly the arguments that names lists.
func positional(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == len(names):
			return nil
		case len(names) == 0:
			return fmt.Errorf("takes no argument, got %q", args[0])
		case len(args) > len(names):
			return fmt.Errorf("takes %s and nothing else, got %q as well", strings.Join(names, " "), args[len(names)])
		default:
			return fmt.Errorf("%s is missing", names[len(args)])
		}
	}
}
