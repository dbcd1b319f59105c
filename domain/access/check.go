package access

import (
	"net/netip"
	"slices"
	"time"
)

// Code is the outcome of a decision, from the closed vocabulary that callers
// see. The empty Code is not an outcome.
type Code string

// Outcomes, in the order in which a decision finds them.
const (
	Allowed             Code = "ok"
	Missing             Code = "api_key_missing"
	Malformed           Code = "api_key_malformed"
	Invalid             Code = "api_key_invalid" // unknown, or the secret does not match
	AccountInactive     Code = "account_inactive"
	Revoked             Code = "api_key_revoked"
	Expired             Code = "api_key_expired"
	Suspended           Code = "api_key_suspended"
	EnvironmentMismatch Code = "environment_mismatch"
	IPNotAllowed        Code = "ip_not_allowed"
	PermissionDenied    Code = "permission_denied"
	Stale               Code = "verifier_stale"
)

// Spanning is the environment of a key that belongs to none in particular.
const Spanning = "_"

// Grant is what the ledger knows of one credential whose secret has matched.
type Grant struct {
	Key, Credential, Account, Environment, Scheme, Kind, Resource string

	Permissions []string // all it holds: its own, its roles', its kind's
	Roles       []string
	Allow       AddrSet // empty admits every address

	AccountActive bool
	Revoked       bool      // the key
	Suspended     bool      // the key
	Cut           bool      // this credential
	EndsAt        time.Time // of this credential's overlap; zero: no end
	ExpiresAt     time.Time // of the key; zero: never

	// Opaque is set when an event that this build does not know touched the
	// key, its account or its scheme. What cannot be read cannot be allowed.
	Opaque bool
}

// Request is what a credential is presented for. Empty fields ask nothing.
type Request struct {
	Now         time.Time
	Environment string
	IP          netip.Addr
	Permission  string
	Permissions []string // all of them, besides Permission
	Resource    string
	Method      string // with Path: decide by the scheme's endpoint table
	Path        string
}

// Check decides. The secret has matched before it is called, so the answer may
// tell about the key. endpoints is the table of the key's scheme; presented
// lists the kinds of all credentials of the request. It allocates nothing.
func Check(g *Grant, r *Request, endpoints []Endpoint, presented []string) Code {
	if code := admitted(g, r); code != Allowed {
		return code
	}
	if !permitted(g, r, endpoints, presented) {
		return PermissionDenied
	}
	return Allowed
}

// admitted decides on everything but permissions and resource.
func admitted(g *Grant, r *Request) Code {
	if code := standing(g, r.Now); code != Allowed {
		return code
	}
	if r.Environment != "" && g.Environment != r.Environment && g.Environment != Spanning {
		return EnvironmentMismatch
	}
	if !g.Allow.IsEmpty() && !g.Allow.Contains(r.IP) {
		return IPNotAllowed
	}
	return Allowed
}

// standing decides on the state of account, key and credential.
func standing(g *Grant, now time.Time) Code {
	switch {
	case !g.AccountActive:
		return AccountInactive
	case g.Revoked, g.Cut, !g.EndsAt.IsZero() && !now.Before(g.EndsAt):
		return Revoked
	case !g.ExpiresAt.IsZero() && !now.Before(g.ExpiresAt):
		return Expired
	case g.Suspended, g.Opaque:
		return Suspended
	}
	return Allowed
}

func permitted(g *Grant, r *Request, endpoints []Endpoint, presented []string) bool {
	if r.Permission != "" && !Holds(g.Permissions, r.Permission) || !HoldsAll(g.Permissions, r.Permissions) {
		return false
	}
	if r.Resource != "" && g.Resource != "" && r.Resource != g.Resource {
		return false
	}
	if r.Path == "" {
		return true
	}
	endpoint, resource := Route(endpoints, r.Method, r.Path)
	if endpoint == nil || !HoldsAll(g.Permissions, endpoint.Permissions) {
		return false
	}
	if len(endpoint.Kinds) > 0 && !slices.ContainsFunc(endpoint.Kinds, func(kinds []string) bool {
		return sameKinds(kinds, presented)
	}) {
		return false
	}
	return resource == "" || g.Resource == "" || resource == g.Resource
}

// sameKinds reports whether both name the same kinds, in any order.
func sameKinds(a, b []string) bool {
	return len(a) == len(b) && containsAll(a, b) && containsAll(b, a)
}

func containsAll(in, all []string) bool {
	for _, k := range all {
		if !slices.Contains(in, k) {
			return false
		}
	}
	return true
}
