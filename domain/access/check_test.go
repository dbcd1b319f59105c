package access_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/access"
)

var noon = time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)

// good is a grant and a request that it allows.
func good(t testing.TB) (access.Grant, access.Request, []access.Endpoint) {
	grant := access.Grant{
		Key: "key_1", Environment: "live", Kind: "waka", Resource: "wal_1", AccountActive: true,
		Permissions: []string{"wallet:pay", "read:*"}, Allow: addrs(t, "10.0.0.0/8"),
		EndsAt: noon.Add(1), ExpiresAt: noon.Add(1),
	}
	request := access.Request{
		Now: noon, Environment: "live", IP: netip.MustParseAddr("10.0.0.1"), Permission: "wallet:pay",
		Permissions: []string{"read:a", "read:b"}, Resource: "wal_1", Method: "POST", Path: "/v1/wallets/wal_1/pay",
	}
	endpoints := []access.Endpoint{{
		Method: "POST", Path: pattern(t, "/v1/wallets/{resource}/pay"), Permissions: []string{"wallet:pay"},
		Kinds: [][]string{{"sak"}, {"pak", "waka"}},
	}}
	return grant, request, endpoints
}

// Every reason to refuse, in the order in which a decision finds them. Each case
// adds its reason to all those after it, so that the first must win.
func TestTheFirstReasonInOrderIsTheAnswer(t *testing.T) {
	grant, request, endpoints := good(t)
	presented := []string{"waka", "pak"}
	if code := access.Check(&grant, &request, endpoints, presented); code != access.Allowed {
		t.Fatalf("the good request is %s", code)
	}
	for _, step := range []struct {
		code  access.Code
		spoil func()
	}{ // last reason first
		{access.PermissionDenied, func() { request.Permission = "wallet:close" }},
		{access.IPNotAllowed, func() { request.IP = netip.MustParseAddr("11.0.0.1") }},
		{access.EnvironmentMismatch, func() { request.Environment = "test" }},
		{access.Suspended, func() { grant.Suspended = true }},
		{access.Expired, func() { grant.ExpiresAt = noon }},
		{access.Revoked, func() { grant.Revoked = true }},
		{access.AccountInactive, func() { grant.AccountActive = false }},
	} {
		step.spoil()
		if code := access.Check(&grant, &request, endpoints, presented); code != step.code {
			t.Errorf("got %s, want %s before all reasons after it", code, step.code)
		}
	}
}

func TestOneReasonAloneIsTheAnswer(t *testing.T) {
	type parts struct {
		g         *access.Grant
		r         *access.Request
		presented *[]string
	}
	for _, c := range []struct {
		name string
		code access.Code
		edit func(parts)
	}{
		{"the zero grant allows nothing", access.AccountInactive, func(p parts) { *p.g = access.Grant{} }},
		{"account inactive", access.AccountInactive, func(p parts) { p.g.AccountActive = false }},
		{"key revoked", access.Revoked, func(p parts) { p.g.Revoked = true }},
		{"credential cut", access.Revoked, func(p parts) { p.g.Cut = true }},
		{"overlap ends now", access.Revoked, func(p parts) { p.g.EndsAt = noon }},
		{"overlap has ended", access.Revoked, func(p parts) { p.g.EndsAt = noon.Add(-1) }},
		{"overlap never ends", access.Allowed, func(p parts) { p.g.EndsAt = time.Time{} }},
		{"expires now", access.Expired, func(p parts) { p.g.ExpiresAt = noon }},
		{"has expired", access.Expired, func(p parts) { p.g.ExpiresAt = noon.Add(-1) }},
		{"never expires", access.Allowed, func(p parts) { p.g.ExpiresAt = time.Time{} }},
		{"suspended", access.Suspended, func(p parts) { p.g.Suspended = true }},
		{"touched by an unknown event", access.Suspended, func(p parts) { p.g.Opaque = true }},
		{"another environment", access.EnvironmentMismatch, func(p parts) { p.r.Environment = "test" }},
		{"no environment asked", access.Allowed, func(p parts) { p.r.Environment = "" }},
		{"a key that spans environments", access.Allowed, func(p parts) { p.g.Environment = access.Spanning }},
		{"asking for the spanning environment", access.EnvironmentMismatch, func(p parts) { p.r.Environment = access.Spanning }},
		{"another address", access.IPNotAllowed, func(p parts) { p.r.IP = netip.MustParseAddr("9.9.9.9") }},
		{"no address", access.IPNotAllowed, func(p parts) { p.r.IP = netip.Addr{} }},
		{"the mapped address", access.Allowed, func(p parts) { p.r.IP = netip.MustParseAddr("::ffff:10.0.0.1") }},
		{"no allowlist", access.Allowed, func(p parts) { p.g.Allow, p.r.IP = access.AddrSet{}, netip.Addr{} }},
		{"permission it does not have", access.PermissionDenied, func(p parts) { p.r.Permission = "wallet:close" }},
		{"no permission asked", access.Allowed, func(p parts) { p.r.Permission, p.r.Permissions = "", nil }},
		{"one of several permissions missing", access.PermissionDenied, func(p parts) { p.r.Permissions = []string{"read:a", "write"} }},
		{"an empty permission among several", access.PermissionDenied, func(p parts) { p.r.Permissions = []string{""} }},
		{"another resource", access.PermissionDenied, func(p parts) { p.r.Resource = "wal_2" }},
		{"a key bound to no resource", access.Allowed, func(p parts) { p.g.Resource = "" }},
		{"no resource asked", access.Allowed, func(p parts) { p.r.Resource = "" }},
		{"another resource in the path", access.PermissionDenied, func(p parts) { p.r.Path = "/v1/wallets/wal_2/pay" }},
		{"the resource in another case", access.PermissionDenied, func(p parts) { p.r.Path = "/v1/wallets/WAL_1/pay" }},
		{"no such endpoint", access.PermissionDenied, func(p parts) { p.r.Path = "/v1/other" }},
		{"another method", access.PermissionDenied, func(p parts) { p.r.Method = "GET" }},
		{"no method", access.PermissionDenied, func(p parts) { p.r.Method = "" }},
		{"a path that is not plain", access.PermissionDenied, func(p parts) { p.r.Path = "/v1/wallets/wal_1/pay/" }},
		{"no path asked", access.Allowed, func(p parts) { p.r.Path = "" }},
		{"an endpoint that needs what it does not have", access.PermissionDenied, func(p parts) { p.g.Permissions = []string{"read:*"}; p.r.Permission = "" }},
		{"kinds in the other order", access.Allowed, func(p parts) { *p.presented = []string{"pak", "waka"} }},
		{"another allowed combination", access.Allowed, func(p parts) { *p.presented = []string{"sak"} }},
		{"one kind missing", access.PermissionDenied, func(p parts) { *p.presented = []string{"waka"} }},
		{"one kind twice", access.PermissionDenied, func(p parts) { *p.presented = []string{"waka", "waka"} }},
		{"one kind too many", access.PermissionDenied, func(p parts) { *p.presented = []string{"pak", "waka", "sak"} }},
		{"no kind presented", access.PermissionDenied, func(p parts) { *p.presented = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			grant, request, endpoints := good(t)
			presented := []string{"waka", "pak"}
			c.edit(parts{&grant, &request, &presented})
			if code := access.Check(&grant, &request, endpoints, presented); code != c.code {
				t.Errorf("got %s, want %s", code, c.code)
			}
		})
	}
}

func TestACombinationOfKindsIsMetByThoseKindsOnly(t *testing.T) {
	grant, request, endpoints := good(t)
	endpoints[0].Kinds = [][]string{{"pak", "pak"}}
	if code := access.Check(&grant, &request, endpoints, []string{"pak", "sak"}); code != access.PermissionDenied {
		t.Errorf("a pair of pak is met by pak and sak: %s", code)
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	grant, request, endpoints := good(t)
	presented := []string{"waka", "pak"}
	if n := testing.AllocsPerRun(100, func() { access.Check(&grant, &request, endpoints, presented) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	request.Path = "/v1/../x"
	if n := testing.AllocsPerRun(100, func() { access.Check(&grant, &request, endpoints, presented) }); n != 0 {
		t.Errorf("refused: %v allocations", n)
	}
}
