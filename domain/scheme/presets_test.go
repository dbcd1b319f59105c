package scheme_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

func TestTheBuiltInSchemeIsSound(t *testing.T) {
	s := scheme.Builtin()
	if _, err := scheme.Parse(s.Canonical()); err != nil {
		t.Fatal(err)
	}
	if got := len(s.Rights(scheme.KindRoot, nil, nil)); got != len(access.Rights()) {
		t.Errorf("the root kind has %d of %d rights", got, len(access.Rights()))
	}
	if !access.HoldsAll(s.Effective(scheme.KindRoot, nil, nil), []string{"read", "anything:else"}) {
		t.Error("the root kind does not hold every permission")
	}
	name, _, ok := s.Kind("")
	if !ok || name != "key" {
		t.Errorf("the default kind is %q", name)
	}
	for _, kind := range []string{scheme.KindRoot, scheme.KindMember} {
		_, k, ok := s.Kind(kind)
		if env, one := s.Environment("", k); !ok || !one || env != access.Spanning {
			t.Errorf("kind %s is made in %q", kind, env)
		}
		if s.HasPermission(k, "read") {
			t.Errorf("kind %s can be granted permissions", kind)
		}
	}
	if got := s.Rights(scheme.KindMember, nil, nil); got != nil {
		t.Errorf("the member kind alone has rights %v", got)
	}
}

// preset reads a preset as the command line does: YAML, turned into JSON.
func preset(t testing.TB, name string) *scheme.Scheme {
	t.Helper()
	text, ok := scheme.Preset(name)
	if !ok {
		t.Fatalf("no preset %s", name)
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scheme.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryPresetIsSoundAndTheyKnowOneAnothersPrefixes(t *testing.T) {
	var all []*scheme.Scheme
	for _, name := range scheme.Presets() {
		s := preset(t, name)
		if s.Name() != name {
			t.Errorf("preset %s is scheme %s", name, s.Name())
		}
		all = append(all, s)
	}
	if _, err := scheme.NewCatalog(all...); err != nil {
		t.Error(err)
	}
	if !slices.Contains(scheme.Presets(), "web3pay") {
		t.Errorf("presets are %v", scheme.Presets())
	}
	for _, name := range []string{"", ".", "..", "nothing", "../presets/web3pay.yaml"} {
		if _, ok := scheme.Preset(name); ok {
			t.Errorf("there is a preset %q", name)
		}
	}
}

// The table "Available Permissions" of the Keys API, row by row: each permission
// opens its endpoint and no other of the table.
func TestWeb3payGuardsWhatItsTableSays(t *testing.T) {
	s := preset(t, "web3pay")
	type call struct{ method, path string }
	rows := []struct {
		permission string
		calls      []call
	}{
		{"onramp:create", []call{{"POST", "/v1/onramp"}}},
		{"onramp:read", []call{{"GET", "/v1/onramp"}, {"GET", "/v1/onramp/ses_1"}}},
		{"transactions:read", []call{{"GET", "/v1/transactions"}, {"GET", "/v1/transactions/txn_1"}}},
		{"keys:manage", []call{{"POST", "/v1/keys"}, {"GET", "/v1/keys"}, {"DELETE", "/v1/keys/key_1"}}},
		{"webhooks:manage", []call{{"POST", "/v1/webhooks"}, {"GET", "/v1/webhooks"}, {"PATCH", "/v1/webhooks/wh_1"}}},
	}
	for _, held := range rows {
		grant := access.Grant{AccountActive: true, Environment: "live", Kind: "key", Permissions: []string{held.permission}}
		for _, asked := range rows {
			for _, c := range asked.calls {
				want := access.PermissionDenied
				if held.permission == asked.permission {
					want = access.Allowed
				}
				request := access.Request{Method: c.method, Path: c.path}
				if code := access.Check(&grant, &request, s.Endpoints(), []string{"key"}); code != want {
					t.Errorf("%s on %s %s: %s, want %s", held.permission, c.method, c.path, code, want)
				}
			}
		}
	}
	if len(rows) != len(s.Document().Permissions) {
		t.Errorf("the catalogue has %d permissions, the table %d", len(s.Document().Permissions), len(rows))
	}
	for permission, want := range map[string][]access.Right{
		"keys:manage": {access.RightKeys}, "webhooks:manage": {access.RightWebhooks}, "onramp:create": nil,
	} {
		if diff := cmp.Diff(want, s.Rights("key", []string{permission}, nil)); diff != "" {
			t.Errorf("rights of %s:\n%s", permission, diff)
		}
	}
}

// The errors of the Merchant API are a closed union of five.
func TestVoltzAnswersInItsFiveWords(t *testing.T) {
	s := preset(t, "voltz")
	words := map[access.Code]access.Code{
		access.Missing: "api_key_missing", access.Malformed: "api_key_malformed", access.Invalid: "api_key_invalid",
		access.Revoked: "api_key_revoked", access.Expired: "api_key_revoked", access.Suspended: "api_key_revoked",
		access.AccountInactive: "merchant_inactive",
	}
	for code, want := range words {
		if got := s.Word(code); got != want {
			t.Errorf("%s is %s, want %s", code, got, want)
		}
	}
}

// Who manages keys: the contract's line on management rights, scheme by scheme.
func TestThePresetsGiveTheRightsOfTheirPages(t *testing.T) {
	keys := []access.Right{access.RightKeys}
	if diff := cmp.Diff(keys, preset(t, "lnpay").Rights("sak", nil, nil)); diff != "" {
		t.Error(diff)
	}
	for _, kind := range []string{"pak", "waka", "waki", "wakr", "waklw"} {
		if got := preset(t, "lnpay").Rights(kind, []string{access.All}, nil); got != nil {
			t.Errorf("lnpay %s has rights %v", kind, got)
		}
	}
	if got := preset(t, "voltz").Rights("pair", []string{access.All}, nil); got != nil {
		t.Errorf("a pair of voltz has rights %v: members only", got)
	}
	if got := preset(t, "voltage").Rights("key", []string{"read", "write", "billing"}, nil); got != nil {
		t.Errorf("a key of voltage has rights %v: members only", got)
	}
	for _, name := range scheme.Presets() {
		members := preset(t, name).Members()
		for member, want := range map[string][]string{"write": {"keys", "webhooks"}, "team": {"members"}} {
			if diff := cmp.Diff(want, members[member].Rights); diff != "" {
				t.Errorf("%s of %s:\n%s", member, name, diff)
			}
		}
		if len(members) != 4 {
			t.Errorf("%s has members' permissions %v", name, members)
		}
	}
	write := preset(t, "voltage").Members()["write"]
	if diff := cmp.Diff([]string{"read", "write"}, write.Permissions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"read", "write", "billing"}, write.Grantable); diff != "" {
		t.Error(diff)
	}
}

func TestAPrefixBelongsToOneScheme(t *testing.T) {
	other := sound()
	other.Scheme = "other"
	shop := build(t, sound())
	if _, err := scheme.NewCatalog(shop, build(t, other)); !errors.Is(err, scheme.ErrPrefixTaken) {
		t.Errorf("two schemes with the same prefixes: %v, want ErrPrefixTaken", err)
	}
	other.Kinds = map[string]scheme.Kind{"k": {Prefix: "klr_", Environments: []string{"live"}}}
	other.Endpoints = nil
	if _, err := scheme.NewCatalog(build(t, other)); !errors.Is(err, scheme.ErrPrefixTaken) {
		t.Errorf("the prefix of the root key: %v, want ErrPrefixTaken", err)
	}
	other.Kinds = map[string]scheme.Kind{"k": {Prefix: "sk_live_x_", Environments: []string{"live"}}}
	c, err := scheme.NewCatalog(shop, build(t, other))
	if err != nil {
		t.Fatalf("a prefix that begins like another is not the same: %v", err)
	}
	for text, want := range map[string]string{
		"sk_live_": "shop server live", "sk_live_x_": "other k live", "klr_": "keyledger root _", "sk_": "", "": "", "SK_live_": "",
	} {
		got := ""
		if p, ok := c.Prefix(text); ok {
			got = fmt.Sprint(p.Scheme, " ", p.Kind, " ", p.Environment)
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { c.Prefix("sk_live_") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestACatalogIsNotChangedByAddingToIt(t *testing.T) {
	first, err := scheme.NewCatalog()
	if err != nil {
		t.Fatal(err)
	}
	second, err := first.With(build(t, sound()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"keyledger"}, first.Names()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"keyledger", "shop"}, second.Names()); diff != "" {
		t.Error(diff)
	}
	changed := sound()
	changed.Title = "another version"
	third, err := second.With(build(t, changed))
	if err != nil {
		t.Fatalf("a new version of a scheme claims its own prefixes: %v", err)
	}
	if s, _ := third.Scheme("shop"); s.Document().Title != "another version" {
		t.Errorf("title %q", s.Document().Title)
	}
	if _, ok := second.Scheme("nothing"); ok {
		t.Error("a scheme that is not there")
	}
}

func TestNothingReplacesTheBuiltInScheme(t *testing.T) {
	impostor := sound()
	impostor.Scheme = scheme.BuiltinName
	c, err := scheme.NewCatalog(build(t, impostor))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Prefix("klr_"); !ok {
		t.Error("the root key's prefix is not known any more")
	}
	if with, err := c.With(build(t, impostor)); err != nil {
		t.Fatal(err)
	} else if s, _ := with.Scheme(scheme.BuiltinName); len(s.Rights(scheme.KindRoot, nil, nil)) == 0 {
		t.Error("the root kind has lost its rights")
	}
}
