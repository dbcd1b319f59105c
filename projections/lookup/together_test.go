package lookup

import (
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// mall is a key system whose tills are presented beside a key of the shop.
func mall() scheme.Document {
	d := shop()
	d.Scheme = "mall"
	d.Kinds = map[string]scheme.Kind{
		"id":   {Prefix: "mid_{environment}_"},
		"till": {Prefix: "mtl_{environment}_", Resource: "till", Grants: []string{"orders:write"}},
	}
	d.Endpoints = []scheme.Endpoint{
		{Method: "POST", Path: "/v1/tills/{resource}/orders", Permissions: []string{"orders:write"}, Kinds: [][]string{{"id", "till"}}},
	}
	d.Presentations = []scheme.Presentation{{
		Header: "X-API-Key", Kinds: []string{"id"}, With: &scheme.Companion{Header: "X-Till-Key", Kinds: []string{"till"}},
	}}
	return d
}

// newMall is a world with a key of each kind of scheme mall.
func newMall(t testing.TB, c Config) (w *world, id, till credential, tillKey events.Entity) {
	t.Helper()
	w = newWorld(t, c)
	s, doc := document(t, mall())
	w.happens(events.SchemeEntity("mall"), events.SchemeApplied{Name: "mall", Version: 1, Document: doc})
	w.happens(events.AccountEntity("center"), events.AccountOpened{Name: "Center", Scheme: "mall"})
	id, till = mint(t, s, "id", "live", "cred_id", 900), mint(t, s, "till", "live", "cred_till", 901)
	w.happens(events.KeyEntity("live", "center", "key_id"), events.KeyCreated{
		Scheme: "mall", SchemeVersion: 1, Kind: "id", Name: "Shop", Permissions: []string{}, Credential: id.Credential,
	})
	tillKey = events.KeyEntity("live", "center", "key_till")
	w.happens(tillKey, events.KeyCreated{
		Scheme: "mall", SchemeVersion: 1, Kind: "till", Name: "Till", Permissions: []string{}, Resource: "till_4", Credential: till.Credential,
	})
	return w, id, till, tillKey
}

func TestTwoCredentialsAreDecidedOnTogether(t *testing.T) {
	used := map[string]bool{}
	w, id, till, _ := newMall(t, Config{Used: func(key, _ string, _ time.Time, _ bool) { used[key] = true }})
	ask := Request{Keys: []string{id.key, till.key}, Method: "POST", Path: "/v1/tills/till_4/orders"}
	for range 2 { // from the rows, then from memory
		d := w.v.Verify(ask)
		if !d.Valid() || len(d.Together) != 2 || d.KeyID != "key_id" || d.Together[1].KeyID != "key_till" || d.Resource != "till_4" ||
			d.Position != w.past.Head() {
			t.Fatalf("%+v", d)
		}
	}
	if !used["key_id"] || !used["key_till"] {
		t.Errorf("used: %v", used)
	}
	ask.Path = "/v1/tills/till_5/orders"
	if d := w.v.Verify(ask); d.Code != access.PermissionDenied {
		t.Errorf("another till: %s", d.Code)
	}
	for name, keys := range map[string][]string{
		"three": {id.key, till.key, till.key}, "the same twice": {id.key, id.key}, "garbage": {id.key, "x"},
	} {
		if d := w.v.Verify(Request{Keys: keys}); d.Code != access.Malformed || d.KeyID != "" && name != "the same twice" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := w.v.Verify(Request{Keys: []string{id.key, till.key}, Key: id.key}); d.Code != access.Malformed {
		t.Errorf("key and keys: %s", d.Code)
	}
	if d := w.v.Verify(Request{Keys: []string{id.key, till.key}, AtLeast: w.past.Head() + 1}); d.Code != access.Stale {
		t.Errorf("ahead of the ledger: %s", d.Code)
	}
}

// What changes while two credentials are being decided on counts: the decision
// is begun anew, for the first as for the second.
func TestARevocationInTheMiddleOfADecisionOnTwoCounts(t *testing.T) {
	for _, c := range []struct {
		warm, fault bool
		want        access.Code
	}{
		{false, false, access.Revoked},
		{true, false, access.Revoked},
		{true, true, access.Allowed}, // the planted fault, which this must catch
	} {
		w, id, till, tillKey := newMall(t, Config{})
		ask := Request{Keys: []string{id.key, till.key}}
		w.v.tests.forgetLastLook = c.fault
		if c.warm {
			w.v.Verify(ask)
		}
		done := false
		w.v.tests.pause = func(at point) {
			if at == beforeLastLook && !done {
				done = true
				w.happens(tillKey, events.KeyRevoked{})
			}
		}
		if d := w.v.Verify(ask); d.Code != c.want {
			t.Errorf("%+v: %s at %d of %d", c, d.Code, d.Position, w.past.Head())
		}
		w.v.tests.pause = nil
	}
}

// BenchmarkVerifyTogether is what two credentials cost, held in memory.
func BenchmarkVerifyTogether(b *testing.B) {
	w, id, till, _ := newMall(b, Config{})
	ask := Request{Keys: []string{id.key, till.key}, Method: "POST", Path: "/v1/tills/till_4/orders"}
	b.ReportAllocs()
	for b.Loop() {
		if !w.v.Verify(ask).Valid() {
			b.Fatal("refused")
		}
	}
}
