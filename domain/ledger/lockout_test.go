package ledger_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
)

// TestALedgerNeverLosesItsLastRootKey tries every way in which a root key could
// shut itself out, and two that shut out one another at once.
func TestALedgerNeverLosesItsLastRootKey(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	soon := w.clock.Now().Add(time.Minute)
	end := &soon
	for name, deed := range map[string]func(by ledger.By, id string) error{
		"revoke":  func(by ledger.By, id string) error { _, err := n.RevokeKey(t.Context(), by, id); return err },
		"suspend": func(by ledger.By, id string) error { _, err := n.SuspendKey(t.Context(), by, id); return err },
		"bound": func(by ledger.By, id string) error {
			_, err := n.ChangeKey(t.Context(), by, id, apikey.Change{Allowlist: &[]string{"192.0.2.1"}}, 0)
			return err
		},
		"expire": func(by ledger.By, id string) error {
			_, err := n.ChangeKey(t.Context(), by, id, apikey.Change{ExpiresAt: &end}, 0)
			return err
		},
	} {
		if err := deed(w.by(w.root), w.root); refusal.CodeOf(err) != refusal.Conflict {
			t.Errorf("%s itself: %v, want a conflict", name, err)
		}
		second := n.mustCreate(w.root, ledger.NewKey{Kind: scheme.KindRoot, Name: "second"})
		if err := deed(w.by(w.root), second.Key.ID); err != nil {
			t.Errorf("%s another root key: %v", name, err)
		}
	}
	for range 50 {
		second := n.mustCreate(w.root, ledger.NewKey{Kind: scheme.KindRoot, Name: "second"})
		third := n.mustCreate(w.root, ledger.NewKey{Kind: scheme.KindRoot, Name: "third"})
		nodes, ids := [2]*node{w.node(), w.node()}, [2]string{second.Key.ID, third.Key.ID}
		var errs [2]error
		var both sync.WaitGroup
		for i := range nodes {
			both.Go(func() { _, errs[i] = nodes[i].RevokeKey(t.Context(), w.by(ids[i]), ids[1-i]) })
		}
		both.Wait()
		if errs[0] == nil && errs[1] == nil {
			t.Fatal("two root keys have ended one another")
		}
	}
	w.sane()
}

// TestSchemesAreTheOperators shows that what holds for the whole ledger is not
// changed by an account's own key, whatever rights it has there.
func TestSchemesAreTheOperators(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	if _, err := n.OpenAccount(t.Context(), w.by(w.root), ledger.NewAccount{ID: "acct_b", Name: "b", Scheme: scheme.BuiltinName}); err != nil {
		t.Fatal(err)
	}
	tenant := n.mustCreate(w.root, ledger.NewKey{Account: "acct_b", Environment: "live", Name: "tenant", Permissions: []string{"schemes:admin"}})
	document := []byte(`{"scheme":"mine","environments":{"live":{}},"kinds":{"k":{"prefix":"mine_"}},"presentations":[{"header":"X-Mine"}]}`)
	head := mustHead(t, w)
	if _, err := n.ApplyScheme(t.Context(), w.by(tenant.Key.ID), document); refusal.CodeOf(err) != refusal.PermissionDenied {
		t.Errorf("a tenant applied a scheme: %v", err)
	}
	if mustHead(t, w) != head {
		t.Error("a refused scheme has changed the ledger")
	}
	if _, err := n.ApplyScheme(t.Context(), w.by(w.root), document); err != nil {
		t.Errorf("the operator: %v", err)
	}
}

// TestASecretIsNotTakenForAName pastes a credential wherever text is kept.
func TestASecretIsNotTakenForAName(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	issued := n.mustCreate(w.root, ledger.NewKey{Account: "acct_1", Environment: "live", Name: "a key"})
	secret := issued.Minted.Secret.Reveal()
	head := mustHead(t, w)
	for name, err := range map[string]error{
		"name":         second(n.CreateKey(t.Context(), w.by(w.root), ledger.NewKey{Account: "acct_1", Environment: "live", Name: secret})),
		"in a name":    second(n.CreateKey(t.Context(), w.by(w.root), ledger.NewKey{Account: "acct_1", Environment: "live", Name: "key " + secret + "!"})),
		"label":        second(n.CreateKey(t.Context(), w.by(w.root), ledger.NewKey{Account: "acct_1", Environment: "live", Name: "x", Metadata: map[string]string{secret: "x"}})),
		"label's text": second(n.CreateKey(t.Context(), w.by(w.root), ledger.NewKey{Account: "acct_1", Environment: "live", Name: "x", Metadata: map[string]string{"x": secret}})),
		"account":      second(n.OpenAccount(t.Context(), w.by(w.root), ledger.NewAccount{ID: secret[:min(len(secret), 60)], Name: "x", Scheme: "shop"})),
		"account name": second(n.OpenAccount(t.Context(), w.by(w.root), ledger.NewAccount{Name: secret, Scheme: "shop"})),
	} {
		if refusal.CodeOf(err) != refusal.InvalidRequest || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want a refusal that does not repeat it", name, err)
		}
	}
	if mustHead(t, w) != head {
		t.Error("the ledger has changed")
	}
	if name := "an id like " + issued.Key.ID; scheme.HoldsSecret(name) {
		t.Errorf("%q is taken for a secret", name)
	}
}

func second[T any](_ T, err error) error { return err }
