package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrPermission is returned for text that cannot be a permission.
var ErrPermission = errors.New("malformed permission")

// All is the permission that covers every other.
const All = "*"

// ParsePermission accepts words of lower-case letters, digits, '_', '-' and '.'
// joined by colons ("onramp:create"), the same with a last word of '*'
// ("onramp:*"), and [All].
func ParsePermission(s string) (string, error) {
	if s == "" || len(s) > MaxPermission {
		return "", fmt.Errorf("%w: want 1 to %d characters", ErrPermission, MaxPermission)
	}
	words := strings.Split(s, ":")
	for i, word := range words {
		if word == "*" && i == len(words)-1 {
			continue
		}
		if word == "" || strings.ContainsFunc(word, notWord) {
			return "", fmt.Errorf("%w: %q: use lower-case words joined by colons, a last word may be *", ErrPermission, s)
		}
	}
	return s, nil
}

func notWord(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

// Covers reports whether holding the permission held is enough for wanted.
// "*" covers everything, "onramp:*" covers "onramp:create" and "onramp:a:b" and
// itself, but not "onramp". It allocates nothing.
func Covers(held, wanted string) bool {
	if held == wanted || held == All {
		return true
	}
	stem, wild := strings.CutSuffix(held, "*")
	return wild && len(wanted) > len(stem) && strings.HasPrefix(wanted, stem)
}

// Holds reports whether any of held covers wanted. It allocates nothing.
func Holds(held []string, wanted string) bool {
	for _, h := range held {
		if Covers(h, wanted) {
			return true
		}
	}
	return false
}

// HoldsAll reports whether every one of wanted is covered by held.
func HoldsAll(held, wanted []string) bool {
	for _, w := range wanted {
		if !Holds(held, w) {
			return false
		}
	}
	return true
}

// Canonical returns the permissions or roles sorted and without repetitions;
// nil for none.
func Canonical(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}
