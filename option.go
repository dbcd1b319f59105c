package keyledger

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Option adds to one call.
type Option func(*call)

// IdempotencyKey makes a create or a rotation take effect once within 24 hours,
// however often it is sent under the same text, and lets the client repeat it.
// Where an earlier request took effect the answer is the same key without its
// secret, and [IssuedKey.Secret] is zero. Use a text that belongs to the intent,
// such as the id of an order; an empty one is none. It counts for calls that POST.
func IdempotencyKey(text string) Option {
	return func(c *call) {
		if text != "" {
			c.header.Set("Idempotency-Key", text)
			c.repeatable = c.repeatable || c.method == http.MethodPost
		}
	}
}

// IfMatch makes a change take effect only if the key still has the revision that
// the caller has read; otherwise it is refused with [ErrRevisionMismatch]. Such
// a change is not repeated: the second attempt would meet what the first did.
func IfMatch(revision uint64) Option {
	return func(c *call) {
		c.header.Set("If-Match", strconv.Quote(strconv.FormatUint(revision, 10)))
		c.repeatable = false
	}
}

// Optional is a field of a change: left alone, or set to a value.
type Optional[T any] struct {
	set   bool
	value T
}

// Set makes a change set a field to v. A nil pointer or list is JSON null, which
// for an expiry is "never" and for a grantable list "its own permissions"; other
// lists are emptied by an empty list.
func Set[T any](v T) Optional[T] { return Optional[T]{set: true, value: v} }

// Get returns the value, and whether there is one.
func (o Optional[T]) Get() (T, bool) { return o.value, o.set }

// IsZero reports whether the field is left alone. encoding/json leaves such a
// field out where it is marked omitzero.
func (o Optional[T]) IsZero() bool { return !o.set }

// MarshalJSON writes the value.
func (o Optional[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.value) }

// UnmarshalJSON reads a value.
func (o *Optional[T]) UnmarshalJSON(data []byte) error {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	*o = Set(v)
	return nil
}
