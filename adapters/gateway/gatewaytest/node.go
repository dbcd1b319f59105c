// Package gatewaytest is a ledger node without its doors, for tests of those:
// the real write path, index and read models, over a log in memory.
package gatewaytest

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/lookup"
	"github.com/keyledger/keyledger/projections/usage"
)

// Node is a node as serve puts it together.
type Node struct {
	Log       *eventstest.Memory
	Store     *projections.Store
	Directory *directory.Directory
	Trail     *audit.Trail
	Verifier  *Verifier
	Ledger    *ledger.Ledger
	Used      *Uses
	// Root is the text of the root key.
	Root string

	stop func()
}

// Verifier is the index, with the schemes it decides by.
type Verifier struct {
	*lookup.Verifier
	directory *directory.Directory
}

// Catalog is every scheme.
func (v *Verifier) Catalog() *scheme.Catalog { return v.directory.Catalog() }

// Uses tells when credentials were last accepted, to the second.
type Uses struct {
	*usage.Tracker
	tb testing.TB
}

// LastUsed is when a key was last accepted.
func (u *Uses) LastUsed(key string) time.Time {
	u.tb.Helper()
	at, _, err := u.Tracker.LastUsed(key)
	if err != nil {
		u.tb.Error(err)
	}
	return at
}

// CredentialLastUsed is when a credential of a key was last accepted.
func (u *Uses) CredentialLastUsed(_, credential string) time.Time {
	u.tb.Helper()
	at, _, err := u.LastUsedCredential(credential)
	if err != nil {
		u.tb.Error(err)
	}
	return at
}

// New starts a node on an empty ledger that knows these schemes, as JSON.
// Account root uses the first one.
func New(tb testing.TB, documents ...[]byte) *Node {
	tb.Helper()
	store, err := projections.Open(projections.Config{Dir: tb.TempDir(), Small: true})
	if err != nil {
		tb.Fatal(err)
	}
	tracker, err := usage.Open(usage.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	n := &Node{
		Log: new(eventstest.Memory), Store: store, Directory: directory.New(store), Trail: audit.New(store),
		Used: &Uses{Tracker: tracker, tb: tb},
	}
	v, err := lookup.New(store, lookup.Config{CacheEntries: 1000, Used: tracker.Record})
	if err != nil {
		tb.Fatal(err)
	}
	n.Verifier = &Verifier{Verifier: v, directory: n.Directory}
	n.Ledger = ledger.New(ledger.Config{
		Log: n.Log, View: n.Directory, Now: time.Now, Random: func(p []byte) { _, _ = rand.Read(p) },
	})
	n.run(tb)
	tb.Cleanup(func() {
		n.Stop()
		if err := errors.Join(v.Close(), store.Close(), tracker.Close()); err != nil {
			tb.Error(err)
		}
	})
	n.bootstrap(tb, documents)
	return n
}

// run follows the log until Stop.
func (n *Node) run(tb testing.TB) {
	tb.Helper()
	runner, err := projections.NewRunner(projections.RunnerConfig{
		Log: n.Log, Store: n.Store, Projections: []projections.Projection{n.Directory, n.Trail, n.Verifier.Verifier},
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			tb.Errorf("runner: %v", err)
		}
	})
}

// Stop ends the following of the log, as damage would.
func (n *Node) Stop() { n.stop() }

func (n *Node) bootstrap(tb testing.TB, documents [][]byte) {
	tb.Helper()
	ctx := tb.Context()
	if err := n.Ledger.Open(ctx); err != nil {
		tb.Fatal(err)
	}
	name := scheme.BuiltinName
	for i, document := range documents {
		s, err := scheme.Parse(document)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := n.Ledger.ApplyScheme(ctx, ledger.By{System: "bootstrap"}, document); err != nil {
			tb.Fatal(err)
		}
		if i == 0 {
			name = s.Name()
		}
	}
	if err := n.Ledger.OpenRoot(ctx, name); err != nil {
		tb.Fatal(err)
	}
	minted, err := n.Ledger.MintRoot()
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := n.Ledger.CreateRoot(ctx, minted); err != nil {
		tb.Fatal(err)
	}
	n.Root = minted.Secret.Reveal()
}

// Open opens an account.
func (n *Node) Open(tb testing.TB, id, schemeName string) {
	tb.Helper()
	_, err := n.Ledger.OpenAccount(tb.Context(), ledger.By{Key: ledger.RootKey}, ledger.NewAccount{ID: id, Name: id, Scheme: schemeName})
	if err != nil {
		tb.Fatal(err)
	}
}

// Create creates a key, as the root key.
func (n *Node) Create(tb testing.TB, want ledger.NewKey) ledger.Issued {
	tb.Helper()
	if want.Name == "" {
		want.Name = "a key of the test"
	}
	out, err := n.Ledger.CreateKey(tb.Context(), ledger.By{Key: ledger.RootKey}, want)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// Head is the newest sequence of the log.
func (n *Node) Head(tb testing.TB) uint64 {
	tb.Helper()
	head, err := n.Log.Head(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return head
}
