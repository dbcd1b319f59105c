package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// world is one log with as many nodes as a test wants. It begins with the root
// key, accounts acct_1 and acct_2 under scheme shop, and the manager of acct_1.
type world struct {
	t       testing.TB
	log     *eventstest.Memory
	clock   *clock
	root    string // key ids
	manager string
	serial  atomic.Int64 // of requests

	mu     sync.Mutex
	random *rand.ChaCha8
}

// node is a ledger with its own view of the log.
type node struct {
	*ledger.Ledger
	*world
	view *view
}

func document() scheme.Document {
	return scheme.Document{
		Scheme:       "shop",
		Environments: map[string]scheme.Environment{"live": {}, "test": {}, access.Spanning: {}},
		Permissions: map[string]scheme.Permission{
			"read": {}, "write": {}, "billing": {}, "keys:manage": {}, "accounts:admin": {},
		},
		Roles: map[string]scheme.Role{"clerk": {Permissions: []string{"read"}}, "auditor": {}, "banker": {Permissions: []string{"billing"}}},
		Kinds: map[string]scheme.Kind{
			"key":   {Prefix: "sk_{environment}_", Default: true, Environments: []string{"live", "test"}},
			"span":  {Prefix: "sp_", Environments: []string{access.Spanning}},
			"hook":  {Prefix: "hk_{environment}_", Environments: []string{"live", "test"}, Rights: []string{"webhooks"}},
			"bound": {Prefix: "bo_{environment}_", Environments: []string{"live"}, Resource: "wallet", Grants: []string{"billing"}},
			"pair":  {Prefix: "pk_{environment}_", SecretPrefix: "ss_{environment}_", Environments: []string{"live"}},
		},
		Presentations: []scheme.Presentation{{Header: "X-API-Key"}},
		Rights:        map[string][]string{"keys:manage": {"keys"}, "accounts:admin": {"accounts"}, "auditor": {"audit"}},
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, log: new(eventstest.Memory), clock: &clock{now: time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)},
		random: rand.NewChaCha8([32]byte{1}),
	}
	n := w.node()
	ctx := t.Context()
	if err := n.Open(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.OpenRoot(ctx, scheme.BuiltinName); err != nil {
		t.Fatal(err)
	}
	minted, err := n.MintRoot()
	if err != nil {
		t.Fatal(err)
	}
	if created, err := n.CreateRoot(ctx, minted); err != nil || !created {
		t.Fatalf("root key: %v, %v", created, err)
	}
	w.root = ledger.RootKey
	data, err := json.Marshal(document())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.ApplyScheme(ctx, w.by(w.root), data); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"acct_1", "acct_2"} {
		if _, err := n.OpenAccount(ctx, w.by(w.root), ledger.NewAccount{ID: id, Name: id, Scheme: "shop"}); err != nil {
			t.Fatal(err)
		}
	}
	w.manager = n.mustCreate(w.root, ledger.NewKey{Account: "acct_1", Environment: "live", Name: "manager", Permissions: []string{"keys:manage", "read", "write"}}).Key.ID
	return w
}

// node is a new node whose view is as new as the log is now, and gets no newer
// until it has to wait.
func (w *world) node(edit ...func(*ledger.Config)) *node {
	w.t.Helper()
	v := newView(w.log)
	head, err := w.log.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if err := v.Wait(w.t.Context(), head); err != nil {
		w.t.Fatal(err)
	}
	c := ledger.Config{Log: w.log, View: v, Now: w.clock.Now, Random: w.bytes}
	for _, f := range edit {
		f(&c)
	}
	return &node{Ledger: ledger.New(c), world: w, view: v}
}

func (w *world) bytes(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = w.random.Read(p) // never fails
}

// by is a new request of a key.
func (w *world) by(key string) ledger.By {
	return ledger.By{Key: key, Request: fmt.Sprintf("req_%d", w.serial.Add(1))}
}

// again is a new request of a key under an Idempotency-Key.
func (w *world) again(key, idempotency, digest string) ledger.By {
	by := w.by(key)
	by.Idempotency, by.Digest = idempotency, digest
	return by
}

func (n *node) mustCreate(key string, want ledger.NewKey) ledger.Issued {
	n.t.Helper()
	issued, err := n.CreateKey(n.t.Context(), n.by(key), want)
	if err != nil {
		n.t.Fatalf("create %+v: %v", want, err)
	}
	return issued
}

// key creates a plain key of acct_1 by its manager.
func (n *node) key(permissions ...string) apikey.Key {
	n.t.Helper()
	return n.mustCreate(n.manager, ledger.NewKey{Environment: "live", Name: "a key", Permissions: permissions}).Key
}

func (n *node) mustChange(by, id string, c apikey.Change) ledger.Changed {
	n.t.Helper()
	changed, err := n.ChangeKey(n.t.Context(), n.by(by), id, c, 0)
	if err != nil {
		n.t.Fatalf("change %s: %v", id, err)
	}
	return changed
}

func (n *node) mustRevoke(by, id string) ledger.Changed {
	n.t.Helper()
	changed, err := n.RevokeKey(n.t.Context(), n.by(by), id)
	if err != nil {
		n.t.Fatalf("revoke %s: %v", id, err)
	}
	return changed
}

func to[V any](v V) *V { return &v }

// code is how a command ended: "" for success, a refusal's code, "unknown", or
// "error" for what is no refusal.
func code(err error) string {
	var refused *refusal.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &refused):
		return "error"
	case refused.Code == refusal.Unavailable && refused.Command != "":
		return "unknown"
	}
	return string(refused.Code)
}

// events reads the whole log.
func (w *world) events() []events.Recorded {
	w.t.Helper()
	ctx := context.WithoutCancel(w.t.Context())
	head, err := w.log.Head(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []events.Recorded
	err = w.log.Follow(ctx, events.Position{}, func(rs []events.Recorded) error {
		all = append(all, rs...)
		if uint64(len(all)) >= head {
			return errFarEnough
		}
		return nil
	})
	if !errors.Is(err, errFarEnough) {
		w.t.Fatal(err)
	}
	return all
}

// of lists the events of one request.
func of(all []events.Recorded, by ledger.By) (out []events.Recorded) {
	for _, r := range all {
		if r.Request == by.Request {
			out = append(out, r)
		}
	}
	return out
}

// audit reads the log as somebody would who trusts none of its writers: every
// history can be folded, and every command that widened something was asked for
// by a key that, at its place on the ledger, still could. It returns the first
// breach.
func (w *world) audit() error {
	v := newView(w.log)
	all := w.events()
	for len(all) > 0 {
		n := all[0].Count
		before := map[string]apikey.Key{}
		for _, r := range all[:n] {
			before[r.Entity.ID] = v.keys[r.Entity.ID].state
		}
		actor := v.keys[all[0].Actor].state
		if err := v.fold(all[:n]); err != nil {
			return err
		}
		for _, r := range all[:n] {
			if r.Entity.Kind != events.KindKey || !actor.Exists() {
				continue
			}
			if err := mayHave(v, actor, before[r.Entity.ID], v.keys[r.Entity.ID].state); err != nil {
				return fmt.Errorf("sequence %d: %s of %s by %s: %w", r.Sequence, r.Data.Type(), r.Entity.ID, r.Actor, err)
			}
		}
		all = all[n:]
	}
	return nil
}

// mayHave reports why actor may not have led a key from before to after.
func mayHave(v *view, actor apikey.Key, before, after apikey.Key) error {
	s, _ := v.catalog.Scheme(after.Scheme)
	effect := apikey.Compare(before, after, s)
	if !effect.Widens {
		return nil
	}
	own, _ := v.catalog.Scheme(actor.Scheme)
	effective := own.Effective(actor.Kind, actor.Permissions, actor.Roles)
	rights := map[access.Right]bool{}
	for _, r := range own.Rights(actor.Kind, effective, actor.Roles) {
		rights[r] = true
	}
	operator := actor.Account == account.Root && actor.Environment == access.Spanning
	switch {
	case actor.RevokedAt != nil:
		return errors.New("it was revoked")
	case actor.Suspended:
		return errors.New("it was suspended")
	case !rights[access.RightKeys]:
		return errors.New("it had not the right to manage keys")
	case actor.Account != after.Account && !operator:
		return errors.New("it belongs to another account")
	case actor.Environment != after.Environment && actor.Environment != access.Spanning:
		return errors.New("it belongs to another environment")
	}
	for _, p := range effect.Gains {
		renews := actor.ID == after.ID && len(after.Credentials) > len(before.Credentials)
		if !access.Holds(actor.MayGrant(effective), p) && !(renews && access.Holds(effective, p)) {
			return fmt.Errorf("it could not grant %s", p)
		}
	}
	for _, r := range effect.Rights {
		if !rights[r] {
			return fmt.Errorf("it had not the right %s", r)
		}
	}
	return nil
}

// sane ends a test: what the nodes said, the log bears out.
func (w *world) sane() {
	w.t.Helper()
	w.log.Settle()
	if err := w.audit(); err != nil {
		w.t.Error(err)
	}
}
