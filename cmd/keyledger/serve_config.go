package main

import (
	"errors"
	"time"
)

// serveConfig is everything that `keyledger serve` can be told. Flags override
// the environment, which overrides the file given with --config.
type serveConfig struct {
	// Data is the node's folder, made on first use. It belongs to one process.
	Data string
	// HTTP is where the API listens. Port 0 takes a free one and prints it.
	HTTP string
	// NATS is the URL of an external broker. Empty runs one inside the process.
	NATS string
	// Creds is the credentials file for an external broker.
	Creds string
	// NATSMonitors are the monitoring URLs of the external broker's servers, by
	// which they prove that they sync every write. Not needed where the
	// connection may ask them itself.
	NATSMonitors []string
	// AllowUnsyncedBroker accepts an external broker that may lose acknowledged
	// events in a power cut.
	AllowUnsyncedBroker bool
	// NATSListen opens the embedded broker to other processes, with
	// authentication. Empty opens nothing.
	NATSListen string
	// Replicas of the ledger's stream on an external broker: 1, 3 or 5.
	Replicas int
	// Schemes are the key systems to know: names of presets, or files.
	Schemes []string
	// TrustedProxies may say on whose behalf they ask, by X-Forwarded-For. Empty
	// is the loopback addresses, "none" nobody.
	TrustedProxies []string
	// IndexCache is the memory for the index's blocks, in bytes.
	IndexCache int64
	// LogLevel is debug, info, warn or error.
	LogLevel string
}

const (
	defaultHTTP = "127.0.0.1:8080"
	// defaultIndexCache holds the rows of about a million keys.
	defaultIndexCache = 512 << 20
	// requestTimeout bounds one request, and exceeds the time for which an
	// append without acknowledgement is pursued.
	requestTimeout = 15 * time.Second
	// drainTimeout and closeTimeout together stay under the ten seconds that a
	// supervisor is promised between SIGTERM and the end.
	drainTimeout = 5 * time.Second
	closeTimeout = 4 * time.Second
)

func (c serveConfig) validate() error {
	switch {
	case c.Data == "":
		return errors.New("--data DIR is needed: the folder where the ledger is kept")
	case c.NATS != "" && c.NATSListen != "":
		return errors.New("--nats uses an external broker and --nats-listen opens the embedded one: use either")
	case c.NATS == "" && (c.Creds != "" || len(c.NATSMonitors) > 0 || c.AllowUnsyncedBroker):
		return errors.New("--creds, --nats-monitor and --allow-unsynced-broker are about an external broker: add --nats URL")
	case c.HTTP == "":
		return errors.New("--http ADDR is needed; to listen on every interface, say so: 0.0.0.0:8080")
	case c.IndexCache < 1<<20:
		return errors.New("--index-cache is at least 1048576 bytes")
	case c.Replicas != 1 && c.Replicas != 3 && c.Replicas != 5:
		return errors.New("--replicas is 1, 3 or 5")
	case c.Replicas > 1 && c.NATS == "":
		return errors.New("the embedded broker keeps one replica: for --replicas, use a cluster with --nats URL")
	}
	_, err := parseProxies(c.TrustedProxies)
	return err
}
