package keyledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Secret is the text of a credential. Printing, formatting, marshalling and
// logging give a redacted form, which shows at most the prefix and the last four
// characters; [Secret.Reveal] is the one way to the text. The zero Secret is
// none. Two Secrets are not to be compared with ==.
type Secret struct {
	// A pointer, because package fmt calls no methods on unexported fields: of a
	// struct that has a Secret in one, it would print a plain string.
	text *string
}

// NewSecret wraps the text of a credential, for example one to verify.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal is the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// minHidden is how many characters a redacted form must leave out. Text shorter
// than that plus what would be shown is hidden altogether.
const minHidden = 16

// String is the redacted form, "wp3_live_sk_…t9u0".
func (s Secret) String() string {
	text := s.Reveal()
	if text == "" {
		return ""
	}
	cut := strings.LastIndexByte(text, '_') + 1
	if len(text)-cut < minHidden+4 {
		return "[redacted]"
	}
	return text[:cut] + "…" + text[len(text)-4:]
}

// GoString is the redacted form.
func (s Secret) GoString() string { return s.String() }

// Format writes the redacted form, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText gives the redacted form. encoding/json and log/slog use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON takes the text from an answer. Its error does not repeat what
// was there.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("secret: not a string")
	}
	*s = NewSecret(text)
	return nil
}
