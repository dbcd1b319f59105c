package apikey_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
)

func TestAnImpossibleHistoryIsRefused(t *testing.T) {
	entity := events.KeyEntity("live", "acct_1", "key_1")
	for _, c := range []struct {
		name, given string
		e           events.Envelope
	}{
		{"not created", "", events.Envelope{Entity: entity, Revision: 1, Data: events.KeyRevoked{}}},
		{"created twice", "create", events.Envelope{Entity: entity, Revision: 2, Data: events.KeyCreated{}}},
		{"revision missing", "create", events.Envelope{Entity: entity, Revision: 3, Data: events.KeySuspended{}}},
		{"revision repeated", "create", events.Envelope{Entity: entity, Revision: 1, Data: events.KeySuspended{}}},
		{"revision of nothing", "create", events.Envelope{Entity: entity, Revision: 0, Data: events.KeySuspended{}}},
		{"first revision is not 1", "", events.Envelope{Entity: entity, Revision: 2, Data: events.KeyCreated{}}},
		{"another key", "create", events.Envelope{Entity: events.KeyEntity("live", "acct_1", "key_2"), Revision: 2, Data: events.KeySuspended{}}},
		{"another account", "create", events.Envelope{Entity: events.KeyEntity("live", "acct_2", "key_1"), Revision: 2, Data: events.KeySuspended{}}},
		{"another environment", "create", events.Envelope{Entity: events.KeyEntity("test", "acct_1", "key_1"), Revision: 2, Data: events.KeySuspended{}}},
		{"an account", "", events.Envelope{Entity: events.AccountEntity("acct_1"), Revision: 1, Data: events.KeyCreated{}}},
		{"an event of an account", "create", events.Envelope{Entity: entity, Revision: 2, Data: events.AccountClosed{}}},
		{"an event of a scheme", "create", events.Envelope{Entity: entity, Revision: 2, Data: events.SchemeApplied{}}},
		{"an event of the ledger", "create", events.Envelope{Entity: entity, Revision: 2, Data: events.LedgerRestored{}}},
		{"rotated from what it does not have", "create", events.Envelope{Entity: entity, Revision: 2, Data: events.KeyRotated{Replaces: "c9"}}},
		{"cut what it does not have", "create", events.Envelope{Entity: entity, Revision: 2, Data: events.KeyCredentialCut{Credential: "c9"}}},
		{"overlap of what it does not have", "create", events.Envelope{Entity: entity, Revision: 2, Data: events.KeyOverlapChanged{Credential: "c9"}}},
		{"resumed after the end", "create; suspend; revoke", events.Envelope{Entity: entity, Revision: 4, Data: events.KeyResumed{}}},
		{"revoked after the end", "create; revoke", events.Envelope{Entity: entity, Revision: 3, Data: events.KeyRevoked{}}},
		{"changed after the end", "create; revoke", events.Envelope{Entity: entity, Revision: 3, Data: events.KeyPermissionsChanged{}}},
		{"asked for something after the end", "create; revoke", events.Envelope{Entity: entity, Revision: 3, Data: events.CommandAccepted{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := newHistory(t).given(c.given).key
			after, err := apikey.Evolve(before, c.e)
			if !errors.Is(err, apikey.ErrHistory) {
				t.Errorf("got %v, want ErrHistory", err)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the key has changed:\n%s", diff)
			}
		})
	}
}

func TestTheFoldOfALife(t *testing.T) {
	h := newHistory(t).given(`create perms=read roles=clerk grantable=read ips=10.0.0.1 expires=+2h meta=a:b;
		change perms=write name=b; +1m rotate c2 overlap=1h; suspend; resume; +2m rotate c3 grace=10m; +3m use c3; cut c1; revoke`)
	at := func(d time.Duration) *time.Time { t := noon.Add(d); return &t }
	two, three := 2*time.Hour, 3*time.Minute
	want := apikey.Key{
		ID: "key_1", Account: "acct_1", Environment: "live", Scheme: "shop", SchemeVersion: 1, Kind: "key", Name: "b",
		Permissions: []string{"write"}, Roles: []string{"clerk"}, Grantable: []string{"read"}, Allowlist: []string{"10.0.0.1"},
		ExpiresAt: at(two), Metadata: map[string]string{"a": "b"},
		RevokedAt: at(three + 2*time.Second), Reason: "because",
		Credentials: []apikey.Credential{
			{Credential: credential("c1"), CreatedAt: noon.Add(time.Second), EndsAt: at(61 * time.Minute), CutAt: at(three + time.Second)},
			{Credential: credential("c2"), CreatedAt: noon.Add(time.Minute), EndsAt: at(13 * time.Minute)},
			{Credential: credential("c3"), CreatedAt: noon.Add(2 * time.Minute)},
		},
		CreatedAt: noon.Add(time.Second), CreatedBy: "key_actor", Revision: 10, Changed: 10,
	}
	if diff := cmp.Diff(want, h.key); diff != "" {
		t.Error(diff)
	}
}

func TestAcceptingACommandChangesNothingThatIsRead(t *testing.T) {
	h := newHistory(t).given("create perms=read")
	before := h.key
	h.fold([]events.Event{events.CommandAccepted{Right: "keys", Target: "key/key_2"}})
	before.Revision = 2
	if diff := cmp.Diff(before, h.key); diff != "" {
		t.Error(diff)
	}
	h.given("suspend")
	if h.key.Changed != 3 {
		t.Errorf("changed at %d, want 3", h.key.Changed)
	}
}

func TestAnUnknownEventMakesAKeyOpaqueForGood(t *testing.T) {
	h := newHistory(t).given("create perms=read")
	h.fold([]events.Event{events.Unknown{Name: "keyledger.key.enchanted.v1", Raw: []byte(`{}`)}})
	h.fold([]events.Event{events.KeyResumed{}})
	if !h.key.Opaque || h.key.Revision != 3 {
		t.Errorf("opaque %v at revision %d", h.key.Opaque, h.key.Revision)
	}
	h.given("revoke")
	h.fold([]events.Event{events.Unknown{Name: "keyledger.key.buried.v1", Raw: []byte(`{}`)}})
	if h.key.Status(h.now) != apikey.StatusRevoked || h.key.Revision != 5 {
		t.Errorf("%s at revision %d", h.key.Status(h.now), h.key.Revision)
	}
	// One whose first event is unknown was never created; what follows cannot be read either.
	_, err := apikey.Evolve(apikey.Key{}, events.Envelope{
		Entity: events.KeyEntity("live", "acct_1", "key_1"), Revision: 1, Data: events.Unknown{Name: "keyledger.key.created.v2"},
	})
	if !errors.Is(err, apikey.ErrHistory) {
		t.Errorf("a key born by an unknown event: %v", err)
	}
}

// State is a value: readers keep it while the fold goes on.
func TestTheFoldChangesNothingInPlace(t *testing.T) {
	h := newHistory(t).given("create perms=read ips=10.0.0.1 meta=a:b; rotate c2 overlap=1h")
	for _, line := range []string{"rotate c3 grace=1m", "cut c1", "use c3", "change perms=write ips= meta=", "suspend", "resume", "rotate c4 overlap=1h", "revoke"} {
		before := h.key
		snapshot, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		h.given(line)
		again, err := json.Marshal(before)
		if err != nil || string(snapshot) != string(again) {
			t.Errorf("%q has changed the state before it:\n%s\n%s", line, snapshot, again)
		}
	}
}

func TestTwoFuturesOfOneStateDoNotMeet(t *testing.T) {
	h := newHistory(t).given("create; rotate c2 overlap=24h; rotate c3 overlap=24h")
	one, other := *h, *h
	one.given("rotate c4 overlap=24h")
	other.given("rotate c5 overlap=24h")
	if _, ok := one.key.Credential("c5"); ok {
		t.Error("one future has the other's credential")
	}
	if _, ok := other.key.Credential("c4"); ok || len(other.key.Credentials) != 4 {
		t.Error("the other future has the one's credential")
	}
}

func TestOnlyCredentialsThatHaveEndedAreForgotten(t *testing.T) {
	h := newHistory(t).given("create; rotate c2 overlap=2160h; rotate c3 grace=10m")
	for i := range 2 * apikey.MaxKept {
		h.given(fmt.Sprintf("rotate x%d", i))
	}
	if len(h.key.Credentials) != apikey.MaxKept {
		t.Errorf("%d credentials are kept", len(h.key.Credentials))
	}
	var live []string
	for _, c := range h.key.Credentials {
		if !c.Ended(h.now) {
			live = append(live, c.ID)
		}
	}
	want := fmt.Sprintf("c1 c2 x%d", 2*apikey.MaxKept-1)
	if got := strings.Join(live, " "); got != want {
		t.Errorf("live are %s, want %s", got, want)
	}
}

func TestStateSurvivesJSON(t *testing.T) {
	for _, given := range []string{
		"", "create", "create grantable=", "create perms=read grantable=read roles=clerk ips=10.0.0.1 expires=+2h meta=a:b",
		"create kind=wallet resource=wal_1", "create; change grantable=", "create grantable=read; change grantable=own",
		"create; rotate c2 overlap=1h; rotate c3 grace=10m; cut c1; suspend", "create; revoke",
	} {
		h := newHistory(t).given(given)
		data, err := json.Marshal(h.key)
		if err != nil {
			t.Fatal(err)
		}
		var back apikey.Key
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if (back.Grantable == nil) != (h.key.Grantable == nil) {
			t.Errorf("after %q: grantable %#v became %#v", given, h.key.Grantable, back.Grantable)
		}
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(data) {
			t.Errorf("after %q: %s became %s", given, data, again)
		}
		next, last := *h, *h
		next.key = back
		for _, line := range []string{"change perms= grantable=own ips= expires=never meta=", "rotate c9 overlap=1h", "resume", "suspend"} {
			if a, b := last.when(line), next.when(line); a != b {
				t.Errorf("after %q: %q leads to %q, and to %q once stored", given, line, a, b)
			}
		}
	}
}

func TestTheZeroKeyIsOneThatWasNeverCreated(t *testing.T) {
	var k apikey.Key
	if _, ok := k.Active(); ok || k.Exists() {
		t.Error("the zero key exists")
	}
	if _, ok := k.Credential(""); ok {
		t.Error("the zero key has a credential")
	}
}
