package access

import "slices"

// CheckTogether decides on credentials that came in one request, whose secrets
// have all matched. Each must be good by itself; where several are not, the
// answer is the reason that a decision finds first. They must be of one account,
// one environment and, as far as they are bound to one, one resource. What they
// hold together is what counts for permissions and endpoints. endpoints is the
// table of their scheme.
func CheckTogether(grants []*Grant, r *Request, endpoints []Endpoint) Code {
	if len(grants) == 0 {
		return Missing
	}
	worst := Allowed
	for _, g := range grants {
		worst = First(worst, admitted(g, r))
	}
	if worst != Allowed {
		return worst
	}
	both, kinds, ok := joined(grants)
	if !ok || !permitted(&both, r, endpoints, kinds) {
		return PermissionDenied
	}
	return Allowed
}

// joined is what the grants are together, and their kinds; false where they do
// not belong together.
func joined(grants []*Grant) (both Grant, kinds []string, ok bool) {
	first := grants[0]
	both = Grant{Account: first.Account, Environment: first.Environment, Scheme: first.Scheme}
	for _, g := range grants {
		if g.Account != both.Account || g.Environment != both.Environment || g.Scheme != both.Scheme {
			return both, nil, false
		}
		if both.Resource == "" {
			both.Resource = g.Resource
		}
		if g.Resource != "" && g.Resource != both.Resource {
			return both, nil, false
		}
		both.Permissions = append(both.Permissions, g.Permissions...)
		kinds = append(kinds, g.Kind)
	}
	return both, kinds, true
}

// order is the place of a code in a decision, the first reason lowest.
func order(code Code) int {
	return slices.Index([]Code{
		Missing, Malformed, Invalid, AccountInactive, Revoked, Expired, Suspended,
		EnvironmentMismatch, IPNotAllowed, PermissionDenied, Allowed,
	}, code)
}

// First is that of two codes which a decision finds first.
func First(a, b Code) Code {
	if order(b) < order(a) {
		return b
	}
	return a
}
