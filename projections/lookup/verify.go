package lookup

import (
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

// Verify decides. It reads nothing but this node's index, and allocates nothing
// where the credential is held in memory. It may be used by many goroutines.
//
// The decision is true of one moment during the call, at which the index had
// reached Decision.Position. It never lies before a position that has been
// waited for before the call.
//
// Nothing about a key is told before its secret has matched. For a locator that
// does not exist the same hash is computed as for one that does; how long it
// takes to read a row or to find none is not hidden, and locators are not
// secret.
func (v *Verifier) Verify(r Request) (d Decision) {
	if len(r.Keys) > 0 {
		return v.verifyTogether(r)
	}
	p, code := parse(&r)
	if code == access.Allowed {
		for range maxAttempts {
			if v.attempt(&r, &p, &d) {
				return d
			}
		}
		code = access.Stale
	}
	return Decision{Code: code, Position: v.position.Load()}
}

// attempt decides once. It reports false if something that the decision rests on
// changed before it was made.
func (v *Verifier) attempt(r *Request, p *presented, d *Decision) bool {
	now := v.epoch.Load()
	if now == nil {
		*d = Decision{Code: access.Stale}
		return true // no store yet, or no more
	}
	at := v.cache.place(p.locator)
	generation := at.set.generation.Load()
	e := at.find(p.prefix, p.locator)
	if e == nil || e.half != p.half || !e.stands(at.set, now) {
		var code access.Code
		if e, code = v.load(now, at, generation, p); e == nil {
			return v.refuse(r, p, now, at, generation, code, d)
		}
	} else if !scheme.Matches(e.alg, e.salt, e.hash, p.locator, p.secret) {
		return v.refuse(r, p, now, at, generation, access.Invalid, d)
	}
	if r.Scheme != "" && r.Scheme != e.grant.Scheme {
		return v.refuse(r, p, now, at, generation, access.Malformed, d)
	}
	return v.decide(r, e, now, at, d)
}

// decide answers for a credential whose secret has matched.
func (v *Verifier) decide(r *Request, e *entry, now *epoch, at place, d *Decision) bool {
	ask := access.Request{
		Now: v.clock.now(), Environment: r.Environment, IP: r.IP, Permission: r.Permission, Permissions: r.Permissions,
		Resource: r.Resource, Method: r.Method, Path: r.Path,
	}
	d.Code = access.Check(&e.grant, &ask, e.endpoints, e.presented[:])
	v.pause(beforeLastLook)
	// The position is read before the last look at what the decision rests on: if
	// that has not changed by then, nothing up to the position has changed it.
	d.Position = v.position.Load()
	if !v.tests.forgetLastLook && (!e.stands(at.set, now) || v.epoch.Load() != now) {
		return false
	}
	d.Scheme = e.grant.Scheme
	if !v.fresh(r, d.Position) {
		d.Code = access.Stale
		return true
	}
	d.KeyID, d.Credential, d.Account = e.grant.Key, e.grant.Credential, e.grant.Account
	d.Environment, d.Kind, d.Resource, d.Roles = e.grant.Environment, e.grant.Kind, e.grant.Resource, e.grant.Roles
	if d.Code == access.Allowed {
		d.Permissions = e.grant.Permissions
		v.note(e, ask.Now)
	}
	return true
}

// refuse answers where there is nothing to tell about a key.
func (v *Verifier) refuse(
	r *Request, p *presented, now *epoch, at place, generation uint64, code access.Code, d *Decision,
) bool {
	prefix, _ := now.catalog.Prefix(p.prefix)
	*d = Decision{Code: code, Scheme: prefix.Scheme, Position: v.position.Load()}
	if at.set.generation.Load() != generation || v.epoch.Load() != now {
		return false
	}
	switch {
	case r.Scheme != "" && r.Scheme != d.Scheme:
		d.Code = access.Malformed
	case code != access.Malformed && !v.fresh(r, d.Position):
		d.Code = access.Stale
	}
	return true
}

// fresh reports whether the index may be answered from.
func (v *Verifier) fresh(r *Request, position uint64) bool {
	return position >= r.AtLeast && (v.freshness == nil || v.freshness())
}

// note tells about a use, once a second for a credential that stays in memory.
func (v *Verifier) note(e *entry, at time.Time) {
	second := at.Unix()
	last := e.used.Load()
	if last >= second || !e.used.CompareAndSwap(last, second) || v.used == nil {
		return
	}
	v.used(e.grant.Key, e.grant.Credential, at, e.awaited)
}
