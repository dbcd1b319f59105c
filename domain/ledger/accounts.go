package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// ChangedAccount is an account after a command.
type ChangedAccount struct {
	Outcome
	Account account.Account
}

// NewAccount is what an account is to be opened as. An empty ID is made up, an
// empty Scheme is that of account root.
type NewAccount struct {
	ID, Name, Scheme string
}

// OpenAccount opens an account.
func (l *Ledger) OpenAccount(ctx context.Context, by By, want NewAccount) (ChangedAccount, error) {
	switch {
	case want.ID != "":
	case by.Idempotency != "":
		want.ID = l.derived(events.IDAccount, by, 0)
	default:
		want.ID = l.newID(events.IDAccount, l.now())
	}
	return l.account(ctx, by, want.ID, func() (account.Command, error) {
		name := want.Scheme
		if name == "" {
			root, _, err := l.View.Account(account.Root)
			if err != nil {
				return nil, fmt.Errorf("load account root: %w", err)
			}
			name = root.Scheme
		}
		if _, ok := l.View.Catalog().Scheme(name); !ok {
			return nil, refusal.Invalid("scheme", "no scheme %q is known; have %v", name, l.View.Catalog().Names())
		}
		return account.Open{ID: want.ID, Name: want.Name, Scheme: name}, nil
	})
}

// SuspendAccount refuses all keys of an account until it is resumed.
func (l *Ledger) SuspendAccount(ctx context.Context, by By, id string) (ChangedAccount, error) {
	return l.account(ctx, by, id, func() (account.Command, error) { return account.Suspend{}, nil })
}

// ResumeAccount ends a suspension.
func (l *Ledger) ResumeAccount(ctx context.Context, by By, id string) (ChangedAccount, error) {
	return l.account(ctx, by, id, func() (account.Command, error) { return account.Resume{}, nil })
}

// CloseAccount refuses all keys of an account for good.
func (l *Ledger) CloseAccount(ctx context.Context, by By, id string) (ChangedAccount, error) {
	return l.account(ctx, by, id, func() (account.Command, error) { return account.Close{}, nil })
}

func (l *Ledger) account(ctx context.Context, by By, id string, build func() (account.Command, error)) (ChangedAccount, error) {
	var after account.Account
	out, err := l.do(ctx, by, []claim{writes(id), writes(by.Key)}, func(at time.Time) (decision, error) {
		actor, err := l.authorize(by, access.RightAccounts, at)
		if err != nil {
			return decision{}, err
		}
		if actor != nil && !actor.AllAccounts {
			return decision{}, refusal.New(refusal.PermissionDenied, "accounts are managed by keys of account %s that span all", account.Root)
		}
		cmd, err := build()
		if err != nil {
			return decision{}, err
		}
		d, err := l.decideAccount(at, actor, id, cmd)
		after = d.account
		return d, err
	})
	switch {
	case err != nil:
		return ChangedAccount{}, err
	case out.Changed && !out.Applied: // written, though this node cannot read it back just now
		return ChangedAccount{Outcome: out, Account: after}, nil
	}
	state, _, err := l.View.Account(id)
	if err != nil {
		return ChangedAccount{Outcome: out}, fmt.Errorf("written at position %d; read back: %w", out.Position, err)
	}
	return ChangedAccount{Outcome: out, Account: state}, nil
}

func (l *Ledger) decideAccount(at time.Time, actor *Actor, id string, cmd account.Command) (decision, error) {
	state, last, err := l.View.Account(id)
	if err != nil {
		return decision{}, fmt.Errorf("load account: %w", err)
	}
	if id == account.Root && actor != nil {
		switch cmd.(type) {
		case account.Suspend, account.Close:
			return decision{}, refusal.New(refusal.Conflict, "account %s owns the keys by which the ledger is managed; it stays active", account.Root)
		case account.Open, account.Resume:
		}
	}
	decided, err := account.Decide(state, cmd)
	if err != nil {
		return decision{}, err
	}
	d := decision{at: at, actor: actor, right: access.RightAccounts, standing: last}
	switch cmd.(type) {
	case account.Suspend, account.Close:
		d.narrows = true
	case account.Open, account.Resume:
		d.widens = true
	}
	if len(decided) == 0 {
		return d, nil
	}
	d.changes = []change{{entity: events.AccountEntity(id), last: last, revision: state.Revision, events: decided}}
	d.account, err = account.After(state, id, decided, at)
	return d, err
}
