// Package jetstreamtest gives other packages' tests a ledger on a real broker,
// inside the test's process and folder.
package jetstreamtest

import (
	"context"
	"testing"
	"time"

	"github.com/keyledger/keyledger/adapters/jetstream"
)

// Start runs a broker in a folder of the test until the test ends.
func Start(t testing.TB) *jetstream.Broker {
	t.Helper()
	return StartWith(t, jetstream.EmbeddedConfig{Dir: t.TempDir()})
}

// StartWith runs a broker until the test ends.
func StartWith(t testing.TB, cfg jetstream.EmbeddedConfig) *jetstream.Broker {
	t.Helper()
	b, err := jetstream.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return b
}

// Ledger is an empty ledger on a broker of the test's own.
func Ledger(t testing.TB) *jetstream.Log {
	t.Helper()
	l, err := Start(t).Ledger(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return l
}
