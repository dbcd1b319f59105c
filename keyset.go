package keyledger

import (
	"context"
	"net/http"
)

// CreateKeySet asks for the keys that a scheme issues together for one resource.
type CreateKeySet struct {
	Set         string `json:"set"`
	Resource    string `json:"resource"`
	Name        string `json:"name,omitempty"`        // of every key; its kind is appended
	Environment string `json:"environment,omitempty"` // "": the only one the scheme has
	Account     string `json:"account,omitempty"`     // "": the caller's
}

// KeySet is keys that were issued together, in the order of the scheme.
type KeySet struct {
	Keys []IssuedKey `json:"keys"`
	// SecretAvailable is false where an earlier request under the same
	// [IdempotencyKey] made the keys: their secrets were shown then.
	SecretAvailable bool   `json:"secret_available"`
	Position        uint64 `json:"position"`
}

// CreateKeySet creates all keys of a set, or none. Their secrets are not shown
// again, and a resource has each set once.
func (c *Client) CreateKeySet(ctx context.Context, want CreateKeySet, options ...Option) (*KeySet, error) {
	return get[KeySet](ctx, c, call{
		step: "create keys of a set", method: http.MethodPost, path: path("keysets"), body: want,
	}, options)
}
