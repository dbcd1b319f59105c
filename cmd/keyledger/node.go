package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/lookup"
)

// node is a ledger node without its doors: the broker or a connection to one,
// the index kept up with it, and the write path.
type node struct {
	broker    *jetstream.Broker
	log       *jetstream.Log
	store     *projections.Store
	runner    *projections.Runner
	directory *directory.Directory
	trail     *audit.Trail
	verifier  *lookup.Verifier
	ledger    *ledger.Ledger

	stopRunner context.CancelFunc
	stale      atomic.Bool   // the runner has stopped, or is about to have
	stopped    chan struct{} // closed when it has
	lastWord   error         // why it did; to be read after that
}

// openNode opens everything in order of dependence, and returns once the index
// has caught up with the ledger. used hears of accepted credentials.
func openNode(
	ctx context.Context, c serveConfig, data *dataFolder, metrics *telemetry.Metrics, logger *slog.Logger, used usedFunc,
) (_ *node, err error) {
	n := &node{stopped: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close(context.WithoutCancel(ctx)))
		}
	}()
	if n.broker, err = openBroker(ctx, c, data, logger); err != nil {
		return nil, err
	}
	if n.log, err = n.broker.Ledger(ctx); err != nil {
		return nil, err
	}
	if err = n.openIndex(c, data, logger, used); err != nil {
		return nil, err
	}
	if err = n.catchUp(ctx); err != nil {
		return nil, err
	}
	n.ledger = ledger.New(ledger.Config{
		Log: metrics.CountAppends(n.log), View: n.directory, Now: time.Now, Random: random, Pause: pauseBetweenAttempts,
	})
	return n, nil
}

type usedFunc = func(key, credential string, at time.Time, awaited bool)

func openBroker(ctx context.Context, c serveConfig, data *dataFolder, logger *slog.Logger) (*jetstream.Broker, error) {
	if c.NATS == "" {
		if err := data.checkBroker(); err != nil {
			return nil, err
		}
		return jetstream.Start(ctx, jetstream.EmbeddedConfig{
			Dir: data.path("broker"), Listen: c.NATSListen, Logger: logger,
		})
	}
	return jetstream.Connect(ctx, jetstream.Config{
		URL: c.NATS, Credentials: c.Creds, Replicas: c.Replicas, Monitors: c.NATSMonitors,
		AllowUnsyncedBroker: c.AllowUnsyncedBroker, Logger: logger,
	})
}

func (n *node) openIndex(c serveConfig, data *dataFolder, logger *slog.Logger, used usedFunc) (err error) {
	if n.store, err = projections.Open(projections.Config{Dir: data.path("index"), CacheSize: c.IndexCache, Logger: logger}); err != nil {
		return err
	}
	n.directory = directory.New(n.store)
	n.trail = audit.New(n.store)
	if n.verifier, err = lookup.New(n.store, lookup.Config{
		Used: used, Logger: logger, Fresh: func() bool { return !n.stale.Load() },
	}); err != nil {
		return err
	}
	n.runner, err = projections.NewRunner(projections.RunnerConfig{
		Log: n.log, Store: n.store,
		Projections: []projections.Projection{n.directory, n.trail, n.verifier},
		Progress:    reportProgress(logger),
	})
	return err
}

// catchUp starts the runner and waits until it has folded what the ledger holds.
// The index may be of another ledger, or of more of this one than is left; then
// it is at the head or beyond it and there would be nothing to wait for, so its
// position is proven first.
func (n *node) catchUp(ctx context.Context) error {
	if err := n.log.Prove(ctx, n.runner.Position()); err != nil {
		return fmt.Errorf("the index does not belong to this ledger: %w", err)
	}
	head, err := n.log.Head(ctx)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.stopRunner = stop
	go func() {
		defer close(n.stopped)
		n.lastWord = n.runner.Run(running)
		n.stale.Store(true) // what is decided from now on could be old
	}()
	if err := n.verifier.Wait(ctx, head); err != nil {
		return fmt.Errorf("catch up with the ledger: %w", err)
	}
	return nil
}

// bootstrap makes a new ledger usable: opened, its schemes known, account root
// open. On any other it finds everything done.
func (n *node) bootstrap(ctx context.Context, documents [][]byte) error {
	if err := n.ledger.Open(ctx); err != nil {
		return err
	}
	root := scheme.BuiltinName
	for i, document := range documents {
		if _, err := n.ledger.ApplyScheme(ctx, ledger.By{System: "bootstrap"}, document); err != nil {
			return fmt.Errorf("apply scheme: %w", err)
		}
		if s, err := scheme.Parse(document); err == nil && i == 0 {
			root = s.Name()
		}
	}
	return n.ledger.OpenRoot(ctx, root)
}

// Close stops everything in the opposite order.
func (n *node) Close(ctx context.Context) error {
	var errs []error
	if n.stopRunner != nil {
		n.stopRunner()
		<-n.stopped
	}
	if n.verifier != nil {
		errs = append(errs, n.verifier.Close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.broker != nil {
		errs = append(errs, n.broker.Close(ctx))
	}
	return errors.Join(errs...)
}

// random never fails: crypto/rand ends the process rather than return too little.
func random(p []byte) { _, _ = rand.Read(p) }

// pauseBetweenAttempts gives whoever is ahead time to finish. A conflict that is
// still in the broker's hands shows no newer state to decide on.
func pauseBetweenAttempts(ctx context.Context, attempt int) {
	if attempt <= 2 {
		return
	}
	t := time.NewTimer(min(time.Duration(attempt)*time.Millisecond, 50*time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// reportProgress tells about a long replay, about once a second.
func reportProgress(logger *slog.Logger) func(projections.Progress) {
	var last time.Time
	return func(p projections.Progress) {
		if now := time.Now(); now.Sub(last) >= time.Second && p.Applied < p.Head {
			last = now
			logger.Info("building the index from the ledger",
				slog.Uint64("applied", p.Applied), slog.Uint64("of", p.Head), slog.Uint64("percent", p.Applied*100/p.Head))
		}
	}
}
