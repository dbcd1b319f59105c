package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/keyledger/keyledger/domain/scheme"
)

// Types that YAML finds in a plain value.
const (
	tagString = "!!str"
	tagBool   = "!!bool"
	tagNull   = "!!null"
)

func documentType() reflect.Type { return reflect.TypeFor[scheme.Document]() }

// formChecker compares a tree with the form of a document, so that a mistake can
// be shown where it stands. It collects all of them.
type formChecker struct{ problems []schemeProblem }

func (c *formChecker) add(n *yaml.Node, path, format string, args ...any) {
	c.problems = append(c.problems, schemeProblem{n.Line, path, fmt.Sprintf(format, args...)})
}

// check asks whether n can be a t.
func (c *formChecker) check(n *yaml.Node, t reflect.Type, path string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		c.add(n, path, "anchors and aliases are not read: write it out")
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		c.mapping(n, t, path)
	case t.Kind() == reflect.Slice:
		c.sequence(n, t, path)
	case n.Kind == yaml.ScalarNode && n.Tag == tagNull:
		c.add(n, path, "no value: give one, or leave the name out")
	case t.Kind() == reflect.Bool && (n.Kind != yaml.ScalarNode || n.Tag != tagBool):
		c.add(n, path, "want true or false")
	case t.Kind() == reflect.String && n.Kind != yaml.ScalarNode:
		c.add(n, path, "want a text, not a list or a mapping")
	case t.Kind() == reflect.String && n.Tag != tagString:
		c.add(n, path, "%s is not a text for YAML: put it in quotes", n.Value)
	}
}

// mapping checks names and values. An empty one may be left blank.
func (c *formChecker) mapping(n *yaml.Node, t reflect.Type, path string) {
	if n.Kind == yaml.ScalarNode && n.Tag == tagNull {
		return
	}
	if n.Kind != yaml.MappingNode {
		c.add(n, path, "want \"name: value\" lines")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == tagNull || key.Anchor != "" {
			c.add(key, path, "want a name before the colon")
			continue
		}
		below := strings.TrimPrefix(path+"."+key.Value, ".")
		if line, twice := seen[key.Value]; twice {
			c.add(key, below, "is there already, in line %d", line)
			continue
		}
		seen[key.Value] = key.Line
		if t.Kind() == reflect.Map {
			c.check(value, t.Elem(), below)
			continue
		}
		fields := fieldsOf(t)
		if field, ok := fields[key.Value]; ok {
			c.check(value, field, below)
			continue
		}
		c.add(key, below, "unknown name: want one of %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
	}
}

// sequence checks the items of a list. One that is left blank could mean nothing
// or everything, so it is refused.
func (c *formChecker) sequence(n *yaml.Node, t reflect.Type, path string) {
	if n.Kind != yaml.SequenceNode {
		c.add(n, path, "want a list: [a, b], or [] for nothing")
		return
	}
	for i, item := range n.Content {
		c.check(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
	}
}

// fieldsOf lists the fields of a struct by their names in JSON.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		out[name] = t.Field(i).Type
	}
	return out
}

// find is the node that a path names ("kinds.key.prefix", "endpoints[2].path"),
// or where that breaks off the nearest one around it. The names in a tree may
// have dots themselves. Of a named value it is the name, which stands on the
// line that a person looks for.
func find(n *yaml.Node, path string) *yaml.Node {
	at, _ := descend(n, n, path)
	return at
}

// descend is find, with what is shown for n itself; it returns also how much of
// the path is left over, to choose between two readings of it.
func descend(shown, n *yaml.Node, path string) (at *yaml.Node, left int) {
	at, left = shown, len(path)
	try := func(shown, n *yaml.Node, rest string) {
		if found, l := descend(shown, n, strings.TrimPrefix(rest, ".")); l < left {
			at, left = found, l
		}
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			rest, ok := strings.CutPrefix(path, n.Content[i].Value)
			if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				try(n.Content[i], n.Content[i+1], rest)
			}
		}
	}
	if n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			if rest, ok := strings.CutPrefix(path, fmt.Sprintf("[%d]", i)); ok {
				try(item, item, rest)
			}
		}
	}
	return at, left
}
