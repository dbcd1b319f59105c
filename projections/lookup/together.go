package lookup

import (
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

// maxTogether bounds the credentials of one request: a presentation has one and
// a companion.
const maxTogether = 2

// part is one of the credentials of a request, on its way to a decision.
type part struct {
	presented
	at         place
	generation uint64
	entry      *entry
}

// verifyTogether decides on a request that carries several credentials. Like
// Verify it is true of one moment, at which all of them were looked at.
func (v *Verifier) verifyTogether(r Request) Decision {
	code := access.Malformed
	if r.Key == "" && r.PublicKey == "" && r.SecretKey == "" && len(r.Keys) <= maxTogether {
		if len(r.Keys) == 1 {
			r.Key, r.Keys = r.Keys[0], nil
			return v.Verify(r)
		}
		parts := make([]part, len(r.Keys))
		code = access.Allowed
		for i, key := range r.Keys {
			var found access.Code
			parts[i].presented, found = parse(&Request{Key: key})
			code = access.First(code, found)
		}
		for n := 0; code == access.Allowed; n++ {
			if n == maxAttempts {
				code = access.Stale
				break
			}
			if d, ok := v.attemptTogether(&r, parts); ok {
				return d
			}
		}
	}
	return Decision{Code: code, Position: v.position.Load()}
}

// attemptTogether decides once, and reports false if something that the decision
// rests on changed before it was made.
func (v *Verifier) attemptTogether(r *Request, parts []part) (Decision, bool) {
	now := v.epoch.Load()
	if now == nil {
		return Decision{Code: access.Stale}, true
	}
	d := Decision{Code: access.Allowed}
	unreadable := false
	for i := range parts {
		code := v.prepare(now, &parts[i])
		unreadable = unreadable || code == access.Stale
		if code != access.Stale {
			d.Code = access.First(d.Code, code)
		}
	}
	prefix, _ := now.catalog.Prefix(parts[0].prefix)
	d.Scheme = prefix.Scheme
	at := v.clock.now()
	if d.Code == access.Allowed && !unreadable {
		d.Code = decideTogether(now.catalog, parts, &access.Request{
			Now: at, Environment: r.Environment, IP: r.IP, Permission: r.Permission, Permissions: r.Permissions,
			Resource: r.Resource, Method: r.Method, Path: r.Path,
		})
	}
	v.pause(beforeLastLook)
	d.Position = v.position.Load()
	if !v.tests.forgetLastLook && !unchanged(parts, now, v.epoch.Load()) {
		return d, false
	}
	switch {
	case d.Code == access.Malformed || r.Scheme != "" && r.Scheme != d.Scheme:
		d.Code = access.Malformed
		return d, true
	case unreadable || !v.fresh(r, d.Position):
		d.Code = access.Stale
		return d, true
	case d.Code != access.Invalid:
		v.tellTogether(&d, parts)
	}
	if d.Code == access.Allowed {
		for i := range parts {
			v.note(parts[i].entry, at)
		}
	}
	return d, true
}

// unchanged reports whether everything that the parts rest on is still so.
func unchanged(parts []part, then, now *epoch) bool {
	for i := range parts {
		p := &parts[i]
		if p.at.set.generation.Load() != p.generation || p.entry != nil && !p.entry.stands(p.at.set, then) {
			return false
		}
	}
	return then == now
}

// prepare finds the entry of a credential and compares its secret.
func (v *Verifier) prepare(now *epoch, p *part) access.Code {
	p.at = v.cache.place(p.locator)
	p.generation = p.at.set.generation.Load()
	code := access.Allowed
	p.entry = p.at.find(p.prefix, p.locator)
	if p.entry == nil || p.entry.half != p.half || !p.entry.stands(p.at.set, now) {
		p.entry, code = v.load(now, p.at, p.generation, &p.presented)
	} else if !scheme.Matches(p.entry.alg, p.entry.salt, p.entry.hash, p.locator, p.secret) {
		p.entry, code = nil, access.Invalid
	}
	return code
}

// decideTogether answers for credentials whose secrets have all matched. A
// combination that no presentation of their scheme has is no credential of it.
func decideTogether(catalog *scheme.Catalog, parts []part, ask *access.Request) access.Code {
	grants := make([]*access.Grant, len(parts))
	for i := range parts {
		grants[i] = &parts[i].entry.grant
	}
	first, second := grants[0], grants[1]
	s, ok := catalog.Scheme(first.Scheme)
	if !ok || first.Scheme != second.Scheme || !s.Together(first.Kind, second.Kind) {
		return access.Malformed
	}
	return access.CheckTogether(grants, ask, parts[0].entry.endpoints)
}

// tellTogether fills in what may be told of keys whose secrets have matched.
func (v *Verifier) tellTogether(d *Decision, parts []part) {
	g := &parts[0].entry.grant
	d.KeyID, d.Credential, d.Account, d.Environment, d.Kind = g.Key, g.Credential, g.Account, g.Environment, g.Kind
	for i := range parts {
		g := &parts[i].entry.grant
		d.Together = append(d.Together, PresentedKey{KeyID: g.Key, Credential: g.Credential, Kind: g.Kind})
		if d.Resource == "" {
			d.Resource = g.Resource
		}
		d.Roles = append(d.Roles, g.Roles...)
		if d.Code == access.Allowed {
			d.Permissions = append(d.Permissions, g.Permissions...)
		}
	}
	d.Roles, d.Permissions = access.Canonical(d.Roles), access.Canonical(d.Permissions)
}
