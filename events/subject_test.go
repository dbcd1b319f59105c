package events_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/events"
)

func TestSubjectsOfEntities(t *testing.T) {
	for _, c := range []struct {
		entity               events.Entity
		subject, filter, ref string
	}{
		{events.KeyEntity("live", "acct_1", "key_1"), "kl.ledger.live.acct_1.key.key_1.x", "kl.ledger.live.acct_1.key.key_1.*", "key/key_1"},
		{events.AccountEntity("merchant_42"), "kl.ledger._.merchant_42.account.merchant_42.x", "kl.ledger._.merchant_42.account.merchant_42.*", "account/merchant_42"},
		{events.SchemeEntity("web3pay"), "kl.ledger._._.scheme.web3pay.x", "kl.ledger._._.scheme.web3pay.*", "scheme/web3pay"},
		{events.LedgerEntity(), "kl.ledger._._.ledger._.x", "kl.ledger._._.ledger._.*", "ledger/_"},
	} {
		if got := c.entity.Subject("x"); got != c.subject {
			t.Errorf("subject %s, want %s", got, c.subject)
		}
		if got := c.entity.Filter(); got != c.filter || c.entity.String() != c.filter {
			t.Errorf("filter %s, string %s, want %s", got, c.entity, c.filter)
		}
		if got := c.entity.Ref(); got != c.ref {
			t.Errorf("ref %s, want %s", got, c.ref)
		}
		entity, event, err := events.ParseSubject(c.subject)
		if err != nil || entity != c.entity || event != "x" {
			t.Errorf("%s parses to %v, %q, %v", c.subject, entity, event, err)
		}
		if c.entity.Validate() != nil || c.entity.IsZero() {
			t.Errorf("%v: valid %v, zero %v", c.entity, c.entity.Validate(), c.entity.IsZero())
		}
	}
	if !(events.Entity{}).IsZero() {
		t.Error("the zero entity is not zero")
	}
}

func TestMalformedSubjectsAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "kl.ledger", "kl.ledger.", "kl.ledger.live.acct_1.key.key_1", "kl.ledger.live.acct_1.key.key_1.revoked.x",
		"kl.usage.live.acct_1.key.key_1.revoked", "KL.ledger.live.acct_1.key.key_1.revoked",
		"kl.ledger..acct_1.key.key_1.revoked", "kl.ledger.live.acct_1.key.key_1.",
		"kl.ledger.live.acct_1.key.key_1.*", "kl.ledger.*.acct_1.key.key_1.revoked", "kl.ledger.live.acct_1.key.>.revoked",
		"kl.ledger.live.acct 1.key.key_1.revoked", "kl.ledger.live.acct_1.key.kéy.revoked",
		"kl.ledger.live.acct_1.key.key_1.revoked\n", "kl.ledger.live.acct_1.key.\x00.revoked",
		"kl.ledger.live." + longToken(events.MaxToken+1) + ".key.key_1.revoked",
	} {
		if e, event, err := events.ParseSubject(s); !errors.Is(err, events.ErrSubject) {
			t.Errorf("%q parses to %v, %q, %v", s, e, event, err)
		}
	}
}

func TestTokens(t *testing.T) {
	for s, want := range map[string]bool{
		"a": true, "Z": true, "0": true, "_": true, "-": true, "acct_01kd-X": true, longToken(events.MaxToken): true,
		"": false, ".": false, "*": false, ">": false, "a b": false, "a.b": false, "é": false, "a\x00": false, "a/b": false,
		longToken(events.MaxToken + 1): false,
	} {
		if got := events.IsToken(s); got != want {
			t.Errorf("IsToken(%q) is %v, want %v", s, got, want)
		}
	}
}

func TestAnEntityNamesTheTokenThatIsWrong(t *testing.T) {
	valid := events.KeyEntity("live", "acct_1", "key_1")
	for name, e := range map[string]events.Entity{
		"environment": {Environment: "li.ve", Account: valid.Account, Kind: valid.Kind, ID: valid.ID},
		"account":     {Environment: valid.Environment, Account: "", Kind: valid.Kind, ID: valid.ID},
		"entity":      {Environment: valid.Environment, Account: valid.Account, Kind: "*", ID: valid.ID},
		"id":          {Environment: valid.Environment, Account: valid.Account, Kind: valid.Kind, ID: "k 1"},
	} {
		if err := e.Validate(); !errors.Is(err, events.ErrSubject) || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, want %s named", e, err, name)
		}
	}
}

func FuzzParseSubject(f *testing.F) {
	f.Add("kl.ledger.live.acct_1.key.key_1.revoked")
	f.Add("kl.ledger._._.ledger._.opened")
	f.Add("kl.ledger.live.acct_1.key.key_1.*")
	f.Add("kl.ledger.....")
	f.Fuzz(func(t *testing.T, subject string) {
		e, event, err := events.ParseSubject(subject)
		if err != nil {
			if !errors.Is(err, events.ErrSubject) || !e.IsZero() || event != "" {
				t.Errorf("%q: %v, %q, %v", subject, e, event, err)
			}
			return
		}
		if got := e.Subject(event); got != subject {
			t.Errorf("%q parses to that of %q", subject, got)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%q parses to an entity that is not valid: %v", subject, err)
		}
		if !strings.HasPrefix(subject, strings.TrimSuffix(e.Filter(), "*")) {
			t.Errorf("%q does not match the filter %q of its entity", subject, e.Filter())
		}
	})
}
