package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger/adapters/telemetry"
)

func serveCommand(a *app) *cobra.Command {
	c := serveConfig{HTTP: defaultHTTP, Replicas: 1, IndexCache: defaultIndexCache}
	cmd := &cobra.Command{
		Use:   "serve --data DIR",
		Short: "Run a ledger node: broker, ledger, index, API and verifier",
		Long: `serve runs everything on one machine: an embedded broker that keeps the ledger
in DIR and syncs every write to disk before it acknowledges it, the index, the
management API and the verifier. With --nats it uses an external broker instead,
together with any number of other nodes.

The first start makes the account root and writes its root key to DIR/root.key,
once. It prints "ready http=ADDR" on standard output when it takes requests.
SIGTERM lets requests that are being answered finish, and ends it.`,
		Example: `  keyledger serve --data ./data
  keyledger serve --data ./data --scheme web3pay --http 127.0.0.1:0
  keyledger serve --data ./node1 --nats nats://nats.internal:4222 --creds ledger.creds --replicas 3`,
		Args: positional(),
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Data, "data", "", "`DIR` for everything the node keeps; made on first use")
	flags.StringVar(&c.HTTP, "http", c.HTTP, "`ADDR` of the API; port 0 takes a free one")
	flags.StringArrayVar(&c.Schemes, "scheme", nil, "key system to know: a preset's `NAME` or a FILE in YAML or JSON; repeatable, account root uses the first")
	flags.StringVar(&c.NATS, "nats", "", "`URL` of an external broker; without it one runs inside the process")
	flags.StringVar(&c.Creds, "creds", "", "credentials `FILE` for the external broker")
	flags.StringSliceVar(&c.NATSMonitors, "nats-monitor", nil, "monitoring `URL`s of the external broker's servers, by which they prove that they sync every write")
	flags.BoolVar(&c.AllowUnsyncedBroker, "allow-unsynced-broker", false, "accept an external broker that may lose acknowledged events in a power cut")
	flags.IntVar(&c.Replicas, "replicas", c.Replicas, "copies of the ledger on an external cluster: 1, 3 or 5")
	flags.StringVar(&c.NATSListen, "nats-listen", "", "open the embedded broker to other processes at `ADDR`, with authentication")
	flags.StringSliceVar(&c.TrustedProxies, "trusted-proxies", nil, "`CIDR`s whose X-Forwarded-For is believed, or none (default loopback)")
	flags.Int64Var(&c.IndexCache, "index-cache", c.IndexCache, "memory for the index's blocks, in `BYTES`")
	flags.StringVar(&c.LogLevel, "log-level", "info", "debug, info, warn or error")
	configurable(flags)
	cmd.RunE = a.action(func(ctx context.Context, _ []string) error {
		if err := c.validate(); err != nil {
			return usageError("%w", err)
		}
		var level slog.Level
		if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
			return usageError("--log-level %s: use debug, info, warn or error", c.LogLevel)
		}
		return runServe(ctx, c, a.stdout, newLogger(a, level))
	})
	return cmd
}

// newLogger writes JSON for programs, and colours for a person.
func newLogger(a *app, level slog.Level) *slog.Logger {
	return telemetry.NewLogger(a.stderr, level)
}
