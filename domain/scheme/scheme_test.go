package scheme_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

func TestAKindIsFoundByNameOrAsTheDefault(t *testing.T) {
	s := build(t, sound())
	for _, c := range []struct {
		asked, name string
		ok          bool
	}{{"", "server", true}, {"server", "server", true}, {"pair", "pair", true}, {"Server", "Server", false}, {"sak", "sak", false}} {
		if name, _, ok := s.Kind(c.asked); name != c.name || ok != c.ok {
			t.Errorf("kind %q: %q, %v; want %q, %v", c.asked, name, ok, c.name, c.ok)
		}
	}
	doc := sound()
	k := doc.Kinds["server"]
	k.Default = false
	doc.Kinds["server"] = k
	if name, _, ok := build(t, doc).Kind(""); ok {
		t.Errorf("a scheme without a default has %q", name)
	}
}

func TestAnEnvironmentIsNamedOrTheOnlyOne(t *testing.T) {
	s := build(t, sound())
	_, server, _ := s.Kind("server")
	_, pair, _ := s.Kind("pair")
	for _, c := range []struct {
		kind        scheme.Kind
		asked, name string
		ok          bool
	}{
		{server, "live", "live", true},
		{server, "", "", false},
		{server, "moon", "moon", false},
		{server, "_", "_", false},
		{pair, "", "live", true},
		{pair, "live", "live", true},
		{pair, "test", "test", false},
	} {
		if name, ok := s.Environment(c.asked, c.kind); name != c.name || ok != c.ok {
			t.Errorf("environment %q of %s: %q, %v; want %q, %v", c.asked, c.kind.Prefix, name, ok, c.name, c.ok)
		}
	}
	if diff := cmp.Diff([]string{"live", "test"}, s.EnvironmentsOf(server)); diff != "" {
		t.Error(diff)
	}
	unsorted := scheme.Kind{Environments: []string{"test", "live"}}
	if diff := cmp.Diff([]string{"live", "test"}, s.EnvironmentsOf(unsorted)); diff != "" {
		t.Error(diff)
	}
	if unsorted.Environments[0] != "test" {
		t.Error("the document has been changed")
	}
}

func TestOnlyWhatTheCatalogueHasCanBeGranted(t *testing.T) {
	none, orders := []string{}, []string{"orders:*"}
	for _, c := range []struct {
		wildcards  bool
		kind       scheme.Kind
		permission string
		ok         bool
	}{
		{false, scheme.Kind{}, "orders:read", true},
		{false, scheme.Kind{}, "orders:fly", false},
		{false, scheme.Kind{}, "orders:*", false},
		{false, scheme.Kind{}, "*", false},
		{false, scheme.Kind{}, "", false},
		{true, scheme.Kind{}, "orders:*", true},
		{true, scheme.Kind{}, "*", true},
		{true, scheme.Kind{}, "fly:*", false}, // covers nothing yet: what it would cover one day, nobody granted
		{true, scheme.Kind{}, "orders:read:*", false},
		{false, scheme.Kind{Permissions: &none}, "orders:read", false},
		{true, scheme.Kind{Permissions: &none}, "*", false},
		{false, scheme.Kind{Permissions: &orders}, "orders:read", true},
		{false, scheme.Kind{Permissions: &orders}, "keys:manage", false},
		{true, scheme.Kind{Permissions: &orders}, "orders:*", true},
		{true, scheme.Kind{Permissions: &orders}, "*", false},
	} {
		doc := sound()
		doc.Wildcards = c.wildcards
		if got := build(t, doc).HasPermission(c.kind, c.permission); got != c.ok {
			t.Errorf("wildcards %v, limit %v: %q %v, want %v", c.wildcards, c.kind.Permissions, c.permission, got, c.ok)
		}
	}
	s := build(t, sound())
	for _, c := range []struct {
		kind scheme.Kind
		role string
		ok   bool
	}{
		{scheme.Kind{}, "clerk", true},
		{scheme.Kind{}, "king", false},
		{scheme.Kind{Roles: &none}, "clerk", false},
		{scheme.Kind{Roles: &[]string{"clerk"}}, "clerk", true},
		{scheme.Kind{Roles: &[]string{"clerk"}}, "owner", false},
	} {
		if got := s.HasRole(c.kind, c.role); got != c.ok {
			t.Errorf("role %s under %v: %v, want %v", c.role, c.kind.Roles, got, c.ok)
		}
	}
}

func TestAKeyHoldsItsOwnPermissionsItsRolesAndItsKinds(t *testing.T) {
	doc := sound()
	doc.Kinds["wallet"] = scheme.Kind{Prefix: "wa_{environment}_", Grants: []string{"orders:read"}}
	s := build(t, doc)
	for _, c := range []struct {
		kind               string
		permissions, roles []string
		want               []string
	}{
		{"server", nil, nil, nil},
		{"server", []string{"orders:write"}, nil, []string{"orders:write"}},
		{"server", []string{"orders:write"}, []string{"clerk"}, []string{"orders:read", "orders:write"}},
		{"server", nil, []string{"clerk", "owner"}, []string{"keys:manage", "orders:*", "orders:read"}},
		{"wallet", []string{"orders:read"}, nil, []string{"orders:read"}},
		{"wallet", nil, []string{"gone"}, []string{"orders:read"}},
		{"gone", []string{"orders:read"}, []string{"gone"}, []string{"orders:read"}},
	} {
		if diff := cmp.Diff(c.want, s.Effective(c.kind, c.permissions, c.roles)); diff != "" {
			t.Errorf("%s with %v and %v:\n%s", c.kind, c.permissions, c.roles, diff)
		}
	}
}

func TestRightsComeWithAPermissionARoleOrAKind(t *testing.T) {
	doc := sound()
	doc.Wildcards = true
	doc.Kinds["wallet"] = scheme.Kind{Prefix: "wa_{environment}_", Rights: []string{"verify"}}
	s := build(t, doc)
	for _, c := range []struct {
		kind             string
		effective, roles []string
		want             []access.Right
	}{
		{"server", nil, nil, nil},
		{"server", []string{"orders:read"}, nil, nil},
		{"server", []string{"keys:manage"}, nil, []access.Right{"keys"}},
		{"server", []string{"keys:*"}, nil, []access.Right{"keys"}},
		{"server", nil, []string{"owner"}, []access.Right{"webhooks"}},
		{"server", []string{"keys:manage"}, []string{"owner"}, []access.Right{"keys", "webhooks"}},
		{"wallet", []string{"keys:manage"}, nil, []access.Right{"keys", "verify"}},
		{"gone", nil, []string{"gone"}, nil},
		// Every permission is not every role.
		{"server", []string{"*"}, nil, []access.Right{"keys"}},
	} {
		if diff := cmp.Diff(c.want, s.Rights(c.kind, c.effective, c.roles)); diff != "" {
			t.Errorf("%s with %v and %v:\n%s", c.kind, c.effective, c.roles, diff)
		}
	}
}

func TestASchemeHasItsOwnWords(t *testing.T) {
	s := build(t, sound())
	if got := s.Word(access.Expired); got != "key_gone" {
		t.Errorf("got %q", got)
	}
	if got := s.Word(access.Revoked); got != access.Revoked {
		t.Errorf("got %q", got)
	}
}
