// Package account is the account aggregate: a merchant, team or organisation
// that owns keys. It is active, suspended or closed; while it is not active,
// none of its keys is accepted. It is pure, in the same shape as package apikey.
package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// Root is the account that the ledger opens for its own operator.
const Root = "root"

// MaxName bounds the name of an account, in bytes.
const MaxName = 128

// Status of an account.
const (
	StatusActive    = "active"
	StatusSuspended = "suspended"
	StatusClosed    = "closed"
)

// Account is the state of an account: a fold of its events. The zero Account is
// one that has not been opened.
type Account struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Scheme   string    `json:"scheme"`
	Status   string    `json:"status"`
	OpenedAt time.Time `json:"opened_at"`
	OpenedBy string    `json:"opened_by"`
	Revision uint64    `json:"revision"`
	// Opaque is set by an event of a type this build does not know; nothing of
	// such an account is accepted.
	Opaque bool `json:"opaque,omitempty"`
}

// Exists reports whether the account has been opened.
func (a Account) Exists() bool { return a.Revision > 0 }

// Active reports whether the account's keys may be accepted.
func (a Account) Active() bool { return a.Status == StatusActive && !a.Opaque }

// Entity is where the account's events live.
func (a Account) Entity() events.Entity { return events.AccountEntity(a.ID) }

// ErrHistory is returned by [Evolve] for an event that cannot follow.
var ErrHistory = errors.New("impossible history")

// Evolve returns a after e, see apikey.Evolve.
func Evolve(a Account, e events.Envelope) (Account, error) {
	opened, isOpened := e.Data.(events.AccountOpened)
	switch {
	case e.Revision != a.Revision+1, isOpened == a.Exists(), e.Entity.Kind != events.KindAccount,
		a.Exists() && e.Entity != a.Entity():
		return a, fmt.Errorf("%w: %s %s at revision %d, state at %d", ErrHistory, e.Entity.Ref(), e.Data.Type(), e.Revision, a.Revision)
	case isOpened:
		return Account{
			ID: e.Entity.ID, Name: opened.Name, Scheme: opened.Scheme, Status: StatusActive,
			OpenedAt: e.Time, OpenedBy: e.Actor, Revision: e.Revision,
		}, nil
	}
	next := a
	next.Revision = e.Revision
	switch e.Data.(type) {
	case events.AccountSuspended:
		next.Status = StatusSuspended
	case events.AccountResumed:
		next.Status = StatusActive
	case events.AccountClosed:
		next.Status = StatusClosed
	case events.Unknown:
		next.Opaque = true
		return next, nil
	case events.AccountOpened, events.CommandAccepted, events.LedgerOpened, events.LedgerRestored, events.SchemeApplied,
		events.KeyCreated, events.KeyPermissionsChanged, events.KeyAllowlistChanged, events.KeyExpiryChanged,
		events.KeyDetailsChanged, events.KeySuspended, events.KeyResumed, events.KeyRotated, events.KeyOverlapChanged,
		events.KeyCredentialCut, events.KeyRevoked:
		return a, fmt.Errorf("%w: %s in the history of an account", ErrHistory, e.Data.Type())
	}
	if a.Status == StatusClosed {
		return a, fmt.Errorf("%w: %s after %s was closed", ErrHistory, e.Data.Type(), e.Entity.Ref())
	}
	return next, nil
}

// Command is what can be asked of an account.
//
//sumtype:decl
type Command interface{ command() }

// Open begins an account. The caller has checked that the scheme exists.
type Open struct{ ID, Name, Scheme string }

// Suspend refuses the account's keys until it is resumed.
type Suspend struct{}

// Resume ends a suspension.
type Resume struct{}

// Close refuses the account's keys for good.
type Close struct{}

func (Open) command()    {}
func (Suspend) command() {}
func (Resume) command()  {}
func (Close) command()   {}

// Decide returns what follows from asking cmd of a, or why it is refused, see
// apikey.Decide.
func Decide(a Account, cmd Command) ([]events.Event, error) {
	out, err := decide(a, cmd)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	id := a.ID
	if open, ok := cmd.(Open); ok {
		id = open.ID
	}
	if _, err := After(a, id, out, time.Time{}); err != nil {
		return nil, fmt.Errorf("decided what cannot be applied: %w", err)
	}
	return out, nil
}

// After is the account of that id after decided events that happen at a time.
func After(a Account, id string, decided []events.Event, at time.Time) (Account, error) {
	var err error
	for _, e := range decided {
		if a, err = Evolve(a, events.Envelope{Time: at, Entity: events.AccountEntity(id), Revision: a.Revision + 1, Data: e}); err != nil {
			return a, err
		}
	}
	return a, nil
}

func decide(a Account, cmd Command) ([]events.Event, error) {
	if open, ok := cmd.(Open); ok {
		return decideOpen(a, open)
	}
	if !a.Exists() {
		return nil, refusal.New(refusal.NotFound, "no such account")
	}
	var wanted string
	var event events.Event
	switch cmd.(type) {
	case Suspend:
		wanted, event = StatusSuspended, events.AccountSuspended{}
	case Resume:
		wanted, event = StatusActive, events.AccountResumed{}
	case Close:
		wanted, event = StatusClosed, events.AccountClosed{}
	case Open: // above
	}
	switch {
	case a.Status == wanted:
		return nil, nil
	case a.Status == StatusClosed:
		return nil, refusal.New(refusal.Conflict, "the account is closed, which is final")
	case a.Opaque && wanted == StatusActive:
		return nil, refusal.New(refusal.Conflict, "the account has events that this version does not know; upgrade this node")
	}
	return []events.Event{event}, nil
}

func decideOpen(a Account, open Open) ([]events.Event, error) {
	switch {
	case a.Exists():
		return nil, refusal.New(refusal.Conflict, "the account exists already")
	case !ValidID(open.ID), scheme.HoldsSecret(open.ID):
		return nil, refusal.Invalid("id", "use 1 to %d letters, digits, '-' and '_', beginning with a letter or digit", events.MaxToken)
	case strings.TrimSpace(open.Name) == "" || len(open.Name) > MaxName || !utf8.ValidString(open.Name) ||
		strings.ContainsFunc(open.Name, func(r rune) bool { return !unicode.IsPrint(r) }) || scheme.HoldsSecret(open.Name):
		return nil, refusal.Invalid("name", "give the account a name of at most %d bytes of printable text, without anything like an API key", MaxName)
	}
	return []events.Event{events.AccountOpened{Name: open.Name, Scheme: open.Scheme}}, nil
}

// ValidID reports whether id can be the id of an account.
func ValidID(id string) bool {
	return events.IsToken(id) && !slices.Contains([]byte{'_', '-'}, id[0])
}
