package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func healthCommand(a *app) *cobra.Command {
	var url string
	var live bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask whether a server takes requests",
		Long: `Ask a server once whether it takes requests: its ledger is reachable and its index
has caught up. Exit status 0 is yes, 1 is no. It needs no key, and an image without
a shell can use it as its health check.`,
		Example: `  keyledger health
  keyledger health --url http://127.0.0.1:9090
  HEALTHCHECK CMD ["/keyledger", "health"]`,
		Args: positional(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			if url != "" {
				a.globals.server = url
			}
			return a.health(ctx, live)
		}),
	}
	cmd.Flags().StringVar(&url, "url", "", "another word for --server")
	cmd.Flags().BoolVar(&live, "live", false, "ask only whether the process answers at all")
	return cmd
}

func (a *app) health(ctx context.Context, live bool) error {
	probe, state := a.dial("").Ready, "ready"
	if live {
		probe, state = a.dial("").Live, "alive"
	}
	err := probe(ctx)
	if a.json() {
		answer := struct {
			Status string `json:"status"`
		}{state}
		if err != nil {
			answer.Status = "not " + state
		}
		return errors.Join(a.printJSON(answer), err)
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(a.stdout, state); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
