package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// empty is a world with nothing on its log.
func empty(t *testing.T) *world {
	return &world{
		t: t, log: new(eventstest.Memory), clock: &clock{now: time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)},
		random: rand.NewChaCha8([32]byte{2}),
	}
}

func TestALedgerIsOpenedOnceByAnyNumberOfNodes(t *testing.T) {
	w := empty(t)
	var nodes []*node
	for range 8 {
		nodes = append(nodes, w.node())
	}
	created := make([]bool, len(nodes))
	minted := make([]scheme.Minted, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			for range 2 { // as after a restart
				if err := n.Open(t.Context()); err != nil {
					t.Error(err)
				}
				if err := n.OpenRoot(t.Context(), scheme.BuiltinName); err != nil {
					t.Error(err)
				}
				m, err := n.MintRoot()
				if err != nil {
					t.Error(err)
				}
				made, err := n.CreateRoot(t.Context(), m)
				if err != nil {
					t.Error(err)
				}
				if made {
					created[i], minted[i] = true, m
				}
			}
		})
	}
	wg.Wait()
	all := w.events()
	if len(all) != 3 {
		t.Fatalf("%d events", len(all))
	}
	winners := 0
	for i, n := range nodes {
		is, err := n.IsRoot(minted[i].Secret.Reveal())
		if err != nil || is != created[i] {
			t.Errorf("node %d has created the root key: %v; its secret is good: %v, %v", i, created[i], is, err)
		}
		if created[i] {
			winners++
		}
		if has, err := n.HasRoot(); !has || err != nil {
			t.Errorf("node %d sees no root key: %v", i, err)
		}
	}
	if winners != 1 {
		t.Errorf("%d nodes have created the root key", winners)
	}
	opened, ok := all[0].Data.(events.LedgerOpened)
	if !ok || opened.Format != events.Format || all[0].Source != events.Source(opened.Incarnation) || all[2].Source != all[0].Source {
		t.Errorf("event 1 is %+v from %s", all[0].Data, all[0].Source)
	}
	if all[1].Entity != events.AccountEntity(account.Root) || all[2].Entity.ID != ledger.RootKey || all[2].Actor != "system:bootstrap" {
		t.Errorf("events 2 and 3 are of %v and %v", all[1].Entity, all[2].Entity)
	}
	if is, _ := nodes[0].IsRoot(""); is {
		t.Error("nothing is the root key's secret")
	}
}

func TestASchemeIsAppliedOnce(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	text := func(edit func(*scheme.Document)) []byte {
		doc := document()
		edit(&doc)
		data, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	other := func(d *scheme.Document) {
		d.Scheme, d.Kinds = "other", map[string]scheme.Kind{"k": {Prefix: "other_", Environments: []string{access.Spanning}}}
	}
	for _, c := range []struct {
		name     string
		by       string
		document []byte
		code     string
		changed  bool
	}{
		{"the same, written differently", w.root, text(func(*scheme.Document) {}), "", false},
		{"the same name with another content", w.root, text(func(d *scheme.Document) { d.Title = "another" }), "conflict", false},
		{"a new one", w.root, text(other), "", true},
		{"the new one again", w.root, text(other), "", false},
		{"by the node itself", "", text(other), "", false},
		{"the built-in one", w.root, scheme.Builtin().Canonical(), "conflict", false},
		{"one that claims the prefix of another", w.root, text(func(d *scheme.Document) { d.Scheme = "thief" }), "conflict", false},
		{"one with a mistake", w.root, text(func(d *scheme.Document) { d.Presentations = nil }), "invalid_request", false},
		{"no document", w.root, []byte("scheme: x"), "invalid_request", false},
		{"by a key without the right", w.manager, text(func(d *scheme.Document) { other(d); d.Scheme = "third" }), "permission_denied", false},
	} {
		before := len(w.events())
		out, err := n.ApplyScheme(t.Context(), w.by(c.by), c.document)
		if code(err) != c.code || out.Changed != c.changed || len(w.events()) > before != c.changed {
			t.Errorf("%s: %q, changed %v, %v; want %q, %v", c.name, code(err), out.Changed, err, c.code, c.changed)
		}
	}
	// A large document that is mostly markup still fits its event.
	big := text(func(d *scheme.Document) {
		other(d)
		d.Scheme, d.Title = "markup", strings.Repeat("<&>", scheme.MaxDocument/8/3)
		d.Kinds = map[string]scheme.Kind{"k": {Prefix: "markup_", Environments: []string{access.Spanning}}}
	})
	if len(big) > scheme.MaxDocument { // MarshalIndent writes < as six bytes
		t.Fatalf("%d bytes", len(big))
	}
	if _, err := n.ApplyScheme(t.Context(), w.by(w.root), big); err != nil {
		t.Errorf("a large document: %v", err)
	}
	w.sane()
}

func TestASchemeWhoseFirstEventIsUnknownIsNotApplied(t *testing.T) {
	w := newWorld(t)
	entity := events.SchemeEntity("ghost")
	payload, err := events.Encode(events.Envelope{
		ID: "evt_1", Source: "urn:test", Time: w.clock.Now(), Entity: entity, Actor: "system:test", Command: "cmd_1", Index: 1, Count: 1,
		Revision: 1, Data: events.Unknown{Name: "keyledger.scheme.conjured.v1", Raw: []byte(`{}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.log.Append(t.Context(), events.Write{Events: []events.Pending{
		{Entity: entity, Name: "conjured", ID: "evt_1", Payload: payload, Expect: &events.Expectation{Entity: entity}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	doc := document()
	doc.Scheme, doc.Kinds = "ghost", map[string]scheme.Kind{"k": {Prefix: "ghost_", Environments: []string{access.Spanning}}}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.node().ApplyScheme(t.Context(), w.by(w.root), data); code(err) != "conflict" {
		t.Errorf("%v, want conflict", err)
	}
}

// Two schemes with one prefix, applied at once through one node: one is refused.
func TestTwoSchemesThatClaimOnePrefixDoNotBothLand(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	codes := make([]string, 8)
	var wg sync.WaitGroup
	for i := range codes {
		doc := document()
		doc.Scheme, doc.Kinds = fmt.Sprintf("rival%d", i), map[string]scheme.Kind{"k": {Prefix: "rival_", Environments: []string{access.Spanning}}}
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			_, err := n.ApplyScheme(t.Context(), w.by(w.root), data)
			codes[i] = code(err)
		})
	}
	wg.Wait()
	applied := 0
	for _, c := range codes {
		if c == "" {
			applied++
		} else if c != "conflict" {
			t.Errorf("a rival was answered %q", c)
		}
	}
	if applied != 1 {
		t.Errorf("%d rivals were applied", applied)
	}
	w.sane()
}

func TestAPairIsIssuedWithBothHalves(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	pair := n.mustCreate(w.manager, ledger.NewKey{Kind: "pair", Name: "a pair"})
	if pair.Minted.Public.IsZero() || pair.Minted.Secret.IsZero() || pair.Key.Environment != "live" {
		t.Errorf("%+v", pair)
	}
	rotated, err := n.RotateKey(t.Context(), w.by(w.manager), pair.Key.ID, apikey.Rotate{})
	if err != nil || rotated.Minted.Public.Reveal() == pair.Minted.Public.Reveal() || rotated.Minted.Secret.Reveal() == pair.Minted.Secret.Reveal() {
		t.Errorf("a rotation renews both halves: %v", err)
	}
}

// No secret of a thousand is on the ledger, or in what the answers print.
func TestNoSecretIsWritten(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	var secrets []string
	var said strings.Builder
	for i := range 250 {
		issued, err := n.CreateKey(t.Context(), w.by(w.manager), newKey(fmt.Sprint("key ", i)))
		if err != nil {
			t.Fatal(err)
		}
		rotated, err := n.RotateKey(t.Context(), w.by(w.manager), issued.Key.ID, apikey.Rotate{})
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, issued.Minted.Secret.Reveal(), rotated.Minted.Secret.Reveal())
		fmt.Fprintf(&said, "%v %+v %#v %v", issued, rotated, struct{ i ledger.Issued }{issued}, errors.Join(fmt.Errorf("%v", rotated)))
	}
	for _, r := range w.events() {
		said.Write(r.Payload)
	}
	text := said.String()
	for _, secret := range secrets {
		parsed, err := scheme.ParseText(secret)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, parsed.Secret) || strings.Contains(text, secret) {
			t.Fatalf("%s is in clear", secret)
		}
		if !strings.Contains(text, parsed.Locator) {
			t.Fatalf("the search does not even find the locator of %s", secret)
		}
	}
}

// However the view moves between two looks at it, what lands was allowed.
func TestTheViewMayMoveWhileACommandIsDecided(t *testing.T) {
	for question := range 12 {
		for name, narrow := range map[string]func(w *world, other *node){
			"revoked": func(w *world, o *node) { o.mustRevoke(w.root, w.manager) },
			"without a right": func(w *world, o *node) {
				o.mustChange(w.root, w.manager, apikey.Change{Permissions: &[]string{"read"}})
			},
			"account suspended": func(w *world, o *node) { _, _ = o.SuspendAccount(o.t.Context(), w.by(w.root), "acct_1") },
		} {
			w := newWorld(t)
			id := w.node().key("read").ID
			w.node().mustChange(w.root, w.manager, apikey.Change{Allowlist: &[]string{"10.0.0.1"}})
			n := w.node(func(c *ledger.Config) {
				s := &sudden{n: question, view: c.View.(*view)}
				s.catchUp = func() {
					head, _ := w.log.Head(t.Context())
					_ = s.view.Wait(t.Context(), head)
				}
				c.View = s
			})
			narrow(w, w.node())
			own, _, _ := n.view.Key(w.manager)
			if question%2 == 1 { // what a key does to itself is guarded by its own history
				_, err := n.ChangeKey(t.Context(), w.by(w.manager), w.manager, apikey.Change{Allowlist: &[]string{}, Name: to("b")}, 0)
				if name != "account suspended" && err == nil {
					t.Errorf("%s, caught up after question %d, it changed itself: %+v", name, question, own)
				}
			}
			_, created := n.CreateKey(t.Context(), w.by(w.manager), newKey("a key"))
			_, rotated := n.RotateKey(t.Context(), w.by(w.manager), id, apikey.Rotate{})
			if name != "account suspended" && (created == nil || rotated == nil) {
				t.Errorf("%s, caught up after question %d: %v, %v", name, question, created, rotated)
			}
			w.sane()
		}
	}
}
