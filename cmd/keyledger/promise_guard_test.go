package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/projections/audit"
)

// twoNodes opens two ledger nodes on one broker: one that runs it, and one that
// connects to it as another machine would.
func twoNodes(t *testing.T) [2]*node {
	t.Helper()
	var nodes [2]*node
	dirs := [2]string{quickDir(t), quickDir(t)}
	config := serveConfig{NATSListen: "127.0.0.1:0", Replicas: 1, IndexCache: 8 << 20}
	for i, dir := range dirs {
		data, err := openDataFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		n, err := openNode(t.Context(), config, data, nil, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := n.Close(ctx); err != nil {
				t.Error(err)
			}
			_ = data.Close()
		})
		nodes[i] = n
		if i == 0 {
			creds := credentials(t, dir, t.TempDir())
			config = serveConfig{NATS: n.broker.URL(), Creds: creds, Replicas: 1, IndexCache: 8 << 20, AllowUnsyncedBroker: true}
		}
	}
	document, err := loadScheme("web3pay")
	if err != nil {
		t.Fatal(err)
	}
	if err := nodes[0].bootstrap(t.Context(), [][]byte{document}); err != nil {
		t.Fatal(err)
	}
	minted, err := nodes[0].ledger.MintRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nodes[0].ledger.CreateRoot(t.Context(), minted); err != nil {
		t.Fatal(err)
	}
	meet(t, nodes)
	return nodes
}

// meet waits until both nodes have folded what is on the ledger.
func meet(t *testing.T, nodes [2]*node) {
	t.Helper()
	for _, n := range nodes {
		head, err := n.log.Head(t.Context())
		if err == nil {
			err = n.runner.Wait(t.Context(), head)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestNothingLandsAfterItsActorIsRevoked revokes a management key while a
// hundred of its creates, grants and rotations are in flight from two nodes.
// What it asked for is on the ledger before its revocation or not at all.
func TestNothingLandsAfterItsActorIsRevoked(t *testing.T) {
	t.Parallel()
	nodes := twoNodes(t)
	for trial := range campaign(t, "KEYLEDGER_GUARD_TRIALS", 50) {
		if late := revokeInFlight(t, nodes, [2]*ledger.Ledger{nodes[0].ledger, nodes[1].ledger}); len(late) > 0 {
			t.Fatalf("trial %d: landed after the revocation of who asked: %v", trial, late)
		}
	}
}

// TestUnguardedCommandsAreCaught drops the guard, and the trials above must see
// something land late.
func TestUnguardedCommandsAreCaught(t *testing.T) {
	t.Parallel()
	nodes := twoNodes(t)
	var unguarded [2]*ledger.Ledger
	for i, n := range nodes {
		c := n.ledger.Config
		c.Unguarded = true
		unguarded[i] = ledger.New(c)
	}
	for range 200 {
		if len(revokeInFlight(t, nodes, unguarded)) > 0 {
			return
		}
	}
	t.Error("200 trials without the guard, and nothing landed late: the test cannot fail")
}

// revokeInFlight returns the events that a revoked key caused after its end.
func revokeInFlight(t *testing.T, nodes [2]*node, ledgers [2]*ledger.Ledger) []string {
	t.Helper()
	root := ledger.By{Key: ledger.RootKey}
	manager, err := ledgers[0].CreateKey(t.Context(), root, ledger.NewKey{
		Name: "manager", Environment: "live", Permissions: []string{"keys:manage"},
		Grantable: []string{"onramp:create", "onramp:read"},
	})
	if err != nil {
		t.Fatal(err)
	}
	targets := make([]string, 8)
	for i := range targets {
		created, err := ledgers[0].CreateKey(t.Context(), root, ledger.NewKey{Name: "target", Environment: "live"})
		if err != nil {
			t.Fatal(err)
		}
		targets[i] = created.Key.ID
	}
	meet(t, nodes)

	by := ledger.By{Key: manager.Key.ID}
	var flight sync.WaitGroup
	for i := range 100 {
		flight.Go(func() { widen(t.Context(), ledgers[i%2], by, i, targets[i%len(targets)]) })
	}
	time.Sleep(time.Duration(rand.IntN(15_000)) * time.Microsecond)
	revoked, err := ledgers[1].RevokeKey(t.Context(), root, manager.Key.ID)
	if err != nil {
		t.Fatal(err)
	}
	flight.Wait()
	meet(t, nodes)
	return causedAfter(t, nodes[0].trail, manager.Key.ID, revoked.Position)
}

// widen asks for one of three things that widen access. Whether it is done or
// refused is not the matter here.
func widen(ctx context.Context, l *ledger.Ledger, by ledger.By, i int, target string) {
	switch i % 3 {
	case 0:
		_, _ = l.CreateKey(ctx, by, ledger.NewKey{Name: "born in flight", Environment: "live", Permissions: []string{"onramp:read"}})
	case 1:
		permissions := []string{[]string{"onramp:read", "onramp:create"}[rand.IntN(2)]}
		_, _ = l.ChangeKey(ctx, by, target, apikey.Change{Permissions: &permissions}, 0)
	case 2:
		_, _ = l.RotateKey(ctx, by, target, apikey.Rotate{Overlap: time.Hour})
	}
}

func causedAfter(t *testing.T, trail *audit.Trail, actor string, after uint64) []string {
	t.Helper()
	var late []string
	page, err := trail.Events(audit.Query{Actor: actor, After: after, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Events {
		late = append(late, fmt.Sprintf("%d %s %s", e.Sequence, e.Data.Type(), e.Entity.Ref()))
	}
	return late
}
