package apikey_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// drawCommand is a command in the language of the tables, sensible or not.
func drawCommand(t *rapid.T, serial int) string {
	some := func(name string, of ...string) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(of), 0, 3).Draw(t, name), ",")
	}
	one := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	fields := func(verb string) string {
		var out strings.Builder
		out.WriteString(verb)
		for _, f := range []struct {
			name string
			draw func() string
		}{
			{"perms", func() string { return some("perms", "read", "write", "orders:*", "*", "fly") }},
			{"roles", func() string { return some("roles", "clerk", "owner", "king") }},
			{"grantable", func() string { return some("grantable", "read", "write") }},
			{"ips", func() string { return some("ips", "10.0.0.1", "10.0.0.0/8", "2001:db8::/32") }},
			{"expires", func() string { return one("expires", "+1h", "+24h", "+2400h", "-1h") }},
			{"meta", func() string { return one("meta", "", "a:b") }},
			{"name", func() string { return one("name", "one", "two", "") }},
		} {
			if rapid.Bool().Draw(t, "with "+f.name) {
				fmt.Fprintf(&out, " %s=%s", f.name, f.draw())
			}
		}
		return out.String()
	}
	old := fmt.Sprintf("c%d", rapid.IntRange(1, max(serial, 1)).Draw(t, "credential"))
	switch one("verb", "create", "change", "change", "rotate", "rotate", "rotate", "cut", "use", "suspend", "resume", "revoke") {
	case "create":
		return fields("create")
	case "change":
		return fields("change")
	case "rotate":
		return fmt.Sprintf("rotate c%d %s", serial+2, one("how", "overlap=0s", "overlap=1h", "overlap=48h", "grace=0s", "grace=10m", "overlap=-1s"))
	case "cut":
		return "cut " + old
	case "use":
		return "use " + old
	case "suspend":
		return "suspend"
	case "resume":
		return "resume"
	}
	return one("end", "revoke", "resume", "suspend") // seldom, so that lives are long
}

// The laws of the aggregate, over random lives:
//
//   - what is decided can be folded, event by event, through its bytes;
//   - what is refused, or leads to nothing, changes nothing;
//   - the same command again leads to nothing, or is refused;
//   - what Decide foresaw is what the fold makes of it;
//   - the effect of each step is true of every request;
//   - the newest credential is active, at most [apikey.MaxCredentials] are live,
//     and what is kept is bounded.
func TestTheLawsHoldOverRandomLives(t *testing.T) {
	all := asks()
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t)
		h.given("create perms=read,write")
		for serial := range rapid.IntRange(1, 40).Draw(rt, "commands") {
			line := drawCommand(rt, serial)
			before := h.key
			cmd := h.command(line)
			decided, err := apikey.Decide(before, cmd)
			if err != nil {
				if refusal.CodeOf(err) == "" {
					rt.Fatalf("%s: %v", line, err)
				}
				continue
			}
			foreseen, err := apikey.After(before, decided, h.now)
			if err != nil {
				rt.Fatalf("%s: %v", line, err)
			}
			h.fold(decided)
			if again, err := apikey.Decide(h.key, cmd); err == nil && len(again) > 0 {
				rt.Fatalf("%s, asked again, leads to %s", line, written(again))
			}
			foreseen.Reason = h.key.Reason // After knows no reason
			if want, got := text(rt, foreseen), text(rt, h.key); want != got {
				rt.Fatalf("%s: foreseen %s\nfolded %s", line, want, got)
			}
			e := apikey.Compare(before, h.key, h.scheme)
			if a, problem := sound(rt, all, before, h.key, h.scheme, e); problem != "" {
				rt.Fatalf("%s: %+v %s: %+v", line, a, problem, e)
			}
			bounded(rt, h)
		}
	})
}

func text(t *rapid.T, k apikey.Key) string {
	out, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func bounded(t *rapid.T, h *history) {
	live := 0
	for _, c := range h.key.Credentials {
		if !c.Ended(h.now) {
			live++
		}
	}
	active, ok := h.key.Active()
	newest := h.key.Credentials[len(h.key.Credentials)-1]
	if !ok || active.ID != newest.ID || active.EndsAt != nil {
		t.Fatalf("active is %+v, newest is %+v", active, newest)
	}
	if live > apikey.MaxCredentials || len(h.key.Credentials) > apikey.MaxKept {
		t.Fatalf("%d live of %d kept", live, len(h.key.Credentials))
	}
}

// Whatever order events come in, the fold takes them or says why not: it does
// not panic, and a refused event leaves the state alone.
func TestTheFoldTakesOrRefusesAnyEvent(t *testing.T) {
	ends := noon
	pool := []events.Event{
		events.KeyCreated{Credential: credential("c1")},
		events.KeyPermissionsChanged{},
		events.KeyAllowlistChanged{Allowlist: []string{"nonsense"}},
		events.KeyExpiryChanged{ExpiresAt: &ends},
		events.KeyDetailsChanged{},
		events.KeySuspended{},
		events.KeyResumed{},
		events.KeyRotated{Credential: credential("c2"), Replaces: "c1", EndsAt: &ends},
		events.KeyRotated{Credential: credential("c2"), Replaces: "c1"},
		events.KeyRotated{Credential: credential("c1"), Replaces: "c2", CutOnFirstUse: true, GraceSeconds: -1},
		events.KeyOverlapChanged{Credential: "c1"},
		events.KeyCredentialCut{Credential: "c1"},
		events.KeyCredentialCut{Credential: "c2"},
		events.KeyRevoked{},
		events.CommandAccepted{},
		events.Unknown{},
		events.LedgerOpened{},
		events.LedgerRestored{},
		events.SchemeApplied{},
		events.AccountOpened{},
		events.AccountSuspended{},
		events.AccountResumed{},
		events.AccountClosed{},
	}
	s, all := shop(t), asks()
	rapid.Check(t, func(t *rapid.T) {
		var k apikey.Key
		entity := events.KeyEntity("live", "acct_1", "key_1")
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			e := events.Envelope{Entity: entity, Time: noon, Revision: k.Revision + 1, Data: rapid.SampledFrom(pool).Draw(t, "event")}
			next, err := apikey.Evolve(k, e)
			if err != nil {
				if text(t, next) != text(t, k) {
					t.Fatalf("%T was refused and has changed the key", e.Data)
				}
				continue
			}
			if next.Revision != k.Revision+1 {
				t.Fatalf("%T: revision %d after %d", e.Data, next.Revision, k.Revision)
			}
			if len(next.Allowlist) == 0 {
				if a, problem := sound(t, all, k, next, s, apikey.Compare(k, next, s)); problem != "" {
					t.Fatalf("%T: %+v %s", e.Data, a, problem)
				}
			}
			k = next
		}
	})
}
