package keyledger

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// KeyFilter selects keys. Empty fields select all.
type KeyFilter struct {
	Account, Environment, Kind, Resource, Status string
	UnusedFor                                    string // "90d", "12h"
	Limit                                        int    // of one page; 0 is the server's default
	Cursor                                       string // where to go on, from [KeyPage]
}

func (f KeyFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"account": f.Account, "environment": f.Environment, "kind": f.Kind, "resource": f.Resource,
		"status": f.Status, "unused_for": f.UnusedFor, "cursor": f.Cursor,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

// KeyPage is one page of a list.
type KeyPage struct {
	Keys       []Key `json:"keys"`
	NextCursor Text  `json:"next_cursor"` // "": the last page
}

// CreateKey creates a key. The secret in the answer is not shown again.
func (c *Client) CreateKey(ctx context.Context, want CreateKey, options ...Option) (*IssuedKey, error) {
	return get[IssuedKey](ctx, c, call{
		step: "create key", method: http.MethodPost, path: path("keys"), body: want,
	}, options)
}

// Keys returns one page of keys.
func (c *Client) Keys(ctx context.Context, filter KeyFilter) (*KeyPage, error) {
	return get[KeyPage](ctx, c, call{
		step: "list keys", method: http.MethodGet, path: path("keys"), query: filter.query(), repeatable: true,
	}, nil)
}

// AllKeys goes through every page from filter.Cursor on. An error ends it.
func (c *Client) AllKeys(ctx context.Context, filter KeyFilter) iter.Seq2[Key, error] {
	return pages(filter.Cursor, func(cursor string) ([]Key, string, error) {
		filter.Cursor = cursor
		page, err := c.Keys(ctx, filter)
		if err != nil {
			return nil, "", err
		}
		return page.Keys, string(page.NextCursor), nil
	})
}

// Key describes one key.
func (c *Client) Key(ctx context.Context, id string) (*Key, error) {
	return get[Key](ctx, c, call{
		step: "show key", method: http.MethodGet, path: path("keys", id), repeatable: true,
	}, nil)
}

// UpdateKey changes a key.
func (c *Client) UpdateKey(ctx context.Context, id string, change KeyChange, options ...Option) (*ChangedKey, error) {
	return get[ChangedKey](ctx, c, call{
		step: "change key", method: http.MethodPatch, path: path("keys", id), body: change, repeatable: true,
	}, options)
}

// RotateKey gives a key a new secret, which the answer shows once.
func (c *Client) RotateKey(ctx context.Context, id string, how Rotation, options ...Option) (*IssuedKey, error) {
	return get[IssuedKey](ctx, c, call{
		step: "rotate key", method: http.MethodPost, path: path("keys", id, "rotate"), body: how,
	}, options)
}

// CutCredential ends an overlapping credential now.
func (c *Client) CutCredential(ctx context.Context, id, credential string, options ...Option) (*ChangedKey, error) {
	return get[ChangedKey](ctx, c, call{
		step: "cut credential", method: http.MethodPost, path: path("keys", id, "cut"), repeatable: true,
		body: map[string]string{"credential": credential},
	}, options)
}

// SuspendKey refuses a key until it is resumed.
func (c *Client) SuspendKey(ctx context.Context, id string, options ...Option) (*ChangedKey, error) {
	return get[ChangedKey](ctx, c, call{
		step: "suspend key", method: http.MethodPost, path: path("keys", id, "suspend"), repeatable: true,
	}, options)
}

// ResumeKey ends a suspension.
func (c *Client) ResumeKey(ctx context.Context, id string, options ...Option) (*ChangedKey, error) {
	return get[ChangedKey](ctx, c, call{
		step: "resume key", method: http.MethodPost, path: path("keys", id, "resume"), repeatable: true,
	}, options)
}

// RevokeKey ends a key for good. An empty reason is [ReasonUnspecified]. Once it
// has returned, the node that answered accepts the key no more.
func (c *Client) RevokeKey(ctx context.Context, id, reason string, options ...Option) (*Revocation, error) {
	q := url.Values{}
	if reason != "" {
		q.Set("reason", reason)
	}
	return get[Revocation](ctx, c, call{
		step: "revoke key", method: http.MethodDelete, path: path("keys", id), query: q, repeatable: true,
	}, options)
}
