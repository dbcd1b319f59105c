package ledger_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/events/eventstest"
)

func newKey(name string) ledger.NewKey {
	return ledger.NewKey{Environment: "live", Name: name, Permissions: []string{"read"}}
}

func TestARepeatedRequestIsAnsweredWithTheFirstOne(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	first := w.again(w.manager, "the same", "digest")
	a := issued(n.CreateKey(t.Context(), first, newKey("a key")))
	if a.code != "" || a.secret.IsZero() || !a.outcome.Changed || a.outcome.Replayed != nil {
		t.Fatalf("the first: %+v, %v", a.outcome, a.err)
	}
	for name, n := range map[string]*node{"the same node": n, "another node": w.node(), "a node that has been away": func() *node {
		late := w.node()
		w.clock.advance(time.Hour)
		return late
	}()} {
		by := w.again(w.manager, "the same", "digest")
		b := issued(n.CreateKey(t.Context(), by, newKey("a key")))
		switch {
		case b.code != "" || b.outcome.Replayed == nil || b.outcome.Changed:
			t.Errorf("%s: %+v, %v", name, b.outcome, b.err)
		case b.key.ID != a.key.ID || b.outcome.Position != a.outcome.Position || b.outcome.Command != a.outcome.Command:
			t.Errorf("%s: key %s at %d, want %s at %d", name, b.key.ID, b.outcome.Position, a.key.ID, a.outcome.Position)
		case !b.secret.IsZero():
			t.Errorf("%s: the secret is shown twice", name)
		}
		if len(of(w.events(), by)) > 0 {
			t.Errorf("%s: something was written", name)
		}
	}
	w.sane()
}

func TestAnIdempotencyKeyIsOneRequestOfOneCaller(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	other := n.mustCreate(w.root, ledger.NewKey{Account: "acct_1", Environment: "live", Name: "other manager", Permissions: []string{"keys:manage", "read"}}).Key.ID
	a := issued(n.CreateKey(t.Context(), w.again(w.manager, "the same", "digest"), newKey("a key")))
	for _, c := range []struct {
		name string
		by   ledger.By
		code string
		same bool
	}{
		{"another request", w.again(w.manager, "the same", "another digest"), "idempotency_mismatch", false},
		{"another word", w.again(w.manager, "another", "digest"), "", false},
		{"another caller", w.again(other, "the same", "digest"), "", false},
		{"too long a word", w.again(w.manager, strings.Repeat("x", ledger.MaxIdempotencyKey+1), "digest"), "invalid_request", false},
		{"the longest word", w.again(w.manager, strings.Repeat("x", ledger.MaxIdempotencyKey), "digest"), "", false},
		{"the same", w.again(w.manager, "the same", "digest"), "", true},
	} {
		b := issued(n.CreateKey(t.Context(), c.by, newKey("a key")))
		if b.code != c.code || (b.outcome.Replayed != nil) != c.same || b.code == "" && (b.key.ID == a.key.ID) != c.same {
			t.Errorf("%s: %q, key %s, %+v", c.name, b.code, b.key.ID, b.outcome)
		}
	}
	w.sane()
}

func TestARequestUnderWayIsNotBegunAgain(t *testing.T) {
	w := newWorld(t)
	n, first := w.node(), w.again(w.manager, "the same", "digest")
	var inside answer
	w.onNth(first, func(int) eventstest.Outcome {
		inside = issued(n.CreateKey(t.Context(), w.again(w.manager, "the same", "digest"), newKey("a key")))
		return eventstest.Land
	})
	if a := issued(n.CreateKey(t.Context(), first, newKey("a key"))); a.code != "" {
		t.Fatal(a.err)
	}
	if inside.code != "conflict" {
		t.Errorf("while it was under way: %q, %v", inside.code, inside.err)
	}
	if b := issued(n.CreateKey(t.Context(), w.again(w.manager, "the same", "digest"), newKey("a key"))); b.outcome.Replayed == nil {
		t.Errorf("afterwards: %+v, %v", b.outcome, b.err)
	}
}

func TestTheSameRequestOnTwoNodesAtOnceCreatesOneKey(t *testing.T) {
	w := newWorld(t)
	for range 50 {
		nodes := []*node{w.node(), w.node()}
		idempotency := w.by("").Request
		bys := []ledger.By{w.again(w.manager, idempotency, "digest"), w.again(w.manager, idempotency, "digest")}
		answers := make([]answer, len(nodes))
		var wg sync.WaitGroup
		for i, n := range nodes {
			wg.Go(func() { answers[i] = issued(n.CreateKey(t.Context(), bys[i], newKey("a key"))) })
		}
		wg.Wait()
		one, other := answers[0], answers[1]
		if one.code != "" || other.code != "" || one.key.ID != other.key.ID || one.secret.IsZero() == other.secret.IsZero() {
			t.Fatalf("%q %s, %q %s; secrets %v, %v", one.code, one.key.ID, other.code, other.key.ID, !one.secret.IsZero(), !other.secret.IsZero())
		}
		all := w.events()
		if n := len(created(all, bys[0])) + len(created(all, bys[1])); n != 1 {
			t.Fatalf("%d keys were created", n)
		}
		for i, by := range bys {
			if err := w.truth(by, answers[i]); err != nil && len(of(all, by)) > 0 {
				t.Fatal(err)
			}
		}
	}
	w.sane()
}

// sudden is a view that catches up at the worst moment: just after it has been
// asked its n-th question.
type sudden struct {
	*view
	n       int
	catchUp func()
}

func (s *sudden) asked() {
	if s.n--; s.n == 0 {
		s.catchUp()
	}
}

func (s *sudden) Key(id string) (apikey.Key, uint64, error) {
	defer s.asked()
	return s.view.Key(id)
}

func (s *sudden) Account(id string) (account.Account, uint64, error) {
	defer s.asked()
	return s.view.Account(id)
}

func (s *sudden) Scheme(name string) (ledger.SchemeState, uint64, error) {
	defer s.asked()
	return s.view.Scheme(name)
}

func (s *sudden) Command(id string) (ledger.CommandRecord, bool, error) {
	defer s.asked()
	return s.view.Command(id)
}

// A view goes on while a command is decided. Wherever between two looks at it the
// other node's key comes in, it is one key, and its secret is shown once.
func TestTheOtherNodesKeyMayComeInAtAnyMoment(t *testing.T) {
	for question := range 40 {
		w := newWorld(t)
		first, second := w.again(w.manager, "the same", "digest"), w.again(w.manager, "the same", "digest")
		n := w.node(func(c *ledger.Config) {
			s := &sudden{n: question, view: c.View.(*view)}
			s.catchUp = func() {
				head, err := w.log.Head(t.Context())
				if err == nil {
					err = s.view.Wait(t.Context(), head)
				}
				if err != nil {
					t.Error(err)
				}
			}
			c.View = s
		})
		a := issued(w.node().CreateKey(t.Context(), first, newKey("a key")))
		b := issued(n.CreateKey(t.Context(), second, newKey("a key")))
		if a.code != "" || b.code != "" || b.key.ID != a.key.ID || b.outcome.Replayed == nil || !b.secret.IsZero() {
			t.Errorf("after question %d: %q, key %s and %s, secret %v, %+v", question, b.code, a.key.ID, b.key.ID, !b.secret.IsZero(), b.outcome)
		}
		all := w.events()
		if n := len(created(all, first)) + len(created(all, second)); n != 1 {
			t.Errorf("after question %d: %d keys were created", question, n)
		}
	}
}

func TestAnIdempotencyKeyIsRememberedForADay(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	ask := func() answer {
		return issued(n.CreateKey(t.Context(), w.again(w.manager, "the same", "digest"), newKey("a key")))
	}
	first := ask()
	w.clock.advance(ledger.IdempotencyWindow - time.Minute)
	n.key() // the ledger's own time moves with its events
	if b := ask(); b.outcome.Replayed == nil || b.key.ID != first.key.ID {
		t.Errorf("within the window: %+v, %v", b.outcome, b.err)
	}
	w.clock.advance(2 * time.Minute)
	if b := ask(); b.outcome.Replayed == nil {
		t.Errorf("before an event has moved the ledger's time: %+v, %v", b.outcome, b.err)
	}
	n.key()
	second := ask()
	if second.code != "" || second.outcome.Replayed != nil || second.key.ID == first.key.ID || second.secret.IsZero() {
		t.Errorf("after the window: %+v, %v", second.outcome, second.err)
	}
	if b := issued(w.node().CreateKey(t.Context(), w.again(w.manager, "the same", "digest"), newKey("a key"))); b.key.ID != second.key.ID {
		t.Errorf("again after the window: %+v, %v", b.outcome, b.err)
	}
	w.sane()
}

func TestARepeatedRotationIsOneRotation(t *testing.T) {
	w := newWorld(t)
	n, other := w.node(), w.node()
	id := n.key("read").ID
	a := issued(n.RotateKey(t.Context(), w.again(w.manager, "the same", "digest"), id, apikey.Rotate{Overlap: time.Hour}))
	b := issued(other.RotateKey(t.Context(), w.again(w.manager, "the same", "digest"), id, apikey.Rotate{Overlap: time.Hour}))
	if a.code != "" || a.secret.IsZero() || b.code != "" || !b.secret.IsZero() || b.outcome.Replayed == nil || len(b.key.Credentials) != 2 {
		t.Errorf("%+v, %v; %+v, %v", a.outcome, a.err, b.outcome, b.err)
	}
	c := issued(other.CreateKey(t.Context(), w.again(w.manager, "the same", "another digest"), newKey("a key")))
	if c.code != "idempotency_mismatch" {
		t.Errorf("another request under the same word: %q, %v", c.code, c.err)
	}
}

func TestTheSameAccountOpenedTwiceIsOneAccount(t *testing.T) {
	w := newWorld(t)
	want := ledger.NewAccount{Name: "Shop", Scheme: "shop"}
	a, err := w.node().OpenAccount(t.Context(), w.again(w.root, "the same", "digest"), want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.node().OpenAccount(t.Context(), w.again(w.root, "the same", "digest"), want)
	if err != nil || b.Account.ID != a.Account.ID || b.Replayed == nil {
		t.Errorf("%+v, %v", b, err)
	}
}
