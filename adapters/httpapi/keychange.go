package httpapi

import (
	"context"
	"time"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/refusal"
)

// keyChange is the body of a change. The last four are here to be refused by
// their own code.
type keyChange struct {
	Name        edge.Maybe[string]            `json:"name,omitzero" nullable:"false"`
	Permissions edge.Maybe[[]string]          `json:"permissions,omitzero" nullable:"false"`
	Roles       edge.Maybe[[]string]          `json:"roles,omitzero" nullable:"false"`
	Allowlist   edge.Maybe[[]string]          `json:"ip_allowlist,omitzero" nullable:"false"`
	ExpiresAt   edge.Maybe[string]            `json:"expires_at,omitzero" format:"date-time" doc:"Null: never."`
	Metadata    edge.Maybe[map[string]string] `json:"metadata,omitzero"`
	Grantable   edge.Maybe[[]string]          `json:"grantable,omitzero" doc:"Null: its own permissions."`

	Environment edge.Maybe[any] `json:"environment,omitzero" hidden:"true"`
	Kind        edge.Maybe[any] `json:"kind,omitzero" hidden:"true"`
	Account     edge.Maybe[any] `json:"account,omitzero" hidden:"true"`
	Resource    edge.Maybe[any] `json:"resource,omitzero" hidden:"true"`
}

func (b *keyChange) immutable() error {
	for _, f := range [...]struct {
		name string
		set  bool
	}{
		{"environment", b.Environment.Set},
		{"kind", b.Kind.Set},
		{"account", b.Account.Set},
		{"resource", b.Resource.Set},
	} {
		if f.set {
			return &refusal.Error{
				Code: refusal.ImmutableField, Field: f.name, Message: "this is for the key's whole life; create another key",
			}
		}
	}
	return nil
}

// change is what the body asks for.
func (b *keyChange) change() (c apikey.Change, err error) {
	if err := b.immutable(); err != nil {
		return c, err
	}
	if c.Name, err = b.Name.Pointer("name", "give a name"); err != nil {
		return c, err
	}
	if c.Permissions, err = b.Permissions.Pointer("permissions", "[] is none"); err != nil {
		return c, err
	}
	if c.Roles, err = b.Roles.Pointer("roles", "[] is none"); err != nil {
		return c, err
	}
	if c.Allowlist, err = b.Allowlist.Pointer("ip_allowlist", "[] is any address"); err != nil {
		return c, err
	}
	if c.Metadata, err = b.Metadata.Pointer("metadata", "{} is none"); err != nil {
		return c, err
	}
	if b.Grantable.Set {
		c.Grantable = &b.Grantable.Value // nil for null
	}
	if b.ExpiresAt.Set {
		var expires *time.Time
		if !b.ExpiresAt.Null {
			if expires, err = parseTime("expires_at", &b.ExpiresAt.Value); err != nil {
				return c, err
			}
		}
		c.ExpiresAt = &expires
	}
	return c, nil
}

type changeKeyInput struct {
	KeyPath
	FenceQuery
	IfMatch string `header:"If-Match" doc:"The revision that was read."`
	BodyBytes
}

func (a *api) changeKey(ctx context.Context, c *caller, in *changeKeyInput) (ChangedKey, error) {
	var b keyChange
	if err := edge.Decode(in.RawBody, &b); err != nil {
		return ChangedKey{}, err
	}
	change, err := b.change()
	if err != nil {
		return ChangedKey{}, err
	}
	revision, err := ifMatch(in.IfMatch)
	if err != nil {
		return ChangedKey{}, err
	}
	if err := in.check(); err != nil {
		return ChangedKey{}, err
	}
	return a.changed(a.Ledger.ChangeKey(ctx, c.by(in.RawBody), in.ID, change, revision))
}
