package scheme

import (
	"fmt"
	"io"
)

// Secret is credential text that must be seen once and by one reader only. It
// does not print: no way that the standard library has of turning a value into
// text shows it. [Secret.Reveal] is the one way out.
type Secret struct {
	// A pointer, because methods do not protect a value everywhere: fmt calls none
	// on what stands in an unexported field, nor for the verbs %p and %w. It then
	// prints the fields, and of a pointer inside a struct no more than its address.
	text     *string
	redacted string
}

// NewSecret wraps text whose redacted form shows no more than a prefix and the
// last four characters.
func NewSecret(text, redacted string) Secret { return Secret{text: &text, redacted: redacted} }

// Reveal is the text itself. Its callers are the responses that show a secret
// once, and nothing else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String is the redacted form.
func (s Secret) String() string { return s.redacted }

// GoString is the redacted form.
func (s Secret) GoString() string { return s.redacted }

// Format writes the redacted form, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.redacted) }

// MarshalText gives the redacted form; encoding/json and log/slog use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.redacted), nil }

// HoldsSecret reports whether text contains what looks like a credential of any
// scheme: an underscore and at least as many digits as a secret has. Ids have
// fewer. What people write into names and labels is kept for ever, so that a
// secret pasted there must be refused before it is.
func HoldsSecret(text string) bool {
	run, begun := 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '_':
			run, begun = 0, true
		case isBase62(text[i : i+1]):
			run++
		default:
			run, begun = 0, false
		}
		if begun && run >= SecretLen {
			return true
		}
	}
	return false
}
