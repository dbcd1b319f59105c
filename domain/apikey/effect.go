package apikey

import (
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

// Effect says what a change of state does to what the key admits. A change may
// do both, as replacing one permission by another does, or neither.
type Effect struct {
	Widens  bool // something refused before may now be allowed
	Narrows bool // something allowed before may now be refused
	// Gains lists the permissions whose use becomes possible by the widening:
	// those added, or all that the key holds where it opens in another way. A
	// caller must be able to grant every one of them.
	Gains []string
}

// Compare finds the effect of going from before to after, under the key's
// scheme. It errs towards saying that a change does something.
func Compare(before, after Key, s *scheme.Scheme) Effect {
	held := s.Effective(before.Kind, before.Permissions, before.Roles)
	holds := s.Effective(after.Kind, after.Permissions, after.Roles)
	if !before.Exists() {
		return Effect{Widens: true, Gains: append(access.Canonical(holds), after.Grantable...)}
	}
	var e Effect
	for _, p := range holds {
		if !access.Holds(held, p) {
			e.Gains = append(e.Gains, p)
		}
	}
	mayGrant := before.MayGrant(held)
	for _, p := range after.MayGrant(holds) {
		if !access.Holds(mayGrant, p) {
			e.Gains = append(e.Gains, p)
		}
	}
	e.Widens = len(e.Gains) > 0
	e.Narrows = !access.HoldsAll(holds, held) || !access.HoldsAll(after.MayGrant(holds), mayGrant)
	opens, closes := compareBounds(before, after)
	if opens {
		e.Gains = append(e.Gains, holds...)
	}
	e.Widens = e.Widens || opens
	e.Narrows = e.Narrows || closes
	return e
}

// compareBounds compares everything but permissions.
func compareBounds(before, after Key) (opens, closes bool) {
	closes, opens, err := access.NarrowsAllowlist(before.Allowlist, after.Allowlist)
	if err != nil { // stored lists are canonical; one that is not counts as any change
		opens, closes = true, true
	}
	later, sooner := compareEnds(before.ExpiresAt, after.ExpiresAt)
	opens, closes = opens || later, closes || sooner
	opens = opens || before.Suspended && !after.Suspended
	closes = closes || !before.Suspended && after.Suspended || before.RevokedAt == nil && after.RevokedAt != nil
	for _, c := range after.Credentials {
		old, existed := before.Credential(c.ID)
		if !existed {
			opens = true
			continue
		}
		later, sooner := compareEnds(ending(old), ending(c))
		opens, closes = opens || later, closes || sooner
	}
	return opens, closes
}

// ending is when a credential ends; nil is never.
func ending(c Credential) *time.Time {
	if c.CutAt != nil {
		return c.CutAt
	}
	return c.EndsAt
}

// compareEnds compares two ends, of which nil is never.
func compareEnds(before, after *time.Time) (later, sooner bool) {
	switch {
	case before == nil && after == nil:
		return false, false
	case before == nil:
		return false, true
	case after == nil:
		return true, false
	}
	return after.After(*before), after.Before(*before)
}
