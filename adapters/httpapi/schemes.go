package httpapi

import (
	"context"
	"net/http"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
)

const tagSchemes = "Schemes"

func (a *api) registerSchemes() {
	register(a, operation{
		id: "list-schemes", method: http.MethodGet, path: "/v1/schemes", tag: tagSchemes, summary: "List key systems",
		description: "A caller that acts for one account sees the scheme of that account and the built-in one.",
	}, a.listSchemes)
	register(a, operation{
		id: "get-scheme", method: http.MethodGet, path: "/v1/schemes/{name}", tag: tagSchemes,
		summary: "Describe a key system", description: "With every version it has had.",
	}, a.getScheme)
	register(a, operation{
		id: "apply-scheme", method: http.MethodPost, path: "/v1/schemes", tag: tagSchemes,
		rights: []access.Right{access.RightSchemes}, body: scheme.Document{}, summary: "Apply a scheme document",
		description: "The document, as JSON, is the body. Applying what is known already changes nothing. This version " +
			"of keyledger does not replace a document by another one.",
	}, a.applyScheme)
}

// seesScheme reports whether the caller may know of a scheme: what others use is
// theirs.
func (a *api) seesScheme(c *caller, name string) (bool, error) {
	if c.actor.AllAccounts || name == scheme.BuiltinName {
		return true, nil
	}
	own, _, err := a.Directory.Account(c.actor.Key.Account)
	return own.Scheme == name, err
}

func (a *api) listSchemes(_ context.Context, c *caller, _ *struct{}) (SchemeList, error) {
	out := SchemeList{Schemes: []Scheme{}}
	for _, name := range a.Directory.Catalog().Names() {
		sees, err := a.seesScheme(c, name)
		if err != nil {
			return SchemeList{}, err
		}
		if !sees {
			continue
		}
		s, err := a.scheme(name)
		if err != nil {
			return SchemeList{}, err
		}
		out.Schemes = append(out.Schemes, s)
	}
	return out, nil
}

// scheme is the newest version of a scheme that is in the catalog.
func (a *api) scheme(name string) (Scheme, error) {
	if name == scheme.BuiltinName {
		return Scheme{Name: name, Document: scheme.Builtin().Canonical()}, nil
	}
	s, _, err := a.Directory.Scheme(name)
	return Scheme{Name: name, Version: s.Version, Document: s.Document}, err
}

type schemeInput struct {
	Name string `path:"name"`
}

func (a *api) getScheme(_ context.Context, c *caller, in *schemeInput) (SchemeHistory, error) {
	sees, err := a.seesScheme(c, in.Name)
	if err != nil {
		return SchemeHistory{}, err
	}
	s, err := a.scheme(in.Name)
	switch {
	case err != nil:
		return SchemeHistory{}, err
	case !sees, s.Document == nil:
		return SchemeHistory{}, refusal.New(refusal.NotFound, "no such scheme")
	}
	out := SchemeHistory{Scheme: s, Versions: []SchemeVersion{}}
	versions, err := a.Directory.SchemeVersions(in.Name)
	for _, v := range versions {
		out.Versions = append(out.Versions, SchemeVersion{Version: v.Version, Document: v.Document})
	}
	return out, err
}

type applySchemeInput struct {
	IdempotencyHeader
	Confirm bool `query:"confirm" doc:"Needed for a version that takes something away, which this version of keyledger does not do."`
	BodyBytes
}

func (a *api) applyScheme(ctx context.Context, c *caller, in *applySchemeInput) (AppliedScheme, error) {
	if err := edge.CheckSyntax(in.RawBody); err != nil {
		return AppliedScheme{}, err
	}
	parsed, err := scheme.Parse(in.RawBody)
	if err != nil {
		return AppliedScheme{}, refusal.Invalid("document", "%v", err)
	}
	out, err := a.Ledger.ApplyScheme(ctx, c.by(in.RawBody), in.RawBody)
	if err == nil {
		err = applied(out)
	}
	if err != nil {
		return AppliedScheme{}, err
	}
	s, err := a.scheme(parsed.Name())
	return AppliedScheme{Scheme: s, Position: out.Position}, err
}
