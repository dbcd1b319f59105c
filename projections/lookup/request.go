package lookup

import (
	"net/netip"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
)

// Request is a presented credential and what it is presented for. Empty fields
// ask nothing.
type Request struct {
	// Key is the credential, or PublicKey and SecretKey are the halves of a pair.
	Key                  string
	PublicKey, SecretKey string
	// Keys are the credentials of a request that carries two, instead of the
	// above: both must be good and belong together, as their scheme's
	// presentations say. One is the same as Key.
	Keys []string

	// Scheme admits the credentials of one scheme only; any other is malformed.
	Scheme      string
	Environment string
	IP          netip.Addr // of the client; a key with an allowlist needs it
	Permission  string
	Permissions []string // all of them, besides Permission
	Method      string   // with Path: decide by the scheme's endpoint table
	Path        string
	Resource    string

	// AtLeast is a position of the ledger that the index must have reached.
	AtLeast uint64
}

// Decision is the answer to a Request. What it says about the key is empty
// unless the secret has matched. Its lists must not be changed.
type Decision struct {
	Code access.Code

	// Scheme is the one that the text of the credential belongs to, whether
	// there is such a key or not: its words are the ones to answer in.
	Scheme string

	KeyID       string
	Credential  string
	Account     string
	Environment string
	Kind        string
	Resource    string
	Roles       []string
	Permissions []string // all that the key holds; only where it is allowed

	// Together lists the keys of a request that carried two, in the order in
	// which they were presented; nil for one. The fields above are then those of
	// the first key, and of both together: Resource, Roles, Permissions.
	Together []PresentedKey

	// Position is the sequence up to which the ledger had been taken in.
	Position uint64
}

// PresentedKey is one of several keys presented together.
type PresentedKey struct{ KeyID, Credential, Kind string }

// Valid reports whether the request is allowed.
func (d Decision) Valid() bool { return d.Code == access.Allowed }

// presented is the credential of a request, taken apart.
type presented struct {
	prefix  string
	locator string
	secret  string
	half    string // prefix of the secret half, for a pair
}

// parse takes apart what was presented, or says why it is no credential.
func parse(r *Request) (presented, access.Code) {
	if r.Key == "" && r.PublicKey == "" && r.SecretKey == "" {
		return presented{}, access.Missing
	}
	if r.Key != "" {
		text, err := scheme.ParseText(r.Key)
		if err != nil || text.Locator == "" || text.Secret == "" || r.PublicKey != "" || r.SecretKey != "" {
			return presented{}, access.Malformed
		}
		return presented{prefix: text.Prefix, locator: text.Locator, secret: text.Secret}, access.Allowed
	}
	public, err := scheme.ParseText(r.PublicKey)
	if err != nil || public.Locator == "" || public.Secret != "" {
		return presented{}, access.Malformed
	}
	secret, err := scheme.ParseText(r.SecretKey)
	if err != nil || secret.Locator != "" {
		return presented{}, access.Malformed
	}
	return presented{
		prefix: public.Prefix, locator: public.Locator, secret: secret.Secret, half: secret.Prefix,
	}, access.Allowed
}
