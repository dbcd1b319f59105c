package access

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRoute is returned for a path pattern that cannot be matched.
var ErrRoute = errors.New("malformed path pattern")

// Endpoint says what a request for a method and path needs. A request needs all
// of Permissions. Kinds, where it is not empty, lists the combinations of key
// kinds that may present it, for example [["sak"], ["pak", "waka"]].
type Endpoint struct {
	Method      string // "GET", or "*" for all
	Path        Pattern
	Permissions []string
	Kinds       [][]string
}

// Pattern is a path with variable parts: "/v1/wallets/{resource}/invoice"
// captures one segment as the resource, "{id}" any one segment, and a last
// "**" everything below, the path before it included.
type Pattern struct {
	text     string
	segments []string
	rest     bool // ends in "**"
}

// ParsePattern reads a path pattern.
func ParsePattern(s string) (Pattern, error) {
	body, ok := strings.CutPrefix(s, "/")
	if !ok || len(s) > MaxPath {
		return Pattern{}, fmt.Errorf("%w: %q must begin with /", ErrRoute, s)
	}
	p := Pattern{text: s}
	if body == "" {
		return p, nil
	}
	segments := strings.Split(body, "/")
	if segments[len(segments)-1] == "**" {
		p.rest = true
		segments = segments[:len(segments)-1]
	}
	captures := 0
	for _, seg := range segments {
		name, isVariable := variable(seg)
		if isVariable && !isVariableName(name) || !isVariable && !plainSegment(seg) {
			return Pattern{}, fmt.Errorf("%w: segment %q of %q", ErrRoute, seg, s)
		}
		if seg == "*" || seg == "**" {
			return Pattern{}, fmt.Errorf("%w: %q in %q: use {name} for one segment, and ** at the end for the rest", ErrRoute, seg, s)
		}
		if name == resourceVariable {
			captures++
		}
	}
	if captures > 1 {
		return Pattern{}, fmt.Errorf("%w: %q names the resource twice, and only one could be compared", ErrRoute, s)
	}
	p.segments = segments
	return p, nil
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// resourceVariable is the variable whose segment must be the key's resource.
const resourceVariable = "resource"

// isVariableName admits lower-case letters, digits and '_': were case free, a
// pattern with {Resource} would capture nothing.
func isVariableName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	})
}

func variable(seg string) (name string, ok bool) {
	if len(seg) < 2 || seg[0] != '{' || seg[len(seg)-1] != '}' {
		return "", false
	}
	return seg[1 : len(seg)-1], true
}

// plainSegment reports whether seg is the one spelling that a path segment can
// have: unreserved and sub-delimiter characters of RFC 3986 without ';', not
// "." or "..", and nothing encoded.
func plainSegment(seg string) bool {
	if seg == "" || seg == "." || seg == ".." {
		return false
	}
	for i := range len(seg) {
		c := seg[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
			strings.IndexByte("-._~!$&'()*+,=:@", c) < 0 {
			return false
		}
	}
	return true
}

// PlainPath reports whether path has only one reading. Anything that a proxy
// and an upstream might read differently (an encoded character, an empty or dot
// segment, a semicolon, a backslash, a trailing slash) makes it not plain, and
// a path that is not plain matches no endpoint.
func PlainPath(path string) bool {
	if path == "/" {
		return true
	}
	if len(path) > MaxPath || path == "" || path[0] != '/' {
		return false
	}
	for n, rest := 0, path[1:]; ; n++ {
		seg, more, found := strings.Cut(rest, "/")
		if n == MaxSegments || !plainSegment(seg) {
			return false
		}
		if !found {
			return true
		}
		rest = more
	}
}

// Match reports whether a plain path has the form of p, and the segment that
// stands at {resource}, if it has one. Letters of fixed segments match in either
// case: an upstream that folds case must not turn another spelling into a way
// around the permission. It allocates nothing.
func (p Pattern) Match(path string) (resource string, ok bool) {
	rest, more := strings.TrimPrefix(path, "/"), path != "/"
	for _, want := range p.segments {
		if !more {
			return "", false
		}
		var seg string
		seg, rest, more = strings.Cut(rest, "/")
		switch name, isVariable := variable(want); {
		case isVariable && name == resourceVariable:
			resource = seg
		case !isVariable && !strings.EqualFold(seg, want):
			return "", false
		}
	}
	return resource, !more || p.rest
}

// IsMethod reports whether s is spelled as request methods are: upper-case
// letters, with hyphens between them.
func IsMethod(s string) bool {
	if s == "" || len(s) > MaxMethod || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return true
}

// Route finds the first endpoint of table that matches, and the resource named
// in the path. A method in another spelling matches nothing, not even "*": an
// upstream that folds its case would serve what the next endpoint does not guard.
func Route(table []Endpoint, method, path string) (endpoint *Endpoint, resource string) {
	if !IsMethod(method) || !PlainPath(path) {
		return nil, ""
	}
	for i := range table {
		e := &table[i]
		if e.Method != "*" && e.Method != method {
			continue
		}
		if resource, ok := e.Path.Match(path); ok {
			return e, resource
		}
	}
	return nil, ""
}
