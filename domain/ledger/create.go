package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// NewKey is what a key is to be created as. Empty Account is the caller's, empty
// Kind the scheme's default, empty Environment the only one there is.
type NewKey struct {
	Account     string
	Kind        string
	Environment string
	Name        string
	Permissions []string
	Roles       []string
	Grantable   []string
	Allowlist   []string
	ExpiresAt   *time.Time
	Resource    string
	Metadata    map[string]string
}

// Issued is a key with the secret that was made for it. Minted is zero where the
// outcome was replayed: the secret was shown the first time.
type Issued struct {
	Outcome
	Key    apikey.Key
	Minted scheme.Minted
}

// CreateKey creates a key.
func (l *Ledger) CreateKey(ctx context.Context, by By, want NewKey) (Issued, error) {
	birth := birth{Ledger: l, by: by, want: want, id: l.newID(events.IDKey, l.now()), random: l.entropy()}
	birth.credential = l.newID(events.IDCredential, l.now())
	claims := []claim{reliesOn(by.Key)}
	if by.Idempotency != "" { // the key's id is not random, and the actor is written to
		claims = []claim{writes(by.Key)}
	}
	out, err := l.do(ctx, by, claims, birth.decide)
	if err != nil {
		return Issued{}, err
	}
	if out.Replayed != nil {
		key, err := l.replayedKey(out.Replayed)
		return Issued{Outcome: out, Key: key}, err
	}
	return birth.issued(out), nil
}

// issued is the key that was born, with its secret.
func (b *birth) issued(out Outcome) Issued {
	key, _, err := b.View.Key(b.id)
	if err != nil || !key.Exists() {
		key = b.decided // written, though this node cannot read it back just now
	}
	return Issued{Outcome: out, Key: key, Minted: b.minted}
}

// birth is one create on its way: what stays the same from attempt to attempt.
type birth struct {
	*Ledger
	by         By
	want       NewKey
	id         string
	set        string // the set it is issued in; its id is then given
	credential string
	random     scheme.Entropy
	minted     scheme.Minted
	decided    apikey.Key
}

func (b *birth) decide(at time.Time) (decision, error) {
	born, last, err := b.View.Key(b.id)
	if err != nil {
		return decision{}, fmt.Errorf("load key: %w", err)
	}
	if _, ours := born.Credential(b.credential); ours { // an earlier attempt of this very command has landed after all
		return decision{standing: last}, nil
	}
	if born.Exists() && b.set != "" {
		return decision{}, refusal.New(refusal.Conflict, "the keys of this set have been issued for this resource; rotate or revoke them one by one")
	}
	actor, err := b.authorize(b.by, access.RightKeys, at)
	if err != nil {
		return decision{}, err
	}
	owner, s, err := b.owner(actor)
	if err != nil {
		return decision{}, err
	}
	if err := b.place(); err != nil {
		return decision{}, err
	}
	kindName, kind, ok := s.Scheme.Kind(b.want.Kind)
	environment, known := s.Scheme.Environment(b.want.Environment, kind)
	if ok && known {
		if b.minted, err = s.Scheme.Mint(kindName, environment, b.random); err != nil {
			return decision{}, fmt.Errorf("mint: %w", err)
		}
		if err := actor.reach(environment); err != nil {
			return decision{}, err
		}
	}
	entity := events.KeyEntity(environment, owner.ID, b.id)
	decided, err := apikey.Decide(apikey.Key{}, apikey.Create{
		At: at, Scheme: s.Scheme, SchemeVersion: s.Version, Kind: b.want.Kind, Environment: environment,
		Name: b.want.Name, Permissions: b.want.Permissions, Roles: b.want.Roles, Grantable: b.want.Grantable,
		Allowlist: b.want.Allowlist, ExpiresAt: b.want.ExpiresAt, Resource: b.want.Resource, Set: b.set,
		Metadata: b.want.Metadata, Credential: b.stored(),
	})
	if err != nil {
		return decision{}, err
	}
	if b.decided, err = apikey.After(apikey.Key{}, decided, at); err != nil {
		return decision{}, err
	}
	b.decided.ID, b.decided.Account, b.decided.Environment, b.decided.CreatedBy = b.id, owner.ID, environment, b.by.actor()
	if err := actor.mayCause(apikey.Compare(apikey.Key{}, b.decided, s.Scheme), nil); err != nil {
		return decision{}, err
	}
	return decision{
		changes: []change{{entity: entity, events: decided}},
		at:      at, actor: actor, right: access.RightKeys, widens: true, fresh: b.by.Idempotency == "",
	}, nil
}

// owner loads the account that the key is for, and the scheme of the kind.
func (b *birth) owner(actor *Actor) (account.Account, SchemeState, error) {
	id := b.want.Account
	if id == "" && actor != nil {
		id = actor.Key.Account
	}
	owner, _, err := b.View.Account(id)
	switch {
	case err != nil:
		return owner, SchemeState{}, fmt.Errorf("load account: %w", err)
	case !owner.Exists(), actor != nil && !actor.Sees(id):
		return owner, SchemeState{}, refusal.New(refusal.NotFound, "no such account")
	case !owner.Active():
		return owner, SchemeState{}, refusal.New(refusal.Conflict, "the account is %s", owner.Status)
	}
	name := owner.Scheme
	if b.want.Kind == scheme.KindRoot && owner.ID == account.Root {
		name = scheme.BuiltinName
	}
	s, err := b.scheme(name)
	return owner, s, err
}

// scheme loads a scheme that commands can be decided under.
func (l *Ledger) scheme(name string) (SchemeState, error) {
	if name == scheme.BuiltinName { // it is on no ledger
		builtin, _ := l.View.Catalog().Scheme(name)
		return SchemeState{Scheme: builtin}, nil
	}
	s, _, err := l.View.Scheme(name)
	switch {
	case err != nil:
		return s, fmt.Errorf("load scheme: %w", err)
	case s.Scheme == nil, s.Opaque:
		return s, refusal.New(refusal.Conflict, "scheme %s cannot be read by this version; upgrade this node", name)
	}
	return s, nil
}

// place gives a key asked for under an Idempotency-Key the id that the same
// request would have on any node, so that two of them meet. An id taken by a
// request so old that it has been forgotten is passed over.
func (b *birth) place() error {
	if b.by.Idempotency == "" || b.set != "" {
		return nil
	}
	for n := range uint64(MaxAttempts) {
		id := b.derived(events.IDKey, b.by, n)
		key, _, err := b.View.Key(id)
		if err != nil {
			return fmt.Errorf("load key: %w", err)
		}
		if !key.Exists() {
			b.id = id
			return nil
		}
	}
	return refusal.New(refusal.Conflict, "this Idempotency-Key has been used too often; use a new one")
}

func (b *birth) stored() events.Credential { return stored(b.credential, b.minted) }

func stored(id string, m scheme.Minted) events.Credential {
	return events.Credential{
		ID: id, Prefix: m.Prefix, Locator: m.Locator, Last4: m.Last4, Alg: m.Alg, Salt: m.Salt, Hash: m.Hash,
	}
}
