package gateway

import (
	"context"
	"net/http"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/projections/lookup"
)

// Principal is who a request was let in as.
type Principal struct {
	KeyID       string
	KeyIDs      []string // of all keys that were presented together; nil for one
	Credential  string   // the generation of the key that was presented
	Account     string
	Environment string
	Scheme      string
	Kind        string
	Resource    string   // what the key is bound to; "" is nothing
	Permissions []string // all that the key holds
	Roles       []string
	Position    uint64 // of the ledger, at which this was decided
}

// Holds reports whether the key holds a permission.
func (p Principal) Holds(permission string) bool { return access.Holds(p.Permissions, permission) }

type principalKey struct{}

// From returns the principal of a request that [Middleware] let in.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Middleware lets through to next only requests with a good credential, and puts
// a [Principal] into their context. Where the credential's scheme has a table of
// endpoints, the table decides on method and path as well, and what it does not
// list is refused. Others are answered 401 or 403, or 503 while the index cannot
// be relied on.
func Middleware(v Verifier, next http.Handler) http.Handler {
	return New(v, Config{}).Middleware(next)
}

// Middleware is the function of that name, as g is configured.
func (g *Gate) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, refused := g.authenticate(r, true)
		if refused != nil {
			refused.Write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, principal(d))))
	})
}

func principal(d lookup.Decision) Principal {
	var all []string
	for _, one := range d.Together {
		all = append(all, one.KeyID)
	}
	return Principal{
		KeyIDs: all,
		KeyID:  d.KeyID, Credential: d.Credential, Account: d.Account, Environment: d.Environment, Scheme: d.Scheme,
		Kind: d.Kind, Resource: d.Resource, Permissions: d.Permissions, Roles: d.Roles, Position: d.Position,
	}
}
