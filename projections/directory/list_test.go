package directory_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

// created lists the keys of a past in the order of their creation.
func created(past *projectionstest.Past) (keys []apikey.Key, accounts []account.Account) {
	for _, r := range past.History.Events() {
		if _, ok := r.Data.(events.KeyCreated); ok {
			keys = append(keys, past.Keys[r.Entity.ID])
		}
		if _, ok := r.Data.(events.AccountOpened); ok {
			accounts = append(accounts, past.Accounts[r.Entity.ID])
		}
	}
	return keys, accounts
}

func allKeys(t *testing.T, d *directory.Directory, f directory.KeyFilter, limit int) (all []apikey.Key) {
	t.Helper()
	p := directory.Page{Limit: limit}
	for {
		page, err := d.Keys(f, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Keys) > limit {
			t.Fatalf("a page of %d, limit %d", len(page.Keys), limit)
		}
		all = append(all, page.Keys...)
		if p.Cursor = page.Next; p.Cursor == "" {
			return all
		}
	}
}

func TestListsHaveExactlyTheKeysAskedForInOrderOfCreation(t *testing.T) {
	for seed := range uint64(6) {
		past := projectionstest.Random(seed, 120)
		d, _ := folded(t, past)
		keys, accounts := created(past)
		rng := rand.New(rand.NewPCG(seed, 3))
		some := func() apikey.Key { return keys[rng.IntN(len(keys))] }
		for range 30 {
			f := directory.KeyFilter{At: some().CreatedAt.Add(time.Duration(rng.IntN(200)) * time.Hour)}
			for _, set := range []func(){
				func() { f.Account = some().Account },
				func() { f.Environment = some().Environment },
				func() { f.Kind = some().Kind },
				func() { f.Resource = some().Resource },
				func() { f.CreatedBy = some().CreatedBy },
				func() { f.Status = some().Status(f.At) },
			} {
				if rng.IntN(3) == 0 {
					set()
				}
			}
			want := slices.DeleteFunc(slices.Clone(keys), func(k apikey.Key) bool {
				return f.Account != "" && k.Account != f.Account || f.Environment != "" && k.Environment != f.Environment ||
					f.Kind != "" && k.Kind != f.Kind || f.Resource != "" && k.Resource != f.Resource ||
					f.CreatedBy != "" && k.CreatedBy != f.CreatedBy || f.Status != "" && k.Status(f.At) != f.Status
			})
			if diff := cmp.Diff(want, allKeys(t, d, f, 1+rng.IntN(9))); len(want) > 0 && diff != "" {
				t.Fatalf("seed %d, %+v (-want +got):\n%s", seed, f, diff)
			}
		}
		page, err := d.Accounts(directory.Page{Limit: directory.MaxPage})
		if diff := cmp.Diff(accounts, page.Accounts); err != nil || diff != "" || page.Next != "" {
			t.Errorf("seed %d: accounts, %v, next %q (-want +got):\n%s", seed, err, page.Next, diff)
		}
		for limit := 1; limit < 4; limit++ {
			var got []account.Account
			for p := (directory.Page{Limit: limit}); ; {
				page, err := d.Accounts(p)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page.Accounts...)
				if p.Cursor = page.Next; p.Cursor == "" {
					break
				}
			}
			if diff := cmp.Diff(accounts, got); diff != "" {
				t.Errorf("seed %d: accounts by %d (-want +got):\n%s", seed, limit, diff)
			}
		}
	}
}

func TestKeysAreFoundByEveryCredentialTheyEverHad(t *testing.T) {
	past := projectionstest.Random(5, 200)
	d, _ := folded(t, past)
	found := 0
	for _, r := range past.History.Events() {
		var c events.Credential
		if data, ok := r.Data.(events.KeyCreated); ok {
			c = data.Credential
		} else if data, ok := r.Data.(events.KeyRotated); ok {
			c = data.Credential
		} else {
			continue
		}
		found++
		byID, okID, errID := d.KeyOfCredential(c.ID)
		byLocator, okLocator, errLocator := d.KeyOfLocator(c.Locator)
		if err := errors.Join(errID, errLocator); err != nil || !okID || !okLocator || byID.ID != r.Entity.ID || byLocator.ID != r.Entity.ID {
			t.Errorf("%s, %s: found %q and %q, want %s, %v", c.ID, c.Locator, byID.ID, byLocator.ID, r.Entity.ID, err)
		}
	}
	if found < 50 {
		t.Errorf("only %d credentials", found)
	}
	if _, ok, err := d.KeyOfLocator("L-none"); ok || err != nil {
		t.Errorf("found what is not there: %v", err)
	}
}

func TestAPageThatMatchesLittleIsShortAndGoesOn(t *testing.T) {
	past := projectionstest.NewPast(1)
	past.Do(false, eventstest.Change{Entity: events.AccountEntity("acct_1"), Data: events.AccountOpened{Name: "n", Scheme: "s"}})
	const keys, batch = 10_500, 500
	for i := 0; i < keys; i += batch {
		var all []eventstest.Change
		for j := range batch {
			all = append(all, eventstest.Change{
				Entity: events.KeyEntity("live", "acct_1", fmt.Sprintf("key_%d", i+j)), Data: past.History.NewKey(),
			})
		}
		past.Do(false, all...)
	}
	d, _ := folded(t, past)
	f := directory.KeyFilter{Account: "acct_1", Kind: "none"}
	page, err := d.Keys(f, directory.Page{})
	if err != nil || len(page.Keys) > 0 || page.Next == "" {
		t.Errorf("%d keys, next %q, %v", len(page.Keys), page.Next, err)
	}
	if page, err = d.Keys(f, directory.Page{Cursor: page.Next}); err != nil || len(page.Keys) > 0 || page.Next != "" {
		t.Errorf("then %d keys, next %q, %v", len(page.Keys), page.Next, err)
	}
	if page, err = d.Keys(directory.KeyFilter{}, directory.Page{Limit: 1 << 30}); err != nil || len(page.Keys) != directory.MaxPage {
		t.Errorf("a page of %d, %v", len(page.Keys), err)
	}
	if page, err = d.Keys(directory.KeyFilter{}, directory.Page{}); err != nil || len(page.Keys) != directory.DefaultPage {
		t.Errorf("a page of %d, %v", len(page.Keys), err)
	}
}

func TestACursorThatWasNotGivenOutIsRefused(t *testing.T) {
	d, _ := folded(t, projectionstest.Random(1, 10))
	for _, c := range []string{"x", "????", "AAAA", "__________8", "AAAAAAAAAAAAAAAA"} {
		if _, err := d.Keys(directory.KeyFilter{}, directory.Page{Cursor: c}); !errors.Is(err, directory.ErrCursor) {
			t.Errorf("cursor %q: %v", c, err)
		}
	}
}

func TestSchemesKeepEveryVersion(t *testing.T) {
	past := projectionstest.NewPast(1)
	var want []directory.SchemeVersion
	for v := 1; v <= 3; v++ {
		doc := projectionstest.SchemeDocument("s", fmt.Sprintf("p%d_", v))
		past.Do(false, eventstest.Change{
			Entity: events.SchemeEntity("s"), Data: events.SchemeApplied{Name: "s", Version: v, Document: doc},
		})
		want = append(want, directory.SchemeVersion{Name: "s", Version: v, Document: doc})
	}
	d, _ := folded(t, past)
	got, err := d.SchemeVersions("s")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if names := d.SchemeNames(); !slices.Equal(names, []string{"s"}) {
		t.Errorf("names %v", names)
	}
	if got, err := d.SchemeVersions("none"); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTheViewIsThatOfTheStore(t *testing.T) {
	past := projectionstest.Random(9, 100)
	d, n := folded(t, past)
	if err := d.Wait(t.Context(), past.History.Head()); err != nil {
		t.Error(err)
	}
	if got, want := d.Incarnation(), past.History.Position(1).Incarnation; got != want {
		t.Errorf("incarnation %q, want %q", got, want)
	}
	for id, want := range past.Keys {
		if got, at, err := d.Key(id); err != nil || at == 0 || !cmp.Equal(got, want) {
			t.Errorf("key %s: %+v at %d, %v", id, got, at, err)
		}
	}
	for id, want := range past.Accounts {
		if got, at, err := d.Account(id); err != nil || at == 0 || !cmp.Equal(got, want) {
			t.Errorf("account %s: %+v at %d, %v", id, got, at, err)
		}
	}
	if d.Catalog() != n.Store.Catalog() {
		t.Error("another catalog")
	}
}
