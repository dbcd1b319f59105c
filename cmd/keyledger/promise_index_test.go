package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/lookup"
)

// checkIndexAgrees compares the rows of a stopped node's index with those that a
// replay of its ledger makes from nothing.
func checkIndexAgrees(t *testing.T, dir string) {
	t.Helper()
	broker, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: filepath.Join(dir, "broker")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = broker.Close(context.WithoutCancel(t.Context())) }()
	log, err := broker.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept := replay(t, log, projections.Config{Dir: filepath.Join(dir, "index")})
	fresh := replay(t, log, projections.Config{Dir: "index", FS: vfs.NewMem()})
	for space, digest := range fresh {
		if kept[space] != digest {
			t.Errorf("keyspace %s: the index has %v, a replay makes %v", space, kept[space], digest)
		}
	}
}

// replay folds what a log holds into a store and returns the digest of every
// keyspace.
func replay(t *testing.T, log *jetstream.Log, c projections.Config) map[projections.Keyspace]events.Hash {
	t.Helper()
	store, err := projections.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	verifier, err := lookup.New(store, lookup.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = verifier.Close() }()
	runner, err := projections.NewRunner(projections.RunnerConfig{
		Log: log, Store: store, Projections: []projections.Projection{directory.New(store), audit.New(store), verifier},
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = runner.Run(ctx) }()
	err = runner.Wait(t.Context(), head)
	stop()
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	out := map[projections.Keyspace]events.Hash{}
	for _, space := range []projections.Keyspace{projections.State, projections.Lookup, projections.Directory, projections.Audit} {
		_, digest, err := store.Digest(space)
		if err != nil {
			t.Fatal(err)
		}
		out[space] = digest
	}
	return out
}
