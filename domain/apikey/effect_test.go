package apikey_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// What Compare says is a promise about decisions: whatever is refused before and
// allowed after must be called a widening, with what it gains, and the other way
// round. These tests ask [access.Check] about every request of a small world.

// grant is what a verifier knows of one credential of a key.
func grant(t interface{ Fatal(...any) }, k apikey.Key, c apikey.Credential, s *scheme.Scheme) *access.Grant {
	allow, err := access.NewAddrSet(k.Allowlist)
	if err != nil {
		t.Fatal(err)
	}
	g := &access.Grant{
		Key: k.ID, Credential: c.ID, Account: k.Account, Environment: k.Environment, Scheme: k.Scheme, Kind: k.Kind,
		Resource: k.Resource, Permissions: s.Effective(k.Kind, k.Permissions, k.Roles), Roles: k.Roles, Allow: allow,
		AccountActive: true, Revoked: k.RevokedAt != nil, Suspended: k.Suspended, Cut: c.CutAt != nil, Opaque: k.Opaque,
	}
	if c.EndsAt != nil {
		g.EndsAt = *c.EndsAt
	}
	if k.ExpiresAt != nil {
		g.ExpiresAt = *k.ExpiresAt
	}
	return g
}

// ask is a request by one credential: for a permission, to grant one, or for a
// management right.
type ask struct {
	credential string
	now        time.Time
	ip         netip.Addr
	use, give  string
	right      access.Right
}

func asks() []ask {
	var all []ask
	permissions := []string{"", "read", "write", "orders:read", "orders:write", "keys:manage"}
	for _, credential := range []string{"c1", "c2", "c3"} {
		for half := range 8 {
			for _, ip := range []netip.Addr{{}, netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.9.9.9"), netip.MustParseAddr("2001:db8::1")} {
				base := ask{credential: credential, now: noon.Add(time.Duration(half) * 30 * time.Minute), ip: ip}
				for _, p := range permissions {
					use, give := base, base
					use.use, give.give = p, p
					all = append(all, use, give)
				}
				for _, r := range access.Rights() {
					right := base
					right.right = r
					all = append(all, right)
				}
			}
		}
	}
	return all
}

// allows answers a in one state.
func (a ask) allows(k apikey.Key, s *scheme.Scheme, grants map[string]*access.Grant) bool {
	g, ok := grants[a.credential]
	if !ok || !k.Exists() {
		return false
	}
	request := &access.Request{Now: a.now, Environment: k.Environment, IP: a.ip, Permission: a.use}
	if access.Check(g, request, s.Endpoints(), []string{k.Kind}) != access.Allowed {
		return false
	}
	if a.give != "" && !access.Holds(k.MayGrant(g.Permissions), a.give) {
		return false
	}
	return a.right == "" || slices.Contains(s.Rights(k.Kind, g.Permissions, k.Roles), a.right)
}

func grants(t interface{ Fatal(...any) }, k apikey.Key, s *scheme.Scheme) map[string]*access.Grant {
	all := map[string]*access.Grant{}
	for _, c := range k.Credentials {
		all[c.ID] = grant(t, k, c, s)
	}
	return all
}

// sound finds the first ask about which e says something untrue, "" for none.
func sound(t interface{ Fatal(...any) }, all []ask, before, after apikey.Key, s *scheme.Scheme, e apikey.Effect) (ask, string) {
	from, to := grants(t, before, s), grants(t, after, s)
	for _, a := range all {
		was, is := a.allows(before, s, from), a.allows(after, s, to)
		switch {
		case was && !is && !e.Narrows:
			return a, "is refused now, and nothing narrows"
		case !was && is && !e.Widens:
			return a, "is allowed now, and nothing widens"
		case !was && is && a.use != "" && !access.Holds(e.Gains, a.use):
			return a, "may be used now, and is not among the gains"
		case !was && is && a.give != "" && !access.Holds(e.Gains, a.give):
			return a, "may be granted now, and is not among the gains"
		case !was && is && a.right != "" && !slices.Contains(e.Rights, a.right) && !slices.Contains(s.Rights("", e.Gains, nil), a.right):
			return a, "is a right now, and does not come with the gains"
		}
	}
	return ask{}, ""
}

// drawKey is any state of a key, also such as no history leads to.
func drawKey(t *rapid.T, label, kind string) apikey.Key {
	return rapid.Custom(func(t *rapid.T) apikey.Key {
		at := func(name string) *time.Time {
			switch h := rapid.IntRange(-3, 3).Draw(t, name); {
			case h <= 0:
				return nil
			default:
				end := noon.Add(time.Duration(h) * time.Hour)
				return &end
			}
		}
		some := func(name string, of ...string) []string {
			return access.Canonical(rapid.SliceOfN(rapid.SampledFrom(of), 0, 3).Draw(t, name))
		}
		rarely := func(name string) bool { return rapid.IntRange(0, 9).Draw(t, name) == 9 }
		k := apikey.Key{
			ID: "key_1", Account: "acct_1", Environment: "live", Scheme: "shop", SchemeVersion: 1, Kind: kind, Revision: 1, Changed: 1,
			Permissions: some("permissions", "read", "write", "orders:read", "orders:*", "*", "keys:manage"),
			Roles:       some("roles", "clerk", "owner", "helper"),
			Allowlist:   some("allowlist", "10.0.0.1", "10.0.0.0/8", "2001:db8::/32", "::ffff:10.9.9.9"),
			ExpiresAt:   at("expires"), Suspended: rarely("suspended"), Opaque: rarely("opaque"),
		}
		if rapid.Bool().Draw(t, "grantable of its own") {
			k.Grantable = append([]string{}, some("grantable", "read", "write", "orders:*", "keys:manage")...)
		}
		if rarely("revoked") {
			k.RevokedAt = &noon
		}
		for _, id := range []string{"c1", "c2", "c3"} {
			if rapid.IntRange(0, 3).Draw(t, "has "+id) > 0 {
				k.Credentials = append(k.Credentials, apikey.Credential{Credential: events.Credential{ID: id}, EndsAt: at("ends"), CutAt: at("cut")})
			}
		}
		return k
	}).Draw(t, label)
}

func TestAnEffectIsTrueOfAnyTwoStates(t *testing.T) {
	s, all := shop(t), asks()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"key", "wallet", "robot"}).Draw(t, "kind")
		before, after := drawKey(t, "before", kind), drawKey(t, "after", kind)
		if rapid.Bool().Draw(t, "a single difference") { // else nearly every pair does everything
			single := before
			switch rapid.IntRange(0, 8).Draw(t, "which") {
			case 0:
				single.Permissions = after.Permissions
			case 1:
				single.Roles = after.Roles
			case 2:
				single.Grantable = after.Grantable
			case 3:
				single.Allowlist = after.Allowlist
			case 4:
				single.ExpiresAt = after.ExpiresAt
			case 5:
				single.Suspended = after.Suspended
			case 6:
				single.RevokedAt = after.RevokedAt
			case 7:
				single.Credentials = after.Credentials
			case 8:
				single.Opaque = after.Opaque
			}
			after = single
		}
		e := apikey.Compare(before, after, s)
		if a, problem := sound(t, all, before, after, s, e); problem != "" {
			t.Fatalf("%+v\n%s: %+v\nbefore %+v\nafter  %+v", a, problem, e, before, after)
		}
		if same := apikey.Compare(before, before, s); same.Widens || same.Narrows || len(same.Gains) > 0 || len(same.Rights) > 0 {
			t.Fatalf("no change has an effect: %+v of %+v", same, before)
		}
		birth := apikey.Compare(apikey.Key{}, after, s)
		if a, problem := sound(t, all, apikey.Key{}, after, s, birth); problem != "" {
			t.Fatalf("born: %+v\n%s: %+v\n%+v", a, problem, birth, after)
		}
	})
}

func TestTheSearchForUntrueEffectsFindsThem(t *testing.T) {
	s, all := shop(t), asks()
	wide := newHistory(t).given("create perms=read,keys:manage roles=helper").key
	narrow := newHistory(t).given("create perms=read").key
	wide.Credentials, narrow.Credentials = wide.Credentials[:1], narrow.Credentials[:1]
	for name, c := range map[string]struct {
		before, after apikey.Key
		spoil         func(*apikey.Effect)
	}{
		"a narrowing kept quiet": {wide, narrow, func(e *apikey.Effect) { e.Narrows = false }},
		"a widening kept quiet":  {narrow, wide, func(e *apikey.Effect) { e.Widens = false }},
		"a gain kept quiet":      {narrow, wide, func(e *apikey.Effect) { e.Gains = nil }},
		"a right kept quiet":     {narrow, wide, func(e *apikey.Effect) { e.Rights = nil }},
	} {
		e := apikey.Compare(c.before, c.after, s)
		if a, problem := sound(t, all, c.before, c.after, s, e); problem != "" {
			t.Errorf("%s: %+v %s before it is spoilt", name, a, problem)
		}
		c.spoil(&e)
		if _, problem := sound(t, all, c.before, c.after, s, e); problem == "" {
			t.Errorf("%s is not found", name)
		}
	}
}
