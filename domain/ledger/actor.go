package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/refusal"
)

// Actor is a key that asks for something: its state, the sequence at which that
// was so, and what follows from it.
type Actor struct {
	Key       apikey.Key
	Last      uint64 // sequence of the key's newest event
	Rights    []access.Right
	Grantable []string // permissions it may give to others
	// AllAccounts is set for a key that acts for the ledger's operator.
	AllAccounts bool
}

// Actor loads the key that asks, and refuses one that no longer may ask
// anything.
func (l *Ledger) Actor(id string, now time.Time) (*Actor, error) {
	key, last, err := l.View.Key(id)
	if err != nil {
		return nil, fmt.Errorf("load actor: %w", err)
	}
	owner, _, err := l.View.Account(key.Account)
	if err != nil {
		return nil, fmt.Errorf("load actor's account: %w", err)
	}
	switch {
	case !key.Exists():
		return nil, refusal.Credential(access.Invalid)
	case !owner.Active():
		return nil, refusal.Credential(access.AccountInactive)
	}
	switch key.Status(now) {
	case apikey.StatusRevoked:
		return nil, refusal.Credential(access.Revoked)
	case apikey.StatusExpired:
		return nil, refusal.Credential(access.Expired)
	case apikey.StatusSuspended:
		return nil, refusal.Credential(access.Suspended)
	}
	a := &Actor{Key: key, Last: last}
	if s, ok := l.View.Catalog().Scheme(key.Scheme); ok {
		effective := s.Effective(key.Kind, key.Permissions, key.Roles)
		a.Rights = s.Rights(key.Kind, effective, key.Roles)
		a.Grantable = key.MayGrant(effective)
	}
	a.AllAccounts = key.Account == account.Root && key.Environment == access.Spanning && a.Has(access.RightAccounts)
	return a, nil
}

// Has reports whether the actor has a right.
func (a *Actor) Has(right access.Right) bool { return slices.Contains(a.Rights, right) }

// Sees reports whether the actor may know of an account's things.
func (a *Actor) Sees(accountID string) bool { return a.AllAccounts || a.Key.Account == accountID }

// require refuses an actor without a right.
func (a *Actor) require(right access.Right) error {
	if a == nil || a.Has(right) {
		return nil
	}
	return refusal.New(refusal.PermissionDenied, "this needs the management right %q", right)
}

// reach refuses what lies in an environment that is not the actor's.
func (a *Actor) reach(environment string) error {
	if a == nil || a.Key.Environment == access.Spanning || a.Key.Environment == environment {
		return nil
	}
	return refusal.New(refusal.EscalationRefused, "a key of %s cannot change keys of %s", a.Key.Environment, environment)
}

// mayCause refuses a widening by more than the actor may grant. own lists
// permissions that nobody gains by it who does not hold them already.
func (a *Actor) mayCause(effect apikey.Effect, own []string) error {
	if a == nil {
		return nil
	}
	for _, p := range effect.Gains {
		if !access.Holds(a.Grantable, p) && !access.Holds(own, p) {
			return refusal.New(refusal.EscalationRefused, "you cannot grant %q: it is not among what you may grant", p)
		}
	}
	for _, right := range effect.Rights {
		if !a.Has(right) {
			return refusal.New(refusal.EscalationRefused, "you cannot grant the management right %q", right)
		}
	}
	return nil
}

// authorize loads the actor of a command and asks for a right; nil is the node itself.
func (l *Ledger) authorize(by By, right access.Right, now time.Time) (*Actor, error) {
	if by.Key == "" {
		return nil, nil // the node itself, which nothing bounds
	}
	actor, err := l.Actor(by.Key, now)
	if err != nil {
		return nil, err
	}
	return actor, actor.require(right)
}
