package scheme

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/keyledger/keyledger/domain/access"
)

// Scheme is a [Document] that has been checked, ready for use. It is immutable.
type Scheme struct {
	doc       Document
	endpoints []access.Endpoint
	prefixes  []Prefix
	policy    policy
}

// Prefix is one beginning of credential text and what it says.
type Prefix struct {
	Text        string // "wp3_live_sk_"
	Scheme      string
	Kind        string
	Environment string // access.Spanning for kinds of the built-in scheme that span all
	Pair        bool   // the text is half of a pair
	Secret      bool   // ... the secret half
}

// Name is the name of the scheme.
func (s *Scheme) Name() string { return s.doc.Scheme }

// Document returns the document. It must not be changed.
func (s *Scheme) Document() Document { return s.doc }

// Canonical is the document as the ledger keeps it: compact JSON with sorted
// keys, the same for every way of writing the same document.
func (s *Scheme) Canonical() []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // one byte would become six, and the event too large
	if err := enc.Encode(s.doc); err != nil {
		panic(err) // strings, booleans, lists and maps of them always marshal
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Endpoints is the compiled endpoint table.
func (s *Scheme) Endpoints() []access.Endpoint { return s.endpoints }

// Prefixes lists every prefix of the scheme, in order of text.
func (s *Scheme) Prefixes() []Prefix { return s.prefixes }

// Kind returns a kind by name, or the scheme's default for "".
func (s *Scheme) Kind(name string) (string, Kind, bool) {
	if name != "" {
		k, ok := s.doc.Kinds[name]
		return name, k, ok
	}
	for n, k := range s.doc.Kinds {
		if k.Default {
			return n, k, true
		}
	}
	return "", Kind{}, false
}

// Environment returns the environment to use for name: itself if the scheme has
// it, or the only one there is for "".
func (s *Scheme) Environment(name string, kind Kind) (string, bool) {
	allowed := s.EnvironmentsOf(kind)
	if name == "" && len(allowed) == 1 {
		return allowed[0], true
	}
	return name, slices.Contains(allowed, name)
}

// EnvironmentsOf lists the environments that a kind can be made in, sorted.
func (s *Scheme) EnvironmentsOf(kind Kind) []string {
	if len(kind.Environments) > 0 {
		return slices.Sorted(slices.Values(kind.Environments))
	}
	return sortedNames(s.doc.Environments)
}

// HasPermission reports whether p can be granted to a key of kind. A wildcard
// can where it covers something: what it might cover one day, nobody has granted.
func (s *Scheme) HasPermission(kind Kind, p string) bool {
	if strings.HasSuffix(p, "*") {
		if !s.doc.Wildcards || p != access.All && !s.coversAny(p) {
			return false
		}
	} else if _, ok := s.doc.Permissions[p]; !ok {
		return false
	}
	return kind.Permissions == nil || access.Holds(*kind.Permissions, p)
}

func (s *Scheme) coversAny(wildcard string) bool {
	for p := range s.doc.Permissions {
		if access.Covers(wildcard, p) {
			return true
		}
	}
	return false
}

// HasRole reports whether role can be given to a key of kind.
func (s *Scheme) HasRole(kind Kind, role string) bool {
	if _, ok := s.doc.Roles[role]; !ok {
		return false
	}
	return kind.Roles == nil || slices.Contains(*kind.Roles, role)
}

// Effective lists everything that a key of kind holds with these permissions and
// roles: its own, its roles' and its kind's. A role or kind that the scheme no
// longer has adds nothing.
func (s *Scheme) Effective(kind string, permissions, roles []string) []string {
	k := s.doc.Kinds[kind]
	if len(roles) == 0 && len(k.Grants) == 0 {
		return permissions
	}
	all := slices.Concat(permissions, k.Grants)
	for _, role := range roles {
		all = append(all, s.doc.Roles[role].Permissions...)
	}
	return access.Canonical(all)
}

// Rights lists the management rights that come with these permissions and roles
// on a key of kind. Holding every permission is not having every role.
func (s *Scheme) Rights(kind string, effective, roles []string) []access.Right {
	var out []access.Right
	add := func(names []string) {
		for _, name := range names {
			if r := access.Right(name); !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	add(s.doc.Kinds[kind].Rights)
	for name, rights := range s.doc.Rights {
		_, isPermission := s.doc.Permissions[name]
		if isPermission && access.Holds(effective, name) || slices.Contains(roles, name) {
			add(rights)
		}
	}
	slices.Sort(out)
	return out
}

// Word is the scheme's own word for a code.
func (s *Scheme) Word(code access.Code) access.Code {
	return access.Code(cmp.Or(s.doc.Errors[string(code)], string(code)))
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
