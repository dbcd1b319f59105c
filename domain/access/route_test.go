package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyledger/keyledger/domain/access"
)

func pattern(t testing.TB, text string) access.Pattern {
	t.Helper()
	p, err := access.ParsePattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPathPatternIsPlainSegmentsAndVariables(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{"/", true},
		{"/v1", true},
		{"/v1/keys", true},
		{"/v1/keys/{id}", true},
		{"/v1/wallets/{resource}/invoice", true},
		{"/v1/{a}/{b}/{resource}", true},
		{"/**", true},
		{"/v1/**", true},
		{"/{resource}/**", true},
		{"/.well-known/x", true},
		{"/a~b/c@d/e:f/g=h,i+j", true},
		{"/...", true},

		{"", false},
		{"v1/keys", false},
		{"//", false},
		{"//v1", false},
		{"/v1//keys", false},
		{"/v1/", false},
		{"/v1/keys/", false},
		{"/.", false},
		{"/..", false},
		{"/v1/../keys", false},
		{"/v1/./keys", false},
		{"/v1/%6beys", false},
		{"/v1/ke ys", false},
		{"/v1/keys;v=1", false},
		{"/v1\\keys", false},
		{"/v1/keys?x", false},
		{"/v1/keys#x", false},
		{"/v1/kéys", false},
		{"/v1/keys\x00", false},
		{"/{}", false},
		{"/{", false},
		{"/}", false},
		{"/{id", false},
		{"/id}", false},
		{"/x{id}", false},
		{"/{id}x", false},
		{"/{id}{id}", false},
		{"/{Resource}", false}, // captures nothing, where the author meant it to
		{"/{re source}", false},
		{"/{resource}/x/{resource}", false}, // only one of them could be compared
		{"/**/keys", false},
		{"/v1/**/keys", false},
		{"/v1/*/keys", false}, // would match a star and nothing else
		{"/v1/*", false},
		{"/" + strings.Repeat("x", access.MaxPath), false},
	} {
		p, err := access.ParsePattern(c.text)
		switch {
		case c.ok && (err != nil || p.String() != c.text):
			t.Errorf("%q: got %q, %v; want it to be a pattern", c.text, p, err)
		case !c.ok && !errors.Is(err, access.ErrRoute):
			t.Errorf("%q: got %q, %v; want ErrRoute", c.text, p, err)
		}
	}
}

func TestAPatternMatchesPathsOfItsForm(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		ok            bool
		resource      string
	}{
		{"/", "/", true, ""},
		{"/", "/v1", false, ""},
		{"/v1", "/", false, ""},
		{"/v1", "/v1", true, ""},
		{"/v1", "/V1", true, ""},
		{"/v1", "/v1/keys", false, ""},
		{"/v1/keys", "/v1", false, ""},
		{"/v1/keys", "/v1/key", false, ""},
		{"/v1/keys", "/v1/keyss", false, ""},
		{"/v1/Keys", "/v1/kEYS", true, ""},

		{"/v1/keys/{id}", "/v1/keys/key_1", true, ""},
		{"/v1/keys/{id}", "/v1/keys", false, ""},
		{"/v1/keys/{id}", "/v1/keys/key_1/rotate", false, ""},
		{"/v1/wallets/{resource}/invoice", "/v1/wallets/wal_1/invoice", true, "wal_1"},
		{"/v1/wallets/{resource}/invoice", "/v1/wallets/Wal_1/INVOICE", true, "Wal_1"},
		{"/v1/wallets/{resource}/invoice", "/v1/wallets/wal_1/invoices", false, ""},
		{"/v1/wallets/{resource}/invoice", "/v1/wallets/invoice", false, ""},
		{"/{resource}", "/", false, ""},
		{"/{resource}/**", "/wal_1", true, "wal_1"},
		{"/{resource}/**", "/wal_1/a/b", true, "wal_1"},

		{"/**", "/", true, ""},
		{"/**", "/a", true, ""},
		{"/**", "/a/b", true, ""},
		{"/v1/keys/**", "/v1/keys", true, ""},
		{"/v1/keys/**", "/v1/keys/a", true, ""},
		{"/v1/keys/**", "/v1/keys/a/b", true, ""},
		{"/v1/keys/**", "/v1/keysx", false, ""},
		{"/v1/keys/**", "/v1", false, ""},
	} {
		resource, ok := pattern(t, c.pattern).Match(c.path)
		if ok != c.ok || ok && resource != c.resource {
			t.Errorf("%s on %s: %q, %v; want %q, %v", c.path, c.pattern, resource, ok, c.resource, c.ok)
		}
	}
}

// strict is a table with something to gain: what is not guarded by name falls
// through to an endpoint that asks less.
func strict(t testing.TB) []access.Endpoint {
	return []access.Endpoint{
		{Method: "GET", Path: pattern(t, "/v1/keys/**"), Permissions: []string{"keys:manage"}},
		{Method: "POST", Path: pattern(t, "/v1/keys/**"), Permissions: []string{"keys:manage"}},
		{Method: "DELETE", Path: pattern(t, "/v1/keys/{id}"), Permissions: []string{"keys:manage"}},
		{Method: "*", Path: pattern(t, "/v1/wallets/{resource}/withdraw"), Permissions: []string{"withdraw"}},
		{Method: "*", Path: pattern(t, "/**"), Permissions: []string{"read"}},
	}
}

// Each spelling is one that some proxy or framework turns into the plain path.
// None of them may come out with an endpoint that asks less.
func TestNoSpellingOfARequestReachesAWeakerEndpoint(t *testing.T) {
	table := strict(t)
	for _, plain := range []struct {
		method, path string
		spellings    []string // "METHOD path"
	}{
		{"GET", "/v1/keys/key_1", []string{
			"GET /v1/keys/key_1/",
			"GET /v1/keys//key_1",
			"GET //v1/keys/key_1",
			"GET /v1//keys/key_1",
			"GET ///v1/keys/key_1",
			"GET /./v1/keys/key_1",
			"GET /v1/./keys/key_1",
			"GET /v1/keys/./key_1",
			"GET /v1/keys/key_1/.",
			"GET /v1/keys/key_1/..",
			"GET /v1/x/../keys/key_1",
			"GET /x/../v1/keys/key_1",
			"GET /../v1/keys/key_1",
			"GET /v1/keys/x/../key_1",
			"GET /v1/x/%2e%2e/keys/key_1",
			"GET /v1/x/%2E%2E/keys/key_1",
			"GET /v1/x/.%2e/keys/key_1",
			"GET /v1/x/..%2fkeys/key_1",
			"GET /v1%2fkeys%2fkey_1",
			"GET /v1%2Fkeys/key_1",
			"GET /v1/%6beys/key_1",
			"GET /v1/%6Beys/key_1",
			"GET /%76%31/keys/key_1",
			"GET /v1/%256beys/key_1",
			"GET /v1/k%65ys/key_1",
			"GET /v1\\keys\\key_1",
			"GET \\v1\\keys\\key_1",
			"GET /v1/%5ckeys/key_1",
			"GET /v1/keys%00/key_1",
			"GET /v1/keys\x00/key_1",
			"GET /v1/keys;x=1/key_1",
			"GET /v1;/keys/key_1",
			"GET /;/v1/keys/key_1",
			"GET /v1/..;/v1/keys/key_1",
			"GET /v1/keys%3bx/key_1",
			"GET /v1/keys/key_1;jsessionid=1",
			"GET /v1/keys/key_1?x",
			"GET /v1/keys/key_1#x",
			"GET /v1/keys/key_1%3fx",
			"GET /v1/keys/key_1%23",
			"GET /v1/keys%20/key_1",
			"GET /v1/keys /key_1",
			"GET /v1/keys+/key_1\t",
			"GET /v1/keys\r\n/key_1",
			"GET /v1/\u212Aeys/key_1", // the Kelvin sign folds to k
			"GET /v1/key\u017F/key_1", // the long s folds to s
			"GET /v1/ke\u0443s/key_1",
			"GET /v1/k\xc1\xa5ys/key_1",     // an overlong e
			"GET /v1\xc0\xafkeys\xc0\xaf1/", // an overlong slash
			"GET /v1\u2044keys/key_1",
			"GET /v1\uff0fkeys/key_1",
			"GET http://host/v1/keys/key_1",
			"GET v1/keys/key_1",
			"GET ",
			"GET *",
			"GET /" + strings.Repeat("a/", access.MaxSegments) + "v1",
			"GET /v1/keys/" + strings.Repeat("a", access.MaxPath),
			"get /v1/keys/key_1",
			"Get /v1/keys/key_1",
			"GET\x00 /v1/keys/key_1",
			" /v1/keys/key_1",
		}},
		{"POST", "/v1/keys", []string{
			"POST /v1/keys/", "POST /v1/keys/.", "POST /V1/KEYS", "POST /v1/Keys", "post /v1/keys", "pOST /v1/keys",
		}},
		{"DELETE", "/v1/keys/key_1", []string{
			"DELETE /V1/KEYS/key_1", "delete /v1/keys/key_1", "DELETE /v1/keys/key_1/", "DELETE /v1/keys/key_1/.",
		}},
		{"PUT", "/v1/wallets/wal_1/withdraw", []string{
			"PUT /v1/wallets/wal_1/Withdraw", "PUT /V1/WALLETS/wal_1/WITHDRAW",
			"PUT /v1/wallets/wal_2/../wal_1/withdraw", "PUT /v1/wallets/wal_1%2fwithdraw",
			"PUT /v1/wallets/wal_1/withdraw/", "PUT /v1/wallets//withdraw",
		}},
	} {
		want, _ := access.Route(table, plain.method, plain.path)
		if want == nil || slices.Contains(want.Permissions, "read") {
			t.Fatalf("%s %s: the plain request itself is not guarded: %+v", plain.method, plain.path, want)
		}
		for _, spelling := range plain.spellings {
			method, path, _ := strings.Cut(spelling, " ")
			got, _ := access.Route(table, method, path)
			if got != nil && !slices.Equal(got.Permissions, want.Permissions) {
				t.Errorf("%q instead of %s %s: asks %v, want %v or no endpoint", spelling, plain.method, plain.path, got.Permissions, want.Permissions)
			}
		}
	}
}

func TestTheFirstEndpointThatMatchesDecides(t *testing.T) {
	table := strict(t)
	for _, c := range []struct {
		method, path string
		permission   string // "" for no endpoint
		resource     string
	}{
		{"GET", "/v1/keys", "keys:manage", ""},
		{"DELETE", "/v1/keys/key_1", "keys:manage", ""},
		{"DELETE", "/v1/keys/key_1/x", "read", ""},
		{"PROPFIND", "/v1/wallets/wal_1/withdraw", "withdraw", "wal_1"},
		{"VERSION-CONTROL", "/v1/wallets/wal_1/withdraw", "withdraw", "wal_1"},
		{"GET", "/", "read", ""},
		{"", "/", "", ""},
		{"*", "/", "", ""},
		{"GET ", "/", "", ""},
		{"GET", "", "", ""},
	} {
		got, resource := access.Route(table, c.method, c.path)
		permission := ""
		if got != nil {
			permission = strings.Join(got.Permissions, " ")
		}
		if permission != c.permission || resource != c.resource {
			t.Errorf("%s %s: asks %q of %q, want %q of %q", c.method, c.path, permission, resource, c.permission, c.resource)
		}
	}
	if got, _ := access.Route(nil, "GET", "/"); got != nil {
		t.Errorf("an empty table has an endpoint: %+v", got)
	}
}

func TestAPlainPathIsBounded(t *testing.T) {
	segments := strings.Repeat("/a", access.MaxSegments)
	long := "/" + strings.Repeat("a", access.MaxPath-1)
	for path, want := range map[string]bool{
		"/": true, segments: true, segments + "/a": false, long: true, long + "a": false,
		"/a": true, "a": false, "": false, "/a/": false,
	} {
		if access.PlainPath(path) != want {
			t.Errorf("path of %d bytes, %.20q...: %v, want %v", len(path), path, !want, want)
		}
	}
}

// A variable of a pattern is one segment, so a pattern of plain segments, filled
// in, is matched by the path that it spells, and captures what was filled in.
func TestAPatternFilledInIsMatched(t *testing.T) {
	segment := rapid.StringMatching(`[a-zA-Z0-9~_@:=+,-][a-zA-Z0-9._~-]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		var text, path strings.Builder
		resource := ""
		for range rapid.IntRange(1, 6).Draw(t, "segments") {
			seg := segment.Draw(t, "segment")
			text.WriteByte('/')
			path.WriteByte('/')
			switch k := rapid.IntRange(0, 2).Draw(t, "kind"); {
			case k == 0:
				text.WriteString("{id}")
			case k == 1 && resource == "":
				text.WriteString("{resource}")
				resource = seg
			default:
				text.WriteString(seg)
				if rapid.Bool().Draw(t, "upper") {
					seg = strings.ToUpper(seg)
				}
			}
			path.WriteString(seg)
		}
		if rapid.Bool().Draw(t, "rest") {
			text.WriteString("/**")
			path.WriteString(rapid.SampledFrom([]string{"", "/x", "/x/y"}).Draw(t, "below"))
		}
		p, err := access.ParsePattern(text.String())
		if err != nil {
			t.Fatal(err)
		}
		got, ok := p.Match(path.String())
		if !ok || got != resource || !access.PlainPath(path.String()) {
			t.Fatalf("%s on %s: %q, %v; plain: %v", path.String(), text.String(), got, ok, access.PlainPath(path.String()))
		}
	})
}

func TestTheCaseOfAPathDoesNotChangeItsEndpoint(t *testing.T) {
	table := strict(t)
	word := rapid.SampledFrom([]string{"v1", "keys", "wallets", "withdraw", "x"})
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + strings.Join(rapid.SliceOfN(word, 1, 4).Draw(t, "path"), "/")
		method := rapid.SampledFrom([]string{"GET", "POST", "DELETE", "PUT"}).Draw(t, "method")
		other := []byte(path)
		for i := range other {
			if rapid.Bool().Draw(t, "upper") {
				other[i] = strings.ToUpper(string(other[i]))[0]
			}
		}
		plain, _ := access.Route(table, method, path)
		folded, _ := access.Route(table, method, string(other))
		if plain != folded {
			t.Fatalf("%s %s and %s lead to %+v and %+v", method, path, other, plain, folded)
		}
	})
}

func TestMatchingDoesNotAllocate(t *testing.T) {
	table := strict(t)
	for _, path := range []string{"/v1/keys/key_1", "/V1/wallets/wal_1/WITHDRAW", "/nowhere", "/v1/%6b", ""} {
		if n := testing.AllocsPerRun(100, func() { access.Route(table, "PUT", path) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
		if n := testing.AllocsPerRun(100, func() { table[3].Path.Match(path) }); n != 0 {
			t.Errorf("match %s: %v allocations", path, n)
		}
	}
}
