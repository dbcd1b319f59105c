package scheme_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/scheme"
)

func TestAPolicySaysWhatItAsks(t *testing.T) {
	doc := sound()
	doc.Policy = &scheme.Policy{
		MaxLifetime: "365d", RotateAfter: "12h", AllowlistRequired: true, NamePattern: "{environment} [a-z ]+",
	}
	s := build(t, doc)
	if s.MaxLifetime() != 365*24*time.Hour || s.RotateAfter() != 12*time.Hour {
		t.Errorf("%v, %v", s.MaxLifetime(), s.RotateAfter())
	}
	for _, c := range []struct {
		environment, name string
		fits              bool
	}{
		{"live", "live billing", true},
		{"live", "test billing", false},
		{"live", "live ", false},
		{"live", "my live billing", false},
		{"live", "live billing\n", false},
		{"test", "test billing", true},
		{"", "anything", true},
	} {
		if got := s.NameFits(c.environment, c.name); got != c.fits {
			t.Errorf("%q in %s: %v", c.name, c.environment, got)
		}
	}
	kinds := s.Document().Kinds
	if !s.NeedsAllowlist(kinds["server"], "live") || s.NeedsAllowlist(kinds["server"], "test") || s.NeedsAllowlist(kinds["wallet"], "live") {
		t.Error("an allowlist is asked of servers' keys in production, and of no others")
	}
	free := build(t, sound())
	if free.MaxLifetime() != 0 || free.RotateAfter() != 0 || !free.NameFits("live", "x") || free.NeedsAllowlist(kinds["server"], "live") {
		t.Error("a scheme without a policy asks for something")
	}
}

func TestMembersHaveWhatTheDocumentSaysOrTheFourUsual(t *testing.T) {
	usual := build(t, sound()).Members()
	if diff := cmp.Diff([]string{"keys", "webhooks"}, usual["write"].Rights); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"keys:manage", "orders:read", "orders:write"}, usual["write"].Grantable); diff != "" {
		t.Error(diff)
	}
	if len(usual) != 4 || len(usual["billing"].Rights) != 0 || usual["team"].Rights[0] != "members" || usual["read"].Rights[0] != "audit" {
		t.Errorf("%+v", usual)
	}
	doc := sound()
	doc.Members = map[string]scheme.Member{"clerk": {Permissions: []string{"orders:read"}}}
	if got := build(t, doc).Members(); len(got) != 1 || got["clerk"].Permissions[0] != "orders:read" {
		t.Errorf("%+v", got)
	}
}

func TestASetAndTwoTogetherAreFound(t *testing.T) {
	s := preset(t, "lnpay")
	if kinds, ok := s.Set("wallet"); !ok || len(kinds) != 4 || kinds[0] != "waka" {
		t.Errorf("%v, %v", kinds, ok)
	}
	if _, ok := s.Set("nothing"); ok {
		t.Error("a set that is not there")
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"pak", "waka", true},
		{"waki", "pak", true},
		{"pak", "waklw", false},
		{"sak", "waka", false},
		{"pak", "pak", false},
		{"waka", "wakr", false},
		{"", "", false},
	} {
		if got := s.Together(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}
