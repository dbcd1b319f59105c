package scheme

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/keyledger/keyledger/domain/access"
)

// ErrDocument is returned for a document that does not describe a key system.
var ErrDocument = errors.New("scheme document")

// Problem is one mistake in a document.
type Problem struct {
	Path string // where: "kinds.key.prefix", "endpoints[2].path"; "" is the whole
	What string // what is wrong and what would be right
}

// Problems is every mistake found in a document. It is an [ErrDocument].
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = strings.TrimPrefix(one.Path+": "+one.What, ": ")
	}
	return ErrDocument.Error() + ": " + strings.Join(lines, "; ")
}

// Is makes Problems an [ErrDocument].
func (p Problems) Is(target error) bool { return target == ErrDocument }

// Parse reads a document in JSON. On error it is [Problems].
func Parse(data []byte) (*Scheme, error) {
	if len(data) > MaxDocument {
		return nil, Problems{{What: fmt.Sprintf("%d bytes, at most %d", len(data), MaxDocument)}}
	}
	if !utf8.Valid(data) { // the decoder would replace what is not, and keep something else
		return nil, Problems{{What: "not UTF-8"}}
	}
	var doc Document
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, Problems{{What: err.Error()}}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, Problems{{What: "something follows the document"}}
	}
	return New(doc)
}

// New checks a document. On error it is [Problems].
func New(doc Document) (*Scheme, error) {
	c := checker{doc: &doc, catalogue: sortedNames(doc.Permissions)}
	c.names()
	c.permissions()
	c.kinds()
	c.presentations()
	c.rights()
	c.words()
	c.sets()
	c.members()
	s := &Scheme{doc: doc, endpoints: c.endpoints(), prefixes: c.prefixes(), policy: c.policy()}
	if len(c.problems) > 0 {
		slices.SortFunc(c.problems, func(a, b Problem) int { return strings.Compare(a.Path+a.What, b.Path+b.What) })
		return nil, c.problems
	}
	return s, nil
}

// checker collects mistakes, not only the first, up to [MaxProblems].
type checker struct {
	doc       *Document
	catalogue []string // names of permissions, sorted
	problems  Problems
}

func (c *checker) add(path, format string, args ...any) {
	switch n := len(c.problems); {
	case n < MaxProblems-1:
		c.problems = append(c.problems, Problem{Path: path, What: fmt.Sprintf(format, args...)})
	case n == MaxProblems-1:
		c.problems = append(c.problems, Problem{What: "more mistakes than are listed"})
	}
}

func (c *checker) names() {
	d := c.doc
	if !isName(d.Scheme) {
		c.add("scheme", "name %q: use 1 to %d lower-case letters, digits, '-' and '_'", d.Scheme, MaxName)
	}
	if len(d.Environments) == 0 || len(d.Environments) > MaxEnvironments {
		c.add("environments", "name 1 to %d environments", MaxEnvironments)
	}
	if len(d.Kinds) == 0 || len(d.Kinds) > MaxKinds {
		c.add("kinds", "name 1 to %d kinds of key", MaxKinds)
	}
	for name, env := range d.Environments {
		if !isName(name) && name != access.Spanning {
			c.add("environments."+name, "malformed name")
		}
		if env.Token != "" && !isName(env.Token) {
			c.add("environments."+name+".token", "malformed token %q", env.Token)
		}
	}
	for name := range d.Roles {
		if !isName(name) {
			c.add("roles."+name, "malformed name")
		}
	}
}

func (c *checker) permissions() {
	d := c.doc
	if len(d.Permissions) > MaxCatalogue {
		c.add("permissions", "%d permissions, at most %d", len(d.Permissions), MaxCatalogue)
	}
	for name := range d.Permissions {
		if _, err := access.ParsePermission(name); err != nil || strings.HasSuffix(name, "*") {
			c.add("permissions."+name, "not a permission: use words joined by colons, without *")
		}
	}
	for name, role := range d.Roles {
		c.known("roles."+name+".permissions", role.Permissions)
	}
	if len(d.Roles) > MaxRoles {
		c.add("roles", "%d roles, at most %d", len(d.Roles), MaxRoles)
	}
}

// known reports those of names that the catalogue does not have. A wildcard is
// known where it covers something.
func (c *checker) known(path string, names []string) {
	for _, name := range names {
		found := slices.ContainsFunc(c.catalogue, func(p string) bool { return access.Covers(name, p) })
		if !found && !(c.doc.Wildcards && name == access.All) {
			c.add(path, "%q is not in the catalogue, which begins %v", name, c.catalogue[:min(len(c.catalogue), 16)])
		}
	}
}

func (c *checker) kinds() {
	defaults := 0
	for name, k := range c.doc.Kinds {
		path := "kinds." + name
		if !isName(name) {
			c.add(path, "malformed name")
		}
		if k.Default {
			defaults++
		}
		if k.Exposure != "" && k.Exposure != ExposureServer && k.Exposure != ExposureClient {
			c.add(path+".exposure", "%q: use %q or %q", k.Exposure, ExposureServer, ExposureClient)
		}
		for _, env := range k.Environments {
			if _, ok := c.doc.Environments[env]; !ok {
				c.add(path+".environments", "%q is not an environment of this scheme", env)
			}
		}
		c.known(path+".grants", k.Grants)
		if k.Permissions != nil {
			c.known(path+".permissions", *k.Permissions)
		}
		for _, right := range k.Rights {
			c.right(path+".rights", right)
		}
		if k.Roles != nil {
			for _, role := range *k.Roles {
				if _, ok := c.doc.Roles[role]; !ok {
					c.add(path+".roles", "%q is not a role of this scheme", role)
				}
			}
		}
	}
	if defaults > 1 {
		c.add("kinds", "%d kinds are the default, at most one can be", defaults)
	}
}

func (c *checker) rights() {
	for name, rights := range c.doc.Rights {
		_, isRole := c.doc.Roles[name]
		_, isPermission := c.doc.Permissions[name]
		if !isRole && !isPermission {
			c.add("rights."+name, "neither a permission nor a role of this scheme")
		}
		for _, right := range rights {
			c.right("rights."+name, right)
		}
	}
}

func (c *checker) right(path, name string) {
	if _, err := access.ParseRight(name); err != nil {
		c.add(path, "%v", err)
	}
}

// words checks that a scheme renames nothing but what it may put in words of its
// own, and that a word can stand in a header.
func (c *checker) words() {
	for code, word := range c.doc.Errors {
		if !slices.Contains(renamable(), access.Code(code)) {
			c.add("errors."+code, "only these can have another word: %v", renamable())
		}
		if !isName(word) {
			c.add("errors."+code, "%q: use 1 to %d lower-case letters, digits, '-' and '_'", word, MaxName)
		}
	}
}

// renamable lists the codes that are answered with status 401.
func renamable() []access.Code {
	return []access.Code{
		access.Missing, access.Malformed, access.Invalid, access.Revoked, access.Expired, access.Suspended, access.AccountInactive,
	}
}

func (c *checker) endpoints() []access.Endpoint {
	if len(c.doc.Endpoints) > MaxEndpoints {
		c.add("endpoints", "%d endpoints, at most %d", len(c.doc.Endpoints), MaxEndpoints)
	}
	var out []access.Endpoint
	for i, e := range c.doc.Endpoints {
		path := fmt.Sprintf("endpoints[%d]", i)
		pattern, err := access.ParsePattern(e.Path)
		if err != nil {
			c.add(path+".path", "%v", err)
		}
		if e.Method != "*" && !access.IsMethod(e.Method) {
			c.add(path+".method", "%q: use an upper-case method, or *", e.Method)
		}
		c.known(path+".permissions", e.Permissions)
		for _, combination := range e.Kinds {
			for _, kind := range combination {
				if _, ok := c.doc.Kinds[kind]; !ok {
					c.add(path+".kinds", "%q is not a kind of this scheme", kind)
				}
			}
		}
		out = append(out, access.Endpoint{Method: e.Method, Path: pattern, Permissions: e.Permissions, Kinds: e.Kinds})
	}
	return out
}

// prefixes expands every kind in every environment, and refuses text that would
// say two things.
func (c *checker) prefixes() []Prefix {
	s := Scheme{doc: *c.doc}
	var out []Prefix
	for name, k := range c.doc.Kinds {
		for _, env := range s.EnvironmentsOf(k) {
			p := Prefix{Scheme: c.doc.Scheme, Kind: name, Environment: env, Pair: k.SecretPrefix != ""}
			p.Text = c.expand("kinds."+name+".prefix", k.Prefix, env)
			out = append(out, p)
			if p.Pair {
				p.Text, p.Secret = c.expand("kinds."+name+".secret_prefix", k.SecretPrefix, env), true
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b Prefix) int {
		return cmp.Or(strings.Compare(a.Text, b.Text), strings.Compare(a.Kind, b.Kind))
	})
	for i := 1; i < len(out); i++ {
		if a, b := out[i-1], out[i]; a.Text == b.Text {
			c.add("kinds."+b.Kind+".prefix", "%q also begins kind %s in %s", b.Text, a.Kind, a.Environment)
		}
	}
	return out
}

func (c *checker) expand(path, template, env string) string {
	token := c.doc.Environments[env].Token
	if token == "" {
		token = env
	}
	text := strings.ReplaceAll(template, "{environment}", token)
	if body, ok := strings.CutSuffix(text, "_"); !ok || !isName(body) || len(text) > MaxPrefix {
		c.add(path, "%q: use up to %d lower-case letters, digits, '-' and '_', ending in '_'", template, MaxPrefix)
	}
	return text
}

func isName(s string) bool {
	return s != "" && len(s) <= MaxName && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}) && s[0] != '_' && s[0] != '-'
}
