package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
)

func (a *api) registerKeyCommands() {
	rights := []access.Right{access.RightKeys}
	register(a, operation{
		id: "change-key", method: http.MethodPatch, path: "/v1/keys/{id}", tag: tagKeys, rights: rights, body: keyChange{},
		summary: "Change a key",
		description: "Replaces what the body has and leaves the rest alone. `If-Match` with the `revision` that was read " +
			"refuses the change where the key has changed since.",
	}, a.changeKey)
	register(a, operation{
		id: "rotate-key", method: http.MethodPost, path: "/v1/keys/{id}/rotate", tag: tagKeys, rights: rights,
		body: rotation{}, optional: true, summary: "Give a key a new secret",
		description: "The key keeps its id. The secret it had goes on beside the new one for the overlap, 24 hours where " +
			"nothing is said, or until the new one has been used.",
	}, a.rotateKey)
	register(a, operation{
		id: "cut-credential", method: http.MethodPost, path: "/v1/keys/{id}/cut", tag: tagKeys, rights: rights,
		body: cutBody{}, summary: "End an overlapping secret now",
	}, a.cutCredential)
	register(a, operation{
		id: "suspend-key", method: http.MethodPost, path: "/v1/keys/{id}/suspend", tag: tagKeys, rights: rights,
		body: empty{}, optional: true, summary: "Refuse a key until it is resumed",
	}, a.onKey(a.Ledger.SuspendKey))
	register(a, operation{
		id: "resume-key", method: http.MethodPost, path: "/v1/keys/{id}/resume", tag: tagKeys, rights: rights,
		body: empty{}, optional: true, summary: "End a suspension",
	}, a.onKey(a.Ledger.ResumeKey))
	register(a, operation{
		id: "revoke-key", method: http.MethodDelete, path: "/v1/keys/{id}", tag: tagKeys, rights: rights,
		summary:     "Revoke a key, for good",
		description: "Final. Asked again it answers the same.",
	}, a.revokeKey)
}

// empty is a body that says nothing.
type empty struct{}

func (a *api) changed(out ledger.Changed, err error) (ChangedKey, error) {
	if err == nil {
		err = applied(out.Outcome)
	}
	if err != nil {
		return ChangedKey{}, err
	}
	return ChangedKey{Key: a.describe(out.Key), Position: out.Position, Fence: fenceOf(out.Outcome)}, nil
}

// rotation is the body of a rotation.
type rotation struct {
	Overlap       string `json:"overlap,omitempty" example:"24h" doc:"For how long the old secret goes on; 0s ends it at once."`
	CutOnFirstUse bool   `json:"cut_on_first_use,omitempty" doc:"Instead: until the new secret is first used, plus grace."`
	Grace         string `json:"grace,omitempty" example:"10m"`
}

func (b *rotation) command() (apikey.Rotate, error) {
	r := apikey.Rotate{Overlap: apikey.DefaultOverlap, CutOnFirstUse: b.CutOnFirstUse}
	switch {
	case b.CutOnFirstUse && b.Overlap != "":
		return r, refusal.Invalid("overlap", "use overlap or cut_on_first_use")
	case !b.CutOnFirstUse && b.Grace != "":
		return r, refusal.Invalid("grace", "use it with cut_on_first_use")
	case b.CutOnFirstUse:
		r.Overlap, r.Grace = 0, apikey.DefaultGrace
	}
	for _, f := range [...]struct {
		name, text string
		into       *time.Duration
	}{{"overlap", b.Overlap, &r.Overlap}, {"grace", b.Grace, &r.Grace}} {
		if f.text == "" {
			continue
		}
		d, err := parseDuration(f.text)
		if err != nil {
			return r, refusal.Invalid(f.name, "use a duration, for example 24h or 90d")
		}
		*f.into = d
	}
	return r, nil
}

type rotateKeyInput struct {
	KeyPath
	IdempotencyHeader
	FenceQuery
	BodyBytes
}

func (a *api) rotateKey(ctx context.Context, c *caller, in *rotateKeyInput) (IssuedKey, error) {
	var b rotation
	if err := decodeOptional(in.RawBody, &b); err != nil {
		return IssuedKey{}, err
	}
	r, err := b.command()
	if err == nil {
		err = in.check()
	}
	if err != nil {
		return IssuedKey{}, err
	}
	out, err := a.Ledger.RotateKey(ctx, c.by(in.RawBody), in.ID, r)
	if err != nil {
		return IssuedKey{}, err
	}
	return issued(a.describe(out.Key), out.Minted, out.Outcome), nil
}

// decodeOptional reads a body that may be missing.
func decodeOptional(raw []byte, into any) error {
	if len(raw) == 0 {
		return nil
	}
	return edge.Decode(raw, into)
}

type cutBody struct {
	Credential string `json:"credential" doc:"Id of the credential to end."`
}

type cutInput struct {
	KeyPath
	IdempotencyHeader
	FenceQuery
	BodyBytes
}

func (a *api) cutCredential(ctx context.Context, c *caller, in *cutInput) (ChangedKey, error) {
	var b cutBody
	if err := edge.Decode(in.RawBody, &b); err != nil {
		return ChangedKey{}, err
	}
	if b.Credential == "" {
		return ChangedKey{}, refusal.Invalid("credential", "name the credential to end by its id")
	}
	if err := in.check(); err != nil {
		return ChangedKey{}, err
	}
	return a.changed(a.Ledger.CutCredential(ctx, c.by(in.RawBody), in.ID, b.Credential))
}

type keyCommandInput struct {
	KeyPath
	IdempotencyHeader
	FenceQuery
	BodyBytes
}

// onKey serves a command that has nothing to say but the key.
func (a *api) onKey(
	command func(ctx context.Context, by ledger.By, id string) (ledger.Changed, error),
) func(context.Context, *caller, *keyCommandInput) (ChangedKey, error) {
	return func(ctx context.Context, c *caller, in *keyCommandInput) (ChangedKey, error) {
		if err := decodeOptional(in.RawBody, &empty{}); err != nil {
			return ChangedKey{}, err
		}
		if err := in.check(); err != nil {
			return ChangedKey{}, err
		}
		return a.changed(command(ctx, c.by(in.RawBody), in.ID))
	}
}

type revokeInput struct {
	KeyPath
	Reason string `query:"reason" enum:"unspecified,key_compromise,superseded,affiliation_changed,privilege_withdrawn" doc:"For the record."`
	FenceQuery
}

func (a *api) revokeKey(ctx context.Context, c *caller, in *revokeInput) (Revocation, error) {
	if err := in.check(); err != nil {
		return Revocation{}, err
	}
	by := c.by(nil)
	by.Reason = in.Reason
	if by.Reason == "" {
		by.Reason = "unspecified"
	}
	out, err := a.Ledger.RevokeKey(ctx, by, in.ID)
	if err == nil {
		err = applied(out.Outcome)
	}
	if err != nil {
		return Revocation{}, err
	}
	return Revocation{
		Message: "API key revoked successfully", ID: in.ID, Position: out.Position, Fence: fenceMissing,
	}, nil
}
