package apikey

import "time"

// fits refuses what the policy of the scheme does not allow, of those fields
// that are asked for now: a key that is older than the policy, or that was moved
// under it by a new version of the scheme, can still be changed in other ways.
// born is when the key was created.
func (d *draft) fits(environment string, born time.Time, name *string, allowlist *[]string, expiresAt **time.Time) {
	s := d.scheme
	if name != nil && !s.NameFits(environment, *name) {
		d.refuse("name", "scheme %s wants names of keys in %s to match %s", s.Name(), environment, s.Document().Policy.NamePattern)
	}
	if allowlist != nil && len(*allowlist) == 0 && s.NeedsAllowlist(d.kind, environment) {
		d.refuse("ip_allowlist", "scheme %s wants keys in %s to be limited to addresses: name at least one", s.Name(), environment)
	}
	if limit := s.MaxLifetime(); expiresAt != nil && limit > 0 {
		if last := born.Add(limit); *expiresAt == nil || (*expiresAt).After(last) {
			d.refuse("expires_at", "scheme %s wants this key to expire by %s", s.Name(), last.UTC().Format(time.RFC3339))
		}
	}
}
