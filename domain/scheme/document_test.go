package scheme_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/scheme"
)

// sound is a document without a mistake, which the tests below spoil.
func sound() scheme.Document {
	return scheme.Document{
		Scheme:       "shop",
		Title:        "Shop API",
		Environments: map[string]scheme.Environment{"live": {Production: true}, "test": {}},
		Permissions:  map[string]scheme.Permission{"orders:read": {}, "orders:write": {}, "keys:manage": {}},
		Roles: map[string]scheme.Role{
			"clerk": {Permissions: []string{"orders:read"}},
			"owner": {Permissions: []string{"orders:*", "keys:manage"}},
		},
		Kinds: map[string]scheme.Kind{
			"server": {Prefix: "sk_{environment}_", Default: true},
			"pair":   {Prefix: "pk_{environment}_", SecretPrefix: "ss_{environment}_", Environments: []string{"live"}},
			"wallet": {Prefix: "wa_{environment}_", Resource: "wallet", Exposure: scheme.ExposureClient},
		},
		Endpoints: []scheme.Endpoint{
			{Method: "GET", Path: "/orders/**", Permissions: []string{"orders:read"}},
			{Method: "*", Path: "/wallets/{resource}", Kinds: [][]string{{"server"}, {"pair", "wallet"}}},
		},
		Presentations: []scheme.Presentation{{Header: "X-API-Key"}, {Basic: true}},
		Rights:        map[string][]string{"keys:manage": {"keys"}, "owner": {"webhooks"}},
		Errors:        map[string]string{"api_key_expired": "key_gone"},
	}
}

// with gives the first presentation of d a companion.
func with(d *scheme.Document, c scheme.Companion) {
	d.Presentations[0].Kinds, d.Presentations[0].With = []string{"server"}, &c
}

func set(d *scheme.Document, kinds ...string) { d.Sets = map[string]scheme.Set{"s": {Kinds: kinds}} }

func build(t testing.TB, doc scheme.Document) *scheme.Scheme {
	t.Helper()
	s, err := scheme.New(doc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASoundDocumentIsAScheme(t *testing.T) {
	s := build(t, sound())
	var texts []string
	for _, p := range s.Prefixes() {
		texts = append(texts, fmt.Sprintf("%s=%s/%s/%v/%v", p.Text, p.Kind, p.Environment, p.Pair, p.Secret))
	}
	want := []string{
		"pk_live_=pair/live/true/false", "sk_live_=server/live/false/false", "sk_test_=server/test/false/false",
		"ss_live_=pair/live/true/true", "wa_live_=wallet/live/false/false", "wa_test_=wallet/test/false/false",
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
	if len(s.Endpoints()) != 2 || s.Endpoints()[1].Path.String() != "/wallets/{resource}" {
		t.Errorf("endpoints %+v", s.Endpoints())
	}
}

// Each case makes one mistake, and expects it to be named with its path and
// nothing else to be found.
func TestEveryMistakeOfADocumentIsNamedWithItsPath(t *testing.T) {
	long := strings.Repeat("x", scheme.MaxName+1)
	kind := func(d *scheme.Document, edit func(*scheme.Kind)) {
		k := d.Kinds["server"]
		edit(&k)
		d.Kinds["server"] = k
	}
	for _, c := range []struct {
		name  string
		spoil func(*scheme.Document)
		paths string // of the problems, in order
	}{
		{"no name", func(d *scheme.Document) { d.Scheme = "" }, "scheme"},
		{"an upper-case name", func(d *scheme.Document) { d.Scheme = "Shop" }, "scheme"},
		{"a name that begins with a hyphen", func(d *scheme.Document) { d.Scheme = "-shop" }, "scheme"},
		{"a long name", func(d *scheme.Document) { d.Scheme = long }, "scheme"},
		{"no environments", func(d *scheme.Document) {
			d.Environments = nil
			kind := d.Kinds["wallet"]
			d.Kinds = map[string]scheme.Kind{"wallet": kind}
			d.Endpoints = nil
		}, "environments"},
		{"too many environments", func(d *scheme.Document) {
			for i := range scheme.MaxEnvironments {
				d.Environments[fmt.Sprintf("e%d", i)] = scheme.Environment{}
			}
		}, "environments"},
		{"malformed environment", func(d *scheme.Document) { d.Environments["a b"] = scheme.Environment{Token: "ab"} }, "environments.a b"},
		{"malformed token", func(d *scheme.Document) { d.Environments["live"] = scheme.Environment{Token: "L"} }, "environments.live.token kinds.pair.prefix kinds.pair.secret_prefix kinds.server.prefix kinds.wallet.prefix"},
		{"two environments with one token", func(d *scheme.Document) { d.Environments["test"] = scheme.Environment{Token: "live"} }, "kinds.server.prefix kinds.wallet.prefix"},
		{"malformed permission", func(d *scheme.Document) { d.Permissions["Read"] = scheme.Permission{} }, "permissions.Read"},
		{"a wildcard in the catalogue", func(d *scheme.Document) { d.Permissions["x:*"] = scheme.Permission{} }, "permissions.x:*"},
		{"too many permissions", func(d *scheme.Document) {
			for i := range scheme.MaxCatalogue {
				d.Permissions[fmt.Sprintf("p%d", i)] = scheme.Permission{}
			}
		}, "permissions"},
		{"malformed role", func(d *scheme.Document) { d.Roles["a b"] = scheme.Role{} }, "roles.a b"},
		{"a role with an unknown permission", func(d *scheme.Document) { d.Roles["clerk"] = scheme.Role{Permissions: []string{"fly"}} }, "roles.clerk.permissions"},
		{"a role with a wildcard that covers nothing", func(d *scheme.Document) { d.Roles["clerk"] = scheme.Role{Permissions: []string{"fly:*"}} }, "roles.clerk.permissions"},
		{"too many roles", func(d *scheme.Document) {
			for i := range scheme.MaxRoles {
				d.Roles[fmt.Sprintf("r%d", i)] = scheme.Role{}
			}
		}, "roles"},
		{"no kinds", func(d *scheme.Document) { d.Kinds, d.Endpoints = nil, nil }, "kinds"},
		{"too many kinds", func(d *scheme.Document) {
			for i := range scheme.MaxKinds {
				d.Kinds[fmt.Sprintf("k%d", i)] = scheme.Kind{Prefix: fmt.Sprintf("k%d_{environment}_", i)}
			}
		}, "kinds"},
		{"malformed kind", func(d *scheme.Document) { d.Kinds["A"] = scheme.Kind{Prefix: "a_{environment}_"} }, "kinds.A"},
		{"two defaults", func(d *scheme.Document) {
			k := d.Kinds["wallet"]
			k.Default = true
			d.Kinds["wallet"] = k
		}, "kinds"},
		{"unknown exposure", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Exposure = "public" }) }, "kinds.server.exposure"},
		{"a kind in an unknown environment", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Environments = []string{"moon"} }) }, "kinds.server.environments"},
		{"a kind twice in one environment", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Environments = []string{"live", "live"} }) }, "kinds.server.prefix"},
		{"a kind that grants an unknown permission", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Grants = []string{"fly"} }) }, "kinds.server.grants"},
		{"a kind limited to an unknown permission", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Permissions = &[]string{"fly"} }) }, "kinds.server.permissions"},
		{"a kind limited to an unknown role", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Roles = &[]string{"king"} }) }, "kinds.server.roles"},
		{"a kind with an unknown right", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Rights = []string{"everything"} }) }, "kinds.server.rights"},
		{"no prefix", func(d *scheme.Document) {
			kind(d, func(k *scheme.Kind) { k.Prefix, k.Environments = "", []string{"live"} })
		}, "kinds.server.prefix"},
		{"a prefix of an underscore alone", func(d *scheme.Document) {
			kind(d, func(k *scheme.Kind) { k.Prefix, k.Environments = "_", []string{"live"} })
		}, "kinds.server.prefix"},
		{"a prefix without a last underscore", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Prefix = "sk_{environment}" }) }, "kinds.server.prefix kinds.server.prefix"},
		{"an upper-case prefix", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Prefix = "SK_{environment}_" }) }, "kinds.server.prefix kinds.server.prefix"},
		{"a prefix with an unknown variable", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Prefix = "sk_{env}_" }) }, "kinds.server.prefix kinds.server.prefix kinds.server.prefix"},
		{"a long prefix", func(d *scheme.Document) {
			kind(d, func(k *scheme.Kind) {
				k.Prefix, k.Environments = strings.Repeat("x", scheme.MaxPrefix)+"_", []string{"live"}
			})
		}, "kinds.server.prefix"},
		{"a prefix that does not tell environments apart", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Prefix = "sk_" }) }, "kinds.server.prefix"},
		{"a prefix of two kinds", func(d *scheme.Document) { kind(d, func(k *scheme.Kind) { k.Prefix = "wa_{environment}_" }) }, "kinds.wallet.prefix kinds.wallet.prefix"},
		{"one prefix for both halves of a pair", func(d *scheme.Document) {
			k := d.Kinds["pair"]
			k.SecretPrefix = k.Prefix
			d.Kinds["pair"] = k
		}, "kinds.pair.prefix"},
		{"a malformed secret prefix", func(d *scheme.Document) {
			k := d.Kinds["pair"]
			k.SecretPrefix = "x"
			d.Kinds["pair"] = k
		}, "kinds.pair.secret_prefix"},
		{"too many endpoints", func(d *scheme.Document) {
			d.Endpoints = slices.Repeat(d.Endpoints[:1], scheme.MaxEndpoints+1)
		}, "endpoints"},
		{"an endpoint without a method", func(d *scheme.Document) { d.Endpoints[0].Method = "" }, "endpoints[0].method"},
		{"a lower-case method", func(d *scheme.Document) { d.Endpoints[0].Method = "get" }, "endpoints[0].method"},
		{"a method that is no word", func(d *scheme.Document) { d.Endpoints[0].Method = "GET, POST" }, "endpoints[0].method"},
		{"a malformed path", func(d *scheme.Document) { d.Endpoints[1].Path = "/a//b" }, "endpoints[1].path"},
		{"an endpoint with an unknown permission", func(d *scheme.Document) { d.Endpoints[0].Permissions = []string{"fly"} }, "endpoints[0].permissions"},
		{"an endpoint for an unknown kind", func(d *scheme.Document) { d.Endpoints[1].Kinds = [][]string{{"server"}, {"sak"}} }, "endpoints[1].kinds"},
		{"no presentation", func(d *scheme.Document) { d.Presentations = nil }, "presentations"},
		{"an empty presentation", func(d *scheme.Document) { d.Presentations[1] = scheme.Presentation{} }, "presentations[1]"},
		{"header and basic at once", func(d *scheme.Document) { d.Presentations[1].Header = "X-Key" }, "presentations[1]"},
		{"a malformed header", func(d *scheme.Document) { d.Presentations[0].Header = "X API Key" }, "presentations[0].header"},
		{"a header of two lines", func(d *scheme.Document) { d.Presentations[0].Header = "X-Key\r\nX" }, "presentations[0].header"},
		{"a presentation in two ways", func(d *scheme.Document) { d.Presentations[1].Path = true }, "presentations[1]"},
		{"a header that HTTP needs", func(d *scheme.Document) { d.Presentations[0].Header = "authorization" }, "presentations[0].header"},
		{"a presentation of an unknown kind", func(d *scheme.Document) { d.Presentations[0].Kinds = []string{"sak"} }, "presentations[0].kinds"},
		{"a pair in a header", func(d *scheme.Document) { d.Presentations[0].Kinds = []string{"pair"} }, "presentations[0].kinds"},
		{"a single key by Basic", func(d *scheme.Document) { d.Presentations[1].Kinds = []string{"server"} }, "presentations[1].kinds"},
		{"a path for no kind", func(d *scheme.Document) { d.Presentations[1] = scheme.Presentation{Path: true} }, "presentations[1].kinds"},
		{"a path for a kind not made for it", func(d *scheme.Document) {
			d.Presentations[1] = scheme.Presentation{Path: true, Kinds: []string{"wallet"}}
		}, "presentations[1].kinds"},
		{"too many presentations", func(d *scheme.Document) {
			d.Presentations = slices.Repeat(d.Presentations[:1], scheme.MaxPresentations+1)
		}, "presentations"},
		{"a companion of Basic", func(d *scheme.Document) {
			d.Presentations[1].Kinds = []string{"pair"}
			d.Presentations[1].With = &scheme.Companion{Header: "X-W", Kinds: []string{"wallet"}}
		}, "presentations[1].with"},
		{"a companion without a header", func(d *scheme.Document) { with(d, scheme.Companion{Kinds: []string{"wallet"}}) }, "presentations[0].with.header"},
		{"a companion in the same header", func(d *scheme.Document) {
			with(d, scheme.Companion{Header: "x-api-key", Kinds: []string{"wallet"}})
		}, "presentations[0].with.header"},
		{"a companion of no kind", func(d *scheme.Document) { with(d, scheme.Companion{Header: "X-W"}) }, "presentations[0].with.kinds"},
		{"a companion of an unknown kind", func(d *scheme.Document) {
			with(d, scheme.Companion{Header: "X-W", Kinds: []string{"sak"}})
		}, "presentations[0].with.kinds"},
		{"a pair as companion", func(d *scheme.Document) { with(d, scheme.Companion{Header: "X-W", Kinds: []string{"pair"}}) }, "presentations[0].with.kinds"},
		{"a kind beside itself", func(d *scheme.Document) { with(d, scheme.Companion{Header: "X-W", Kinds: []string{"server"}}) }, "presentations[0].with.kinds"},
		{"refusing what is no scheme", func(d *scheme.Document) { d.Refused = []scheme.Refused{{Authorization: "a b", Because: "no"}} }, "refused[0].authorization"},
		{"refusing what is presented", func(d *scheme.Document) { d.Refused = []scheme.Refused{{Authorization: "basic", Because: "no"}} }, "refused[0].authorization"},
		{"refusing without a reason", func(d *scheme.Document) { d.Refused = []scheme.Refused{{Authorization: "Bearer"}} }, "refused[0].because"},
		{"a set of one", func(d *scheme.Document) { set(d, "wallet") }, "sets.s.kinds"},
		{"a set with an unknown kind", func(d *scheme.Document) { set(d, "wallet", "sak") }, "sets.s.kinds"},
		{"a set with a kind twice", func(d *scheme.Document) { set(d, "wallet", "wallet") }, "sets.s.kinds"},
		{"a set with a kind bound to nothing", func(d *scheme.Document) { set(d, "wallet", "server") }, "sets.s.kinds"},
		{"a set for two sorts of resource", func(d *scheme.Document) {
			d.Kinds["till"] = scheme.Kind{Prefix: "ti_{environment}_", Resource: "till"}
			set(d, "wallet", "till")
		}, "sets.s.kinds"},
		{"a set across environments", func(d *scheme.Document) {
			d.Kinds["other"] = scheme.Kind{Prefix: "ot_{environment}_", Resource: "wallet", Environments: []string{"live"}}
			set(d, "wallet", "other")
		}, "sets.s.kinds"},
		{"a member with an unknown permission", func(d *scheme.Document) {
			d.Members = map[string]scheme.Member{"read": {Permissions: []string{"fly"}}}
		}, "members.read.permissions"},
		{"a member that may grant what is unknown", func(d *scheme.Document) {
			d.Members = map[string]scheme.Member{"read": {Grantable: []string{"fly"}}}
		}, "members.read.grantable"},
		{"a member with an unknown right", func(d *scheme.Document) {
			d.Members = map[string]scheme.Member{"read": {Rights: []string{"all"}}}
		}, "members.read.rights"},
		{"a member with a malformed name", func(d *scheme.Document) { d.Members = map[string]scheme.Member{"A B": {}} }, "members.A B"},
		{"a lifetime without a unit", func(d *scheme.Document) { d.Policy = &scheme.Policy{MaxLifetime: "90"} }, "policy.max_lifetime"},
		{"a lifetime of nothing", func(d *scheme.Document) { d.Policy = &scheme.Policy{MaxLifetime: "0d"} }, "policy.max_lifetime"},
		{"a lifetime of for ever", func(d *scheme.Document) { d.Policy = &scheme.Policy{MaxLifetime: "99999d"} }, "policy.max_lifetime"},
		{"a rotation in minutes", func(d *scheme.Document) { d.Policy = &scheme.Policy{RotateAfter: "90m"} }, "policy.rotate_after"},
		{"a name pattern that is none", func(d *scheme.Document) { d.Policy = &scheme.Policy{NamePattern: "("} }, "policy.name_pattern"},
		{"a long name pattern", func(d *scheme.Document) { d.Policy = &scheme.Policy{NamePattern: strings.Repeat("x", 999)} }, "policy.name_pattern"},
		{"rights of something unknown", func(d *scheme.Document) { d.Rights["fly"] = []string{"keys"} }, "rights.fly"},
		{"an unknown right", func(d *scheme.Document) { d.Rights["keys:manage"] = []string{"keys", "root"} }, "rights.keys:manage"},
		{"a word for an unknown code", func(d *scheme.Document) { d.Errors["api_key_tired"] = "tired" }, "errors.api_key_tired"},
		{"another word for ok", func(d *scheme.Document) { d.Errors["ok"] = "fine" }, "errors.ok"},
		{"another word for what is no 401", func(d *scheme.Document) { d.Errors["permission_denied"] = "no" }, "errors.permission_denied"},
		{"a word of two lines", func(d *scheme.Document) { d.Errors["api_key_expired"] = "gone\r\nX-Admin: yes" }, "errors.api_key_expired"},
		{"an empty word", func(d *scheme.Document) { d.Errors["api_key_expired"] = "" }, "errors.api_key_expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := sound()
			c.spoil(&doc)
			_, err := scheme.New(doc)
			var problems scheme.Problems
			if !errors.As(err, &problems) || !errors.Is(err, scheme.ErrDocument) {
				t.Fatalf("got %v, want Problems", err)
			}
			var paths []string
			for _, p := range problems {
				paths = append(paths, p.Path)
				if p.What == "" {
					t.Errorf("%s: nothing is said about it", p.Path)
				}
			}
			if got := strings.Join(paths, " "); got != c.paths {
				t.Errorf("problems at %q, want %q:\n%v", got, c.paths, err)
			}
		})
	}
}

func TestSeveralMistakesAreNamedTogether(t *testing.T) {
	doc := sound()
	doc.Scheme, doc.Presentations, doc.Endpoints[0].Method = "", nil, "get"
	_, err := scheme.New(doc)
	var problems scheme.Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Errorf("got %v, want three problems", err)
	}
}

// A document of a few hundred kilobytes must not become an error of gigabytes.
func TestTheListOfMistakesIsBounded(t *testing.T) {
	doc := sound()
	for i := range scheme.MaxCatalogue - len(doc.Permissions) {
		doc.Permissions[fmt.Sprintf("permission-%d:%s", i, strings.Repeat("x", 40))] = scheme.Permission{}
	}
	doc.Roles["clerk"] = scheme.Role{Permissions: slices.Repeat([]string{"a"}, scheme.MaxDocument/4)}
	_, err := scheme.New(doc)
	var problems scheme.Problems
	if !errors.As(err, &problems) || len(problems) > scheme.MaxProblems || len(err.Error()) > scheme.MaxDocument {
		t.Errorf("%d problems, %d bytes", len(problems), len(fmt.Sprint(err)))
	}
}

func TestADocumentIsReadStrictly(t *testing.T) {
	good, err := json.Marshal(sound())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scheme.Parse(good); err != nil {
		t.Fatalf("the sound document: %v", err)
	}
	for name, text := range map[string]string{
		"nothing":              "",
		"not JSON":             "scheme: shop",
		"null":                 "null",
		"a list":               "[]",
		"unknown field":        strings.Replace(string(good), `"title"`, `"titel"`, 1),
		"unknown nested field": strings.Replace(string(good), `"resource"`, `"ressource"`, 1),
		"wrong type":           strings.Replace(string(good), `"Shop API"`, `7`, 1),
		"something follows":    string(good) + "{}",
		"garbage follows":      string(good) + "x",
		"cut short":            string(good[:len(good)-1]),
		"invalid UTF-8":        strings.Replace(string(good), "Shop API", "Shop \xff", 1),
		"too large":            strings.Replace(string(good), "Shop API", strings.Repeat("x", scheme.MaxDocument), 1),
	} {
		if s, err := scheme.Parse([]byte(text)); !errors.Is(err, scheme.ErrDocument) || s != nil {
			t.Errorf("%s: got %v, %v; want ErrDocument", name, s, err)
		}
	}
	if _, err := scheme.Parse(append(good, " \n\t"...)); err != nil {
		t.Errorf("white space follows: %v", err)
	}
}

func TestTheCanonicalDocumentIsTheSameForEveryWayOfWritingIt(t *testing.T) {
	s := build(t, sound())
	indented, err := json.MarshalIndent(sound(), " ", "\t")
	if err != nil {
		t.Fatal(err)
	}
	again, err := scheme.Parse(indented)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(s.Canonical()), string(again.Canonical())); diff != "" {
		t.Error(diff)
	}
	once, err := scheme.Parse(s.Canonical())
	if err != nil || string(once.Canonical()) != string(s.Canonical()) {
		t.Errorf("the canonical document is not its own canonical form: %v", err)
	}
}

// What fits a document must fit the event that keeps it: a canonical form that
// writes a byte as six would not.
func TestTheCanonicalDocumentDoesNotGrow(t *testing.T) {
	doc := sound()
	doc.Title = strings.Repeat("<>&\"", 10_000)
	given, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	s := build(t, doc)
	if n := len(s.Canonical()); n > len(given)/2 || strings.Contains(string(s.Canonical()), `\u003c`) {
		t.Errorf("%d bytes", n)
	}
}
