package projectionstest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// Past is a random history on a log in memory, with what a fold of it must come
// to. It has whatever can happen: key sets, guarded commands, Idempotency-Keys,
// clocks that step back, types and kinds that this build does not know, schemes
// that cannot be read.
type Past struct {
	Log      *eventstest.Memory
	History  *eventstest.History
	Keys     map[string]apikey.Key
	Accounts map[string]account.Account
	// Commands are those that carried an Idempotency-Key, by id.
	Commands map[string]string

	rng      *rand.Rand
	now      time.Time
	versions map[string]int // of schemes, by name
	serial   int
	command  string // id of the next command; "" for a fresh one
}

// NewPast begins a past: the ledger is opened, nothing more. The same seed makes
// the same past.
func NewPast(seed uint64) *Past {
	p := &Past{
		Log: &eventstest.Memory{}, History: eventstest.NewHistory(),
		Keys: map[string]apikey.Key{}, Accounts: map[string]account.Account{}, Commands: map[string]string{},
		rng: rand.New(rand.NewPCG(seed, 0)), versions: map[string]int{},
		now: time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC),
	}
	if err := p.History.Save(context.Background(), p.Log); err != nil {
		panic(err) // a log in memory, without faults
	}
	return p
}

// Random is a past of so many commands.
func Random(seed uint64, commands int) *Past {
	p := NewPast(seed)
	for range commands {
		p.Step()
	}
	return p
}

// Step adds one random command. What a fold would refuse cannot happen, so it is
// drawn again.
func (p *Past) Step() {
	p.now = p.now.Add(time.Duration(p.rng.IntN(7200)-600) * time.Second)
	if p.rng.IntN(20) == 0 { // a night, or a clock put back
		p.now = p.now.Add(time.Duration(p.rng.IntN(40)-8) * time.Hour)
	}
	for {
		changes := p.changes()
		if len(p.Keys) > 0 && p.rng.IntN(5) == 0 {
			if actor := p.pick(); !touches(changes, actor.Entity()) {
				accepted := events.CommandAccepted{Right: "keys", Target: changes[0].Entity.Ref()}
				changes = append(changes, eventstest.Change{Entity: actor.Entity(), Data: accepted})
			}
		}
		if _, err := p.do(p.rng.IntN(3) == 0, changes); err == nil {
			return
		}
	}
}

func touches(changes []eventstest.Change, e events.Entity) bool {
	return slices.ContainsFunc(changes, func(c eventstest.Change) bool { return c.Entity == e })
}

// Advance moves the past's own time.
func (p *Past) Advance(by time.Duration) { p.now = p.now.Add(by) }

// Again adds one event under the id of an earlier command, with an
// Idempotency-Key, as a request that is repeated when it has been forgotten.
func (p *Past) Again(command string, change eventstest.Change) events.Recorded {
	p.command = command
	return p.Do(true, change)[0]
}

// Do adds one command at the past's own time, with an Idempotency-Key or without.
// It panics where that cannot happen.
func (p *Past) Do(idempotent bool, changes ...eventstest.Change) []events.Recorded {
	landed, err := p.do(idempotent, changes)
	if err != nil {
		panic(fmt.Sprintf("past: %v", err))
	}
	return landed
}

func (p *Past) do(idempotent bool, changes []eventstest.Change) ([]events.Recorded, error) {
	w := p.History.Propose(changes...)
	p.serial++
	defer func() { p.command = "" }()
	keys, accounts := maps.Clone(p.Keys), maps.Clone(p.Accounts)
	actor := "system:test"
	if len(p.Keys) > 0 && p.rng.IntN(2) == 0 {
		actor = p.pick().ID
	}
	for i := range w.Events {
		e, err := events.Decode(w.Events[i].Payload)
		if err != nil {
			return nil, err
		}
		e.Command = cmp.Or(p.command, e.Command)
		e.Time, e.Actor = p.now.Add(time.Duration(p.serial)*time.Microsecond), actor
		if idempotent && i == 0 {
			e.Idempotency = fmt.Sprintf("digest-%d", p.serial)
			p.Commands[e.Command] = e.Idempotency
		}
		if w.Events[i].Payload, err = events.Encode(e); err != nil {
			return nil, err
		}
		if err := fold(keys, accounts, e); err != nil {
			delete(p.Commands, e.Command)
			return nil, err
		}
	}
	ack, err := p.Log.Append(context.Background(), w)
	if err != nil {
		return nil, err
	}
	p.Keys, p.Accounts = keys, accounts
	for _, c := range changes {
		if applied, ok := c.Data.(events.SchemeApplied); ok {
			p.versions[applied.Name] = applied.Version
		}
	}
	if err := p.History.Landed(w, ack); err != nil {
		return nil, err
	}
	return p.History.Events()[ack.First-1:], nil
}

// fold is what the store's fold must agree with: nothing but Evolve.
func fold(keys map[string]apikey.Key, accounts map[string]account.Account, e events.Envelope) (err error) {
	switch e.Entity.Kind {
	case events.KindKey:
		keys[e.Entity.ID], err = apikey.Evolve(keys[e.Entity.ID], e)
	case events.KindAccount:
		accounts[e.Entity.ID], err = account.Evolve(accounts[e.Entity.ID], e)
	}
	return err
}

// pick is any key there is.
func (p *Past) pick() apikey.Key {
	ids := slices.Sorted(maps.Keys(p.Keys))
	return p.Keys[ids[p.rng.IntN(len(ids))]]
}

func (p *Past) id(prefix string) string {
	p.serial++
	return fmt.Sprintf("%s_%d", prefix, p.serial)
}

// changes are those of one random command.
func (p *Past) changes() []eventstest.Change {
	switch n := p.rng.IntN(20); {
	case n < 2 || len(p.Accounts) == 0:
		return p.changeAccount()
	case n < 7 || len(p.Keys) == 0:
		return p.createKeys()
	case n < 9:
		return p.changeScheme()
	case n < 10:
		return p.changeStranger()
	default:
		return p.changeKey(p.pick())
	}
}

func (p *Past) changeAccount() []eventstest.Change {
	ids := slices.Sorted(maps.Keys(p.Accounts))
	if len(ids) == 0 || p.rng.IntN(3) == 0 {
		return []eventstest.Change{{
			Entity: events.AccountEntity(p.id("acct")), Data: events.AccountOpened{Name: "n", Scheme: "s"},
		}}
	}
	data := []events.Event{
		events.AccountSuspended{},
		events.AccountResumed{},
		events.AccountClosed{},
		events.Unknown{Name: "keyledger.account.praised.v1", Raw: json.RawMessage(`{"how":"much"}`)},
	}
	id := ids[p.rng.IntN(len(ids))]
	return []eventstest.Change{{Entity: events.AccountEntity(id), Data: data[p.rng.IntN(len(data))]}}
}

// changeStranger is about what this build knows little of.
func (p *Past) changeStranger() []eventstest.Change {
	unknown := events.Unknown{Name: "keyledger.member.hired.v3", Raw: json.RawMessage(`[1,2]`)}
	e := events.LedgerEntity()
	if p.rng.IntN(2) == 0 {
		e = events.Entity{Environment: events.Spanning, Account: "acct_1", Kind: "member", ID: fmt.Sprintf("mem_%d", p.rng.IntN(3))}
	}
	return []eventstest.Change{{Entity: e, Data: unknown}}
}

// changeScheme applies documents that are good, unreadable, or in conflict.
func (p *Past) changeScheme() []eventstest.Change {
	name := fmt.Sprintf("s%d", p.rng.IntN(3))
	e := events.SchemeEntity(name)
	if p.versions[name] > 0 && p.rng.IntN(6) == 0 {
		return []eventstest.Change{{Entity: e, Data: events.Unknown{Name: "keyledger.scheme.retired.v1", Raw: json.RawMessage(`{}`)}}}
	}
	document := SchemeDocument(name, fmt.Sprintf("p%d_", p.rng.IntN(4)))
	if p.rng.IntN(4) == 0 {
		document = json.RawMessage(`{"scheme":"` + name + `","written":"by a later version"}`)
	}
	return []eventstest.Change{{Entity: e, Data: events.SchemeApplied{Name: name, Version: p.versions[name] + 1, Document: document}}}
}

// SchemeDocument is a small scheme with one kind, "sk", of a prefix.
func SchemeDocument(name, prefix string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"scheme":%q,"environments":{"live":{}},"permissions":{"a":{},"b":{}},`+
		`"kinds":{"sk":{"prefix":%q,"default":true}},"presentations":[{"header":"X-API-Key"}]}`, name, prefix))
}
