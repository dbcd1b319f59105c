package apikey

import (
	"time"

	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// Command is what can be asked of a key.
//
//sumtype:decl
type Command interface{ command() }

// Create begins a key. Scheme is the account's, or the built-in one for its own
// kinds; empty Kind and Environment take the scheme's only choice.
type Create struct {
	At            time.Time
	Scheme        *scheme.Scheme
	SchemeVersion int
	Kind          string
	Environment   string
	Name          string
	Permissions   []string
	Roles         []string
	Grantable     []string // nil: its own permissions
	Allowlist     []string
	ExpiresAt     *time.Time
	Resource      string
	Set           string
	Metadata      map[string]string
	Credential    events.Credential
}

// Change replaces what is not nil. An ExpiresAt that points at nil removes the
// expiry; a Grantable that points at nil makes a key's own permissions grantable
// again.
type Change struct {
	At          time.Time
	Scheme      *scheme.Scheme
	Name        *string
	Permissions *[]string
	Roles       *[]string
	Grantable   *[]string
	Allowlist   *[]string
	ExpiresAt   **time.Time
	Metadata    *map[string]string
}

// Rotate adds a credential. The active one goes on for Overlap, or until the new
// one has been used and Grace has passed.
type Rotate struct {
	At            time.Time
	Credential    events.Credential
	Overlap       time.Duration // 0: the old credential ends at once
	CutOnFirstUse bool
	Grace         time.Duration
}

// Cut ends an overlapping credential at once.
type Cut struct {
	At         time.Time
	Credential string
}

// FirstUse says that a credential has been used: older ones that were waiting
// for that end after their grace.
type FirstUse struct {
	At         time.Time
	Credential string
}

// Suspend refuses the key until it is resumed.
type Suspend struct{ At time.Time }

// Resume ends a suspension.
type Resume struct{ At time.Time }

// Revoke ends the key for good.
type Revoke struct{ At time.Time }

func (Create) command()   {}
func (Change) command()   {}
func (Rotate) command()   {}
func (Cut) command()      {}
func (FirstUse) command() {}
func (Suspend) command()  {}
func (Resume) command()   {}
func (Revoke) command()   {}
