package jetstream

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
)

// Config says how to use a broker that runs elsewhere.
type Config struct {
	// URL is where it listens: "nats://host:4222", several separated by commas.
	URL string
	// Credentials is the path of a credentials file, "" for a broker that asks
	// for none.
	Credentials string
	// Replicas is how many servers keep the ledger: 1, 3 or 5; 0 means 1.
	Replicas int
	// Monitors are the monitoring endpoints of the servers, for example
	// "http://host:8222", through which they prove that they sync every write.
	// Not needed where the connection may ask the servers itself.
	Monitors []string
	// AllowUnsyncedBroker gives up the promise that an acknowledged event
	// survives a power cut: no proof is asked for.
	AllowUnsyncedBroker bool
	// Logger takes what happens to the connection. Nil discards it.
	Logger *slog.Logger
}

// Connect uses a broker that runs elsewhere. It must prove that it can keep a
// ledger: its version, its JetStream API level, and that it syncs every write
// before acknowledging it. [ErrBroker] says what is missing.
func Connect(ctx context.Context, cfg Config) (_ *Broker, err error) {
	b := &Broker{log: logger(cfg.Logger), replicas: max(1, cfg.Replicas), unsynced: cfg.AllowUnsyncedBroker}
	defer func() {
		if err != nil {
			_ = b.Close(context.WithoutCancel(ctx))
			err = fmt.Errorf("connect to %s: %w", cfg.URL, err)
		}
	}()
	var options []nats.Option
	if cfg.Credentials != "" {
		options = append(options, nats.UserCredentials(cfg.Credentials))
	}
	if err := b.connect(cfg.URL, options...); err != nil {
		return nil, err
	}
	if err := b.checkBroker(ctx); err != nil {
		return nil, err
	}
	if b.unsynced {
		b.log.WarnContext(ctx, "the broker has not been asked whether it syncs its writes; acknowledged events may be lost in a power cut")
		return b, nil
	}
	if err := b.proveSync(ctx, cfg.Monitors); err != nil {
		return nil, err
	}
	return b, nil
}
