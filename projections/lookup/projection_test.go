package lookup

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections"
)

// rowsIn lists the keys of all rows of credentials.
func (w *world) rowsIn(environment string) []string {
	w.t.Helper()
	lower, upper := EnvironmentRange(environment)
	var out []string
	err := w.store.Rows(projections.Lookup).Scan(lower, upper, func(key, _ []byte) (bool, error) {
		out = append(out, string(key))
		return true, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// The rows of an environment are one range that holds nothing of another's.
func TestEnvironmentsLieApart(t *testing.T) {
	w := newWorld(t, Config{})
	_, live := w.key("key_1")
	test := w.mint("key", "test")
	w.happens(events.KeyEntity("test", "acme", "key_2"), events.KeyCreated{
		Scheme: "shop", SchemeVersion: 1, Kind: "key", Name: "Test", Credential: test.Credential,
	})
	for environment, want := range map[string]string{
		"live": "live/" + live.Locator, "test": "test/" + test.Locator, "liv": "", "live0": "", "_": "",
	} {
		if got := strings.Join(w.rowsIn(environment), " "); got != want {
			t.Errorf("%s: rows %q, want %q", environment, got, want)
		}
	}
	for _, c := range []credential{live, test} {
		if d := w.v.Verify(Request{Key: c.key}); !d.Valid() {
			t.Errorf("%s: %s", c.Prefix, d.Code)
		}
	}
}

// Of credentials that were cut the newest are remembered and the others leave
// the index, so that it stays bounded however often a key is rotated.
func TestForgottenCredentialsLeaveTheIndex(t *testing.T) {
	w := newWorld(t, Config{})
	key, first := w.key("key_1")
	w.v.Verify(Request{Key: first.key})
	last := first
	for range apikey.MaxKept {
		next := w.mint("key", "live")
		w.past.Then(key, events.KeyRotated{Credential: next.Credential, Replaces: last.ID})
		last = next
	}
	w.settle()
	if n := len(w.rowsIn("live")); n != apikey.MaxKept {
		t.Errorf("%d rows, want %d", n, apikey.MaxKept)
	}
	if d := w.v.Verify(Request{Key: first.key}); d.Code != access.Invalid {
		t.Errorf("forgotten: %s, want %s", d.Code, access.Invalid)
	}
	if d := w.v.Verify(Request{Key: last.key}); !d.Valid() {
		t.Errorf("the active one: %s", d.Code)
	}
}

// The rows say the same wherever the batches ended, and whatever has been read.
func TestRowsDependOnTheEventsAlone(t *testing.T) {
	w := newWorld(t, Config{})
	key, c := w.key("key_1")
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	next := w.mint("key", "live")
	w.happens(key, events.KeyRotated{Credential: next.Credential, Replaces: c.ID, EndsAt: &end})
	w.happens(key, events.KeyDetailsChanged{Name: "renamed"})
	w.happens(key, events.KeySuspended{}, events.KeyResumed{})
	w.happens(key, events.KeyCredentialCut{Credential: c.ID})
	_, want, err := w.store.Digest(projections.Lookup)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 2, 3, 0} {
		log := new(eventstest.Memory)
		if err := copyOf(w.past).Save(t.Context(), log); err != nil {
			t.Fatal(err)
		}
		log.LimitDelivery(limit)
		store, err := projections.Open(projections.Config{Dir: "index", FS: vfs.NewMem(), Small: true})
		if err != nil {
			t.Fatal(err)
		}
		v, err := New(store, Config{})
		if err != nil {
			t.Fatal(err)
		}
		stop := follows(t, log, store, v)
		if err := store.Wait(t.Context(), w.past.Head()); err != nil {
			t.Fatal(err)
		}
		_, got, err := store.Digest(projections.Lookup)
		if err != nil || got != want {
			t.Errorf("deliveries of %d: digest %v, want %v (%v)", limit, got, want, err)
		}
		stop()
		if err := errors.Join(v.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	}
}

// What changes nothing that is decided on changes no row.
func TestWhatDecidesNothingWritesNothing(t *testing.T) {
	w := newWorld(t, Config{})
	key, c := w.key("key_1")
	row := func() []byte {
		value, _, err := w.store.Rows(projections.Lookup).Get(appendRowKey(nil, "live", c.Locator))
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	before := row()
	w.happens(key, events.KeyDetailsChanged{Name: "renamed"})
	w.happens(key, events.CommandAccepted{Right: "keys", Target: "key/key_2"})
	if !bytes.Equal(row(), before) {
		t.Error("the row has changed")
	}
	w.happens(key, events.KeySuspended{})
	if bytes.Equal(row(), before) {
		t.Error("the row has not changed with the key")
	}
}

func TestOpenFollowsAndResumes(t *testing.T) {
	w := newWorld(t, Config{})
	key, c := w.key("key_1")
	dir := filepath.Join(t.TempDir(), "index")
	v, err := Open(t.Context(), w.log, Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if d := v.Verify(Request{Key: c.key}); !d.Valid() || v.Position() != w.past.Head() {
		t.Errorf("%s at %d, want %s at %d", d.Code, v.Position(), access.Allowed, w.past.Head())
	}
	revoked := w.happens(key, events.KeyRevoked{})
	if err := v.Wait(t.Context(), revoked); err != nil {
		t.Fatal(err)
	}
	if d := v.Verify(Request{Key: c.key, AtLeast: revoked}); d.Code != access.Revoked || d.Position < revoked {
		t.Errorf("%s at %d, want %s at %d", d.Code, d.Position, access.Revoked, revoked)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if d := v.Verify(Request{Key: c.key}); d.Code != access.Stale {
		t.Errorf("after Close: %s, want %s", d.Code, access.Stale)
	}
	if err := v.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	_, other := w.key("key_2")
	if v, err = Open(t.Context(), w.log, Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	if d := v.Verify(Request{Key: other.key}); !d.Valid() {
		t.Errorf("what happened meanwhile: %s", d.Code)
	}
}

// A verifier whose index has stopped says neither yes nor no.
func TestAStoppedIndexDoesNotAnswer(t *testing.T) {
	w := newWorld(t, Config{})
	key, c := w.key("key_1")
	v, err := Open(t.Context(), w.log, Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if v.Stopped() != nil {
		t.Error(v.Stopped())
	}
	w.stop()
	w.log.OnFollow(func(events.Position, []events.Recorded) eventstest.FollowFault { return eventstest.EventMissing })
	w.past.Then(key, events.KeyRevoked{})
	if err := w.past.Save(t.Context(), w.log); err != nil {
		t.Fatal(err)
	}
	if err := v.Wait(t.Context(), w.past.Head()); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("wait: %v, want %v", err, events.ErrDamaged)
	}
	<-v.run.done
	if d := v.Verify(Request{Key: c.key}); d.Code != access.Stale {
		t.Errorf("%s, want %s", d.Code, access.Stale)
	}
	if d := v.Verify(Request{}); d.Code != access.Missing {
		t.Errorf("what needs no index: %s, want %s", d.Code, access.Missing)
	}
	if err := v.Close(); !errors.Is(err, events.ErrDamaged) {
		t.Errorf("close: %v, want %v", err, events.ErrDamaged)
	}
}

// A row that cannot be read is neither a yes nor a no.
func TestADamagedRowDoesNotAnswer(t *testing.T) {
	w := newWorldWith(t, Config{}, func(v *Verifier) projections.Projection { return spoiled{v} })
	_, c := w.key("key_1")
	if d := w.v.Verify(Request{Key: c.key}); d.Code != access.Stale || d.KeyID != "" {
		t.Errorf("%s of %q, want %s", d.Code, d.KeyID, access.Stale)
	}
}

// spoiled writes rows that nobody can read.
type spoiled struct{ *Verifier }

func (s spoiled) Apply(b *projections.Batch, c *projections.Change) error {
	if err := s.Verifier.Apply(b, c); err != nil || c.After.Key == nil {
		return err
	}
	for _, r := range rowsOf(c.After.Key) {
		if err := b.Set(r.at, r.value[:len(r.value)-1]); err != nil {
			return err
		}
	}
	return nil
}

func TestConfigsThatCannotBe(t *testing.T) {
	log := new(eventstest.Memory)
	for name, c := range map[string]Config{
		"no folder":       {},
		"environments":    {Dir: t.TempDir(), Environments: []string{"live"}},
		"too many":        {Dir: t.TempDir(), CacheEntries: MaxEntries + 1},
		"fewer than none": {Dir: t.TempDir(), CacheEntries: -1},
	} {
		if _, err := Open(t.Context(), log, c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v, want %v", name, err, ErrConfig)
		}
	}
	if _, err := New(nil, Config{Dir: "x"}); !errors.Is(err, ErrConfig) {
		t.Errorf("a folder for a store that is given: %v, want %v", err, ErrConfig)
	}
}

// A verifier that no Runner has begun to fill does not answer.
func TestBeforeTheFirstLoad(t *testing.T) {
	store, err := projections.Open(projections.Config{Dir: "index", FS: vfs.NewMem(), Small: true})
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(store, Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := document(t, shop())
	c := mint(t, s, "key", "live", "crd_1", 1)
	if d := v.Verify(Request{Key: c.key}); d.Code != access.Stale {
		t.Errorf("%s, want %s", d.Code, access.Stale)
	}
	if err := errors.Join(v.Close(), store.Close()); err != nil {
		t.Error(err)
	}
}
