package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/projections/lookup"
)

// VerifyHandler serves POST /v1/verify. It is open to programs on this machine;
// others need the right "verify".
func (g *Gate) VerifyHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused := g.mayAsk(r); refused != nil {
			refused.Write(w)
			return
		}
		answer, err := g.answer(w, r)
		if err != nil {
			f := edge.Describe(r.Context(), g.config.Log, err)
			if errors.Is(err, edge.ErrSyntax) {
				f = f.Under(http.StatusBadRequest)
			}
			f.Write(w)
			return
		}
		edge.WriteJSON(w, http.StatusOK, edge.OK(answer))
	})
}

// mayAsk returns the answer to who may not ask about the credentials of others.
func (g *Gate) mayAsk(r *http.Request) *edge.Failure {
	if g.fromThisMachine(r) {
		return nil
	}
	asker, refused := g.Authenticate(r)
	if refused == nil && !g.HasRight(asker, access.RightVerify) {
		refused = g.refuse(r.Context(), &problemOf{
			code: access.PermissionDenied, scheme: asker.Scheme,
			message: `asking about keys from another machine needs the management right "verify"`,
		})
	}
	return refused
}

func (g *Gate) answer(w http.ResponseWriter, r *http.Request) (edge.Answer, error) {
	raw, err := edge.ReadJSON(w, r, maxVerifyBody)
	if err != nil {
		return edge.Answer{}, err
	}
	var q edge.Question
	if err := edge.Decode(raw, &q); err != nil {
		return edge.Answer{}, err
	}
	ask, err := lookupOf(&q)
	if err != nil {
		return edge.Answer{}, err
	}
	if err := g.reach(r.Context(), ask.AtLeast); err != nil {
		return edge.Answer{}, err
	}
	d := g.decide(ask)
	if d.Code == access.Stale {
		return edge.Answer{}, refusal.Credential(access.Stale)
	}
	return g.describe(d), nil
}

// lookupOf checks a question.
func lookupOf(q *edge.Question) (lookup.Request, error) {
	ask := lookup.Request{
		Key: q.Key, PublicKey: q.PublicKey, SecretKey: q.SecretKey, Scheme: q.Scheme, Environment: q.Environment,
		Keys: q.Keys, Permissions: q.Permissions, Method: q.Method, Path: q.Path, Resource: q.Resource, AtLeast: q.AtLeast,
	}
	switch {
	case len(q.Keys) > maxKeys:
		return ask, refusal.Invalid("keys", "at most %d at a time", maxKeys)
	case len(q.Keys) > 0 && (q.Key != "" || q.PublicKey != "" || q.SecretKey != ""):
		return ask, refusal.Invalid("keys", "use key, or public_key and secret_key, or keys")
	}
	if q.IP != "" {
		addr, err := netip.ParseAddr(q.IP)
		if err != nil {
			return ask, refusal.Invalid("ip", "not an IP address")
		}
		ask.IP = addr
	}
	switch {
	case len(q.Permissions) > access.MaxPermissions:
		return ask, refusal.Invalid("permissions", "at most %d at a time", access.MaxPermissions)
	case q.Path != "" && q.Method == "":
		return ask, refusal.Invalid("method", "needed with path")
	case q.Method != "" && q.Path == "":
		return ask, refusal.Invalid("path", "needed with method")
	}
	return ask, nil
}

// reach waits for a position of the ledger, but not for long.
func (g *Gate) reach(ctx context.Context, position uint64) error {
	if position == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if g.verifier.Wait(ctx, position) != nil {
		return refusal.New(refusal.Code(access.Stale), "this node has not reached position %d; try again or ask another", position)
	}
	return nil
}

// describe is what may be told of a decision.
func (g *Gate) describe(d lookup.Decision) edge.Answer {
	code := d.Code
	if s, ok := g.verifier.Catalog().Scheme(d.Scheme); ok {
		code = s.Word(code)
	}
	a := edge.Answer{
		Valid: d.Valid(), Code: string(code), Position: d.Position,
		KeyID: orNull(d.KeyID), Account: orNull(d.Account), Environment: orNull(d.Environment), Kind: orNull(d.Kind),
		Resource: orNull(d.Resource), Credential: orNull(d.Credential),
		KeyIDs: []string{}, Permissions: orEmpty(d.Permissions), Roles: orEmpty(d.Roles),
	}
	for _, one := range d.Together {
		a.KeyIDs = append(a.KeyIDs, one.KeyID)
	}
	if d.KeyID != "" && len(d.Together) == 0 {
		a.KeyIDs = []string{d.KeyID}
	}
	return a
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// MeHandler serves GET /v1/me and GET /me: what the presented credential is, or
// why it is refused.
func (g *Gate) MeHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, refused := g.Authenticate(r)
		if refused != nil {
			refused.Write(w)
			return
		}
		edge.WriteJSON(w, http.StatusOK, edge.OK(g.describe(d)))
	})
}
