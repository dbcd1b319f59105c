package ledger_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// wallets opens an account whose scheme issues two kinds for one wallet.
func wallets(t *testing.T) (w *world, n *node, by ledger.By) {
	t.Helper()
	w = newWorld(t)
	n = w.node()
	document, err := json.Marshal(scheme.Document{
		Scheme:       "purse",
		Environments: map[string]scheme.Environment{"live": {}},
		Permissions:  map[string]scheme.Permission{"draw": {}, "look": {}, "manage": {}},
		Kinds: map[string]scheme.Kind{
			"server": {Prefix: "srv_", Grants: []string{"draw", "look", "manage"}, Rights: []string{"keys"}},
			"admin":  {Prefix: "adm_", Resource: "wallet", Grants: []string{"draw", "look"}},
			"reader": {Prefix: "rdr_", Resource: "wallet", Grants: []string{"look"}},
		},
		Sets:          map[string]scheme.Set{"wallet": {Kinds: []string{"admin", "reader"}}},
		Presentations: []scheme.Presentation{{Header: "X-API-Key"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.ApplyScheme(t.Context(), w.by(w.root), document); err != nil {
		t.Fatal(err)
	}
	if _, err := n.OpenAccount(t.Context(), w.by(w.root), ledger.NewAccount{ID: "acct_w", Name: "wallets", Scheme: "purse"}); err != nil {
		t.Fatal(err)
	}
	server := n.mustCreate(w.root, ledger.NewKey{Account: "acct_w", Kind: "server", Name: "server"})
	return w, n, w.by(server.Key.ID)
}

var wallet = ledger.NewKeySet{Set: "wallet", Name: "shop till", Resource: "wal_1"}

func TestASetIsIssuedTogetherAndOnce(t *testing.T) {
	w, n, by := wallets(t)
	set, err := n.CreateKeySet(t.Context(), by, wallet)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || set.Keys[0].Key.Kind != "admin" || set.Keys[1].Key.Kind != "reader" {
		t.Fatalf("issued %+v", set.Keys)
	}
	for _, k := range set.Keys {
		if k.Minted.Secret.IsZero() || k.Key.Resource != "wal_1" || k.Key.Set != "wallet" || k.Key.Environment != "live" {
			t.Errorf("issued %+v", k.Key)
		}
	}
	head := mustHead(t, w)
	if _, err := n.CreateKeySet(t.Context(), w.by(by.Key), wallet); refusal.CodeOf(err) != refusal.Conflict {
		t.Errorf("the same wallet again: %v, want a conflict", err)
	}
	if mustHead(t, w) != head {
		t.Error("a refused set has changed the ledger")
	}
	other := wallet
	other.Resource = "wal_2"
	if _, err := n.CreateKeySet(t.Context(), w.by(by.Key), other); err != nil {
		t.Errorf("another wallet: %v", err)
	}
}

func TestASetIsRepeatedUnderItsIdempotencyKeyWithoutSecrets(t *testing.T) {
	w, n, by := wallets(t)
	first, err := n.CreateKeySet(t.Context(), w.again(by.Key, "word", "digest"), wallet)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.node().CreateKeySet(t.Context(), w.again(by.Key, "word", "digest"), wallet)
	if err != nil {
		t.Fatal(err)
	}
	if again.Replayed == nil || len(again.Keys) != 2 {
		t.Fatalf("repeated: %+v", again)
	}
	for i, k := range again.Keys {
		if !k.Minted.Secret.IsZero() || k.Key.ID != first.Keys[i].Key.ID {
			t.Errorf("repeated: %+v", k)
		}
	}
}

// TestASetLandsWholeOrNotAtAll goes through every way in which its append can
// fail, and two nodes that want the same set at once.
func TestASetLandsWholeOrNotAtAll(t *testing.T) {
	for _, outcome := range []eventstest.Outcome{
		eventstest.Unavailable, eventstest.Conflict, eventstest.Refused, eventstest.LandUnreported, eventstest.Lost, eventstest.LandLate,
	} {
		w, n, by := wallets(t)
		w.onFirst(by, outcome)
		set, err := n.CreateKeySet(t.Context(), by, wallet)
		w.log.Settle()
		keys := bornOf(t, w)
		if keys != 0 && keys != 2 {
			t.Errorf("%v: %d of two keys are on the ledger", outcome, keys)
		}
		if err == nil && (keys != 2 || len(set.Keys) != 2) {
			t.Errorf("%v: answered with success, %d keys on the ledger", outcome, keys)
		}
	}
	w, n, by := wallets(t)
	nodes := [2]*node{n, w.node()}
	var errs [2]error
	var both sync.WaitGroup
	for i := range nodes {
		both.Go(func() { _, errs[i] = nodes[i].CreateKeySet(t.Context(), w.by(by.Key), wallet) })
	}
	both.Wait()
	if keys := bornOf(t, w); keys != 2 || (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("two nodes: %d keys, %v", keys, errors.Join(errs[:]...))
	}
}

func TestASetStaysWithinWhatTheCallerMayGrant(t *testing.T) {
	w, n, _ := wallets(t)
	for name, c := range map[string]struct {
		by   string
		want ledger.NewKeySet
		code refusal.Code
	}{
		"no such set":        {w.root, ledger.NewKeySet{Account: "acct_w", Set: "till", Resource: "wal_1"}, refusal.InvalidRequest},
		"no resource":        {w.root, ledger.NewKeySet{Account: "acct_w", Set: "wallet"}, refusal.InvalidRequest},
		"unknown place":      {w.root, ledger.NewKeySet{Account: "acct_w", Set: "wallet", Resource: "wal_1", Environment: "mars"}, refusal.InvalidRequest},
		"another account":    {w.manager, ledger.NewKeySet{Account: "acct_w", Set: "wallet", Resource: "wal_1"}, refusal.NotFound},
		"a scheme without":   {w.manager, ledger.NewKeySet{Set: "wallet", Resource: "wal_1"}, refusal.InvalidRequest},
		"without right keys": {n.mustCreate(w.root, ledger.NewKey{Account: "acct_1", Environment: "live", Name: "r"}).Key.ID, wallet, refusal.Code(access.PermissionDenied)},
	} {
		head := mustHead(t, w)
		if _, err := n.CreateKeySet(t.Context(), w.by(c.by), c.want); refusal.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if mustHead(t, w) != head {
			t.Errorf("%s: the ledger has changed", name)
		}
	}
}

func mustHead(t *testing.T, w *world) uint64 {
	t.Helper()
	head, err := w.log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// bornOf counts the keys of wallets on the ledger.
func bornOf(t *testing.T, w *world) (keys int) {
	t.Helper()
	for _, r := range w.events() {
		if created, ok := r.Data.(events.KeyCreated); ok && created.Set == "wallet" {
			keys++
		}
	}
	return keys
}
