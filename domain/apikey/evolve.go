package apikey

import (
	"slices"
	"time"

	"github.com/keyledger/keyledger/events"
)

// Evolve returns k after e. It fails only where the history is impossible, with
// [ErrHistory]: [Decide] emits nothing that Evolve refuses.
//
// An event that this build does not know makes the key opaque. An event of
// another entity is an impossible history too: its caller has mixed things up.
func Evolve(k Key, e events.Envelope) (Key, error) {
	if e.Revision != k.Revision+1 {
		return k, historyError(k, e, "a revision is missing or repeated")
	}
	if e.Entity.Kind != events.KindKey || k.Exists() && e.Entity != k.Entity() {
		return k, historyError(k, e, "an event of something else")
	}
	created, isCreated := e.Data.(events.KeyCreated)
	if isCreated == k.Exists() {
		return k, historyError(k, e, "created must be first and only first")
	}
	if isCreated {
		return create(created, e), nil
	}
	next, err := apply(k, e)
	if err != nil {
		return k, err
	}
	next.Revision = e.Revision
	if _, accepted := e.Data.(events.CommandAccepted); !accepted {
		next.Changed = e.Revision
	}
	return next, nil
}

func create(c events.KeyCreated, e events.Envelope) Key {
	return Key{
		ID: e.Entity.ID, Account: e.Entity.Account, Environment: e.Entity.Environment,
		Scheme: c.Scheme, SchemeVersion: c.SchemeVersion, Kind: c.Kind, Name: c.Name,
		Permissions: c.Permissions, Roles: c.Roles, Grantable: c.Grantable, Allowlist: c.Allowlist,
		ExpiresAt: c.ExpiresAt, Resource: c.Resource, Set: c.Set, Metadata: c.Metadata,
		Credentials: []Credential{{Credential: c.Credential, CreatedAt: e.Time}},
		CreatedAt:   e.Time, CreatedBy: e.Actor, Revision: e.Revision, Changed: e.Revision,
	}
}

// apply is the fold proper. Revoked is final: of what may follow it, only the
// acceptance of a command that raced the revocation could, and that cannot land
// either, so everything is refused.
func apply(k Key, e events.Envelope) (Key, error) {
	if k.RevokedAt != nil {
		if _, unknown := e.Data.(events.Unknown); !unknown {
			return k, historyError(k, e, "the key is revoked")
		}
	}
	switch d := e.Data.(type) {
	case events.KeyPermissionsChanged:
		k.Permissions, k.Roles, k.Grantable = d.Permissions, d.Roles, d.Grantable
	case events.KeyAllowlistChanged:
		k.Allowlist = d.Allowlist
	case events.KeyExpiryChanged:
		k.ExpiresAt = d.ExpiresAt
	case events.KeyDetailsChanged:
		k.Name, k.Metadata = d.Name, d.Metadata
	case events.KeySuspended:
		k.Suspended = true
	case events.KeyResumed:
		k.Suspended = false
	case events.KeyRotated:
		return rotate(k, d, e)
	case events.KeyOverlapChanged:
		return k.withCredential(d.Credential, e, func(c *Credential) {
			c.EndsAt, c.Successor, c.Grace = &d.EndsAt, "", 0
		})
	case events.KeyCredentialCut:
		return k.withCredential(d.Credential, e, func(c *Credential) { c.CutAt = &e.Time })
	case events.KeyRevoked:
		k.RevokedAt, k.Reason = &e.Time, e.Reason
	case events.CommandAccepted:
		// The history of what this key did; its own state stays.
	case events.Unknown:
		k.Opaque = true
	case events.KeyCreated, events.LedgerOpened, events.LedgerRestored, events.SchemeApplied,
		events.AccountOpened, events.AccountSuspended, events.AccountResumed, events.AccountClosed:
		return k, historyError(k, e, "an event of something else")
	}
	return k, nil
}

func rotate(k Key, d events.KeyRotated, e events.Envelope) (Key, error) {
	k, err := k.withCredential(d.Replaces, e, func(c *Credential) {
		switch {
		case d.CutOnFirstUse:
			c.Successor, c.Grace = d.Credential.ID, time.Duration(d.GraceSeconds)*time.Second
		case d.EndsAt == nil || !d.EndsAt.After(e.Time):
			c.CutAt = &e.Time
		default:
			c.EndsAt = d.EndsAt
		}
	})
	if err != nil {
		return k, err
	}
	k.Credentials = append(k.Credentials, Credential{Credential: d.Credential, CreatedAt: e.Time})
	k.Credentials = forgetOldest(k.Credentials, e.Time)
	return k, nil
}

// withCredential is k with one credential changed, in a copy.
func (k Key) withCredential(id string, e events.Envelope, change func(*Credential)) (Key, error) {
	i := slices.IndexFunc(k.Credentials, func(c Credential) bool { return c.ID == id })
	if i < 0 {
		return k, historyError(k, e, "no credential "+id)
	}
	k.Credentials = slices.Clone(k.Credentials)
	change(&k.Credentials[i])
	return k, nil
}

// forgetOldest keeps the state bounded: beyond [MaxKept] the oldest credential
// that has ended leaves it. Its history stays on the ledger. One that still
// overlaps stays, however old: forgetting it would end it.
func forgetOldest(all []Credential, now time.Time) []Credential {
	for len(all) > MaxKept {
		i := slices.IndexFunc(all, func(c Credential) bool { return c.Ended(now) })
		if i < 0 {
			return all
		}
		all = slices.Delete(all, i, i+1)
	}
	return all
}
