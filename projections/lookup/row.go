package lookup

import (
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
)

// row is what the index keeps of one credential. Environment and locator are in
// the row's key.
type row struct {
	seal

	key, credential, account, scheme, kind, resource string

	permissions, roles []string // as granted; what the scheme adds is added when read
	allowlist          []string // canonical

	endsAt    time.Time // of the credential's overlap; zero: no end
	expiresAt time.Time // of the key; zero: never

	revoked   bool // the key
	suspended bool // the key
	opaque    bool // an event of the key was not understood
	cut       bool // the credential
	awaited   bool // an older credential of the key ends with the first use of this one
}

// seal is what a presented secret is compared with.
type seal struct {
	alg        string
	salt, hash []byte
}

// stored is a row with its key.
type stored struct{ at, value []byte }

// rowsOf derives the rows of a key: of every credential it remembers.
func rowsOf(k *apikey.Key) []stored {
	if k == nil {
		return nil
	}
	out := make([]stored, len(k.Credentials))
	for i := range k.Credentials {
		r := rowOf(k, &k.Credentials[i])
		out[i] = stored{appendRowKey(nil, k.Environment, k.Credentials[i].Locator), encodeRow(&r)}
	}
	return out
}

func rowOf(k *apikey.Key, c *apikey.Credential) row {
	r := row{
		seal: seal{alg: c.Alg, salt: c.Salt, hash: c.Hash},
		key:  k.ID, credential: c.ID, account: k.Account, scheme: k.Scheme, kind: k.Kind, resource: k.Resource,
		permissions: k.Permissions, roles: k.Roles, allowlist: k.Allowlist,
		revoked: k.RevokedAt != nil, suspended: k.Suspended, opaque: k.Opaque, cut: c.CutAt != nil,
	}
	if c.EndsAt != nil {
		r.endsAt = *c.EndsAt
	}
	if k.ExpiresAt != nil {
		r.expiresAt = *k.ExpiresAt
	}
	for i := range k.Credentials {
		older := &k.Credentials[i]
		r.awaited = r.awaited || older.Successor == c.ID && older.CutAt == nil && older.EndsAt == nil
	}
	return r
}

// appendRowKey appends the key of a row. It begins with the environment, so that
// the rows of one environment are a range of their own: they can be copied to a
// verifier that must not hold any other's. The text of a credential tells its
// environment, so a look-up is still one read. No environment has a slash in its
// name.
func appendRowKey(into []byte, environment, locator string) []byte {
	out := append(into, environment...)
	out = append(out, '/')
	return append(out, locator...)
}

// EnvironmentRange returns the bounds, the upper one exclusive, of all rows of
// an environment within the keyspace.
func EnvironmentRange(environment string) (lower, upper []byte) {
	return []byte(environment + "/"), []byte(environment + "0") // '0' follows '/'
}
