package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
)

// cast is who is there to be asked, and to be asked about.
type cast struct {
	*world
	n *node
	// weak manages keys in live and holds read; bounded holds more than it may
	// grant; broad may grant more than it holds; tester is of environment test;
	// other is of another account; reader does not manage keys.
	weak, bounded, broad, tester, other, reader string
	// strong holds billing; granter may grant it; hooked has a right by its kind,
	// auditor by its role; spanning is of all environments; foreign of acct_2.
	strong, granter, hooked, auditor, spanning, foreign string
}

func newCast(t *testing.T) *cast {
	w := newWorld(t)
	c := &cast{world: w, n: w.node()}
	make := func(account, environment, kind string, grantable []string, roles []string, permissions ...string) string {
		t.Helper()
		return c.n.mustCreate(w.root, ledger.NewKey{
			Account: account, Environment: environment, Kind: kind, Name: "one of the cast",
			Permissions: permissions, Roles: roles, Grantable: grantable,
		}).Key.ID
	}
	c.weak = make("acct_1", "live", "", nil, nil, "keys:manage", "read")
	c.bounded = make("acct_1", "live", "", []string{"read"}, nil, "keys:manage", "read", "write", "billing")
	c.broad = make("acct_1", "live", "", []string{"read", "billing"}, nil, "keys:manage")
	c.tester = make("acct_1", "test", "", nil, nil, "keys:manage", "read")
	c.other = make("acct_2", "live", "", nil, nil, "keys:manage", "read")
	c.reader = make("acct_1", "live", "", nil, nil, "read")
	c.strong = make("acct_1", "live", "", nil, nil, "read", "billing")
	c.granter = make("acct_1", "live", "", []string{"read", "keys:manage", "billing"}, nil, "read", "keys:manage")
	c.hooked = make("acct_1", "live", "hook", nil, nil)
	c.auditor = make("acct_1", "live", "", nil, []string{"auditor"})
	c.spanning = make("acct_1", access.Spanning, "span", nil, nil, "read")
	c.foreign = make("acct_2", "live", "", nil, nil, "read")
	return c
}

type deed func(c *cast, by ledger.By, id string) error

func creating(want ledger.NewKey) deed {
	want.Name = "a new key"
	return func(c *cast, by ledger.By, _ string) error {
		_, err := c.n.CreateKey(c.t.Context(), by, want)
		return err
	}
}

func changing(change apikey.Change) deed {
	return func(c *cast, by ledger.By, id string) error {
		_, err := c.n.ChangeKey(c.t.Context(), by, id, change, 0)
		return err
	}
}

func rotating(c *cast, by ledger.By, id string) error {
	_, err := c.n.RotateKey(c.t.Context(), by, id, apikey.Rotate{Overlap: time.Hour})
	return err
}

func suspending(c *cast, by ledger.By, id string) error {
	_, err := c.n.SuspendKey(c.t.Context(), by, id)
	return err
}

func resuming(c *cast, by ledger.By, id string) error {
	_, err := c.n.ResumeKey(c.t.Context(), by, id)
	return err
}

func revoking(c *cast, by ledger.By, id string) error {
	_, err := c.n.RevokeKey(c.t.Context(), by, id)
	return err
}

func cutting(c *cast, by ledger.By, id string) error {
	_, err := c.n.CutCredential(c.t.Context(), by, id, "crd_unknown")
	return err
}

func TestNobodyGivesWhatTheyMayNot(t *testing.T) {
	root := func(c *cast) string { return c.root }
	weak := func(c *cast) string { return c.weak }
	bounded := func(c *cast) string { return c.bounded }
	broad := func(c *cast) string { return c.broad }
	strong := func(c *cast) string { return c.strong }
	none := func(*cast) string { return "" }
	allow := []string{"10.0.0.1"}
	for _, r := range []struct {
		name   string
		by, of func(*cast) string
		deed   deed
		code   string
		given  deed // by root before, on the same key
	}{
		{"create with what it holds", weak, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"read"}}), "", nil},
		{"create a manager like itself", weak, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"keys:manage", "read"}}), "", nil},
		{"create with nothing", weak, none, creating(ledger.NewKey{Environment: "live"}), "", nil},
		{"create with more", weak, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"read", "billing"}}), "escalation_refused", nil},
		{"create with a role of more", weak, none, creating(ledger.NewKey{Environment: "live", Roles: []string{"banker"}}), "escalation_refused", nil},
		{"create with a role of what it holds", weak, none, creating(ledger.NewKey{Environment: "live", Roles: []string{"clerk"}}), "", nil},
		{"create with a role that carries a right", weak, none, creating(ledger.NewKey{Environment: "live", Roles: []string{"auditor"}}), "escalation_refused", nil},
		{"create with a kind that carries a right", weak, none, creating(ledger.NewKey{Environment: "live", Kind: "hook"}), "escalation_refused", nil},
		{"create with a kind that holds more", weak, none, creating(ledger.NewKey{Kind: "bound", Resource: "wal_1"}), "escalation_refused", nil},
		{"create with a permission that carries a right", weak, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"accounts:admin"}}), "escalation_refused", nil},
		{"create what may grant more", weak, none, creating(ledger.NewKey{Environment: "live", Grantable: []string{"billing"}}), "escalation_refused", nil},
		{"create what may grant less", weak, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"read"}, Grantable: []string{}}), "", nil},
		{"create in another environment", weak, none, creating(ledger.NewKey{Environment: "test", Permissions: []string{"read"}}), "escalation_refused", nil},
		{"create in all environments", weak, none, creating(ledger.NewKey{Kind: "span", Permissions: []string{"read"}}), "escalation_refused", nil},
		{"create in another account", weak, none, creating(ledger.NewKey{Account: "acct_2", Environment: "live"}), "not_found", nil},
		{"create in an account that is not there", weak, none, creating(ledger.NewKey{Account: "acct_9", Environment: "live"}), "not_found", nil},
		{"create in account root", weak, none, creating(ledger.NewKey{Account: "root", Environment: "live"}), "not_found", nil},
		{"create a root key", weak, none, creating(ledger.NewKey{Kind: scheme.KindRoot}), "invalid_request", nil},
		{"create a root key in account root", weak, none, creating(ledger.NewKey{Account: "root", Kind: scheme.KindRoot}), "not_found", nil},
		{"root creates a root key", root, none, creating(ledger.NewKey{Kind: scheme.KindRoot}), "", nil},
		{"root creates anywhere", root, none, creating(ledger.NewKey{Account: "acct_2", Environment: "test", Permissions: []string{"billing"}}), "", nil},
		{"create with what it holds and may not grant", bounded, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"write"}}), "escalation_refused", nil},
		{"create a manager, which it may not grant", bounded, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"keys:manage"}}), "escalation_refused", nil},
		{"create with what it may grant", bounded, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"read"}}), "", nil},
		{"create with what it may grant and does not hold", broad, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"billing"}}), "", nil},
		{"create with what it may not grant either", broad, none, creating(ledger.NewKey{Environment: "live", Permissions: []string{"write"}}), "escalation_refused", nil},
		{"create without the right", func(c *cast) string { return c.reader }, none, creating(ledger.NewKey{Environment: "live"}), "permission_denied", nil},
		{"create with an unknown key", func(*cast) string { return "key_unknown" }, none, creating(ledger.NewKey{Environment: "live"}), "api_key_invalid", nil},

		{"add what it may not grant", weak, func(c *cast) string { return c.reader }, changing(apikey.Change{Permissions: &[]string{"read", "write"}}), "escalation_refused", nil},
		{"add to itself", weak, weak, changing(apikey.Change{Permissions: &[]string{"keys:manage", "read", "billing"}}), "escalation_refused", nil},
		{"let itself grant more", bounded, bounded, changing(apikey.Change{Grantable: to[[]string](nil)}), "escalation_refused", nil},
		{"let another grant more", weak, func(c *cast) string { return c.reader }, changing(apikey.Change{Grantable: &[]string{"billing"}}), "escalation_refused", nil},
		{"take from itself", weak, weak, changing(apikey.Change{Permissions: &[]string{"keys:manage"}}), "", nil},
		{"replace the strong permission by a weak one", weak, strong, changing(apikey.Change{Permissions: &[]string{"read"}}), "", nil},
		{"give a role that carries a right", weak, func(c *cast) string { return c.reader }, changing(apikey.Change{Roles: &[]string{"auditor"}}), "escalation_refused", nil},
		{"take a role that carries a right", weak, func(c *cast) string { return c.auditor }, changing(apikey.Change{Roles: &[]string{}}), "", nil},
		{"rename a stronger key", weak, strong, changing(apikey.Change{Name: to("b")}), "", nil},
		{"loosen the allowlist of a stronger key", weak, strong, changing(apikey.Change{Allowlist: &[]string{"10.0.0.0/8"}}), "escalation_refused", changing(apikey.Change{Allowlist: &allow})},
		{"lift the allowlist of a stronger key", weak, strong, changing(apikey.Change{Allowlist: &[]string{}}), "escalation_refused", changing(apikey.Change{Allowlist: &allow})},
		{"loosen the allowlist of an equal key", weak, func(c *cast) string { return c.reader }, changing(apikey.Change{Allowlist: &[]string{}}), "", changing(apikey.Change{Allowlist: &allow})},
		{"tighten the allowlist of a stronger key", weak, strong, changing(apikey.Change{Allowlist: &allow}), "", nil},
		{"put off the expiry of a stronger key", weak, strong, changing(apikey.Change{ExpiresAt: to[*time.Time](nil)}), "escalation_refused", changing(apikey.Change{ExpiresAt: to(soon())})},
		{"bring forward the expiry of a stronger key", weak, strong, changing(apikey.Change{ExpiresAt: to(soon())}), "", nil},

		{"rotate a stronger key", weak, strong, rotating, "escalation_refused", nil},
		{"rotate an equal key", weak, func(c *cast) string { return c.reader }, rotating, "", nil},
		{"rotate itself", weak, weak, rotating, "", nil},
		{"rotate itself, holding more than it may grant", bounded, bounded, rotating, "", nil},
		{"rotate a key that may grant more", weak, func(c *cast) string { return c.granter }, rotating, "escalation_refused", nil},
		{"rotate a key whose kind carries a right", weak, func(c *cast) string { return c.hooked }, rotating, "escalation_refused", nil},
		{"rotate a key whose role carries a right", weak, func(c *cast) string { return c.auditor }, rotating, "escalation_refused", nil},
		{"resume a stronger key", weak, strong, resuming, "escalation_refused", suspending},
		{"resume a key that may grant more", weak, func(c *cast) string { return c.granter }, resuming, "escalation_refused", suspending},
		{"resume an equal key", weak, func(c *cast) string { return c.reader }, resuming, "", suspending},
		{"suspend a stronger key", weak, strong, suspending, "", nil},
		{"revoke a stronger key", weak, strong, revoking, "", nil},

		{"change a key of another environment", weak, func(c *cast) string { return c.tester }, changing(apikey.Change{Name: to("b")}), "escalation_refused", nil},
		{"revoke a key of another environment", weak, func(c *cast) string { return c.tester }, revoking, "escalation_refused", nil},
		{"revoke a key of all environments", weak, func(c *cast) string { return c.spanning }, revoking, "escalation_refused", nil},
		{"change a key of another account", weak, func(c *cast) string { return c.foreign }, changing(apikey.Change{Name: to("b")}), "not_found", nil},
		{"rotate a key of another account", weak, func(c *cast) string { return c.foreign }, rotating, "not_found", nil},
		{"suspend a key of another account", weak, func(c *cast) string { return c.foreign }, suspending, "not_found", nil},
		{"resume a key of another account", weak, func(c *cast) string { return c.foreign }, resuming, "not_found", nil},
		{"revoke a key of another account", weak, func(c *cast) string { return c.foreign }, revoking, "not_found", nil},
		{"cut a key of another account", weak, func(c *cast) string { return c.foreign }, cutting, "not_found", nil},
		{"revoke the root key", weak, root, revoking, "not_found", nil},
		{"rotate the root key", weak, root, rotating, "not_found", nil},
		{"revoke what is not there", weak, func(*cast) string { return "key_unknown" }, revoking, "not_found", nil},
		{"change what is not there", weak, func(*cast) string { return "key_unknown" }, changing(apikey.Change{Name: to("b")}), "not_found", nil},
		{"revoke without the right", func(c *cast) string { return c.reader }, strong, revoking, "permission_denied", nil},
		{"revoke itself without the right", func(c *cast) string { return c.reader }, func(c *cast) string { return c.reader }, revoking, "permission_denied", nil},
		{"cut an unknown credential", weak, strong, cutting, "invalid_request", nil},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := newCast(t)
			target := r.of(c)
			if r.given != nil {
				if err := r.given(c, c.by(c.root), target); err != nil {
					t.Fatal(err)
				}
			}
			before, by := c.events(), c.by(r.by(c))
			err := r.deed(c, by, target)
			if code(err) != r.code {
				t.Errorf("%q (%v), want %q", code(err), err, r.code)
			}
			if r.code != "" && len(c.events()) != len(before) {
				t.Errorf("refused, and %d events were written", len(c.events())-len(before))
			}
			if r.code == "" && len(of(c.events(), by)) == 0 {
				t.Error("nothing was written")
			}
			c.sane()
		})
	}
}

func soon() *time.Time {
	at := time.Date(2026, time.March, 4, 0, 0, 0, 0, time.UTC)
	return &at
}

// Two weak steps must not make a strong one: whatever sequence of deeds the weak
// manager tries, no key that it made or got the secret of holds what it may not
// grant.
func TestWeakStepsDoNotAddUp(t *testing.T) {
	c := newCast(t)
	ctx := t.Context()
	mine := map[string]bool{c.weak: true}
	permissions := [][]string{{}, {"read"}, {"keys:manage"}, {"keys:manage", "read"}, {"billing"}, {"read", "write"}}
	roles := [][]string{{}, {"clerk"}, {"auditor"}, {"banker"}}
	grantables := []*[]string{nil, {}, {"read"}, {"billing"}, {"read", "write", "keys:manage"}}
	targets := []string{c.strong, c.granter, c.hooked, c.auditor, c.reader, c.bounded, c.broad, c.tester, c.spanning, c.foreign}
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 1500 {
		by, target := c.by(pick(random, keysOf(mine))), pick(random, append(keysOf(mine), targets...))
		switch i % 5 {
		case 0:
			want := ledger.NewKey{Environment: "live", Name: fmt.Sprint("k", i), Permissions: pick(random, permissions), Roles: pick(random, roles)}
			if g := pick(random, grantables); g != nil {
				want.Grantable = *g
			}
			if k, err := c.n.CreateKey(ctx, by, want); err == nil && len(mine) < 12 {
				mine[k.Key.ID] = true
			}
		case 1:
			if _, err := c.n.RotateKey(ctx, by, target, apikey.Rotate{}); err == nil {
				mine[target] = true
			}
		case 2:
			_, _ = c.n.ChangeKey(ctx, by, target, apikey.Change{Permissions: to(pick(random, permissions))}, 0)
		case 3:
			_, _ = c.n.ChangeKey(ctx, by, target, apikey.Change{Grantable: pick(random, append(grantables[1:], to[[]string](nil)))}, 0)
		case 4:
			_, _ = c.n.ChangeKey(ctx, by, target, apikey.Change{Roles: to(pick(random, roles))}, 0)
		}
	}
	s, _ := c.n.view.Catalog().Scheme("shop")
	for id := range mine {
		k, _, _ := c.n.view.Key(id)
		effective := s.Effective(k.Kind, k.Permissions, k.Roles)
		for _, p := range append(effective, k.MayGrant(effective)...) {
			if p != "read" && p != "keys:manage" {
				t.Errorf("%s, which the weak manager has the secret of, has %s: %+v", id, p, k)
			}
		}
		for _, right := range s.Rights(k.Kind, effective, k.Roles) {
			if right != access.RightKeys {
				t.Errorf("%s has the right %s", id, right)
			}
		}
	}
	if len(mine) < 5 {
		t.Errorf("only %d keys came into its hands: it did not try", len(mine))
	}
	c.sane()
}

func pick[V any](random *rand.Rand, of []V) V { return of[random.IntN(len(of))] }

func keysOf(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
