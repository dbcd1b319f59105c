package gateway

import (
	"encoding/base64"
	"net/http"
	"net/url"
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
	basic   bool     // some scheme uses Basic
}

// carriers is made anew when the catalog has changed.
func (g *Gate) carriers() *carriers {
	catalog := g.verifier.Catalog()
	if c := g.headers.Load(); c != nil && c.catalog == catalog {
		return c
	}
	c := &carriers{catalog: catalog, headers: []string{builtinHeader}}
	for _, name := range catalog.Names() {
		s, _ := catalog.Scheme(name)
		for _, p := range s.Document().Presentations {
			c.basic = c.basic || p.Basic
			if h := http.CanonicalHeaderKey(p.Header); p.Header != "" && !slices.Contains(c.headers, h) {
				c.headers = append(c.headers, h)
			}
		}
	}
	g.headers.Store(c)
	return c
}

// presented reads the one credential of r. Two that differ are refused: which
// of them counts would depend on who reads.
func (g *Gate) presented(r *http.Request) (lookup.Request, *problemOf) {
	c := g.carriers()
	if name, ok := c.inURL(r.URL); ok {
		return lookup.Request{}, &problemOf{
			code: access.Malformed, scheme: name,
			message: "an API key must not stand in a URL, where logs keep it: send it in its header, and replace this one",
		}
	}
	key, header, ok := c.fromHeaders(r.Header)
	authorization := r.Header["Authorization"]
	switch {
	case !ok, len(authorization) > 1, key != "" && len(authorization) > 0:
		return lookup.Request{}, &problemOf{
			code: access.Malformed, scheme: c.owner(key).Scheme,
			message: "the request carries several credentials; present one",
		}
	case len(authorization) > 0:
		return c.fromAuthorization(authorization[0])
	case key == "":
		return lookup.Request{}, &problemOf{code: access.Missing}
	}
	if owner := c.owner(key); owner.Scheme != "" && !c.presents(owner.Scheme, header) {
		return lookup.Request{}, &problemOf{
			code: access.Malformed, scheme: owner.Scheme, message: "this key is not presented in the header " + header,
		}
	}
	return lookup.Request{Key: key}, nil
}

// fromHeaders returns the key in one of the headers, "" for none, and false for
// several.
func (c *carriers) fromHeaders(h http.Header) (key, header string, ok bool) {
	for _, name := range c.headers {
		for _, value := range h[name] {
			value = strings.TrimSpace(value)
			if value == "" {
				continue
			}
			if key != "" && key != value {
				return key, header, false
			}
			key, header = value, name
		}
	}
	return key, header, true
}

// fromAuthorization reads Basic (RFC 7617) where some scheme uses it. Bearer and
// whatever else there may be is no way of presenting a key.
func (c *carriers) fromAuthorization(value string) (lookup.Request, *problemOf) {
	refused := &problemOf{code: access.Malformed}
	kind, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if !c.basic || !strings.EqualFold(kind, "Basic") {
		return lookup.Request{}, refused
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	public, secret, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		return lookup.Request{}, refused
	}
	if refused.scheme = c.owner(public).Scheme; !c.presents(refused.scheme, "") {
		return lookup.Request{}, refused
	}
	return lookup.Request{PublicKey: public, SecretKey: secret}, nil
}

// presents reports whether a scheme's credentials come in this header, or as
// Basic for "".
func (c *carriers) presents(name, header string) bool {
	s, ok := c.catalog.Scheme(name)
	return ok && slices.ContainsFunc(s.Document().Presentations, func(p scheme.Presentation) bool {
		return p.Basic == (header == "") && http.CanonicalHeaderKey(p.Header) == header
	})
}

// owner is what the beginning of presented text says; zero where it says nothing.
func (c *carriers) owner(text string) scheme.Prefix {
	parsed, err := scheme.ParseText(text)
	if err != nil {
		return scheme.Prefix{}
	}
	prefix, _ := c.catalog.Prefix(parsed.Prefix)
	return prefix
}

// inURL reports whether a secret of some scheme stands in path or query, and
// which scheme's. Kinds that are made for URLs may.
func (c *carriers) inURL(u *url.URL) (name string, found bool) {
	query := u.RawQuery
	if plain, err := url.QueryUnescape(query); err == nil {
		query = plain
	}
	for _, text := range [...]string{u.Path, query} {
		for word := range strings.FieldsFuncSeq(text, notCredential) {
			parsed, err := scheme.ParseText(word)
			if err != nil || parsed.Secret == "" {
				continue
			}
			prefix, known := c.catalog.Prefix(parsed.Prefix)
			s, _ := c.catalog.Scheme(prefix.Scheme)
			if known && !s.Document().Kinds[prefix.Kind].InURL {
				return prefix.Scheme, true
			}
		}
	}
	return "", false
}

// notCredential reports whether r cannot stand in the text of a credential.
func notCredential(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

// schemeOf is the scheme of what is presented, nil where it is unknown.
func (g *Gate) schemeOf(r lookup.Request) *scheme.Scheme {
	c := g.carriers()
	text := r.Key
	if text == "" {
		text = r.PublicKey
	}
	s, _ := c.catalog.Scheme(c.owner(text).Scheme)
	return s
}
