package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/keyledger/keyledger/adapters/gateway"
	"github.com/keyledger/keyledger/adapters/httpapi"
	"github.com/keyledger/keyledger/adapters/telemetry"
)

// handler puts the node's doors together: management, verification, health.
func (n *node) handler(c serveConfig, u uses, metrics *telemetry.Metrics, logger *slog.Logger) (http.Handler, error) {
	proxies, err := parseProxies(c.TrustedProxies)
	if err != nil {
		return nil, err
	}
	root, _, err := n.directory.Account("root")
	if err != nil {
		return nil, err
	}
	gate := gateway.New(n.verifier, gateway.Config{
		Scheme: root.Scheme, TrustedProxies: proxies, Log: logger, Metrics: metrics,
	})
	metrics.WatchProjection("index", func() uint64 { return n.runner.Position().Sequence }, n.head)
	return httpapi.New(httpapi.Config{
		Ledger: n.ledger, Directory: n.directory, Trail: n.trail,
		Gate: gate, Verify: gate.VerifyHandler(), Me: gate.MeHandler(),
		Ready: n.ready, Usage: u, Metrics: metrics, Log: logger, Version: buildVersion(), Timeout: requestTimeout,
	})
}

// head is the newest event of the ledger, as far as can be told within a second.
func (n *node) head() uint64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	head, err := n.log.Head(ctx)
	if err != nil {
		return 0
	}
	return head
}

// maxReadyLag is how far the index may be behind the ledger on a node that is
// ready: some batches, which is milliseconds.
const maxReadyLag = 10_000

// errBroker is the reason of a node without a usable ledger.
const errBroker httpapi.NotReady = "the broker cannot be used"

// ready says why the node should not be asked; nil is that it should. Whoever asks
// is told the [httpapi.NotReady], the log the rest.
func (n *node) ready(ctx context.Context) error {
	if err := n.broker.Health(); err != nil {
		return fmt.Errorf("%w: %w", errBroker, err)
	}
	lag, err := n.runner.Lag(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errBroker, err)
	case lag > maxReadyLag:
		return httpapi.NotReady(fmt.Sprintf("the index is %d events behind", lag))
	case !n.runner.Ready(0):
		return httpapi.NotReady("the index has stopped")
	}
	return nil
}

// parseProxies reads addresses and prefixes, or the word none. Nil is the default,
// which package gateway knows.
func parseProxies(entries []string) ([]netip.Prefix, error) {
	if len(entries) == 1 && entries[0] == "none" {
		return []netip.Prefix{}, nil
	}
	var out []netip.Prefix
	for _, entry := range entries {
		p, err := netip.ParsePrefix(entry)
		if err != nil {
			addr, err := netip.ParseAddr(entry)
			if err != nil {
				return nil, fmt.Errorf("--trusted-proxies: %q is neither an address nor a CIDR prefix", entry)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		out = append(out, p)
	}
	return out, nil
}
