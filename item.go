package keyledger

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

// Text is a string that is null in JSON where it is empty.
type Text string

// MarshalJSON writes the string, or null.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// Receipt says which verifiers have taken a narrowing change.
type Receipt struct {
	ID          string            `json:"id"`
	Position    uint64            `json:"position"`
	State       string            `json:"state"` // "final" or "pending"
	Verifiers   []VerifierReceipt `json:"verifiers"`
	CompletedAt *time.Time        `json:"completed_at"`
}

// Pending reports whether the change is written but not yet everywhere.
func (r *Receipt) Pending() bool { return r != nil && r.State == "pending" }

// VerifierReceipt is one verifier's part of a [Receipt].
type VerifierReceipt struct {
	Name    string `json:"name"`
	State   string `json:"state"` // "confirmed", "expired" or "outside"
	Applied uint64 `json:"applied"`
	AfterMS int64  `json:"after_ms"`
}

// get sends k and returns what it answers.
func get[T any](ctx context.Context, c *Client, k call, options []Option) (*T, error) {
	answer := new(T)
	k.into = answer
	if err := c.do(ctx, k, options); err != nil {
		return nil, err
	}
	return answer, nil
}

// pages goes through the pages of a list, beginning at cursor.
func pages[T any](cursor string, page func(cursor string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for cursor := cursor; ; {
			items, next, err := page(cursor)
			if err == nil && next != "" && next == cursor {
				err = fmt.Errorf("%w: a page that leads to itself", ErrProtocol)
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}
