package events

import (
	"errors"
	"fmt"
	"strings"
)

// SubjectRoot begins the subject of every event on the ledger.
const SubjectRoot = "kl.ledger"

// Spanning is the environment token of what belongs to no single environment
// (accounts, members, schemes, the ledger itself), and the account token of
// what belongs to no account.
const Spanning = "_"

// Entity names the thing whose history an event belongs to. Its wildcard, see
// [Entity.Filter], is the one filter string under which every writer of the
// entity states what it expects: two different filters over the same subjects
// would not see one another inside an atomic batch.
type Entity struct {
	Environment string // "live", or Spanning
	Account     string // "acct_..." or the customer's own choice, or Spanning
	Kind        string // "key", "account", "scheme", "ledger"
	ID          string
}

// Entity kinds.
const (
	KindKey     = "key"
	KindAccount = "account"
	KindScheme  = "scheme"
	KindLedger  = "ledger"
)

// KeyEntity is the entity of a key.
func KeyEntity(environment, account, id string) Entity {
	return Entity{Environment: environment, Account: account, Kind: KindKey, ID: id}
}

// AccountEntity is the entity of an account.
func AccountEntity(id string) Entity {
	return Entity{Environment: Spanning, Account: id, Kind: KindAccount, ID: id}
}

// SchemeEntity is the entity of a key system.
func SchemeEntity(name string) Entity {
	return Entity{Environment: Spanning, Account: Spanning, Kind: KindScheme, ID: name}
}

// LedgerEntity is the entity of the ledger itself.
func LedgerEntity() Entity {
	return Entity{Environment: Spanning, Account: Spanning, Kind: KindLedger, ID: Spanning}
}

// IsZero reports whether e names nothing.
func (e Entity) IsZero() bool { return e == Entity{} }

// Filter is the wildcard subject that matches every event of e, and no other.
func (e Entity) Filter() string { return e.prefix() + "*" }

// Subject is the subject of an event of e, for example
// kl.ledger.live.acct_1.key.key_1.revoked.
func (e Entity) Subject(event string) string { return e.prefix() + event }

func (e Entity) prefix() string {
	return SubjectRoot + "." + e.Environment + "." + e.Account + "." + e.Kind + "." + e.ID + "."
}

// Ref is the short form used as CloudEvents subject: "key/key_1".
func (e Entity) Ref() string { return e.Kind + "/" + e.ID }

// String is the filter, which names e without ambiguity.
func (e Entity) String() string { return e.Filter() }

// Validate reports which token of e could not stand in a subject.
func (e Entity) Validate() error {
	for _, part := range [...]struct{ name, token string }{
		{"environment", e.Environment}, {"account", e.Account}, {"entity", e.Kind}, {"id", e.ID},
	} {
		if !IsToken(part.token) {
			return fmt.Errorf("%w: %s %q", ErrSubject, part.name, part.token)
		}
	}
	return nil
}

// ErrSubject is returned for a subject that does not have the ledger's form.
var ErrSubject = errors.New("malformed subject")

// ParseSubject splits the subject of a ledger event into entity and event name.
func ParseSubject(subject string) (Entity, string, error) {
	rest, ok := strings.CutPrefix(subject, SubjectRoot+".")
	if !ok {
		return Entity{}, "", fmt.Errorf("%w: %q", ErrSubject, subject)
	}
	part := strings.Split(rest, ".")
	if len(part) != 5 || !IsToken(part[4]) {
		return Entity{}, "", fmt.Errorf("%w: %q", ErrSubject, subject)
	}
	e := Entity{Environment: part[0], Account: part[1], Kind: part[2], ID: part[3]}
	if err := e.Validate(); err != nil {
		return Entity{}, "", err
	}
	return e, part[4], nil
}

// IsToken reports whether s can stand as one token of a subject: 1 to
// [MaxToken] letters, digits, hyphens and underscores. Dots, spaces, wildcards
// and everything outside ASCII are excluded.
func IsToken(s string) bool {
	if s == "" || len(s) > MaxToken {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
