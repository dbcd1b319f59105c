package keyledger

import (
	"context"
	"encoding/json"
	"net/http"
)

// Scheme is a key system that the ledger knows.
type Scheme struct {
	Name     string          `json:"name"`
	Version  int             `json:"version"` // from 1; 0 is built into the server
	Document json.RawMessage `json:"document"`
}

// Schemes lists the key systems that the ledger knows.
func (c *Client) Schemes(ctx context.Context) ([]Scheme, error) {
	answer, err := get[struct {
		Schemes []Scheme `json:"schemes"`
	}](ctx, c, call{
		step: "list schemes", method: http.MethodGet, path: path("schemes"), repeatable: true,
	}, nil)
	if err != nil {
		return nil, err
	}
	return answer.Schemes, nil
}

// Scheme describes one key system.
func (c *Client) Scheme(ctx context.Context, name string) (*Scheme, error) {
	return get[Scheme](ctx, c, call{
		step: "show scheme", method: http.MethodGet, path: path("schemes", name), repeatable: true,
	}, nil)
}
