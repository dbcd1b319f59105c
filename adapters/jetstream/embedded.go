package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ErrLocked is returned by [Start] for a folder that another process uses.
var ErrLocked = errors.New("folder is in use by another process")

// EmbeddedConfig says how to run the broker inside the process.
type EmbeddedConfig struct {
	// Dir is the broker's folder, made if absent. It belongs to the broker
	// alone, and to one process at a time.
	Dir string
	// Listen opens the broker to other processes, "host:port"; port 0 takes a
	// free one. Whoever connects needs [Credentials]. The traffic is not
	// encrypted. Empty opens nothing.
	Listen string
	// MaxStore bounds the bytes stored, 0 for a share of the free disk.
	MaxStore int64
	// Logger takes the broker's warnings and errors, and its notices at debug
	// level. Nil discards them.
	Logger *slog.Logger
}

// Start runs a broker inside the process. It syncs every write to disk before
// acknowledging it. After an unclean stop it reads everything stored before it
// returns.
func Start(ctx context.Context, cfg EmbeddedConfig) (_ *Broker, err error) {
	b := &Broker{log: logger(cfg.Logger), replicas: 1, dir: cfg.Dir}
	defer func() {
		if err != nil {
			_ = b.Close(context.WithoutCancel(ctx))
			err = fmt.Errorf("start broker: %w", err)
		}
	}()
	if err := checkVersion(server.VERSION); err != nil {
		return nil, err
	}
	if err := makeFolder(cfg.Dir); err != nil {
		return nil, err
	}
	if b.lock, err = lockFolder(cfg.Dir); err != nil {
		return nil, err
	}
	id, err := openIdentity(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := b.serve(ctx, cfg, id); err != nil {
		return nil, err
	}
	if err := syncFolders(cfg.Dir); err != nil {
		return nil, err
	}
	token, seed, err := id.user(User{Name: "in process"})
	if err != nil {
		return nil, err
	}
	if err := b.connect("", nats.InProcessServer(b.server), nats.UserJWTAndSeed(token, string(seed))); err != nil {
		return nil, err
	}
	return b, nil
}

// serve starts the server and waits until it has recovered what is stored.
func (b *Broker) serve(ctx context.Context, cfg EmbeddedConfig, id identity) error {
	options, err := serverOptions(cfg)
	if err != nil {
		return err
	}
	if b.account, err = id.introduce(options); err != nil {
		return err
	}
	if b.server, err = server.NewServer(options); err != nil {
		return err
	}
	says := &serverLog{log: b.log}
	b.server.SetLoggerV2(says, false, false, false)
	started := make(chan struct{})
	go func() {
		defer close(started)
		b.server.Start()
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-started:
	}
	if text := says.fatal.Load(); text != nil {
		return errors.New(*text)
	}
	if !b.server.ReadyForConnections(startWait) {
		return errors.New("broker is not ready")
	}
	// Streams are recovered when their account is first looked up.
	if _, err := b.server.LookupAccount(b.account); err != nil {
		return fmt.Errorf("account of the ledger: %w", err)
	}
	return nil
}

func serverOptions(cfg EmbeddedConfig) (*server.Options, error) {
	options := &server.Options{
		ServerName: "keyledger",
		DontListen: true,
		// The process decides about its signals, not the broker.
		NoSigs:     true,
		NoLog:      true,
		MaxPayload: server.MAX_PAYLOAD_SIZE,

		JetStream:              true,
		DisableJetStreamBanner: true,
		StoreDir:               cfg.Dir,
		SyncAlways:             true,
		JetStreamMaxMemory:     maxMemory,
		JetStreamMaxStore:      cfg.MaxStore,
	}
	if cfg.MaxStore == 0 {
		limit, err := storeLimit(cfg.Dir)
		if err != nil {
			return nil, err
		}
		options.JetStreamMaxStore = limit
	}
	if cfg.Listen == "" {
		return options, nil
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: port: %w", cfg.Listen, err)
	}
	options.DontListen, options.Host, options.Port = false, host, int(number)
	if number == 0 {
		options.Port = server.RANDOM_PORT
	}
	return options, nil
}

// closeLock gives the folder free, if it was taken and not given free before.
func closeLock(f *os.File) error {
	if f == nil {
		return nil
	}
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
