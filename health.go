package keyledger

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Live returns nil if the server's process answers at all. It asks once.
func (c *Client) Live(ctx context.Context) error { return c.probe(ctx, "livez") }

// Ready returns nil if the server takes requests: its ledger is reachable and
// its index has caught up. It asks once.
func (c *Client) Ready(ctx context.Context) error { return c.probe(ctx, "readyz") }

func (c *Client) probe(ctx context.Context, endpoint string) error {
	if c.err != nil {
		return fmt.Errorf("ask %s: %w", endpoint, c.err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	r, err := c.request(ctx, &call{method: http.MethodGet, path: []string{endpoint}, anonymous: true}, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", endpoint, err)
	}
	answer, err := c.httpClient().Do(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w", endpoint, &wireError{err})
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode == http.StatusOK {
		_, _ = io.CopyN(io.Discard, answer.Body, maxErrorAnswer) // so that the connection can be used again
		return nil
	}
	return fmt.Errorf("ask %s: %w", endpoint, refusal(answer))
}
