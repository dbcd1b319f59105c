package lookup

import (
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

const knownAlg = scheme.AlgSHA256

// finding is what the text of a credential says. It holds nothing of the text
// itself: what is kept in memory must not keep a secret there.
type finding struct {
	epoch  *epoch
	prefix scheme.Prefix
	half   scheme.Prefix // of the secret half, for a pair
}

// find reads the prefixes of what was presented; false where it cannot be a
// credential of any scheme.
func (e *epoch) find(p *presented) (f finding, ok bool) {
	f.epoch = e
	if f.prefix, ok = e.catalog.Prefix(p.prefix); !ok || f.prefix.Secret || f.prefix.Pair != (p.half != "") {
		return finding{}, false
	}
	if f.prefix.Pair {
		if f.half, ok = e.catalog.Prefix(p.half); !ok || !f.half.Secret {
			return finding{}, false
		}
	}
	return f, true
}

// paired reports whether the halves of a pair are of one kind and environment.
func (f finding) paired() bool {
	if !f.prefix.Pair {
		return true
	}
	public := f.half
	public.Text, public.Secret = f.prefix.Text, false
	return public == f.prefix
}

// load makes the entry of a credential from its row, if the secret matches, and
// keeps it. generation was that of the credential's set before.
func (v *Verifier) load(now *epoch, at place, generation uint64, p *presented) (*entry, access.Code) {
	found, ok := now.find(p)
	if !ok {
		return nil, access.Malformed
	}
	v.reading.RLock()
	defer v.reading.RUnlock()
	if v.closed {
		return nil, access.Stale
	}
	var key [maxRowKey]byte
	value, ok, err := now.rows.Get(appendRowKey(key[:0], found.prefix.Environment, p.locator))
	if err != nil {
		return nil, v.fail(err)
	}
	v.pause(rowRead)
	if !ok {
		value = v.dummy
	}
	s, flags, rest, err := decodeSeal(value)
	if err != nil {
		return nil, v.fail(err)
	}
	matches := scheme.Matches(s.alg, s.salt, s.hash, p.locator, p.secret)
	if !ok || !matches || !found.paired() {
		return nil, access.Invalid
	}
	r := row{seal: s}
	if err := r.decodeBody(flags, rest); err != nil {
		return nil, v.fail(err)
	}
	// The prefix is no part of what is hashed: a key presented under the prefix
	// of another kind must not pass for one.
	if r.scheme != found.prefix.Scheme || r.kind != found.prefix.Kind {
		return nil, access.Invalid
	}
	account, standing, err := now.owners.get(r.account, now.active)
	if err != nil {
		return nil, v.fail(err)
	}
	e, err := newEntry(&r, found, standing)
	if err != nil {
		return nil, v.fail(err)
	}
	if v.tests.lateGeneration {
		generation = at.set.generation.Load()
	}
	copy(e.locator[:], p.locator)
	e.generation, e.account, e.standing = generation, account, standing
	at.put(e)
	return e, access.Allowed
}
