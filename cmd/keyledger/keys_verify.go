package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

func keysVerifyCommand(a *app) *cobra.Command {
	var ask keyledger.VerifyRequest
	var pair bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Ask whether a key is good; the key comes on standard input",
		Long: `Ask whether a key is good for something. The key comes on standard input, one
line; a request that carries several has a line for each, and --pair takes the
public and the secret half of one. On the server's own machine no key of yours is
needed for that.

Exit status 0 says that the key is valid, 1 that it is refused.`,
		Example: `  keyledger keys verify < ci.key
  keyledger keys verify --environment live --permission onramp:create --ip 203.0.113.7 < ci.key
  keyledger keys verify --method POST --path /v1/onramp < ci.key`,
		Args: positional(),
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.verifyKey(ctx, ask, pair) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&ask.Scheme, "scheme", "", "the key must be one of this scheme")
	flags.StringVar(&ask.Environment, "environment", "", "... of this environment")
	flags.StringSliceVar(&ask.Permissions, "permission", nil, "... with this permission; repeat for several")
	flags.StringVar(&ask.Method, "method", "", "... with what the scheme asks for this method")
	flags.StringVar(&ask.Path, "path", "", "... and this path")
	flags.StringVar(&ask.IP, "ip", "", "... used from this address")
	flags.StringVar(&ask.Resource, "resource", "", "... bound to this resource, or to none")
	flags.Uint64Var(&ask.AtLeast, "at-least", 0, "decide at this position of the ledger or a later one")
	flags.BoolVar(&pair, "pair", false, "the two lines are the halves of a pair, public half first")
	return cmd
}

func (a *app) verifyKey(ctx context.Context, ask keyledger.VerifyRequest, pair bool) error {
	if (ask.Method == "") != (ask.Path == "") {
		return usageError("--method and --path go together")
	}
	if a.globals.keyFile == "-" {
		return usageError("standard input has the key to verify; present yours with a --key-file FILE or KEYLEDGER_KEY")
	}
	lines, err := a.readPresented(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("key on standard input: %w", err)
	case pair && len(lines) == 2:
		ask.PublicKey, ask.SecretKey = lines[0], keyledger.NewSecret(lines[1])
	case pair:
		return usageError("--pair wants two lines on standard input, the public half and the secret half")
	case len(lines) == 1:
		ask.Key = keyledger.NewSecret(lines[0])
	default:
		for _, line := range lines {
			ask.Keys = append(ask.Keys, keyledger.NewSecret(line))
		}
	}
	own, err := a.key()
	if err != nil {
		return err
	}
	decision, err := a.dial(own).Verify(ctx, ask)
	if err != nil {
		return err
	}
	if err := a.printDecision(*decision); err != nil {
		return err
	}
	if !decision.Valid {
		return &exitError{status: exitFailed} // the answer has said why
	}
	return nil
}

// readPresented reads the keys to verify. What a person types is not shown.
func (a *app) readPresented(ctx context.Context) ([]string, error) {
	if a.terminal(a.stdin) {
		restore := hideTyping(a.stdin)
		line, err := a.ask(ctx, "Key to verify (it is not shown): ")
		restore()
		_, _ = fmt.Fprintln(a.stderr)
		if err != nil || line == "" {
			return nil, errors.Join(errors.New("nothing typed"), err)
		}
		return []string{line}, nil
	}
	raw, err := io.ReadAll(io.LimitReader(a.stdin, maxKeyFile+1))
	lines := strings.Fields(string(raw))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > maxKeyFile:
		return nil, fmt.Errorf("more than %d bytes: not a key", maxKeyFile)
	case len(lines) == 0:
		return nil, errors.New("empty: pipe the key in, for example from a file")
	}
	return lines, nil
}

func (a *app) printDecision(d keyledger.Decision) error {
	if a.json() {
		return a.printJSON(d)
	}
	valid := "no"
	if d.Valid {
		valid = "yes"
	}
	return a.printDetails([]detail{
		{"valid", valid},
		{"code", string(d.Code)},
		{"key_id", string(d.KeyID)},
		{"account", string(d.Account)},
		{"environment", string(d.Environment)},
		{"kind", string(d.Kind)},
		{"permissions", commas(d.Permissions)},
		{"roles", commas(d.Roles)},
		{"resource", string(d.Resource)},
		{"credential", string(d.Credential)},
		{"position", fmt.Sprint(d.Position)},
	})
}
