package jetstream

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Broker is a connection to JetStream, and the broker itself where it runs
// inside the process.
type Broker struct {
	log      *slog.Logger
	replicas int

	// Writes and replays each have a connection, so that an acknowledgement
	// never waits behind a replay.
	write, read *link

	// Of an external broker only: the servers that have proven to sync their
	// writes, and that this was waived.
	proven   map[string]bool
	unsynced bool

	// Of the embedded broker only.
	server  *server.Server
	dir     string
	account string
	lock    *os.File
}

// connect opens both connections.
func (b *Broker) connect(url string, options ...nats.Option) (err error) {
	if b.write, err = dial(url, b.log, options...); err != nil {
		return err
	}
	b.read, err = dial(url, b.log, options...)
	return err
}

// URL is where the embedded broker listens, "" if it does not.
func (b *Broker) URL() string {
	if b.server == nil || b.server.Addr() == nil {
		return ""
	}
	return b.server.ClientURL()
}

// Close ends the connections and stops the embedded broker, which leaves an
// index that makes the next start quick. Whatever still uses a Log of b fails.
// If ctx ends first, Close returns its error and the broker goes on stopping.
func (b *Broker) Close(ctx context.Context) error {
	for _, l := range []*link{b.write, b.read} {
		if l != nil {
			l.nc.Close()
		}
	}
	if b.server == nil {
		return closeLock(b.lock)
	}
	stopped := make(chan error, 1)
	go func() {
		b.server.Shutdown()
		b.server.WaitForShutdown()
		stopped <- closeLock(b.lock)
	}()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
		return fmt.Errorf("stop broker: %w", context.Cause(ctx))
	}
}

// logger is l, or one that discards.
func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}

// syncFolders makes the folders of the embedded broker durable.
func (b *Broker) syncFolders() error {
	if b.server == nil {
		return nil
	}
	return syncFolders(b.dir)
}
