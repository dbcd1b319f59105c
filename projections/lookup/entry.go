package lookup

import (
	"sync/atomic"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

// entry is a credential ready to be decided on. It is made of a row, the
// account's state and the scheme, and does not change, except for used: where
// one of the three changes, [entry.stands] says no for ever.
//
// What finds it and what is compared with the secret come first and lie
// together: of thousands of entries in turn, what a verification costs is the
// lines of memory it has to wait for.
type entry struct {
	// What it was made of. A generation is read before the row and compared
	// afterwards: it moves after a new row can be read and before anybody is told.
	generation uint64
	epoch      *epoch
	account    *owner
	standing   *standing

	prefix  string
	locator [scheme.LocatorLen]byte
	awaited bool   // see row
	half    string // prefix of the secret half, for a pair
	seal
	sealed [48]byte // where salt and hash are, if they fit

	grant     access.Grant
	used      atomic.Int64 // second of the last use, of the Unix epoch
	endpoints []access.Endpoint
	presented [1]string // its kind, as the scheme's endpoints ask for it
}

// stands reports whether what e was made of is still so.
func (e *entry) stands(s *set, now *epoch) bool {
	return e.generation == s.generation.Load() && e.epoch == now && e.standing == e.account.standing.Load()
}

// is reports whether e is the credential that this text finds.
func (e *entry) is(prefix, locator string) bool {
	return string(e.locator[:]) == locator && e.prefix == prefix
}

// newEntry makes an entry of a row whose secret has matched. It fails where the
// row's allowlist cannot be read.
func newEntry(r *row, found finding, standing *standing) (*entry, error) {
	allow, err := access.NewAddrSet(r.allowlist)
	if err != nil {
		return nil, err
	}
	compiled, _ := found.epoch.catalog.Scheme(r.scheme) // a catalog has the schemes of its prefixes
	e := &entry{epoch: found.epoch, prefix: found.prefix.Text, half: found.half.Text, awaited: r.awaited, seal: r.seal}
	if n := len(r.salt); n+len(r.hash) <= len(e.sealed) {
		copy(e.sealed[copy(e.sealed[:], r.salt):], r.hash)
		e.salt, e.hash = e.sealed[:n], e.sealed[n:n+len(r.hash)]
	}
	e.endpoints, e.presented[0] = compiled.Endpoints(), r.kind
	// Field by field: a literal would be built on the stack and copied.
	g := &e.grant
	g.Key, g.Credential, g.Account, g.Environment = r.key, r.credential, r.account, found.prefix.Environment
	g.Scheme, g.Kind, g.Resource = r.scheme, r.kind, r.resource
	g.Permissions, g.Roles, g.Allow = compiled.Effective(r.kind, r.permissions, r.roles), r.roles, allow
	g.AccountActive, g.Revoked, g.Suspended, g.Cut = standing.active, r.revoked, r.suspended, r.cut
	g.EndsAt, g.ExpiresAt = r.endsAt, r.expiresAt
	g.Opaque = r.opaque || found.epoch.opaque[r.scheme]
	return e, nil
}
