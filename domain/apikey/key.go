package apikey

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyledger/keyledger/events"
)

// Key is the state of a key: a fold of its events. The zero Key is one that has
// not been created. It is a value; slices and maps inside are never changed in
// place.
type Key struct {
	ID            string            `json:"id"`
	Account       string            `json:"account"`
	Environment   string            `json:"environment"`
	Scheme        string            `json:"scheme"`
	SchemeVersion int               `json:"scheme_version"` // at creation
	Kind          string            `json:"kind"`
	Name          string            `json:"name"`
	Permissions   []string          `json:"permissions,omitempty"`
	Roles         []string          `json:"roles,omitempty"`
	Grantable     []string          `json:"grantable,omitzero"`
	Allowlist     []string          `json:"ip_allowlist,omitempty"`
	ExpiresAt     *time.Time        `json:"expires_at,omitempty"`
	Resource      string            `json:"resource,omitempty"`
	Set           string            `json:"set,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`

	Suspended bool       `json:"suspended,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	Reason    string     `json:"reason,omitempty"` // of the revocation

	// Credentials, oldest first. The last one that is not cut is the active one.
	Credentials []Credential `json:"credentials"`

	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`

	// Revision counts the events of the key. Changed is the revision of the last
	// one that changed what a reader sees; accepting a command of this key's own
	// adds an event to its history and changes nothing.
	Revision uint64 `json:"revision"`
	Changed  uint64 `json:"changed"`

	// Opaque is set by an event of a type this build does not know. What the
	// key may do is then undecidable, and every request is refused.
	Opaque bool `json:"opaque,omitempty"`
}

// Credential is one generation of a key's secret.
type Credential struct {
	events.Credential
	CreatedAt time.Time  `json:"created_at"`
	EndsAt    *time.Time `json:"ends_at,omitempty"` // of its overlap
	CutAt     *time.Time `json:"cut_at,omitempty"`  // by hand, or by a rotation without overlap
	// Successor is the credential whose first use, plus Grace, ends this one; the
	// first use of a later one does as well. Empty: it waits for none.
	Successor string        `json:"successor,omitempty"`
	Grace     time.Duration `json:"grace,omitempty"`
}

// Status of a credential.
const (
	StatusActive      = "active"
	StatusOverlapping = "overlapping"
	StatusCut         = "cut"
)

// Status of a key, besides StatusActive.
const (
	StatusSuspended = "suspended"
	StatusExpired   = "expired"
	StatusRevoked   = "revoked"
)

// Ended reports whether c no longer admits anyone at now.
func (c Credential) Ended(now time.Time) bool {
	return c.CutAt != nil || c.EndsAt != nil && !now.Before(*c.EndsAt)
}

// Entity is where the key's events live.
func (k Key) Entity() events.Entity { return events.KeyEntity(k.Environment, k.Account, k.ID) }

// Exists reports whether the key has been created.
func (k Key) Exists() bool { return k.Revision > 0 }

// Active returns the newest credential that has not been cut.
func (k Key) Active() (Credential, bool) {
	for _, c := range slices.Backward(k.Credentials) {
		if c.CutAt == nil {
			return c, true
		}
	}
	return Credential{}, false
}

// Credential finds a credential by id.
func (k Key) Credential(id string) (Credential, bool) {
	i := slices.IndexFunc(k.Credentials, func(c Credential) bool { return c.ID == id })
	if i < 0 {
		return Credential{}, false
	}
	return k.Credentials[i], true
}

// CredentialStatus is how a reader sees c at now.
func (k Key) CredentialStatus(c Credential, now time.Time) string {
	active, ok := k.Active()
	switch {
	case k.RevokedAt != nil, c.Ended(now):
		return StatusCut
	case ok && active.ID == c.ID:
		return StatusActive
	default:
		return StatusOverlapping
	}
}

// Status is how a reader sees the key at now.
func (k Key) Status(now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return StatusRevoked
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return StatusExpired
	case k.Suspended || k.Opaque:
		return StatusSuspended
	default:
		return StatusActive
	}
}

// MayGrant lists the permissions that the key may give to others, of all it
// holds effectively.
func (k Key) MayGrant(effective []string) []string {
	if k.Grantable != nil {
		return k.Grantable
	}
	return effective
}

// ErrHistory is returned by [Evolve] for an event that cannot follow: the
// history is damaged, and the fold must stop.
var ErrHistory = errors.New("impossible history")

func historyError(k Key, e events.Envelope, why string) error {
	return fmt.Errorf("%w: %s %s at revision %d, state at %d: %s", ErrHistory, e.Entity.Ref(), e.Data.Type(), e.Revision, k.Revision, why)
}
