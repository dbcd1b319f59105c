package ledger

import (
	"bytes"
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

// RootKey is the id of the key that a new ledger is managed with.
const RootKey = "key_root"

// Open appends ledger.opened to an empty ledger and does nothing to any other.
// It is safe to call on every start, and on several nodes at once.
func (l *Ledger) Open(ctx context.Context) error {
	_, err := l.do(ctx, By{System: "bootstrap"}, nil, func(at time.Time) (decision, error) {
		if l.View.Incarnation() != "" {
			return decision{}, nil
		}
		return decision{at: at, changes: []change{{
			entity: events.LedgerEntity(),
			events: []events.Event{events.LedgerOpened{Incarnation: l.newID(events.IDLedger, at), Format: events.Format}},
		}}}, nil
	})
	if err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	return nil
}

// OpenRoot opens account root under a scheme, unless it is open.
func (l *Ledger) OpenRoot(ctx context.Context, schemeName string) error {
	by := By{System: "bootstrap"}
	_, err := l.account(ctx, by, account.Root, func() (account.Command, error) {
		root, _, err := l.View.Account(account.Root)
		if err != nil {
			return nil, fmt.Errorf("load account root: %w", err)
		}
		if root.Exists() {
			return account.Resume{}, nil // as it is: it cannot be suspended
		}
		return account.Open{ID: account.Root, Name: "operator of this ledger", Scheme: schemeName}, nil
	})
	if err != nil {
		return fmt.Errorf("open account root: %w", err)
	}
	return nil
}

// MintRoot makes the secret of the root key.
func (l *Ledger) MintRoot() (scheme.Minted, error) {
	return scheme.Builtin().Mint(scheme.KindRoot, access.Spanning, l.entropy())
}

// HasRoot reports whether the root key has been created.
func (l *Ledger) HasRoot() (bool, error) {
	key, _, err := l.View.Key(RootKey)
	return key.Exists(), err
}

// IsRoot reports whether text is the secret of the root key as it stands.
func (l *Ledger) IsRoot(text string) (bool, error) {
	key, _, err := l.View.Key(RootKey)
	if err != nil {
		return false, fmt.Errorf("load root key: %w", err)
	}
	parsed, malformed := scheme.ParseText(text)
	for _, c := range key.Credentials {
		if malformed == nil && c.Locator == parsed.Locator && scheme.Matches(c.Alg, c.Salt, c.Hash, parsed.Locator, parsed.Secret) {
			return true, nil
		}
	}
	return false, nil
}

// CreateRoot creates the root key with a secret that the caller has put where
// its operator finds it. It reports false where another node came first, whose
// secret then is the one that counts.
func (l *Ledger) CreateRoot(ctx context.Context, minted scheme.Minted) (created bool, err error) {
	out, err := l.do(ctx, By{System: "bootstrap"}, []claim{writes(RootKey)}, func(at time.Time) (decision, error) {
		key, last, err := l.View.Key(RootKey)
		if err != nil {
			return decision{}, fmt.Errorf("load root key: %w", err)
		}
		if key.Exists() {
			return decision{standing: last}, nil
		}
		decided, err := apikey.Decide(apikey.Key{}, apikey.Create{
			At: at, Scheme: scheme.Builtin(), Kind: scheme.KindRoot, Environment: access.Spanning,
			Name: "root key", Credential: stored(l.newID(events.IDCredential, at), minted),
		})
		entity := events.KeyEntity(access.Spanning, account.Root, RootKey)
		return decision{at: at, changes: []change{{entity: entity, events: decided}}}, err
	})
	if err != nil {
		return false, fmt.Errorf("create root key: %w", err)
	}
	return out.Changed, nil
}

// ApplyScheme makes a scheme known, given as JSON. One that is known already
// with the same content is left alone; one known differently is refused.
func (l *Ledger) ApplyScheme(ctx context.Context, by By, document []byte) (Outcome, error) {
	s, err := scheme.Parse(document)
	if err != nil {
		return Outcome{}, refusal.Invalid("document", "%v", err)
	}
	document = s.Canonical()
	return l.do(ctx, by, []claim{writes(s.Name()), writes(by.Key)}, func(at time.Time) (decision, error) {
		actor, err := l.authorize(by, access.RightSchemes, at)
		if err != nil {
			return decision{}, err
		}
		if actor != nil && !actor.AllAccounts {
			return decision{}, refusal.New(refusal.PermissionDenied, "schemes are of the whole ledger: they are applied by keys of account %s that span all", account.Root)
		}
		known, last, err := l.View.Scheme(s.Name())
		switch {
		case err != nil:
			return decision{}, fmt.Errorf("load scheme: %w", err)
		case s.Name() == scheme.BuiltinName:
			return decision{}, refusal.New(refusal.Conflict, "scheme %s is built in", s.Name())
		case known.Version > 0 && bytes.Equal(known.Document, document):
			return decision{standing: last}, nil
		case known.Version == 0 && last > 0:
			return decision{}, refusal.New(refusal.Conflict, "scheme %s has events that this version does not know; upgrade this node", s.Name())
		case known.Version > 0:
			return decision{}, refusal.New(refusal.Conflict, "scheme %s is known as version %d with another content; this version of keyledger cannot replace it", s.Name(), known.Version)
		}
		if _, err := l.View.Catalog().With(s); err != nil {
			return decision{}, refusal.New(refusal.Conflict, "%v", err)
		}
		return decision{at: at, actor: actor, right: access.RightSchemes, widens: true, changes: []change{{
			entity: events.SchemeEntity(s.Name()),
			events: []events.Event{events.SchemeApplied{Name: s.Name(), Version: 1, Document: document}},
		}}}, nil
	})
}
