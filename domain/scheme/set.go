package scheme

import "slices"

// Set returns the kinds of a set, in the order of the document.
func (s *Scheme) Set(name string) ([]string, bool) {
	set, ok := s.doc.Sets[name]
	return set.Kinds, ok
}

func (c *checker) sets() {
	if len(c.doc.Sets) > MaxSets {
		c.add("sets", "%d sets, at most %d", len(c.doc.Sets), MaxSets)
	}
	for name, set := range c.doc.Sets {
		path := "sets." + name
		if !isName(name) {
			c.add(path, "malformed name")
		}
		if len(set.Kinds) < 2 || len(set.Kinds) > MaxSetKinds {
			c.add(path+".kinds", "name 2 to %d kinds", MaxSetKinds)
			continue
		}
		c.setKinds(path+".kinds", set.Kinds)
	}
}

// setKinds checks that the kinds of a set can be issued for one resource in one
// environment.
func (c *checker) setKinds(path string, kinds []string) {
	s := Scheme{doc: *c.doc}
	first := c.doc.Kinds[kinds[0]]
	for i, name := range kinds {
		k, ok := c.doc.Kinds[name]
		switch {
		case !ok:
			c.add(path, "%q is not a kind of this scheme", name)
		case slices.Contains(kinds[:i], name):
			c.add(path, "kind %s is there twice", name)
		case k.Resource == "":
			c.add(path, "kind %s is bound to nothing: a set is issued for one resource", name)
		case first.Resource != "" && k.Resource != first.Resource:
			c.add(path, "kind %s is bound to a %s, kind %s to a %s", name, k.Resource, kinds[0], first.Resource)
		case !slices.Equal(s.EnvironmentsOf(k), s.EnvironmentsOf(first)):
			c.add(path, "kinds %s and %s are made in different environments", kinds[0], name)
		}
	}
}
