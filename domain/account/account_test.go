package account_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

var noon = time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)

func commands() map[string]account.Command {
	return map[string]account.Command{
		"open":    account.Open{ID: "acct_1", Name: "Shop", Scheme: "web3pay"},
		"suspend": account.Suspend{}, "resume": account.Resume{}, "close": account.Close{},
	}
}

// fold applies events to a, through their bytes on the wire.
func fold(t *testing.T, a account.Account, all []events.Event) account.Account {
	t.Helper()
	for _, e := range all {
		payload, err := events.Encode(events.Envelope{
			ID: "evt_1", Source: "urn:test", Time: noon, Entity: events.AccountEntity("acct_1"), Actor: "key_1",
			Command: "cmd_1", Index: 1, Count: 1, Revision: a.Revision + 1, Data: e,
		})
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := events.Decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		if a, err = account.Evolve(a, envelope); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// given folds commands and, written "?", an event of an unknown type.
func given(t *testing.T, text string) account.Account {
	t.Helper()
	var a account.Account
	for _, word := range strings.Fields(text) {
		if word == "?" {
			a = fold(t, a, []events.Event{events.Unknown{Name: "keyledger.account.enchanted.v1", Raw: []byte(`{}`)}})
			continue
		}
		decided, err := account.Decide(a, commands()[word])
		if err != nil {
			t.Fatalf("given %s: %v", word, err)
		}
		a = fold(t, a, decided)
	}
	return a
}

func TestTheLifeOfAnAccount(t *testing.T) {
	for _, c := range []struct{ given, when, then, status string }{
		{"", "open", "opened", "active"},
		{"open", "open", "refused conflict", "active"},
		{"open close", "open", "refused conflict", "closed"},

		{"", "suspend", "refused not_found", ""},
		{"open", "suspend", "suspended", "suspended"},
		{"open suspend", "suspend", "-", "suspended"},
		{"open close", "suspend", "refused conflict", "closed"},

		{"", "resume", "refused not_found", ""},
		{"open", "resume", "-", "active"},
		{"open suspend", "resume", "resumed", "active"},
		{"open close", "resume", "refused conflict", "closed"},
		{"open suspend close", "resume", "refused conflict", "closed"},

		{"", "close", "refused not_found", ""},
		{"open", "close", "closed", "closed"},
		{"open suspend", "close", "closed", "closed"},
		{"open close", "close", "-", "closed"},

		// What is not understood can be taken away, and not given back.
		{"open ?", "suspend", "suspended", "suspended"},
		{"open ? suspend", "resume", "refused conflict", "suspended"},
		{"open suspend ?", "resume", "refused conflict", "suspended"},
		{"open ?", "close", "closed", "closed"},
	} {
		t.Run(c.given+" then "+c.when, func(t *testing.T) {
			before := given(t, c.given)
			decided, err := account.Decide(before, commands()[c.when])
			got := "-"
			if err != nil {
				got = "refused " + string(refusal.CodeOf(err))
			} else if len(decided) > 0 {
				if got, err = events.EventName(decided[0].Type()); err != nil || len(decided) != 1 {
					t.Fatalf("%v: %v", decided, err)
				}
			}
			after := fold(t, before, decided)
			if got != c.then || after.Status != c.status {
				t.Errorf("%s and is %q, want %s and %q", got, after.Status, c.then, c.status)
			}
			if active := c.status == account.StatusActive && !strings.Contains(c.given, "?"); after.Active() != active {
				t.Errorf("active: %v, want %v", after.Active(), active)
			}
			if again, err := account.Decide(after, commands()[c.when]); err == nil && len(again) > 0 {
				t.Errorf("asked again: %v", again)
			}
		})
	}
}

func TestAnAccountIsOpenedUnderASoundNameAndID(t *testing.T) {
	for _, c := range []struct {
		open account.Open
		then string // "" for opened
	}{
		{account.Open{ID: "acct_1", Name: "Shop", Scheme: "web3pay"}, ""},
		{account.Open{ID: "merchant_42", Name: "Ünïcode & Söhne, 東京", Scheme: "web3pay"}, ""},
		{account.Open{ID: strings.Repeat("a", events.MaxToken), Name: strings.Repeat("x", account.MaxName)}, ""},
		{account.Open{ID: "0", Name: "x"}, ""},
		{account.Open{ID: "", Name: "Shop"}, "id"},
		{account.Open{ID: "_", Name: "Shop"}, "id"},
		{account.Open{ID: "_x", Name: "Shop"}, "id"},
		{account.Open{ID: "-x", Name: "Shop"}, "id"},
		{account.Open{ID: "a.b", Name: "Shop"}, "id"},
		{account.Open{ID: "a b", Name: "Shop"}, "id"},
		{account.Open{ID: "a*", Name: "Shop"}, "id"},
		{account.Open{ID: "a>", Name: "Shop"}, "id"},
		{account.Open{ID: "a/b", Name: "Shop"}, "id"},
		{account.Open{ID: "é", Name: "Shop"}, "id"},
		{account.Open{ID: strings.Repeat("a", events.MaxToken+1), Name: "Shop"}, "id"},
		{account.Open{ID: "a", Name: ""}, "name"},
		{account.Open{ID: "a", Name: "  "}, "name"},
		{account.Open{ID: "a", Name: "two\nlines"}, "name"},
		{account.Open{ID: "a", Name: "\x1b[31mred"}, "name"},
		{account.Open{ID: "a", Name: "\u202eback"}, "name"},
		{account.Open{ID: "a", Name: "a\xff"}, "name"},
		{account.Open{ID: "a", Name: strings.Repeat("x", account.MaxName+1)}, "name"},
	} {
		decided, err := account.Decide(account.Account{}, c.open)
		if c.then == "" {
			if err != nil || len(decided) != 1 {
				t.Errorf("%+v: %v, %v", c.open, decided, err)
			}
			continue
		}
		var refused *refusal.Error
		if !errors.As(err, &refused) || refused.Code != refusal.InvalidRequest || refused.Field != c.then || decided != nil {
			t.Errorf("%+v: %v, %v; want invalid_request of %s", c.open, decided, err, c.then)
		}
	}
}

func TestTheStateOfAnAccount(t *testing.T) {
	want := account.Account{
		ID: "acct_1", Name: "Shop", Scheme: "web3pay", Status: "suspended", OpenedAt: noon, OpenedBy: "key_1", Revision: 3, Opaque: true,
	}
	got := given(t, "open suspend ?")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Entity() != events.AccountEntity("acct_1") {
		t.Errorf("entity %v", got.Entity())
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back account.Account
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, back); diff != "" {
		t.Error(diff)
	}
}

func TestAnImpossibleHistoryOfAnAccountIsRefused(t *testing.T) {
	entity := events.AccountEntity("acct_1")
	for _, c := range []struct {
		name, given string
		e           events.Envelope
	}{
		{"not opened", "", events.Envelope{Entity: entity, Revision: 1, Data: events.AccountClosed{}}},
		{"born by an unknown event", "", events.Envelope{Entity: entity, Revision: 1, Data: events.Unknown{}}},
		{"opened twice", "open", events.Envelope{Entity: entity, Revision: 2, Data: events.AccountOpened{}}},
		{"revision missing", "open", events.Envelope{Entity: entity, Revision: 3, Data: events.AccountSuspended{}}},
		{"revision repeated", "open", events.Envelope{Entity: entity, Revision: 1, Data: events.AccountSuspended{}}},
		{"first revision is not 1", "", events.Envelope{Entity: entity, Revision: 2, Data: events.AccountOpened{}}},
		{"another account", "open", events.Envelope{Entity: events.AccountEntity("acct_2"), Revision: 2, Data: events.AccountSuspended{}}},
		{"a key", "", events.Envelope{Entity: events.KeyEntity("live", "acct_1", "acct_1"), Revision: 1, Data: events.AccountOpened{}}},
		{"an event of a key", "open", events.Envelope{Entity: entity, Revision: 2, Data: events.KeyRevoked{}}},
		{"an accepted command", "open", events.Envelope{Entity: entity, Revision: 2, Data: events.CommandAccepted{}}},
		{"an event of the ledger", "open", events.Envelope{Entity: entity, Revision: 2, Data: events.LedgerOpened{}}},
		{"resumed after it was closed", "open close", events.Envelope{Entity: entity, Revision: 3, Data: events.AccountResumed{}}},
		{"suspended after it was closed", "open close", events.Envelope{Entity: entity, Revision: 3, Data: events.AccountSuspended{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := given(t, c.given)
			after, err := account.Evolve(before, c.e)
			if !errors.Is(err, account.ErrHistory) {
				t.Errorf("got %v, want ErrHistory", err)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the account has changed:\n%s", diff)
			}
		})
	}
	closed := given(t, "open close")
	if after := fold(t, closed, []events.Event{events.Unknown{Name: "keyledger.account.buried.v1", Raw: []byte(`{}`)}}); after.Status != account.StatusClosed {
		t.Errorf("an unknown event after the end: %s", after.Status)
	}
}
