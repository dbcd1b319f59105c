package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections/directory"
)

const tagKeys = "Keys"

// readers may look at keys.
func readers() []access.Right { return []access.Right{access.RightKeys, access.RightAudit} }

func (a *api) registerKeys() {
	register(a, operation{
		id: "create-key", method: http.MethodPost, path: "/v1/keys", tag: tagKeys, status: http.StatusCreated,
		summary: "Create a key", rights: []access.Right{access.RightKeys}, body: newKey{},
		description: "The secret is in this answer and nowhere else. With an `Idempotency-Key` header the same request, " +
			"repeated within 24 hours, answers the same key without its secret.",
	}, a.createKey)
	register(a, operation{
		id: "list-keys", method: http.MethodGet, path: "/v1/keys", tag: tagKeys, rights: readers(),
		summary: "List keys", description: "In order of creation, revoked ones included.",
	}, a.listKeys)
	register(a, operation{
		id: "get-key", method: http.MethodGet, path: "/v1/keys/{id}", tag: tagKeys, rights: readers(),
		summary: "Describe a key",
	}, a.getKey)
}

// newKey is the body of a create.
type newKey struct {
	Name        string            `json:"name" maxLength:"128"`
	Environment string            `json:"environment,omitempty" doc:"Optional where the scheme has one for this kind."`
	Permissions []string          `json:"permissions,omitempty" nullable:"true" doc:"Left out: none."`
	Roles       []string          `json:"roles,omitempty" nullable:"true"`
	Kind        string            `json:"kind,omitempty" doc:"Left out: the scheme's default kind."`
	Resource    string            `json:"resource,omitempty" doc:"What the key is bound to, for kinds that are."`
	Allowlist   []string          `json:"ip_allowlist,omitempty" nullable:"true" doc:"Addresses and CIDR prefixes; empty is any."`
	ExpiresAt   *string           `json:"expires_at,omitempty" format:"date-time"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Grantable   []string          `json:"grantable,omitempty" nullable:"true" doc:"What the key may give to others; left out: its own permissions."`
	Account     string            `json:"account,omitempty" doc:"Left out: the caller's."`
}

type createKeyInput struct {
	IdempotencyHeader
	BodyBytes
}

func (a *api) createKey(ctx context.Context, c *caller, in *createKeyInput) (IssuedKey, error) {
	var b newKey
	if err := edge.Decode(in.RawBody, &b); err != nil {
		return IssuedKey{}, err
	}
	expires, err := parseTime("expires_at", b.ExpiresAt)
	if err != nil {
		return IssuedKey{}, err
	}
	out, err := a.Ledger.CreateKey(ctx, c.by(in.RawBody), ledger.NewKey{
		Account: b.Account, Kind: b.Kind, Environment: b.Environment, Name: b.Name, Permissions: b.Permissions,
		Roles: b.Roles, Grantable: b.Grantable, Allowlist: b.Allowlist, ExpiresAt: expires, Resource: b.Resource,
		Metadata: b.Metadata,
	})
	if err != nil {
		return IssuedKey{}, err
	}
	return issued(a.describe(out.Key), out.Minted, out.Outcome), nil
}

// parseTime reads an instant of RFC 3339. The refusal does not repeat it.
func parseTime(field string, text *string) (*time.Time, error) {
	if text == nil {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339, *text)
	if err != nil {
		return nil, refusal.Invalid(field, "use an instant as in 2027-01-31T12:00:00Z (RFC 3339)")
	}
	return &at, nil
}

func (a *api) describe(k apikey.Key) Key { return describe(k, a.now(), a.Usage) }

func (a *api) getKey(_ context.Context, c *caller, in *KeyPath) (Key, error) {
	k, err := a.seenKey(c, in.ID)
	if err != nil {
		return Key{}, err
	}
	return a.describe(k), nil
}

// seenKey loads a key that the caller may know of.
func (a *api) seenKey(c *caller, id string) (apikey.Key, error) {
	if !events.IsToken(id) {
		return apikey.Key{}, refusal.New(refusal.NotFound, "no such key")
	}
	k, _, err := a.Directory.Key(id)
	if err != nil {
		return k, err
	}
	if !k.Exists() || !c.actor.Sees(k.Account) {
		return k, refusal.New(refusal.NotFound, "no such key")
	}
	return k, nil
}

type listKeysInput struct {
	Environment string `query:"environment"`
	Status      string `query:"status" enum:"active,suspended,expired,revoked"`
	Kind        string `query:"kind"`
	Resource    string `query:"resource"`
	Account     string `query:"account" doc:"Left out: all that the caller sees."`
	UnusedFor   string `query:"unused_for" doc:"Keys not used for so long, for example 90d. One never used counts from its creation."`
	PageQuery
}

func (a *api) listKeys(_ context.Context, c *caller, in *listKeysInput) (KeyPage, error) {
	accountID, err := c.account(in.Account)
	if err != nil {
		return KeyPage{}, err
	}
	now := a.now()
	idle, err := unusedSince(in.UnusedFor, now)
	if err != nil {
		return KeyPage{}, err
	}
	filter := directory.KeyFilter{
		Account: accountID, Environment: in.Environment, Kind: in.Kind, Resource: in.Resource, Status: in.Status, At: now,
	}
	out := KeyPage{Keys: []Key{}}
	cursor, size := in.Cursor, 0
	for range maxSteps {
		page, err := a.Directory.Keys(filter, directory.Page{Limit: min(keyStep, in.Limit-len(out.Keys)), Cursor: cursor})
		if err != nil {
			return KeyPage{}, cursorError(err)
		}
		for _, k := range page.Keys {
			if idle.IsZero() || a.newestUse(k).Before(idle) {
				out.Keys = append(out.Keys, describe(k, now, a.Usage))
				size += sizeOf(k)
			}
		}
		if cursor = page.Next; cursor == "" || len(out.Keys) == in.Limit || size > maxAnswer {
			break
		}
	}
	out.NextCursor = orNull(cursor)
	return out, nil
}

// sizeOf is about the bytes that a key takes in an answer.
func sizeOf(k apikey.Key) int {
	return 512 + 256*len(k.Credentials) + 32*(len(k.Allowlist)+len(k.Permissions)) + 576*len(k.Metadata)
}

// unusedSince is the instant since which a key must not have been used, zero
// where nothing is asked.
func unusedSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	d, err := parseDuration(text)
	if err != nil || d <= 0 {
		return time.Time{}, refusal.Invalid("unused_for", "use a duration, for example 90d or 12h")
	}
	return now.Add(-d), nil
}

// newestUse is when a key was last used, or created.
func (a *api) newestUse(k apikey.Key) time.Time {
	if used := a.Usage.LastUsed(k.ID); used.After(k.CreatedAt) {
		return used
	}
	return k.CreatedAt
}

func cursorError(err error) error {
	if errors.Is(err, directory.ErrCursor) {
		return refusal.Invalid("cursor", "use next_cursor of the page before, or leave it out")
	}
	return err
}
