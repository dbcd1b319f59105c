package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/projections/lookup"
)

// Verifier decides on credentials from the node's own index. A
// [lookup.Verifier] is one.
type Verifier interface {
	Verify(r lookup.Request) lookup.Decision
	// Catalog is the schemes that the index decides by.
	Catalog() *scheme.Catalog
	// Wait returns nil once the index has reached a position of the ledger.
	Wait(ctx context.Context, sequence uint64) error
}

// Config says how a node presents itself. The zero Config is usable.
type Config struct {
	// Scheme is the one in whose words a request without any credential is
	// answered; "" is the built-in one.
	Scheme string
	// TrustedProxies may say on whose behalf they ask, by X-Forwarded-For. Nil is
	// the loopback addresses; empty is nobody.
	TrustedProxies []netip.Prefix
	// Environment, where it is not empty, is the one that the guarded service
	// is in; credentials of any other are refused.
	Environment string

	Log     *slog.Logger // nil logs nothing
	Metrics *telemetry.Metrics
}

// Gate lets requests in by their credential. It is safe for concurrent use.
type Gate struct {
	verifier Verifier
	config   Config
	headers  atomic.Pointer[carriers]
}

// New returns the gate in front of v.
func New(v Verifier, c Config) *Gate {
	if c.Scheme == "" {
		c.Scheme = scheme.BuiltinName
	}
	if c.TrustedProxies == nil {
		c.TrustedProxies = loopback()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Gate{verifier: v, config: c}
}

// Authenticate decides on the credential that r presents. Where it is not good
// for anything the second result is the answer to give, complete.
func (g *Gate) Authenticate(r *http.Request) (lookup.Decision, *edge.Failure) {
	return g.authenticate(r, false)
}

// authenticate also asks, where byEndpoint is set, what the scheme's table of
// endpoints says about the path of r, if the scheme has one.
func (g *Gate) authenticate(r *http.Request, byEndpoint bool) (lookup.Decision, *edge.Failure) {
	ask, problem := g.presented(r)
	if problem != nil {
		g.config.Metrics.Verified(problem.code, 0)
		return lookup.Decision{}, g.refuse(r.Context(), problem)
	}
	ask.IP = g.clientIP(r)
	ask.Environment = g.config.Environment
	s := g.schemeOf(ask)
	if byEndpoint && s != nil && len(s.Endpoints()) > 0 {
		ask.Method, ask.Path = r.Method, r.URL.EscapedPath()
	}
	d := g.decide(ask)
	if d.Scheme == "" && s != nil {
		d.Scheme = s.Name() // what begins like a credential of a scheme is answered in its words
	}
	if d.Valid() && len(r.Header["Origin"]) > 0 && g.serverOnly(d) {
		return d, g.refuse(r.Context(), &problemOf{
			code: access.PermissionDenied, scheme: d.Scheme,
			message: "a key of this kind must stay on a server: it came with a browser's request",
		})
	}
	if !d.Valid() {
		return d, g.refuse(r.Context(), &problemOf{code: d.Code, scheme: d.Scheme})
	}
	return d, nil
}

// decide asks the index, and counts.
func (g *Gate) decide(ask lookup.Request) lookup.Decision {
	began := time.Now()
	d := g.verifier.Verify(ask)
	g.config.Metrics.Verified(d.Code, time.Since(began))
	return d
}

// serverOnly reports whether the kind of an accepted key is not meant to leave a
// server.
func (g *Gate) serverOnly(d lookup.Decision) bool {
	s, ok := g.verifier.Catalog().Scheme(d.Scheme)
	if !ok {
		return true
	}
	only := s.Document().Kinds[d.Kind].Exposure != scheme.ExposureClient
	for _, one := range d.Together {
		only = only || s.Document().Kinds[one.Kind].Exposure != scheme.ExposureClient
	}
	return only
}

// HasRight reports whether an accepted key carries a management right.
func (g *Gate) HasRight(d lookup.Decision, right access.Right) bool {
	s, ok := g.verifier.Catalog().Scheme(d.Scheme)
	if !ok || !d.Valid() {
		return false
	}
	return slices.Contains(s.Rights(d.Kind, d.Permissions, d.Roles), right)
}

// problemOf is why a credential is refused.
type problemOf struct {
	code    access.Code
	scheme  string // in whose words; "" is the node's
	message string // "" is the usual one for the code
}

// refuse is the answer to a refused credential.
func (g *Gate) refuse(ctx context.Context, p *problemOf) *edge.Failure {
	err := refusal.Credential(p.code)
	if p.message != "" {
		err = refusal.New(refusal.Code(p.code), "%s", p.message)
	}
	return g.Phrase(edge.Describe(ctx, g.config.Log, err), p.scheme)
}

// Phrase puts a failure that is about a credential into the words of a scheme,
// "" being the one that the node speaks by itself, and says how to present one.
// Any other failure stays as it is.
func (g *Gate) Phrase(f *edge.Failure, schemeName string) *edge.Failure {
	if f.GetStatus() != http.StatusUnauthorized {
		return f
	}
	s, ok := g.verifier.Catalog().Scheme(schemeName)
	if !ok {
		if s, ok = g.verifier.Catalog().Scheme(g.config.Scheme); !ok {
			s = scheme.Builtin()
		}
	}
	return f.Say(string(s.Word(access.Code(f.Problem.Code)))).With("WWW-Authenticate", challenge(s))
}

// challenge is the value of WWW-Authenticate (RFC 9110, section 11.6.1). Basic
// makes a browser ask its user for a password, so it is named only where the
// scheme means it.
func challenge(s *scheme.Scheme) string {
	header := ""
	for _, p := range s.Document().Presentations {
		if p.Basic {
			return `Basic realm="keyledger", charset="UTF-8"`
		}
		header = cmp.Or(header, p.Header)
	}
	header = cmp.Or(header, builtinHeader)
	return `ApiKey realm="keyledger", header="` + header + `"`
}
