package lookup

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// A decision follows the newest events, in the order of reasons that the
// contract gives, as they come through the real Runner.
func TestVerifyFollowsALife(t *testing.T) {
	now := time.Date(2026, time.January, 5, 12, 0, 0, 0, time.UTC)
	later, earlier := now.Add(time.Hour), now.Add(-time.Hour)
	acme := events.AccountEntity("acme")
	tests := []struct {
		name string
		born func(*events.KeyCreated)
		then func(w *world, key events.Entity, c credential) // what happens to it
		ask  Request                                         // Key is filled in
		want access.Code
	}{
		{name: "a new key is good", want: access.Allowed},
		{name: "what it holds is allowed", ask: Request{Permission: "orders:read"}, want: access.Allowed},
		{name: "what it does not hold is not", ask: Request{Permission: "refunds:create"}, want: access.PermissionDenied},
		{name: "all that is asked for must be held", ask: Request{Permissions: []string{"orders:read", "orders:write"}}, want: access.PermissionDenied},
		{
			name: "a role gives what the scheme says", born: func(k *events.KeyCreated) { k.Roles = []string{"clerk"} },
			ask: Request{Permission: "orders:write"}, want: access.Allowed,
		},
		{
			name: "a permission that was added counts",
			then: func(w *world, key events.Entity, _ credential) {
				w.happens(key, events.KeyPermissionsChanged{Permissions: []string{"refunds:create"}})
			},
			ask: Request{Permission: "refunds:create"}, want: access.Allowed,
		},
		{
			name: "a permission that was taken away is gone",
			then: func(w *world, key events.Entity, _ credential) {
				w.happens(key, events.KeyPermissionsChanged{Permissions: []string{"refunds:create"}})
			},
			ask: Request{Permission: "orders:read"}, want: access.PermissionDenied,
		},
		{
			name: "the endpoint table decides by path", ask: Request{Method: "GET", Path: "/v1/orders/7"}, want: access.Allowed,
		},
		{
			name: "a path without an endpoint is refused", ask: Request{Method: "GET", Path: "/v1/admin"}, want: access.PermissionDenied,
		},
		{name: "its own environment", ask: Request{Environment: "live"}, want: access.Allowed},
		{name: "another environment", ask: Request{Environment: "test"}, want: access.EnvironmentMismatch},
		{
			name: "an address of the allowlist", born: func(k *events.KeyCreated) { k.Allowlist = []string{"192.0.2.0/24"} },
			ask: Request{IP: netip.MustParseAddr("::ffff:192.0.2.7")}, want: access.Allowed,
		},
		{
			name: "another address", born: func(k *events.KeyCreated) { k.Allowlist = []string{"192.0.2.0/24"} },
			ask: Request{IP: netip.MustParseAddr("198.51.100.1")}, want: access.IPNotAllowed,
		},
		{
			name: "no address where one is needed", born: func(k *events.KeyCreated) { k.Allowlist = []string{"192.0.2.0/24"} },
			want: access.IPNotAllowed,
		},
		{
			name: "an allowlist that was tightened",
			then: func(w *world, key events.Entity, _ credential) {
				w.happens(key, events.KeyAllowlistChanged{Allowlist: []string{"2001:db8::1"}})
			},
			ask: Request{IP: netip.MustParseAddr("192.0.2.7")}, want: access.IPNotAllowed,
		},
		{name: "not yet expired", born: func(k *events.KeyCreated) { k.ExpiresAt = &later }, want: access.Allowed},
		{name: "expired", born: func(k *events.KeyCreated) { k.ExpiresAt = &earlier }, want: access.Expired},
		{
			name: "expiry brought forward",
			born: func(k *events.KeyCreated) { k.ExpiresAt = &later },
			then: func(w *world, key events.Entity, _ credential) {
				w.happens(key, events.KeyExpiryChanged{ExpiresAt: &earlier})
			},
			want: access.Expired,
		},
		{
			name: "suspended", want: access.Suspended,
			then: func(w *world, key events.Entity, _ credential) { w.happens(key, events.KeySuspended{}) },
		},
		{
			name: "resumed", want: access.Allowed,
			then: func(w *world, key events.Entity, _ credential) {
				w.happens(key, events.KeySuspended{})
				w.happens(key, events.KeyResumed{})
			},
		},
		{
			name: "revoked", want: access.Revoked,
			then: func(w *world, key events.Entity, _ credential) { w.happens(key, events.KeyRevoked{}) },
		},
		{
			name: "revoked is said before expired", born: func(k *events.KeyCreated) { k.ExpiresAt = &earlier },
			then: func(w *world, key events.Entity, _ credential) { w.happens(key, events.KeyRevoked{}) },
			want: access.Revoked,
		},
		{
			name: "replaced without overlap", want: access.Revoked,
			then: func(w *world, key events.Entity, c credential) {
				w.happens(key, events.KeyRotated{Credential: w.mint("key", "live").Credential, Replaces: c.ID})
			},
		},
		{
			name: "replaced, within the overlap", want: access.Allowed,
			then: func(w *world, key events.Entity, c credential) {
				w.happens(key, events.KeyRotated{Credential: w.mint("key", "live").Credential, Replaces: c.ID, EndsAt: &later})
			},
		},
		{
			name: "an overlap that was ended by hand", want: access.Revoked,
			then: func(w *world, key events.Entity, c credential) {
				w.happens(key, events.KeyRotated{Credential: w.mint("key", "live").Credential, Replaces: c.ID, EndsAt: &later})
				w.happens(key, events.KeyCredentialCut{Credential: c.ID})
			},
		},
		{
			name: "an overlap brought to its end", want: access.Revoked,
			then: func(w *world, key events.Entity, c credential) {
				w.happens(key, events.KeyRotated{Credential: w.mint("key", "live").Credential, Replaces: c.ID, CutOnFirstUse: true})
				w.happens(key, events.KeyOverlapChanged{Credential: c.ID, EndsAt: earlier})
			},
		},
		{
			name: "the account suspended", want: access.AccountInactive,
			then: func(w *world, _ events.Entity, _ credential) { w.happens(acme, events.AccountSuspended{}) },
		},
		{
			name: "the account is said before the key", want: access.AccountInactive,
			then: func(w *world, key events.Entity, _ credential) {
				w.happens(key, events.KeyRevoked{})
				w.happens(acme, events.AccountClosed{})
			},
		},
		{
			name: "the account resumed", want: access.Allowed,
			then: func(w *world, _ events.Entity, _ credential) {
				w.happens(acme, events.AccountSuspended{})
				w.happens(acme, events.AccountResumed{})
			},
		},
		{
			name: "an event of the key that nobody understands", want: access.Suspended,
			then: func(w *world, key events.Entity, _ credential) {
				w.happens(key, events.Unknown{Name: "keyledger.key.blessed.v1", Raw: []byte(`{}`)})
			},
		},
		{
			name: "an event of the account that nobody understands", want: access.AccountInactive,
			then: func(w *world, _ events.Entity, _ credential) {
				w.happens(acme, events.Unknown{Name: "keyledger.account.blessed.v1", Raw: []byte(`{}`)})
			},
		},
		{
			name: "an event of the scheme that nobody understands", want: access.Suspended,
			then: func(w *world, _ events.Entity, _ credential) {
				w.happens(events.SchemeEntity("shop"), events.Unknown{Name: "keyledger.scheme.blessed.v1", Raw: []byte(`{}`)})
			},
		},
		{
			name: "a scheme whose roles have lost a permission",
			born: func(k *events.KeyCreated) { k.Roles = []string{"clerk"} },
			then: func(w *world, _ events.Entity, _ credential) {
				d := shop()
				d.Roles["clerk"] = scheme.Role{Permissions: []string{"orders:read"}}
				_, doc := document(w.t, d)
				w.happens(events.SchemeEntity("shop"), events.SchemeApplied{Name: "shop", Version: 2, Document: doc})
			},
			ask: Request{Permission: "orders:write"}, want: access.PermissionDenied,
		},
		{name: "a scheme that it is not of", ask: Request{Scheme: "keyledger"}, want: access.Malformed},
		{name: "its own scheme", ask: Request{Scheme: "shop"}, want: access.Allowed},
		{name: "a position that was not reached", ask: Request{AtLeast: 1 << 40}, want: access.Stale},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, Config{Now: func() time.Time { return now }})
			var edits []func(*events.KeyCreated)
			if test.born != nil {
				edits = append(edits, test.born)
			}
			key, c := w.key("key_1", edits...)
			w.v.Verify(Request{Key: c.key}) // it is held in memory when the rest happens
			if test.then != nil {
				test.then(w, key, c)
			}
			test.ask.Key = c.key
			for _, held := range []string{"as it is", "again"} {
				if d := w.v.Verify(test.ask); d.Code != test.want {
					t.Errorf("%s: %s, want %s", held, d.Code, test.want)
				}
			}
			fresh := w.another(Config{Now: func() time.Time { return now }})
			if d := fresh.Verify(test.ask); d.Code != test.want {
				t.Errorf("by a verifier that has just been started: %s, want %s", d.Code, test.want)
			}
		})
	}
}

// Nothing is told about a key to whoever does not hold its secret.
func TestNothingIsToldBeforeTheSecretMatches(t *testing.T) {
	w := newWorld(t, Config{})
	key, c := w.key("key_1", func(k *events.KeyCreated) { k.Allowlist = []string{"192.0.2.1"} })
	forged := resum(c.key[:len(c.key)-scheme.ChecksumLen-1] + "x")
	stranger := w.mint("key", "live")
	w.happens(key, events.KeyRevoked{})
	// The prefix is no part of what is hashed, and must not be exchanged.
	otherKind := resum("till_live_" + c.key[len("shop_live_"):len(c.key)-scheme.ChecksumLen])
	otherPlace := resum("shop_test_" + c.key[len("shop_live_"):len(c.key)-scheme.ChecksumLen])
	tests := []struct {
		name string
		ask  Request
		want access.Code
	}{
		{"nothing", Request{}, access.Missing},
		{"no key at all", Request{Key: "hello"}, access.Malformed},
		{"a key with a letter wrong", Request{Key: c.key[:20] + "!" + c.key[21:]}, access.Malformed},
		{"a key of nobody's prefix", Request{Key: resum("none_live_" + c.key[10:len(c.key)-6])}, access.Malformed},
		{"a key that does not exist", Request{Key: stranger.key}, access.Invalid},
		{"a key with another secret", Request{Key: forged}, access.Invalid},
		{"under the prefix of another kind", Request{Key: otherKind}, access.Invalid},
		{"under the prefix of another environment", Request{Key: otherPlace}, access.Invalid},
		{"a key where a pair is meant", Request{PublicKey: c.key, SecretKey: c.key}, access.Malformed},
		{"a key and a pair", Request{Key: c.key, SecretKey: c.key}, access.Malformed},
		{"the key itself", Request{Key: c.key}, access.Revoked},
	}
	for _, round := range []string{"read", "held"} {
		for _, test := range tests {
			d := w.v.Verify(test.ask)
			if d.Code != test.want {
				t.Errorf("%s, %s: %s, want %s", test.name, round, d.Code, test.want)
			}
			told := d
			told.Code, told.Scheme, told.Position = "", "", 0
			if diff := cmp.Diff(Decision{}, told); d.Code != access.Revoked && diff != "" {
				t.Errorf("%s, %s: tells %s", test.name, round, diff)
			}
		}
	}
}

// resum gives text the checksum that it needs.
func resum(text string) string { return text + sumOf(text) }

func TestPairs(t *testing.T) {
	w := newWorld(t, Config{})
	_, a := w.key("key_1", func(k *events.KeyCreated) { k.Kind = "bearer" })
	_, b := w.key("key_2", func(k *events.KeyCreated) { k.Kind = "bearer" })
	_, single := w.key("key_3")
	elsewhere := strings.Replace(a.secret, "sk_live_", "sk_test_", 1)
	tests := []struct {
		name string
		ask  Request
		want access.Code
	}{
		{"both halves", Request{PublicKey: a.public, SecretKey: a.secret}, access.Allowed},
		{"the halves of two pairs", Request{PublicKey: a.public, SecretKey: b.secret}, access.Invalid},
		{"the public half alone", Request{PublicKey: a.public}, access.Malformed},
		{"the public half as a key", Request{Key: a.public}, access.Malformed},
		{"the secret half alone", Request{SecretKey: a.secret}, access.Malformed},
		{"the secret half as a key", Request{Key: a.secret}, access.Malformed},
		{"the halves exchanged", Request{PublicKey: a.secret, SecretKey: a.public}, access.Malformed},
		{"the secret half of another environment", Request{PublicKey: a.public, SecretKey: elsewhere}, access.Invalid},
		{"a secret half of nobody's prefix", Request{PublicKey: a.public, SecretKey: "zz_" + a.secret[8:]}, access.Malformed},
		{"a single key beside a secret half", Request{PublicKey: single.key, SecretKey: a.secret}, access.Malformed},
	}
	for _, round := range []string{"read", "held"} {
		for _, test := range tests {
			if d := w.v.Verify(test.ask); d.Code != test.want {
				t.Errorf("%s, %s: %s, want %s", test.name, round, d.Code, test.want)
			}
		}
	}
}

// The key of the ledger's own operator belongs to no environment and is good in
// every one; it is known before any scheme has been applied.
func TestTheRootKey(t *testing.T) {
	w := newWorld(t, Config{})
	c := mint(t, scheme.Builtin(), scheme.KindRoot, access.Spanning, "crd_root", 1)
	w.happens(events.AccountEntity("root"), events.AccountOpened{Name: "Root", Scheme: scheme.BuiltinName})
	w.happens(events.KeyEntity(access.Spanning, "root", "key_root"), events.KeyCreated{
		Scheme: scheme.BuiltinName, SchemeVersion: 1, Kind: scheme.KindRoot, Name: "root", Credential: c.Credential,
	})
	for _, environment := range []string{"", "live", "test"} {
		d := w.v.Verify(Request{Key: c.key, Environment: environment, Permission: "keys:manage"})
		if !d.Valid() || d.Environment != access.Spanning || d.Account != "root" {
			t.Errorf("in %q: %s for account %s in %s", environment, d.Code, d.Account, d.Environment)
		}
	}
}

func TestADecisionSaysWhoAndWhat(t *testing.T) {
	w := newWorld(t, Config{})
	_, c := w.key("key_1", func(k *events.KeyCreated) {
		k.Kind, k.Resource, k.Permissions, k.Roles = "till", "till_4", nil, []string{"clerk"}
	})
	want := Decision{
		Code: access.Allowed, Scheme: "shop", KeyID: "key_1", Credential: c.ID, Account: "acme", Environment: "live",
		Kind: "till", Resource: "till_4", Roles: []string{"clerk"}, Permissions: []string{"orders:read", "orders:write"},
		Position: w.past.Head(),
	}
	ask := Request{Key: c.key, Method: "POST", Path: "/v1/tills/till_4/orders"}
	if diff := cmp.Diff(want, w.v.Verify(ask)); diff != "" {
		t.Error(diff)
	}
	want.Code, want.Permissions = access.PermissionDenied, nil
	ask.Path = "/v1/tills/till_5/orders"
	if diff := cmp.Diff(want, w.v.Verify(ask)); diff != "" {
		t.Error(diff)
	}
}

// A member of no account that the ledger knows is refused, whatever its key says.
func TestAKeyWithoutAnAccountIsRefused(t *testing.T) {
	w := newWorld(t, Config{})
	c := w.mint("key", "live")
	nobody := events.KeyEntity("live", "nobody", "key_1")
	w.happens(nobody, events.KeyCreated{Scheme: "shop", SchemeVersion: 1, Kind: "key", Name: "lost", Credential: c.Credential})
	if d := w.v.Verify(Request{Key: c.key}); d.Code != access.AccountInactive {
		t.Errorf("%s, want %s", d.Code, access.AccountInactive)
	}
	w.happens(events.AccountEntity("nobody"), events.AccountOpened{Name: "Nobody", Scheme: "shop"})
	if d := w.v.Verify(Request{Key: c.key}); d.Code != access.Allowed {
		t.Errorf("once the account is opened: %s, want %s", d.Code, access.Allowed)
	}
}

// Both credentials of a rotated key are good during the overlap, each under its
// own name, and of a credential long gone it is still said that it is revoked.
func TestRotationKeepsWhatWasCut(t *testing.T) {
	now := time.Date(2026, time.January, 5, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, Config{Now: func() time.Time { return now }})
	key, old := w.key("key_1")
	next := w.mint("key", "live")
	end := now.Add(time.Hour)
	w.happens(key, events.KeyRotated{Credential: next.Credential, Replaces: old.ID, EndsAt: &end})
	for _, c := range []credential{old, next} {
		if d := w.v.Verify(Request{Key: c.key}); !d.Valid() || d.Credential != c.ID || d.KeyID != "key_1" {
			t.Errorf("%s: %s as %s of %s", c.ID, d.Code, d.Credential, d.KeyID)
		}
	}
	now = end
	if d := w.v.Verify(Request{Key: old.key}); d.Code != access.Revoked {
		t.Errorf("after the overlap: %s", d.Code)
	}
	w.happens(key, events.KeyCredentialCut{Credential: old.ID})
	if d := w.v.Verify(Request{Key: old.key}); d.Code != access.Revoked {
		t.Errorf("after the cut: %s", d.Code)
	}
	if d := w.v.Verify(Request{Key: next.key}); !d.Valid() {
		t.Errorf("the new one: %s", d.Code)
	}
}

// A use is told at once, and that an older credential waits for it.
func TestUsesAreTold(t *testing.T) {
	type use struct {
		key, credential string
		at              time.Time
		awaited         bool
	}
	var told []use
	now := time.Date(2026, time.January, 5, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, Config{
		Now: func() time.Time { return now },
		Used: func(key, credential string, at time.Time, awaited bool) {
			told = append(told, use{key, credential, at.Truncate(time.Second).UTC(), awaited})
		},
	})
	key, old := w.key("key_1")
	next := w.mint("key", "live")
	w.v.Verify(Request{Key: old.key})
	w.v.Verify(Request{Key: old.key})
	w.happens(key, events.KeyRotated{Credential: next.Credential, Replaces: old.ID, CutOnFirstUse: true, GraceSeconds: 60})
	now = now.Add(2 * time.Second)
	w.v.Verify(Request{Key: old.key})
	w.v.Verify(Request{Key: old.key, Permission: "refunds:create"}) // refused, no use
	w.v.Verify(Request{Key: next.key, Permission: "refunds:create"})
	w.v.Verify(Request{Key: next.key})
	w.happens(key, events.KeyOverlapChanged{Credential: old.ID, EndsAt: now.Add(time.Minute)})
	w.v.Verify(Request{Key: next.key})
	want := []use{
		{"key_1", old.ID, now.Add(-2 * time.Second), false},
		{"key_1", old.ID, now, false},
		{"key_1", next.ID, now, true},
		{"key_1", next.ID, now, false}, // read anew, since its row has changed
	}
	if diff := cmp.Diff(want, told, cmp.AllowUnexported(use{})); diff != "" {
		t.Error(diff)
	}
}
