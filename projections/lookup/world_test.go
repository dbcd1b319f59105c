package lookup

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections"
)

// world is a ledger with a verifier that follows it through the real Runner.
type world struct {
	t     testing.TB
	past  *eventstest.History
	log   *eventstest.Memory
	store *projections.Store
	v     *Verifier
	stop  func()
	drawn uint64
}

// shop is the key system of the tests: single keys, pairs, roles, endpoints.
func shop() scheme.Document {
	none := []string{}
	return scheme.Document{
		Scheme:       "shop",
		Environments: map[string]scheme.Environment{"live": {Production: true}, "test": {}},
		Permissions:  map[string]scheme.Permission{"orders:read": {}, "orders:write": {}, "refunds:create": {}},
		Wildcards:    true,
		Roles:        map[string]scheme.Role{"clerk": {Permissions: []string{"orders:read", "orders:write"}}},
		Kinds: map[string]scheme.Kind{
			"key":    {Prefix: "shop_{environment}_", Default: true},
			"till":   {Prefix: "till_{environment}_", Resource: "till", Permissions: &none, Grants: []string{"orders:write"}},
			"bearer": {Prefix: "pk_{environment}_", SecretPrefix: "sk_{environment}_"},
		},
		Endpoints: []scheme.Endpoint{
			{Method: "GET", Path: "/v1/orders/**", Permissions: []string{"orders:read"}},
			{Method: "POST", Path: "/v1/tills/{resource}/orders", Permissions: []string{"orders:write"}, Kinds: [][]string{{"till"}}},
		},
		Presentations: []scheme.Presentation{{Header: "X-API-Key"}},
	}
}

func document(tb testing.TB, d scheme.Document) (*scheme.Scheme, json.RawMessage) {
	tb.Helper()
	s, err := scheme.New(d)
	if err != nil {
		tb.Fatal(err)
	}
	return s, s.Canonical()
}

// newWorld is a ledger with scheme shop and the active account acme.
func newWorld(t testing.TB, c Config) *world {
	t.Helper()
	return newWorldWith(t, c, func(v *Verifier) projections.Projection { return v })
}

// newWorldWith runs what projection makes of the verifier in its place.
func newWorldWith(t testing.TB, c Config, projection func(*Verifier) projections.Projection) *world {
	t.Helper()
	store, err := projections.Open(projections.Config{Dir: "index", FS: vfs.NewMem(), Small: true})
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(store, c)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, past: eventstest.NewHistory(), log: new(eventstest.Memory), store: store, v: v}
	w.stop = follows(t, w.log, store, projection(v))
	t.Cleanup(func() {
		w.stop()
		if err := errors.Join(v.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	_, doc := document(t, shop())
	w.happens(events.SchemeEntity("shop"), events.SchemeApplied{Name: "shop", Version: 1, Document: doc})
	w.happens(events.AccountEntity("acme"), events.AccountOpened{Name: "Acme", Scheme: "shop"})
	return w
}

// follows runs a Runner until the function it returns is called.
func follows(t testing.TB, log events.Log, store *projections.Store, p projections.Projection) (stop func()) {
	t.Helper()
	runner, err := projections.NewRunner(projections.RunnerConfig{
		Log: log, Store: store, Projections: []projections.Projection{p},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	stopped := false
	return func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("runner: %v", err)
		}
	}
}

// happens puts one command on the ledger and waits until the index has it.
func (w *world) happens(e events.Entity, data ...events.Event) uint64 {
	w.t.Helper()
	w.past.Then(e, data...)
	return w.settle()
}

// settle saves what was added to the past and waits until the index has it.
func (w *world) settle() uint64 {
	w.t.Helper()
	if err := w.past.Save(w.t.Context(), w.log); err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Wait(w.t.Context(), w.past.Head()); err != nil {
		w.t.Fatal(err)
	}
	return w.past.Head()
}

// credential is one with its text.
type credential struct {
	events.Credential
	key, public, secret string
}

func entropy(n uint64) (out scheme.Entropy) {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], n)
	a := sha256.Sum256(append(seed[:], 'a'))
	b := sha256.Sum256(append(seed[:], 'b'))
	copy(out[copy(out[:], a[:]):], b[:])
	return out
}

func mint(tb testing.TB, s *scheme.Scheme, kind, environment, id string, n uint64) credential {
	m, err := s.Mint(kind, environment, entropy(n))
	if err != nil {
		tb.Fatal(err)
	}
	c := credential{Credential: events.Credential{
		ID: id, Prefix: m.Prefix, Locator: m.Locator, Last4: m.Last4, Alg: m.Alg, Salt: m.Salt, Hash: m.Hash,
	}}
	if m.Public.IsZero() {
		c.key = m.Secret.Reveal()
	} else {
		c.public, c.secret = m.Public.Reveal(), m.Secret.Reveal()
	}
	return c
}

// mint makes a credential of scheme shop.
func (w *world) mint(kind, environment string) credential {
	w.t.Helper()
	s, _ := document(w.t, shop())
	w.drawn++
	return mint(w.t, s, kind, environment, events.NewID(events.IDCredential, time.Unix(0, 0), [10]byte{byte(w.drawn >> 8), byte(w.drawn)}), w.drawn)
}

// key creates a key of acme in live, of the default kind unless an edit says
// otherwise, and returns its entity and credential.
func (w *world) key(id string, edit ...func(*events.KeyCreated)) (events.Entity, credential) {
	w.t.Helper()
	k := events.KeyCreated{
		Scheme: "shop", SchemeVersion: 1, Kind: "key", Name: "Till 4", Permissions: []string{"orders:read"},
	}
	for _, f := range edit {
		f(&k)
	}
	c := w.mint(k.Kind, "live")
	k.Credential = c.Credential
	e := events.KeyEntity("live", "acme", id)
	w.happens(e, k)
	return e, c
}

// another is a verifier with an index of its own that has read the whole log.
func (w *world) another(c Config) *Verifier {
	w.t.Helper()
	c.Dir = w.t.TempDir()
	v, err := Open(w.t.Context(), w.log, c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := v.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return v
}

// sumOf is the checksum that ends the text of a credential, see package scheme.
func sumOf(text string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	crc := crc32.ChecksumIEEE([]byte(text))
	out := make([]byte, scheme.ChecksumLen)
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = digits[crc%62]
		crc /= 62
	}
	return string(out)
}

// copyOf is the same past, not saved anywhere yet.
func copyOf(h *eventstest.History) *eventstest.History {
	out := eventstest.NewHistory()
	all := h.Events()[1:]
	for len(all) > 0 {
		n := all[0].Count
		var changes []eventstest.Change
		for _, r := range all[:n] {
			changes = append(changes, eventstest.Change{Entity: r.Entity, Data: r.Data})
		}
		out.Do(changes...)
		all = all[n:]
	}
	return out
}
