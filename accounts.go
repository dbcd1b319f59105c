package keyledger

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// StatusClosed is the status of an account that has ended. Its other statuses
// are [StatusActive] and [StatusSuspended].
const StatusClosed = "closed"

// Account is a merchant, team or organisation that owns keys.
type Account struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Scheme    string    `json:"scheme"`
	Status    string    `json:"status"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	Revision  uint64    `json:"revision"`
}

// CreateAccount is what an account is to be opened as.
type CreateAccount struct {
	ID     string `json:"id,omitempty"` // "": made up by the server
	Name   string `json:"name"`
	Scheme string `json:"scheme,omitempty"` // "": that of account root
}

// ChangedAccount is an account after a change, see [ChangedKey].
type ChangedAccount struct {
	Account
	Position uint64   `json:"position"`
	Fence    string   `json:"fence,omitempty"`
	Receipt  *Receipt `json:"receipt,omitempty"`
}

// AccountFilter selects accounts. Empty fields select all.
type AccountFilter struct {
	Status string
	Limit  int    // of one page; 0 is the server's default
	Cursor string // where to go on, from [AccountPage]
}

// AccountPage is one page of a list.
type AccountPage struct {
	Accounts   []Account `json:"accounts"`
	NextCursor Text      `json:"next_cursor"` // "": the last page
}

// CreateAccount opens an account.
func (c *Client) CreateAccount(ctx context.Context, want CreateAccount, options ...Option) (*ChangedAccount, error) {
	return get[ChangedAccount](ctx, c, call{
		step: "create account", method: http.MethodPost, path: path("accounts"), body: want,
	}, options)
}

// Accounts returns one page of accounts.
func (c *Client) Accounts(ctx context.Context, filter AccountFilter) (*AccountPage, error) {
	q := url.Values{}
	if filter.Status != "" {
		q.Set("status", filter.Status)
	}
	if filter.Limit > 0 {
		q.Set("limit", strconv.Itoa(filter.Limit))
	}
	if filter.Cursor != "" {
		q.Set("cursor", filter.Cursor)
	}
	return get[AccountPage](ctx, c, call{
		step: "list accounts", method: http.MethodGet, path: path("accounts"), query: q, repeatable: true,
	}, nil)
}

// AllAccounts goes through every page from filter.Cursor on. An error ends it.
func (c *Client) AllAccounts(ctx context.Context, filter AccountFilter) iter.Seq2[Account, error] {
	return pages(filter.Cursor, func(cursor string) ([]Account, string, error) {
		filter.Cursor = cursor
		page, err := c.Accounts(ctx, filter)
		if err != nil {
			return nil, "", err
		}
		return page.Accounts, string(page.NextCursor), nil
	})
}

// Account describes one account.
func (c *Client) Account(ctx context.Context, id string) (*Account, error) {
	return get[Account](ctx, c, call{
		step: "show account", method: http.MethodGet, path: path("accounts", id), repeatable: true,
	}, nil)
}

// SuspendAccount refuses all keys of an account until it is resumed.
func (c *Client) SuspendAccount(ctx context.Context, id string, options ...Option) (*ChangedAccount, error) {
	return c.moveAccount(ctx, id, "suspend", options)
}

// ResumeAccount ends a suspension.
func (c *Client) ResumeAccount(ctx context.Context, id string, options ...Option) (*ChangedAccount, error) {
	return c.moveAccount(ctx, id, "resume", options)
}

// CloseAccount refuses all keys of an account for good.
func (c *Client) CloseAccount(ctx context.Context, id string, options ...Option) (*ChangedAccount, error) {
	return c.moveAccount(ctx, id, "close", options)
}

func (c *Client) moveAccount(ctx context.Context, id, verb string, options []Option) (*ChangedAccount, error) {
	return get[ChangedAccount](ctx, c, call{
		step: verb + " account", method: http.MethodPost, path: path("accounts", id, verb), repeatable: true,
	}, options)
}
