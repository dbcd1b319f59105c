package lookup

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

// early outdates what is held in memory of keys before the commit instead of
// after it, a planted fault.
type early struct{ *Verifier }

func (e early) Apply(b *projections.Batch, c *projections.Change) error {
	if err := e.Verifier.Apply(b, c); err != nil {
		return err
	}
	e.outdate(c.Before.Key)
	e.outdate(c.After.Key)
	for range 8 { // so that others read between now and the commit
		runtime.Gosched()
	}
	return nil
}

func (e early) Committed(changes []projections.Change) {
	for _, c := range changes {
		if c.After.Key == nil {
			e.Verifier.Committed(changes)
			return
		}
	}
	e.position.Store(changes[len(changes)-1].Sequence)
}

func sound(v *Verifier) projections.Projection { return v }

// planted are the faults that the tests below must catch.
var planted = []struct {
	name  string
	plant func(*Verifier) projections.Projection
}{
	{"outdated before the commit", func(v *Verifier) projections.Projection { return early{v} }},
	{"filed under a later generation", func(v *Verifier) projections.Projection { v.tests.lateGeneration = true; return v }},
	{"not looked at again", func(v *Verifier) projections.Projection { v.tests.forgetLastLook = true; return v }},
}

// The newest state of a key decides on the node that was waited for, always,
// while the key is used by many and changed meanwhile.
func TestAChangeThatWasWaitedForIsSeen(t *testing.T) {
	trials := 2000
	if testing.Short() {
		trials = 300
	}
	if err := hammer(t, sound, trials); err != nil {
		t.Error(err)
	}
}

func TestPlantedFaultsOfTheCacheAreSeen(t *testing.T) {
	for _, fault := range planted {
		t.Run(fault.name, func(t *testing.T) {
			if hammer(t, fault.plant, 20_000) == nil {
				t.Error("the fault went unnoticed")
			}
		})
	}
}

// trial is one life of one key under use.
type trial struct {
	w   *world
	key events.Entity
	ask Request

	begun   atomic.Uint64 // changes begun
	settled atomic.Uint64 // changes waited for, and whether it is good then in the lowest bit
	revoked atomic.Uint64 // sequence of the revocation, once it has been waited for
	over    atomic.Bool
}

// hammer lets goroutines verify a key while it is suspended and resumed and in
// the end revoked, over and over, and returns the first answer that was wrong.
func hammer(t *testing.T, plant func(*Verifier) projections.Projection, trials int) error {
	t.Helper()
	w := newWorldWith(t, Config{CacheEntries: 1}, plant)
	w.v.tests.pause = func(point) {
		if rand.Uint32()%4 == 0 {
			runtime.Gosched() // let the others in where it matters
		}
	}
	for n := range trials {
		key, c := w.key(fmt.Sprintf("key_%d", n))
		try := &trial{w: w, key: key, ask: Request{Key: c.key}}
		try.settled.Store(1)
		if d := w.v.Verify(try.ask); !d.Valid() {
			return fmt.Errorf("trial %d: a new key is %s", n, d.Code)
		}
		if err := try.run(3); err != nil {
			return fmt.Errorf("trial %d: %w", n, err)
		}
	}
	return nil
}

func (try *trial) run(users int) error {
	var wg sync.WaitGroup
	failed := make(chan error, users+1)
	for range users {
		wg.Go(func() {
			if err := try.use(); err != nil {
				failed <- err
			}
		})
	}
	changes := []events.Event{events.KeySuspended{}, events.KeyResumed{}, events.KeySuspended{}, events.KeyResumed{}, events.KeyRevoked{}}
	for i, change := range changes {
		n := uint64(i + 1)
		try.begun.Store(n)
		at, want := try.w.happens(try.key, change), n%2 == 0
		if _, final := change.(events.KeyRevoked); final {
			try.revoked.Store(at)
		}
		if d := try.w.v.Verify(try.ask); d.Valid() != want {
			failed <- fmt.Errorf("change %d was waited for, and the answer to whoever waited is %s", n, d.Code)
			break
		}
		try.settled.Store(n<<1 | (n+1)%2)
	}
	try.over.Store(true)
	wg.Wait()
	close(failed)
	return <-failed
}

// use verifies until the trial is over, and once more.
func (try *trial) use() error {
	newest := uint64(0) // position of the newest yes
	for last := false; !last; {
		last = try.over.Load()
		before := try.settled.Load()
		d := try.w.v.Verify(try.ask)
		changed := try.begun.Load() != before>>1
		if want := before&1 == 1; !changed && d.Valid() != want {
			return fmt.Errorf("change %d has been waited for, and the answer is %s", before>>1, d.Code)
		}
		if d.Valid() {
			newest = max(newest, d.Position)
		}
	}
	if revoked := try.revoked.Load(); revoked > 0 && newest >= revoked {
		return fmt.Errorf("a yes at position %d, and it was revoked at %d", newest, revoked)
	}
	return nil
}

// The same, without chance: the change happens at the worst moment.
func TestAChangeAtTheWorstMoment(t *testing.T) {
	for _, at := range []point{rowRead, beforeLastLook} {
		if code := caughtAt(t, at, sound); code != access.Revoked {
			t.Errorf("revoked at point %d: %s, want %s", at, code, access.Revoked)
		}
	}
	if code := caughtAt(t, beforeLastLook, planted[2].plant); code != access.Allowed {
		t.Errorf("without the last look: %s, which the planted fault should have made a yes", code)
	}
	if code := caughtAt(t, rowRead, planted[1].plant); code != access.Allowed {
		t.Errorf("filed too late: %s, which the planted fault should have made a yes", code)
	}
}

// caughtAt returns what is answered where a key is revoked at a point of the
// first verification.
func caughtAt(t *testing.T, when point, plant func(*Verifier) projections.Projection) access.Code {
	t.Helper()
	w := newWorldWith(t, Config{}, plant)
	key, c := w.key("key_1")
	done := false
	w.v.tests.pause = func(at point) {
		if at == when && !done {
			done = true
			w.happens(key, events.KeyRevoked{})
		}
	}
	return w.v.Verify(Request{Key: c.key}).Code
}

// A key that is created while it is looked for is not denied at a position at
// which it existed.
func TestACreationAtTheWorstMoment(t *testing.T) {
	w := newWorld(t, Config{})
	c := w.mint("key", "live")
	w.v.tests.pause = func(at point) {
		if w.v.tests.pause = nil; at != rowRead {
			t.Errorf("at point %d", at)
		}
		w.happens(events.KeyEntity("live", "acme", "key_1"), events.KeyCreated{
			Scheme: "shop", SchemeVersion: 1, Kind: "key", Name: "n", Credential: c.Credential,
		})
	}
	if d := w.v.Verify(Request{Key: c.key}); !d.Valid() {
		t.Errorf("%s at %d, and it was created at %d", d.Code, d.Position, w.past.Head())
	}
}

// What an account is said to be while it is read outweighs what was read.
func TestAnAccountThatChangesWhileItIsRead(t *testing.T) {
	o := &owners{all: map[string]*owner{}}
	_, s, err := o.get("acme", func(id string) (bool, error) {
		o.change(id, false)
		return true, nil
	})
	if err != nil || s.active {
		t.Errorf("it is active (%v), and was suspended meanwhile", err)
	}
}

// What a decision rests on besides the key is looked at again as well.
func TestAccountAndSchemeAtTheWorstMoment(t *testing.T) {
	narrowed := shop()
	narrowed.Permissions = shop().Permissions
	narrowed.Kinds["key"] = narrowed.Kinds["bearer"]
	delete(narrowed.Kinds, "bearer")
	_, doc := document(t, narrowed)
	for name, test := range map[string]struct {
		entity events.Entity
		event  events.Event
		want   access.Code
	}{
		"account": {events.AccountEntity("acme"), events.AccountSuspended{}, access.AccountInactive},
		"scheme": {
			events.SchemeEntity("shop"), events.SchemeApplied{Name: "shop", Version: 2, Document: doc}, access.Malformed,
		},
	} {
		w := newWorld(t, Config{})
		_, c := w.key("key_1")
		for range 2 { // read, then held
			done := false
			w.v.tests.pause = func(at point) {
				if at == beforeLastLook && !done {
					done = true
					w.happens(test.entity, test.event)
				}
			}
			if d := w.v.Verify(Request{Key: c.key}); d.Code != test.want {
				t.Errorf("%s: %s, want %s", name, d.Code, test.want)
			}
			w.v.tests.pause = nil
			if name != "account" {
				break
			}
			w.happens(test.entity, events.AccountResumed{})
			w.v.Verify(Request{Key: c.key})
		}
	}
}

// Whatever keeps changing under a verification, it comes to an end.
func TestAVerificationEnds(t *testing.T) {
	w := newWorld(t, Config{})
	_, c := w.key("key_1")
	w.v.tests.pause = func(point) { w.v.cache.outdate(c.Locator) }
	if d := w.v.Verify(Request{Key: c.key}); d.Code != access.Stale {
		t.Errorf("%s, want %s", d.Code, access.Stale)
	}
}
