package httpapi

import (
	"context"
	"net/http"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/projections/directory"
)

const tagAccounts = "Accounts"

func (a *api) registerAccounts() {
	rights := []access.Right{access.RightAccounts}
	register(a, operation{
		id: "open-account", method: http.MethodPost, path: "/v1/accounts", tag: tagAccounts, rights: rights,
		status: http.StatusCreated, body: newAccount{}, summary: "Open an account",
	}, a.openAccount)
	register(a, operation{
		id: "list-accounts", method: http.MethodGet, path: "/v1/accounts", tag: tagAccounts, summary: "List accounts",
		description: "A caller that does not manage accounts sees its own.",
	}, a.listAccounts)
	register(a, operation{
		id: "get-account", method: http.MethodGet, path: "/v1/accounts/{id}", tag: tagAccounts, summary: "Describe an account",
	}, a.getAccount)
	for _, command := range [...]struct {
		verb, summary string
		do            func(context.Context, ledger.By, string) (ledger.ChangedAccount, error)
	}{
		{"suspend", "Refuse all keys of an account until it is resumed", a.Ledger.SuspendAccount},
		{"resume", "End a suspension", a.Ledger.ResumeAccount},
		{"close", "Refuse all keys of an account for good", a.Ledger.CloseAccount},
	} {
		register(a, operation{
			id: command.verb + "-account", method: http.MethodPost, path: "/v1/accounts/{id}/" + command.verb,
			tag: tagAccounts, rights: rights, body: empty{}, optional: true, summary: command.summary,
		}, a.onAccount(command.do))
	}
}

// newAccount is the body of an opening.
type newAccount struct {
	ID     string `json:"id,omitempty" doc:"The caller's own choice, as merchant_42; left out: made up."`
	Name   string `json:"name" maxLength:"128"`
	Scheme string `json:"scheme,omitempty" doc:"Left out: that of account root."`
}

type openAccountInput struct {
	IdempotencyHeader
	BodyBytes
}

func (a *api) openAccount(ctx context.Context, c *caller, in *openAccountInput) (ChangedAccount, error) {
	var b newAccount
	if err := edge.Decode(in.RawBody, &b); err != nil {
		return ChangedAccount{}, err
	}
	return changedAccount(a.Ledger.OpenAccount(ctx, c.by(in.RawBody), ledger.NewAccount{ID: b.ID, Name: b.Name, Scheme: b.Scheme}))
}

func changedAccount(out ledger.ChangedAccount, err error) (ChangedAccount, error) {
	if err == nil {
		err = applied(out.Outcome)
	}
	if err != nil {
		return ChangedAccount{}, err
	}
	return ChangedAccount{Account: describeAccount(out.Account), Position: out.Position, Fence: fenceOf(out.Outcome)}, nil
}

type accountCommandInput struct {
	AccountPath
	IdempotencyHeader
	FenceQuery
	BodyBytes
}

// onAccount serves a command that has nothing to say but the account.
func (a *api) onAccount(
	command func(ctx context.Context, by ledger.By, id string) (ledger.ChangedAccount, error),
) func(context.Context, *caller, *accountCommandInput) (ChangedAccount, error) {
	return func(ctx context.Context, c *caller, in *accountCommandInput) (ChangedAccount, error) {
		if err := decodeOptional(in.RawBody, &empty{}); err != nil {
			return ChangedAccount{}, err
		}
		if err := in.check(); err != nil {
			return ChangedAccount{}, err
		}
		return changedAccount(command(ctx, c.by(in.RawBody), in.ID))
	}
}

// seesAccount reports whether the caller may read an account: its own, or any
// for one that acts for the operator and may read accounts.
func (c *caller) seesAccount(id string) bool {
	return c.actor.Key.Account == id || c.actor.AllAccounts
}

func (a *api) getAccount(_ context.Context, c *caller, in *AccountPath) (Account, error) {
	if !account.ValidID(in.ID) || !c.seesAccount(in.ID) {
		return Account{}, refusal.New(refusal.NotFound, "no such account")
	}
	found, _, err := a.Directory.Account(in.ID)
	if err != nil {
		return Account{}, err
	}
	if !found.Exists() {
		return Account{}, refusal.New(refusal.NotFound, "no such account")
	}
	return describeAccount(found), nil
}

type listAccountsInput struct {
	Status string `query:"status" enum:"active,suspended,closed"`
	PageQuery
}

func (a *api) listAccounts(_ context.Context, c *caller, in *listAccountsInput) (AccountPage, error) {
	if !c.actor.AllAccounts {
		return a.ownAccount(c, in.Status)
	}
	out := AccountPage{Accounts: []Account{}}
	cursor := in.Cursor
	for range maxSteps {
		page, err := a.Directory.Accounts(directory.Page{Limit: in.Limit - len(out.Accounts), Cursor: cursor})
		if err != nil {
			return AccountPage{}, cursorError(err)
		}
		for _, found := range page.Accounts {
			if in.Status == "" || found.Status == in.Status {
				out.Accounts = append(out.Accounts, describeAccount(found))
			}
		}
		if cursor = page.Next; cursor == "" || len(out.Accounts) == in.Limit {
			break
		}
	}
	out.NextCursor = orNull(cursor)
	return out, nil
}

// ownAccount is the list of a caller that sees one account.
func (a *api) ownAccount(c *caller, status string) (AccountPage, error) {
	own, _, err := a.Directory.Account(c.actor.Key.Account)
	if err != nil {
		return AccountPage{}, err
	}
	out := AccountPage{Accounts: []Account{}}
	if status == "" || own.Status == status {
		out.Accounts = append(out.Accounts, describeAccount(own))
	}
	return out, nil
}
