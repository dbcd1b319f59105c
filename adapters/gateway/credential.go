package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/projections/lookup"
)

// builtinHeader carries the keys of the built-in scheme, whatever other schemes
// say.
const builtinHeader = "X-Api-Key"

// carriers is where credentials may stand in a request, under one catalog.
type carriers struct {
	catalog *scheme.Catalog
	headers []string // canonical
}

// carriers is made anew when the catalog has changed.
func (g *Gate) carriers() *carriers {
	catalog := g.verifier.Catalog()
	if c := g.headers.Load(); c != nil && c.catalog == catalog {
		return c
	}
	c := &carriers{catalog: catalog, headers: []string{builtinHeader}}
	add := func(header string) {
		if h := http.CanonicalHeaderKey(header); h != "" && !slices.Contains(c.headers, h) {
			c.headers = append(c.headers, h)
		}
	}
	for _, name := range catalog.Names() {
		s, _ := catalog.Scheme(name)
		for _, p := range s.Document().Presentations {
			add(p.Header)
			if p.With != nil {
				add(p.With.Header)
			}
		}
	}
	g.headers.Store(c)
	return c
}

// carried is a key in a header.
type carried struct {
	header, key string
	owner       scheme.Prefix // zero where the text is no credential of any scheme
}

// presented reads the credential of r, or the two that its scheme has come
// together. Any others that differ are refused: which of them counts would
// depend on who reads.
func (g *Gate) presented(r *http.Request) (lookup.Request, *problemOf) {
	c := g.carriers()
	inPath, problem := c.inURL(r.URL)
	if problem != nil {
		return lookup.Request{}, problem
	}
	found, agree := c.fromHeaders(r.Header)
	authorization := r.Header["Authorization"]
	var first carried
	if len(found) > 0 {
		first = found[0]
	}
	ways := len(found)
	for _, there := range [...]bool{len(authorization) > 0, inPath != ""} {
		if there {
			ways++
		}
	}
	switch {
	case !agree, len(authorization) > 1, ways > 2, ways == 2 && len(found) != 2:
		return lookup.Request{}, severalRefused(first.owner.Scheme)
	case inPath != "":
		return lookup.Request{Key: inPath}, nil
	case len(authorization) > 0:
		return c.fromAuthorization(authorization[0], g.config.Scheme)
	case len(found) == 2:
		return c.together(found)
	case len(found) == 0:
		return lookup.Request{}, &problemOf{code: access.Missing}
	}
	return c.alone(first)
}

func severalRefused(schemeName string) *problemOf {
	return &problemOf{
		code: access.Malformed, scheme: schemeName,
		message: "the request carries several credentials; present one, or the two that belong together",
	}
}

// fromHeaders lists the keys in headers, each once, and false where one header
// has several.
func (c *carriers) fromHeaders(h http.Header) (found []carried, agree bool) {
	for _, name := range c.headers {
		here := ""
		for _, value := range h[name] {
			value = strings.TrimSpace(value)
			switch {
			case value == "" || value == here:
				continue
			case here != "":
				return found, false
			}
			here = value
		}
		if here != "" && !slices.ContainsFunc(found, func(f carried) bool { return f.key == here }) {
			found = append(found, carried{header: name, key: here, owner: c.owner(here)})
		}
	}
	return c.relevant(found), true
}

// relevant leaves out text that is no credential of any scheme, in a header that
// has no meaning to the scheme of the credential beside it: another scheme on
// this node must not take a header away from whoever uses it for something else.
func (c *carriers) relevant(found []carried) []carried {
	i := slices.IndexFunc(found, func(f carried) bool { return f.owner.Scheme != "" })
	if i < 0 || len(found) == 1 {
		return found
	}
	s, _ := c.catalog.Scheme(found[i].owner.Scheme)
	return slices.DeleteFunc(found, func(f carried) bool {
		return f.owner.Scheme == "" && !slices.ContainsFunc(s.Document().Presentations, func(p scheme.Presentation) bool {
			return isHeader(p.Header, f.header) || p.With != nil && isHeader(p.With.Header, f.header)
		})
	})
}

// alone is the request for the one key that was found.
func (c *carriers) alone(f carried) (lookup.Request, *problemOf) {
	if f.owner.Scheme == "" || c.presents(f.owner, func(p *scheme.Presentation) bool { return isHeader(p.Header, f.header) }) {
		return lookup.Request{Key: f.key}, nil
	}
	s, _ := c.catalog.Scheme(f.owner.Scheme)
	for _, p := range s.Document().Presentations {
		if w := p.With; w != nil && isHeader(w.Header, f.header) && slices.Contains(w.Kinds, f.owner.Kind) {
			return lookup.Request{}, &problemOf{
				code: access.Missing, scheme: f.owner.Scheme,
				message: "this key comes together with another: present that one in the header " + p.Header,
			}
		}
	}
	if !slices.ContainsFunc(s.Document().Presentations, func(p scheme.Presentation) bool { return !p.Basic }) {
		// What its scheme calls a request without a credential.
		return lookup.Request{}, &problemOf{
			code: access.Missing, scheme: f.owner.Scheme, message: "present the key pair by HTTP Basic, in the Authorization header",
		}
	}
	return lookup.Request{}, &problemOf{
		code: access.Malformed, scheme: f.owner.Scheme, message: "this key is not presented in the header " + f.header,
	}
}

// together is the request for two keys, if some presentation has them both.
func (c *carriers) together(found []carried) (lookup.Request, *problemOf) {
	a, b := found[0], found[1]
	for range 2 {
		if a.owner.Scheme == b.owner.Scheme && c.presents(a.owner, func(p *scheme.Presentation) bool {
			return isHeader(p.Header, a.header) && p.With != nil && isHeader(p.With.Header, b.header) &&
				slices.Contains(p.With.Kinds, b.owner.Kind)
		}) {
			return lookup.Request{Keys: []string{a.key, b.key}}, nil
		}
		a, b = b, a
	}
	if a.owner.Scheme == "" {
		a = b
	}
	return lookup.Request{}, severalRefused(a.owner.Scheme)
}

// presents reports whether the scheme of a key has a presentation for its kind
// that is so.
func (c *carriers) presents(owner scheme.Prefix, so func(*scheme.Presentation) bool) bool {
	s, ok := c.catalog.Scheme(owner.Scheme)
	if !ok {
		return false
	}
	all := s.Document().Presentations
	for i := range all {
		if p := &all[i]; (len(p.Kinds) == 0 || slices.Contains(p.Kinds, owner.Kind)) && so(p) {
			return true
		}
	}
	return false
}

// isHeader compares the name in a document with a canonical one.
func isHeader(name, canonical string) bool { return http.CanonicalHeaderKey(name) == canonical }

// owner is what the beginning of presented text says; zero where it says nothing.
func (c *carriers) owner(text string) scheme.Prefix {
	parsed, err := scheme.ParseText(text)
	if err != nil {
		return scheme.Prefix{}
	}
	prefix, _ := c.catalog.Prefix(parsed.Prefix)
	return prefix
}

// schemeOf is the scheme of what is presented, nil where it is unknown.
func (g *Gate) schemeOf(r lookup.Request) *scheme.Scheme {
	c := g.carriers()
	text := cmp.Or(r.Key, r.PublicKey)
	if len(r.Keys) > 0 {
		text = r.Keys[0] // both are of one scheme
	}
	s, _ := c.catalog.Scheme(c.owner(text).Scheme)
	return s
}
