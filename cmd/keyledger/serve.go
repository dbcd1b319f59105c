package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/adapters/telemetry/edge"
)

// runServe is `keyledger serve`: it opens the node, prints the ready line and
// serves until ctx ends or something stops the node for good.
func runServe(ctx context.Context, c serveConfig, stdout io.Writer, logger *slog.Logger) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	documents, err := loadSchemes(c.Schemes)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.HTTP)
	if err != nil {
		return fmt.Errorf("listen on --http %s: %w", c.HTTP, err)
	}
	defer func() { _ = listener.Close() }()
	data, err := openDataFolder(c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	u, err := openUses(data, logger)
	if err != nil {
		return err
	}
	defer func() {
		// What is lost is when some keys were last used, which is no failure of the ledger.
		if closed := u.Close(); closed != nil {
			logger.ErrorContext(ctx, "the last uses of the last second are lost", slog.Any("error", closed))
		}
	}()
	metrics := telemetry.NewMetrics(telemetry.Build{Version: buildVersion()})
	n, err := openNode(ctx, c, data, metrics, logger, u.Record)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, n.Close(closing))
	}()
	if err := n.bootstrap(ctx, documents); err != nil {
		return err
	}
	rootPath, err := data.ensureRoot(ctx, n.ledger)
	if err != nil {
		return err
	}
	if rootPath != "" {
		logger.InfoContext(ctx, "this is a new ledger: its root key is in a file only you can read", slog.String("file", rootPath))
	}
	return n.serve(ctx, c, listener, u, metrics, stdout, logger)
}

// loadSchemes reads the documents of --scheme, in order.
func loadSchemes(names []string) ([][]byte, error) {
	var documents [][]byte
	for _, name := range names {
		document, err := loadScheme(name)
		if err != nil {
			return nil, fmt.Errorf("--scheme %s: %w", name, err)
		}
		documents = append(documents, document)
	}
	return documents, nil
}

// serve answers requests until ctx ends, then drains.
func (n *node) serve(
	ctx context.Context, c serveConfig, listener net.Listener, u uses, metrics *telemetry.Metrics, stdout io.Writer, logger *slog.Logger,
) error {
	handler, err := n.handler(c, u, metrics, logger)
	if err != nil {
		return err
	}
	server := edge.NewServer(handler, logger)
	failed := make(chan error, 1)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve HTTP: %w", err)
		}
	}()
	following, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()
	go u.follow(following, n.ledger)

	ready := "ready http=" + listener.Addr().String()
	if url := n.broker.URL(); url != "" {
		ready += " nats=" + url
	}
	if _, err := fmt.Fprintln(stdout, ready); err != nil {
		return fmt.Errorf("print the ready line: %w", err)
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-n.stopped:
		err = fmt.Errorf("the index has stopped: %w", n.lastWord)
	}
	return errors.Join(err, drain(server))
}

// drain lets requests that are being answered finish, and then ends the rest.
func drain(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}
