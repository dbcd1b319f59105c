package keyledger

import (
	"encoding/json"
	"time"
)

// Statuses of a key.
const (
	StatusActive    = "active"
	StatusSuspended = "suspended"
	StatusExpired   = "expired"
	StatusRevoked   = "revoked"
)

// Key is a key as the server describes it: everything but its secrets. Times
// that have not come are nil.
type Key struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Account     string            `json:"account"`
	Environment string            `json:"environment"`
	Scheme      string            `json:"scheme"`
	Kind        string            `json:"kind"`
	Prefix      string            `json:"prefix"` // of the active credential
	Last4       string            `json:"last4"`
	Permissions []string          `json:"permissions"`
	Roles       []string          `json:"roles"`
	Grantable   []string          `json:"grantable"` // nil: its own permissions
	Resource    Text              `json:"resource"`  // "": bound to nothing
	Allowlist   []string          `json:"ip_allowlist"`
	Metadata    map[string]string `json:"metadata"`
	Status      string            `json:"status"`
	ExpiresAt   *time.Time        `json:"expires_at"`
	LastUsedAt  *time.Time        `json:"last_used_at"`
	CreatedAt   time.Time         `json:"created_at"`
	CreatedBy   string            `json:"created_by"`
	RevokedAt   *time.Time        `json:"revoked_at"`
	Reason      Text              `json:"revocation_reason"`
	Credentials []Credential      `json:"credentials"`
	Revision    uint64            `json:"revision"` // for [IfMatch]
}

// Credential is one generation of a key's secret, without the secret.
type Credential struct {
	ID         string     `json:"id"`
	Prefix     string     `json:"prefix"`
	Last4      string     `json:"last4"`
	Status     string     `json:"status"` // "active", "overlapping" or "cut"
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	EndsAt     *time.Time `json:"ends_at"` // of an overlap whose end is known
}

// CreateKey is what a key is to be created as.
type CreateKey struct {
	Name        string            `json:"name"`
	Environment string            `json:"environment,omitempty"` // "": the only one the scheme has
	Kind        string            `json:"kind,omitempty"`        // "": the scheme's default
	Account     string            `json:"account,omitempty"`     // "": the caller's
	Permissions []string          `json:"permissions,omitempty"`
	Roles       []string          `json:"roles,omitempty"`
	Grantable   []string          `json:"grantable,omitzero"` // nil: its own permissions; empty: none
	Resource    string            `json:"resource,omitempty"`
	Allowlist   []string          `json:"ip_allowlist,omitempty"` // empty: any address
	Metadata    map[string]string `json:"metadata,omitempty"`
	ExpiresAt   *time.Time        `json:"expires_at,omitempty"` // nil: never
}

// IssuedKey is a key with the secret that has just been made for it. A single
// key has Secret; a pair has PublicKey and SecretKey.
type IssuedKey struct {
	Key
	Secret    Secret `json:"key,omitzero"`
	PublicKey string `json:"public_key,omitempty"`
	SecretKey Secret `json:"secret_key,omitzero"`
	// SecretAvailable is false where an earlier request under the same
	// [IdempotencyKey] made the key: its secret was shown then.
	SecretAvailable bool   `json:"secret_available"`
	Position        uint64 `json:"position"`
}

// UnmarshalJSON reads an answer. A secret that is there is available, whether or
// not the server says so.
func (k *IssuedKey) UnmarshalJSON(data []byte) error {
	type plain IssuedKey
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	*k = IssuedKey(p)
	k.SecretAvailable = !k.Secret.IsZero() || !k.SecretKey.IsZero()
	return nil
}

// ChangedKey is a key after a change. Position is the sequence of the change on
// the ledger, or of the key's newest event where nothing changed.
type ChangedKey struct {
	Key
	Position uint64   `json:"position"`
	Fence    string   `json:"fence,omitempty"` // whom a narrowing change has reached, in words
	Receipt  *Receipt `json:"receipt,omitempty"`
}

// KeyChange sets what is not left alone, see [Set].
type KeyChange struct {
	Name        Optional[string]            `json:"name,omitzero"`
	Permissions Optional[[]string]          `json:"permissions,omitzero"`
	Roles       Optional[[]string]          `json:"roles,omitzero"`
	Grantable   Optional[[]string]          `json:"grantable,omitzero"`
	Allowlist   Optional[[]string]          `json:"ip_allowlist,omitzero"`
	ExpiresAt   Optional[*time.Time]        `json:"expires_at,omitzero"`
	Metadata    Optional[map[string]string] `json:"metadata,omitzero"`
}

// Rotation says what becomes of the secret that a rotation replaces. The zero
// Rotation lets it go on for the server's default, 24 hours.
type Rotation struct {
	Overlap       Optional[time.Duration] // 0 ends it at once
	CutOnFirstUse bool                    // or: until the new one is first used, plus Grace
	Grace         Optional[time.Duration] // default 10 minutes
}

// MarshalJSON writes durations as "24h0m0s".
func (r Rotation) MarshalJSON() ([]byte, error) {
	text := func(d Optional[time.Duration]) string {
		if v, ok := d.Get(); ok {
			return v.String()
		}
		return ""
	}
	return json.Marshal(struct {
		Overlap       string `json:"overlap,omitempty"`
		CutOnFirstUse bool   `json:"cut_on_first_use,omitempty"`
		Grace         string `json:"grace,omitempty"`
	}{text(r.Overlap), r.CutOnFirstUse, text(r.Grace)})
}

// Revocation is the answer to a revoke. It is the same each time.
type Revocation struct {
	Message  string   `json:"message"`
	ID       string   `json:"id"`
	Position uint64   `json:"position"`
	Fence    string   `json:"fence,omitempty"` // whom it has reached, in words
	Receipt  *Receipt `json:"receipt"`         // nil from a server without a fence
}

// Reasons for a revocation.
const (
	ReasonUnspecified        = "unspecified"
	ReasonKeyCompromise      = "key_compromise"
	ReasonSuperseded         = "superseded"
	ReasonAffiliationChanged = "affiliation_changed"
	ReasonPrivilegeWithdrawn = "privilege_withdrawn"
)
