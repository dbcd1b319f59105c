package apikey

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// Decide returns what follows from asking cmd of k, or why it is refused, as a
// refusal of package refusal. Nothing follows from a command that would change
// nothing: repeating one is harmless. Whether the caller may ask is not decided
// here.
//
// Before returning, Decide applies its own events with [Evolve], so that what
// the fold would refuse is never written.
func Decide(k Key, cmd Command) ([]events.Event, error) {
	out, at, err := decide(k, cmd)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	if _, err := After(k, out, at); err != nil {
		return nil, fmt.Errorf("decided what cannot be applied: %w", err)
	}
	return out, nil
}

// After is k after decided events that happen at a time. For a key that does
// not exist yet the account, id and environment are placeholders.
func After(k Key, decided []events.Event, at time.Time) (Key, error) {
	entity := k.Entity()
	var err error
	for i, e := range decided {
		k, err = Evolve(k, events.Envelope{Time: at, Entity: entity, Revision: k.Revision + 1, Index: i + 1, Count: len(decided), Data: e})
		if err != nil {
			return k, err
		}
		entity = k.Entity()
	}
	return k, nil
}

func decide(k Key, cmd Command) ([]events.Event, time.Time, error) {
	if create, ok := cmd.(Create); ok {
		if k.Exists() {
			return nil, create.At, refusal.New(refusal.Conflict, "the key exists already")
		}
		out, err := decideCreate(create)
		return out, create.At, err
	}
	if !k.Exists() {
		return nil, time.Time{}, refusal.New(refusal.NotFound, "no such key")
	}
	switch c := cmd.(type) {
	case Change:
		out, err := decideChange(k, c)
		return out, c.At, err
	case Rotate:
		out, err := decideRotate(k, c)
		return out, c.At, err
	case Cut:
		out, err := decideCut(k, c)
		return out, c.At, err
	case FirstUse:
		return decideFirstUse(k, c), c.At, nil
	case Suspend:
		if k.Suspended {
			return nil, c.At, nil
		}
		if k.RevokedAt != nil {
			return nil, c.At, alive(k)
		}
		return []events.Event{events.KeySuspended{}}, c.At, nil
	case Resume:
		if !k.Suspended && k.RevokedAt == nil {
			return nil, c.At, nil
		}
		return []events.Event{events.KeyResumed{}}, c.At, alive(k)
	case Revoke:
		if k.RevokedAt != nil {
			return nil, c.At, nil
		}
		return []events.Event{events.KeyRevoked{}}, c.At, nil
	case Create: // above
	}
	return nil, time.Time{}, fmt.Errorf("unknown command %T", cmd)
}

// alive refuses to change a key that has ended, or that this build cannot read.
// Taking away from one that it cannot read is always possible.
func alive(k Key) error {
	switch {
	case k.RevokedAt != nil:
		return refusal.New(refusal.Conflict, "the key is revoked, which is final; create another")
	case k.Opaque:
		return refusal.New(refusal.Conflict, "the key has events that this version does not know; upgrade this node")
	}
	return nil
}

func decideCreate(c Create) ([]events.Event, error) {
	kindName, kind, ok := c.Scheme.Kind(c.Kind)
	switch {
	case !ok && c.Kind == "":
		return nil, refusal.Invalid("kind", "name a kind: scheme %s has no default", c.Scheme.Name())
	case !ok:
		return nil, refusal.Invalid("kind", "scheme %s has no kind %q", c.Scheme.Name(), clip(c.Kind))
	}
	environment, ok := c.Scheme.Environment(c.Environment, kind)
	if !ok {
		return nil, refusal.Invalid("environment", "kind %s of scheme %s is made in %v", kindName, c.Scheme.Name(), c.Scheme.EnvironmentsOf(kind))
	}
	if (kind.Resource == "") != (c.Resource == "") || !isText(c.Resource, MaxResource) {
		if kind.Resource == "" {
			return nil, refusal.Invalid("resource", "a key of kind %s is bound to nothing", kindName)
		}
		return nil, refusal.Invalid("resource", "a key of kind %s is bound to one %s: name it in at most %d bytes of printable text", kindName, kind.Resource, MaxResource)
	}
	d := draft{scheme: c.Scheme, kind: kind, at: c.At}
	d.name(c.Name)
	d.metadata(c.Metadata)
	d.expiry(c.ExpiresAt)
	permissions := d.permissions("permissions", c.Permissions)
	roles := d.roles(c.Roles)
	grantable := d.grantable(c.Grantable)
	allowlist := d.allowlist(c.Allowlist)
	d.fits(environment, c.At, &c.Name, &allowlist, &c.ExpiresAt)
	if d.err != nil {
		return nil, d.err
	}
	return []events.Event{events.KeyCreated{
		Scheme: c.Scheme.Name(), SchemeVersion: c.SchemeVersion, Kind: kindName, Name: c.Name,
		Permissions: orEmpty(permissions), Roles: roles, Grantable: grantable, Allowlist: allowlist,
		ExpiresAt: utc(c.ExpiresAt), Resource: c.Resource, Set: c.Set, Metadata: c.Metadata,
		Credential: c.Credential,
	}}, nil
}

func decideChange(k Key, c Change) ([]events.Event, error) {
	_, kind, ok := c.Scheme.Kind(k.Kind)
	if !ok {
		return nil, refusal.New(refusal.Conflict, "scheme %s no longer has kind %s; the key can only be revoked", k.Scheme, k.Kind)
	}
	d := draft{scheme: c.Scheme, kind: kind, at: c.At}
	next := k
	if c.Permissions != nil {
		next.Permissions = d.permissions("permissions", *c.Permissions)
	}
	if c.Roles != nil {
		next.Roles = d.roles(*c.Roles)
	}
	if c.Grantable != nil {
		next.Grantable = d.grantable(*c.Grantable)
	}
	if c.Allowlist != nil {
		next.Allowlist = d.allowlist(*c.Allowlist)
	}
	if c.ExpiresAt != nil {
		d.expiry(*c.ExpiresAt)
		next.ExpiresAt = utc(*c.ExpiresAt)
	}
	if c.Name != nil {
		d.name(*c.Name)
		next.Name = *c.Name
	}
	if c.Metadata != nil {
		d.metadata(*c.Metadata)
		next.Metadata = *c.Metadata
	}
	d.fits(k.Environment, k.CreatedAt, c.Name, c.Allowlist, c.ExpiresAt)
	if d.err != nil {
		return nil, d.err
	}
	out := difference(k, next)
	if len(out) == 0 {
		return nil, nil
	}
	return out, alive(k)
}

// difference lists the events that lead from k to next.
func difference(k, next Key) []events.Event {
	var out []events.Event
	if !slices.Equal(k.Permissions, next.Permissions) || !slices.Equal(k.Roles, next.Roles) ||
		!slices.Equal(k.Grantable, next.Grantable) || (k.Grantable == nil) != (next.Grantable == nil) {
		out = append(out, events.KeyPermissionsChanged{
			Permissions: orEmpty(next.Permissions), Roles: next.Roles, Grantable: next.Grantable,
		})
	}
	if !slices.Equal(k.Allowlist, next.Allowlist) {
		out = append(out, events.KeyAllowlistChanged{Allowlist: orEmpty(next.Allowlist)})
	}
	if !sameInstant(k.ExpiresAt, next.ExpiresAt) {
		out = append(out, events.KeyExpiryChanged{ExpiresAt: next.ExpiresAt})
	}
	if k.Name != next.Name || !maps.Equal(k.Metadata, next.Metadata) {
		out = append(out, events.KeyDetailsChanged{Name: next.Name, Metadata: next.Metadata})
	}
	return out
}

func decideRotate(k Key, c Rotate) ([]events.Event, error) {
	if _, has := k.Credential(c.Credential.ID); has {
		return nil, nil // this very rotation has been done
	}
	active, ok := k.Active()
	live := 0
	for _, cred := range k.Credentials {
		if !cred.Ended(c.At) {
			live++
		}
	}
	switch {
	case alive(k) != nil:
		return nil, alive(k)
	case !ok:
		return nil, refusal.New(refusal.Conflict, "the key has no credential left; create another")
	case live >= MaxCredentials:
		return nil, refusal.New(refusal.Conflict, "%d credentials overlap already; cut one first", live)
	case c.Overlap < 0 || c.Overlap > MaxOverlap*time.Second:
		return nil, refusal.Invalid("overlap", "use 0s to %dh", MaxOverlap/3600)
	case c.Grace < 0 || c.Grace > MaxOverlap*time.Second:
		return nil, refusal.Invalid("grace", "use 0s to %dh", MaxOverlap/3600)
	}
	out := events.KeyRotated{Credential: c.Credential, Replaces: active.ID}
	if c.CutOnFirstUse {
		out.CutOnFirstUse, out.GraceSeconds = true, int64(c.Grace/time.Second)
	} else {
		ends := c.At.Add(c.Overlap).UTC()
		// An overlap that was to end sooner still does.
		if active.EndsAt != nil && active.EndsAt.Before(ends) {
			ends = *active.EndsAt
		}
		out.EndsAt = &ends
	}
	return []events.Event{out}, nil
}

func decideCut(k Key, c Cut) ([]events.Event, error) {
	cred, ok := k.Credential(c.Credential)
	active, _ := k.Active()
	switch {
	case !ok:
		return nil, refusal.Invalid("credential", "the key has no such credential")
	case cred.Ended(c.At), k.RevokedAt != nil:
		return nil, nil
	case active.ID == cred.ID:
		return nil, refusal.Invalid("credential", "this is the active credential: rotate first, or revoke the key")
	}
	return []events.Event{events.KeyCredentialCut{Credential: cred.ID}}, nil
}

// decideFirstUse ends the credentials that wait, all those older than the one in
// use: were only the successor to count, a credential whose successor has been
// replaced before its first use would go on for ever.
func decideFirstUse(k Key, c FirstUse) []events.Event {
	if alive(k) != nil {
		return nil
	}
	used := slices.IndexFunc(k.Credentials, func(cred Credential) bool { return cred.ID == c.Credential })
	var out []events.Event
	for _, cred := range k.Credentials[:max(used, 0)] {
		if cred.Successor != "" && !cred.Ended(c.At) {
			out = append(out, events.KeyOverlapChanged{Credential: cred.ID, EndsAt: c.At.Add(cred.Grace).UTC()})
		}
	}
	return out
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func sameInstant(a, b *time.Time) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Equal(*b))
}

// clip keeps an error from repeating more of a request than a person needs.
func clip(s string) string {
	if len(s) > access.MaxPermission {
		return s[:access.MaxPermission] + "…"
	}
	return s
}
