package gateway

import (
	"encoding/base64"
	"strings"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/projections/lookup"
)

// fromAuthorization reads Basic (RFC 7617) where the scheme of the pair uses it.
// Bearer and whatever else there may be is no way of presenting a key. fallback
// is the scheme in whose words a value is refused that belongs to none.
//
// The name of the scheme may be in any case, spaces follow it, and what comes
// after is base64 of user, colon and password; of several colons the first
// counts. One text is one credential, so the base64 must be the only one of it.
func (c *carriers) fromAuthorization(value, fallback string) (lookup.Request, *problemOf) {
	kind, rest, _ := strings.Cut(strings.Trim(value, " "), " ")
	rest = strings.TrimLeft(rest, " ")
	if !strings.EqualFold(kind, "Basic") {
		return lookup.Request{}, c.refused(kind, rest, fallback)
	}
	problem := &problemOf{code: access.Malformed}
	raw, err := base64.StdEncoding.Strict().DecodeString(rest)
	public, secret, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		return lookup.Request{}, problem
	}
	owner := c.owner(public)
	if owner.Scheme == "" {
		owner = c.owner(secret)
	}
	problem.scheme = owner.Scheme
	if !c.presents(owner, func(p *scheme.Presentation) bool { return p.Basic }) {
		return lookup.Request{}, problem
	}
	return lookup.Request{PublicKey: public, SecretKey: secret}, nil
}

// refused is the answer to another scheme of Authorization than Basic, with what
// the scheme of the presented text has to say about it.
func (c *carriers) refused(kind, text, fallback string) *problemOf {
	problem := &problemOf{code: access.Malformed, scheme: c.owner(text).Scheme}
	if problem.scheme == "" {
		problem.scheme = fallback
	}
	if s, ok := c.catalog.Scheme(problem.scheme); ok {
		for _, r := range s.Document().Refused {
			if strings.EqualFold(r.Authorization, kind) {
				problem.message = r.Because
			}
		}
	}
	return problem
}
