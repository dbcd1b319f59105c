package scheme

import (
	"errors"
	"fmt"
	"slices"
)

// ErrPrefixTaken is returned where two schemes claim the same prefix: text that
// begins with it would belong to both.
var ErrPrefixTaken = errors.New("prefix already taken")

// Catalog is the set of schemes known at one moment. It is immutable.
type Catalog struct {
	schemes  map[string]*Scheme
	prefixes map[string]Prefix
}

// NewCatalog builds a catalog. The built-in scheme is always in it, whatever else
// claims its name.
func NewCatalog(schemes ...*Scheme) (*Catalog, error) {
	c := &Catalog{schemes: map[string]*Scheme{}, prefixes: map[string]Prefix{}}
	for _, s := range slices.Concat(schemes, []*Scheme{Builtin()}) {
		c.schemes[s.Name()] = s
	}
	for _, s := range c.schemes {
		for _, p := range s.Prefixes() {
			if other, ok := c.prefixes[p.Text]; ok {
				return nil, fmt.Errorf("%w: %q of scheme %s belongs to scheme %s", ErrPrefixTaken, p.Text, s.Name(), other.Scheme)
			}
			c.prefixes[p.Text] = p
		}
	}
	return c, nil
}

// Scheme returns a scheme by name.
func (c *Catalog) Scheme(name string) (*Scheme, bool) {
	s, ok := c.schemes[name]
	return s, ok
}

// Names lists the schemes, sorted.
func (c *Catalog) Names() []string { return sortedNames(c.schemes) }

// Prefix says what text beginning so is. It allocates nothing.
func (c *Catalog) Prefix(text string) (Prefix, bool) {
	p, ok := c.prefixes[text]
	return p, ok
}

// With is c with one scheme added or replaced.
func (c *Catalog) With(s *Scheme) (*Catalog, error) {
	schemes := []*Scheme{s}
	for name, old := range c.schemes {
		if name != s.Name() && name != BuiltinName {
			schemes = append(schemes, old)
		}
	}
	return NewCatalog(schemes...)
}
