package apikey

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
)

// draft checks the fields of a create or change, and keeps the first refusal.
type draft struct {
	scheme *scheme.Scheme
	kind   scheme.Kind
	at     time.Time
	err    error
}

func (d *draft) refuse(field, format string, args ...any) {
	if d.err == nil {
		d.err = refusal.Invalid(field, format, args...)
	}
}

func (d *draft) name(name string) {
	switch {
	case strings.TrimSpace(name) == "":
		d.refuse("name", "give the key a name that tells its purpose and environment")
	case !isText(name, MaxName):
		d.refuse("name", "use at most %d bytes of printable text, without anything like an API key", MaxName)
	}
}

func (d *draft) metadata(m map[string]string) {
	if len(m) > MaxMetadata {
		d.refuse("metadata", "%d entries, at most %d", len(m), MaxMetadata)
	}
	for key, value := range m {
		if key == "" || !isText(key, MaxMetadataKey) || !isText(value, MaxMetadataVal) {
			d.refuse("metadata", "keys of 1 to %d and values of up to %d bytes of printable text, without anything like an API key", MaxMetadataKey, MaxMetadataVal)
		}
	}
}

func (d *draft) expiry(at *time.Time) {
	switch {
	case at == nil:
	case !at.After(d.at):
		d.refuse("expires_at", "%s has passed", at.UTC().Format(time.RFC3339))
	case at.UTC().Year() > 9999: // RFC 3339 has four digits; another time zone may have had room
		d.refuse("expires_at", "use a year of four digits, or none for a key that does not expire")
	}
}

func (d *draft) permissions(field string, names []string) []string {
	if len(names) > access.MaxPermissions {
		d.refuse(field, "%d permissions, at most %d", len(names), access.MaxPermissions)
		return nil
	}
	for _, name := range names {
		if _, err := access.ParsePermission(name); err != nil || !d.scheme.HasPermission(d.kind, name) {
			d.refuse(field, "%q is not a permission that scheme %s has for this kind", clip(name), d.scheme.Name())
		}
	}
	return access.Canonical(names)
}

// grantable keeps apart nil, "its own permissions", and empty, "nothing".
func (d *draft) grantable(names []string) []string {
	if names == nil {
		return nil
	}
	return orEmpty(d.permissions("grantable", names))
}

func (d *draft) roles(names []string) []string {
	if len(names) > scheme.MaxRoles {
		d.refuse("roles", "%d roles, at most %d", len(names), scheme.MaxRoles)
		return nil
	}
	for _, name := range names {
		if !d.scheme.HasRole(d.kind, name) {
			d.refuse("roles", "%q is not a role that scheme %s has for this kind", clip(name), d.scheme.Name())
		}
	}
	return access.Canonical(names)
}

func (d *draft) allowlist(entries []string) []string {
	out, err := access.CanonicalAllowlist(entries)
	if err != nil {
		d.refuse("ip_allowlist", "%v", err)
	}
	return out
}

// isText admits printable Unicode without control characters, and nothing that
// looks like a credential: it would stay on the ledger in clear.
func isText(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && !scheme.HoldsSecret(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r)
	})
}
