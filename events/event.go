package events

import (
	"encoding/json"
	"time"
)

// Event is what happened: one of the types below, or [Unknown]. The set is
// sealed, so that a new event fails lint in every fold that forgot it.
//
//sumtype:decl
type Event interface {
	// Type is the CloudEvents type, for example "keyledger.key.revoked.v1".
	Type() string
	sealed()
}

// Types of event, as they stand in the CloudEvents attribute "type".
const (
	TypeLedgerOpened   = "keyledger.ledger.opened.v1"
	TypeLedgerRestored = "keyledger.ledger.restored.v1"

	TypeSchemeApplied = "keyledger.scheme.applied.v1"

	TypeAccountOpened    = "keyledger.account.opened.v1"
	TypeAccountSuspended = "keyledger.account.suspended.v1"
	TypeAccountResumed   = "keyledger.account.resumed.v1"
	TypeAccountClosed    = "keyledger.account.closed.v1"

	TypeKeyCreated            = "keyledger.key.created.v1"
	TypeKeyPermissionsChanged = "keyledger.key.permissions_changed.v1"
	TypeKeyAllowlistChanged   = "keyledger.key.allowlist_changed.v1"
	TypeKeyExpiryChanged      = "keyledger.key.expiry_changed.v1"
	TypeKeyDetailsChanged     = "keyledger.key.details_changed.v1"
	TypeKeySuspended          = "keyledger.key.suspended.v1"
	TypeKeyResumed            = "keyledger.key.resumed.v1"
	TypeKeyRotated            = "keyledger.key.rotated.v1"
	TypeKeyOverlapChanged     = "keyledger.key.overlap_changed.v1"
	TypeKeyCredentialCut      = "keyledger.key.credential_cut.v1"
	TypeKeyRevoked            = "keyledger.key.revoked.v1"

	TypeCommandAccepted = "keyledger.command.accepted.v1"
)

// LedgerOpened is event 1 of every ledger.
type LedgerOpened struct {
	Incarnation string `json:"incarnation"` // "kl_...", new for every ledger and every restore
	Format      int    `json:"format"`      // of the wire; see [Format]
}

// Format is the version of the wire format as a whole. A node refuses a ledger
// opened under a greater one.
const Format = 1

// LedgerRestored is the first event after a restore from an archive.
type LedgerRestored struct {
	Incarnation string `json:"incarnation"`
	Size        uint64 `json:"size"` // events restored
	Root        []byte `json:"root"` // RFC 6962 tree head over them
}

// SchemeApplied makes a version of a key system known. Versions of one name
// count from 1; earlier ones stay known, so that the past can be explained.
type SchemeApplied struct {
	Name     string          `json:"name"`
	Version  int             `json:"version"`
	Document json.RawMessage `json:"document"` // as JSON; see package scheme
}

// AccountOpened begins an account: a merchant, team or organisation.
type AccountOpened struct {
	Name   string `json:"name"`
	Scheme string `json:"scheme"`
}

// AccountSuspended refuses all of an account's keys until it is resumed.
type AccountSuspended struct{}

// AccountResumed ends a suspension.
type AccountResumed struct{}

// AccountClosed refuses all of an account's keys for good.
type AccountClosed struct{}

// Credential is one generation of a key's secret: everything but the secret.
type Credential struct {
	ID      string `json:"id"`      // "crd_..."
	Prefix  string `json:"prefix"`  // as shown to people: "wp3_live_sk_a1b2c3d4"
	Locator string `json:"locator"` // finds the row; safe to log
	Last4   string `json:"last4"`   // of the text that is secret
	Alg     string `json:"alg"`     // how Hash was made; see package scheme
	Salt    []byte `json:"salt,omitempty"`
	Hash    []byte `json:"hash"`
}

// KeyCreated begins a key. Account, environment and kind are for ever.
type KeyCreated struct {
	Scheme        string            `json:"scheme"`
	SchemeVersion int               `json:"scheme_version"`
	Kind          string            `json:"kind"`
	Name          string            `json:"name"`
	Permissions   []string          `json:"permissions"`
	Roles         []string          `json:"roles,omitempty"`
	Grantable     []string          `json:"grantable,omitzero"` // absent: its own permissions
	Allowlist     []string          `json:"ip_allowlist,omitempty"`
	ExpiresAt     *time.Time        `json:"expires_at,omitempty"`
	Resource      string            `json:"resource,omitempty"`
	Set           string            `json:"set,omitempty"` // the key set it was issued in
	Metadata      map[string]string `json:"metadata,omitempty"`
	Credential    Credential        `json:"credential"`
}

// KeyPermissionsChanged replaces what a key may do and may grant.
type KeyPermissionsChanged struct {
	Permissions []string `json:"permissions"`
	Roles       []string `json:"roles,omitempty"`
	Grantable   []string `json:"grantable,omitzero"`
}

// KeyAllowlistChanged replaces the addresses a key may be used from; empty is
// any.
type KeyAllowlistChanged struct {
	Allowlist []string `json:"ip_allowlist"`
}

// KeyExpiryChanged replaces the instant at which a key ends; absent is never.
type KeyExpiryChanged struct {
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// KeyDetailsChanged replaces what describes a key and decides nothing.
type KeyDetailsChanged struct {
	Name     string            `json:"name"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// KeySuspended refuses a key until it is resumed.
type KeySuspended struct{}

// KeyResumed ends a suspension.
type KeyResumed struct{}

// KeyRotated adds a credential, which becomes the active one. The credential it
// replaces goes on beside it until EndsAt; or, where CutOnFirstUse is set, until
// the new one has first been used and GraceSeconds have passed, when a
// [KeyOverlapChanged] states the instant.
type KeyRotated struct {
	Credential    Credential `json:"credential"`
	Replaces      string     `json:"replaces"` // credential id
	EndsAt        *time.Time `json:"ends_at,omitempty"`
	CutOnFirstUse bool       `json:"cut_on_first_use,omitempty"`
	GraceSeconds  int64      `json:"grace_seconds,omitempty"`
}

// KeyOverlapChanged states when an overlapping credential ends.
type KeyOverlapChanged struct {
	Credential string    `json:"credential"`
	EndsAt     time.Time `json:"ends_at"`
}

// KeyCredentialCut ends one credential at once.
type KeyCredentialCut struct {
	Credential string `json:"credential"`
}

// KeyRevoked ends a key for good.
type KeyRevoked struct{}

// CommandAccepted records, in the history of the actor, that a command which
// widens access was accepted, and by what right. It lands in one batch with the
// command's own events, expecting the actor's last event: had the actor been
// narrowed meanwhile, neither would have landed.
type CommandAccepted struct {
	Right  string `json:"right"`
	Target string `json:"target"` // the entity changed, as [Entity.Ref]
}

// Unknown is an event of a type, or a version of one, that this build does not
// know. A fold of a key, account or scheme must treat what it touches as
// undecidable, which denies.
type Unknown struct {
	Name string          // the CloudEvents type
	Raw  json.RawMessage // its data
}

func (LedgerOpened) Type() string          { return TypeLedgerOpened }
func (LedgerRestored) Type() string        { return TypeLedgerRestored }
func (SchemeApplied) Type() string         { return TypeSchemeApplied }
func (AccountOpened) Type() string         { return TypeAccountOpened }
func (AccountSuspended) Type() string      { return TypeAccountSuspended }
func (AccountResumed) Type() string        { return TypeAccountResumed }
func (AccountClosed) Type() string         { return TypeAccountClosed }
func (KeyCreated) Type() string            { return TypeKeyCreated }
func (KeyPermissionsChanged) Type() string { return TypeKeyPermissionsChanged }
func (KeyAllowlistChanged) Type() string   { return TypeKeyAllowlistChanged }
func (KeyExpiryChanged) Type() string      { return TypeKeyExpiryChanged }
func (KeyDetailsChanged) Type() string     { return TypeKeyDetailsChanged }
func (KeySuspended) Type() string          { return TypeKeySuspended }
func (KeyResumed) Type() string            { return TypeKeyResumed }
func (KeyRotated) Type() string            { return TypeKeyRotated }
func (KeyOverlapChanged) Type() string     { return TypeKeyOverlapChanged }
func (KeyCredentialCut) Type() string      { return TypeKeyCredentialCut }
func (KeyRevoked) Type() string            { return TypeKeyRevoked }
func (CommandAccepted) Type() string       { return TypeCommandAccepted }
func (u Unknown) Type() string             { return u.Name }

func (LedgerOpened) sealed()          {}
func (LedgerRestored) sealed()        {}
func (SchemeApplied) sealed()         {}
func (AccountOpened) sealed()         {}
func (AccountSuspended) sealed()      {}
func (AccountResumed) sealed()        {}
func (AccountClosed) sealed()         {}
func (KeyCreated) sealed()            {}
func (KeyPermissionsChanged) sealed() {}
func (KeyAllowlistChanged) sealed()   {}
func (KeyExpiryChanged) sealed()      {}
func (KeyDetailsChanged) sealed()     {}
func (KeySuspended) sealed()          {}
func (KeyResumed) sealed()            {}
func (KeyRotated) sealed()            {}
func (KeyOverlapChanged) sealed()     {}
func (KeyCredentialCut) sealed()      {}
func (KeyRevoked) sealed()            {}
func (CommandAccepted) sealed()       {}
func (Unknown) sealed()               {}
