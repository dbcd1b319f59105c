package access_test

import (
	"net/netip"
	"path"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/access"
)

func FuzzParsePermission(f *testing.F) {
	for _, s := range []string{"*", "a:*", "onramp:create", "a::b", "*:a", "", "A", "a:b:", "é"} {
		f.Add(s, "a:b")
	}
	f.Fuzz(func(t *testing.T, text, other string) {
		p, err := access.ParsePermission(text)
		if err != nil {
			return
		}
		if p != text || !access.Covers(p, p) || !access.Covers(access.All, p) {
			t.Fatalf("%q became %q", text, p)
		}
		q, err := access.ParsePermission(other)
		if err != nil || p == q || !access.Covers(p, q) {
			return
		}
		if !strings.HasSuffix(p, "*") || access.Covers(q, p) {
			t.Fatalf("%q and %q cover one another, or without a wildcard", p, q)
		}
		if stem := strings.TrimSuffix(p, "*"); !strings.HasPrefix(q, stem) || stem != "" && !strings.HasSuffix(stem, ":") {
			t.Fatalf("%q covers %q across a word", p, q)
		}
	})
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{
		"10.0.0.0/8", "192.0.2.1", "::ffff:10.0.0.1", "::ffff:0:0/96", "::/0", "2001:db8::/32", "fe80::1%eth0", "10.0.0.1/8", "x",
	} {
		f.Add(s, "10.0.0.1")
	}
	f.Fuzz(func(t *testing.T, entry, address string) {
		p, err := access.ParseAddr(entry)
		if err != nil {
			return
		}
		if !p.IsValid() || p.Masked() != p || p.Addr().Is4In6() || p.Addr().Zone() != "" {
			t.Fatalf("%q became %v", entry, p)
		}
		again, err := access.ParseAddr(p.String())
		if err != nil || again != p {
			t.Fatalf("%q became %v, which is read as %v, %v", entry, p, again, err)
		}
		set, err := access.NewAddrSet([]string{entry})
		if err != nil {
			t.Fatalf("%q is an entry but no set: %v", entry, err)
		}
		a, err := netip.ParseAddr(address)
		if err != nil {
			return
		}
		if want := p.Contains(a.Unmap().WithZone("")); set.Contains(a) != want {
			t.Fatalf("%q contains %s: %v, want %v", entry, a, !want, want)
		}
	})
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"/", "/**", "/v1/{id}/**", "/{resource}", "//", "/a/../b", "/{", "/**/x", "/a/*"} {
		f.Add(s, "/v1/x")
	}
	f.Fuzz(func(t *testing.T, text, request string) {
		p, err := access.ParsePattern(text)
		if err != nil {
			return
		}
		if p.String() != text || text[0] != '/' {
			t.Fatalf("%q became %q", text, p)
		}
		resource, ok := p.Match(request)
		if !ok || !access.PlainPath(request) {
			return
		}
		if resource != "" && (!strings.Contains(text, "{resource}") || !strings.Contains(request, "/"+resource)) {
			t.Fatalf("%q on %q captures %q", request, text, resource)
		}
		if !strings.Contains(text, "{") && !strings.HasSuffix(text, "/**") && !strings.EqualFold(text, request) {
			t.Fatalf("%q matches %q", text, request)
		}
		if !strings.HasSuffix(text, "/**") && strings.Count(text, "/") != strings.Count(request, "/") {
			t.Fatalf("%q matches %q", text, request)
		}
	})
}

func FuzzPlainPath(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/a//b", "/a/../b", "/a/.", "/%41", "/a;b", "/a\\b", "/é", "/a/", "/a?b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !access.PlainPath(s) {
			return
		}
		if path.Clean(s) != s || strings.ContainsAny(s, "%;\\?#\x00 ") || strings.Contains(s, "//") {
			t.Fatalf("%q is plain", s)
		}
		for _, r := range s {
			if r >= 0x7f || r < 0x21 {
				t.Fatalf("%q is plain", s)
			}
		}
	})
}
