package apikey

import (
	"slices"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

// Effect says what a change of state does to what the key admits. A change may
// do both, as replacing one permission by another does, or neither.
type Effect struct {
	Widens  bool // something refused before may now be allowed
	Narrows bool // something allowed before may now be refused
	// Gains lists the permissions whose use, or whose granting to others, becomes
	// possible by the widening: those added, or all there are where the key opens
	// in another way. A caller must be able to grant every one of them.
	Gains []string
	// Rights lists the management rights that come with the kind and the roles of
	// a key that widens; those that come with permissions are not repeated here. A
	// caller must have every one of them.
	Rights []access.Right
}

// Compare finds the effect of going from before to after, under the key's
// scheme. It errs towards saying that a change does something.
func Compare(before, after Key, s *scheme.Scheme) Effect {
	had, has := powersOf(before, s), powersOf(after, s)
	if !before.Exists() {
		return Effect{Widens: true, Gains: has.all(), Rights: has.rights}
	}
	gains := slices.Concat(beyond(had.holds, has.holds), beyond(had.grants, has.grants))
	opens, closes := compareBounds(before, after)
	if opens {
		gains = has.all()
	}
	e := Effect{Gains: access.Canonical(gains)}
	e.Widens = opens || len(gains) > 0 || !containsAll(had.rights, has.rights)
	e.Narrows = closes || !access.HoldsAll(has.holds, had.holds) || !access.HoldsAll(has.grants, had.grants) ||
		!containsAll(has.rights, had.rights)
	if e.Widens {
		e.Rights = has.rights
	}
	return e
}

// powers is what a key can do where nothing bounds it.
type powers struct {
	holds  []string       // permissions it may use
	grants []string       // permissions it may give to others
	rights []access.Right // that come with its kind and roles
}

func powersOf(k Key, s *scheme.Scheme) powers {
	holds := s.Effective(k.Kind, k.Permissions, k.Roles)
	return powers{holds: holds, grants: k.MayGrant(holds), rights: s.Rights(k.Kind, nil, k.Roles)}
}

func (p powers) all() []string { return access.Canonical(slices.Concat(p.holds, p.grants)) }

// beyond lists those of wanted that held does not cover.
func beyond(held, wanted []string) (out []string) {
	for _, p := range wanted {
		if !access.Holds(held, p) {
			out = append(out, p)
		}
	}
	return out
}

func containsAll(in, all []access.Right) bool {
	for _, r := range all {
		if !slices.Contains(in, r) {
			return false
		}
	}
	return true
}

// compareBounds compares everything but permissions.
func compareBounds(before, after Key) (opens, closes bool) {
	closes, opens, err := access.NarrowsAllowlist(before.Allowlist, after.Allowlist)
	if err != nil { // stored lists are canonical; one that is not counts as any change
		opens, closes = true, true
	}
	later, sooner := compareEnds(before.ExpiresAt, after.ExpiresAt)
	opens, closes = opens || later, closes || sooner
	for _, stop := range [...]struct{ was, is bool }{
		{before.Suspended, after.Suspended},
		{before.RevokedAt != nil, after.RevokedAt != nil},
		{before.Opaque, after.Opaque},
	} {
		opens, closes = opens || stop.was && !stop.is, closes || !stop.was && stop.is
	}
	later, sooner = compareCredentials(before, after)
	return opens || later, closes || sooner
}

// compareCredentials compares how long each credential is good. One that is cut
// is not good at any time, whatever end it had.
func compareCredentials(before, after Key) (opens, closes bool) {
	for _, c := range after.Credentials {
		old, existed := before.Credential(c.ID)
		later, sooner := compareEnds(old.EndsAt, c.EndsAt)
		switch {
		case !existed:
			opens = true
		case old.CutAt == nil && c.CutAt == nil:
			opens, closes = opens || later, closes || sooner
		case old.CutAt == nil:
			closes = true
		case c.CutAt == nil:
			opens = true
		}
	}
	for _, old := range before.Credentials {
		if _, kept := after.Credential(old.ID); !kept && old.CutAt == nil {
			closes = true
		}
	}
	return opens, closes
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
