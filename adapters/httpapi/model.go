package httpapi

import (
	"encoding/json"
	"time"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
)

// Key is a key as a reader sees it: everything but its secrets.
type Key struct {
	ID          string            `json:"id" example:"key_01kaz0n8q5e6vr2w8x4y7t3m1c"`
	Name        string            `json:"name" example:"Production API Key"`
	Environment string            `json:"environment" example:"live"`
	Prefix      string            `json:"prefix" example:"wp3_live_sk_a1b2c3d4" doc:"Of the active credential: enough to recognise it by."`
	Last4       string            `json:"last4" example:"t9u0"`
	Permissions []string          `json:"permissions" nullable:"false"`
	Roles       []string          `json:"roles" nullable:"false"`
	Grantable   []string          `json:"grantable" doc:"What it may give to others; null is its own permissions."`
	Account     string            `json:"account"`
	Scheme      string            `json:"scheme"`
	Kind        string            `json:"kind"`
	Resource    *string           `json:"resource" doc:"What it is bound to."`
	Allowlist   []string          `json:"ip_allowlist" nullable:"false" doc:"Addresses and CIDR prefixes; empty is any."`
	Metadata    map[string]string `json:"metadata"`
	Status      string            `json:"status" enum:"active,suspended,expired,revoked"`
	ExpiresAt   *time.Time        `json:"expires_at" nullable:"true"`
	LastUsedAt  *time.Time        `json:"last_used_at" nullable:"true"`
	CreatedAt   time.Time         `json:"created_at"`
	CreatedBy   string            `json:"created_by"`
	RevokedAt   *time.Time        `json:"revoked_at" nullable:"true"`
	Reason      *string           `json:"revocation_reason"`
	Credentials []Credential      `json:"credentials" nullable:"false" doc:"Generations of the secret, oldest first."`
	Revision    uint64            `json:"revision" doc:"For If-Match: another one whenever what stands here has been changed."`
}

// Credential is one generation of a key's secret, without the secret.
type Credential struct {
	ID         string     `json:"id"`
	Prefix     string     `json:"prefix"`
	Last4      string     `json:"last4"`
	Status     string     `json:"status" enum:"active,overlapping,cut"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at" nullable:"true"`
	EndsAt     *time.Time `json:"ends_at" nullable:"true" doc:"Of an overlap whose end is known, or when it was cut."`
}

// IssuedKey is a key with the secret that was made for it, shown this once.
type IssuedKey struct {
	Key
	Secret          string `json:"key,omitempty" doc:"The key itself. It is not shown again."`
	PublicKey       string `json:"public_key,omitempty" doc:"Of a pair, instead of key."`
	SecretKey       string `json:"secret_key,omitempty" doc:"Of a pair, instead of key. It is not shown again."`
	SecretAvailable bool   `json:"secret_available" doc:"False where an earlier request under this Idempotency-Key was shown the secret."`
	Position        uint64 `json:"position" doc:"Ledger sequence of the change."`
}

// ChangedKey is a key after a change.
type ChangedKey struct {
	Key
	Position uint64 `json:"position" doc:"Ledger sequence of the change, or of the newest event where nothing changed."`
	Fence    string `json:"fence,omitempty" doc:"Whom a change that takes something away has reached."`
}

// KeyPage is a page of keys, in order of creation.
type KeyPage struct {
	Keys       []Key   `json:"keys" nullable:"false"`
	NextCursor *string `json:"next_cursor" doc:"Goes on where this page ends; null at the end."`
}

// Revocation is the answer to a revoke, the same each time.
type Revocation struct {
	Message  string          `json:"message" example:"API key revoked successfully"`
	ID       string          `json:"id"`
	Position uint64          `json:"position"`
	Receipt  json.RawMessage `json:"receipt" doc:"Null: this version has no receipts."`
	Fence    string          `json:"fence" doc:"Whom the revocation has reached."`
}

// Account is an account as a reader sees it.
type Account struct {
	ID        string    `json:"id" example:"merchant_42"`
	Name      string    `json:"name"`
	Scheme    string    `json:"scheme"`
	Status    string    `json:"status" enum:"active,suspended,closed"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	Revision  uint64    `json:"revision"`
}

// ChangedAccount is an account after a change.
type ChangedAccount struct {
	Account
	Position uint64 `json:"position"`
	Fence    string `json:"fence,omitempty"`
}

// AccountPage is a page of accounts, in the order they were opened.
type AccountPage struct {
	Accounts   []Account `json:"accounts" nullable:"false"`
	NextCursor *string   `json:"next_cursor"`
}

// Scheme is the newest version of a key system.
type Scheme struct {
	Name     string          `json:"name"`
	Version  int             `json:"version" doc:"From 1; 0 is built into the node."`
	Document json.RawMessage `json:"document" doc:"The scheme document, as applied."`
}

// SchemeHistory is a key system with every version it has had.
type SchemeHistory struct {
	Scheme
	Versions []SchemeVersion `json:"versions" nullable:"false"`
}

// SchemeVersion is one version of a key system.
type SchemeVersion struct {
	Version  int             `json:"version"`
	Document json.RawMessage `json:"document"`
}

// SchemeList is every key system that the caller may see.
type SchemeList struct {
	Schemes []Scheme `json:"schemes" nullable:"false"`
}

// AppliedScheme is a key system after it was applied.
type AppliedScheme struct {
	Scheme
	Position uint64 `json:"position"`
}

// EventPage is a part of the trail.
type EventPage struct {
	Events []json.RawMessage `json:"events" nullable:"false" doc:"CloudEvents, each with its sequence on the ledger as an attribute beside its own."`
	Next   uint64            `json:"next_after" doc:"Goes on where this page ends, as after."`
	More   bool              `json:"more" doc:"There is more on the ledger now."`
}

// fenceMissing is what every narrowing change says until there is a fence.
const fenceMissing = "this node refuses from now on what the change took away; it does not wait for other verifiers, " +
	"which follow by themselves: this version has no fence and gives no receipt"

// describe is a key as its readers see it at now.
func describe(k apikey.Key, now time.Time, used Usage) Key {
	shown, ok := k.Active()
	if n := len(k.Credentials); !ok && n > 0 {
		shown = k.Credentials[n-1]
	}
	out := Key{
		ID: k.ID, Name: k.Name, Environment: k.Environment, Prefix: shown.Prefix, Last4: shown.Last4,
		Permissions: orEmpty(k.Permissions), Roles: orEmpty(k.Roles), Grantable: k.Grantable,
		Account: k.Account, Scheme: k.Scheme, Kind: k.Kind, Resource: orNull(k.Resource),
		Allowlist: orEmpty(k.Allowlist), Metadata: k.Metadata, Status: k.Status(now),
		ExpiresAt: k.ExpiresAt, LastUsedAt: instant(used.LastUsed(k.ID)), CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy,
		RevokedAt: k.RevokedAt, Reason: orNull(k.Reason), Revision: k.Changed,
	}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	out.Credentials = make([]Credential, len(k.Credentials))
	for i, c := range k.Credentials {
		ends := c.EndsAt
		if c.CutAt != nil {
			ends = c.CutAt
		}
		out.Credentials[i] = Credential{
			ID: c.ID, Prefix: c.Prefix, Last4: c.Last4, Status: k.CredentialStatus(c, now),
			CreatedAt: c.CreatedAt, LastUsedAt: instant(used.CredentialLastUsed(k.ID, c.ID)), EndsAt: ends,
		}
	}
	return out
}

// issued adds what was made for a key. This is the one place where a secret
// leaves its type.
func issued(k Key, m scheme.Minted, out ledger.Outcome) IssuedKey {
	i := IssuedKey{Key: k, SecretAvailable: !m.Secret.IsZero(), Position: out.Position}
	if m.Public.IsZero() {
		i.Secret = m.Secret.Reveal()
		return i
	}
	i.PublicKey, i.SecretKey = m.Public.Reveal(), m.Secret.Reveal()
	return i
}

func describeAccount(a account.Account) Account {
	return Account{
		ID: a.ID, Name: a.Name, Scheme: a.Scheme, Status: a.Status,
		CreatedAt: a.OpenedAt, CreatedBy: a.OpenedBy, Revision: a.Revision,
	}
}

func fenceOf(out ledger.Outcome) string {
	if out.Narrows {
		return fenceMissing
	}
	return ""
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// instant is t in UTC, nil for never.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
