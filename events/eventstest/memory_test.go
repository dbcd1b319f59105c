package eventstest_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

func TestMemoryKeepsTheContractOfALog(t *testing.T) {
	eventstest.RunLog(t, func(*testing.T) events.Log { return new(eventstest.Memory) })
}

func TestMemoryKeepsTheContractWithEveryCommandDeliveredAlone(t *testing.T) {
	eventstest.RunLog(t, func(*testing.T) events.Log {
		log := new(eventstest.Memory)
		log.LimitDelivery(1)
		return log
	})
}

func TestMemoryKeepsTheContractWhileConnectionsAreLost(t *testing.T) {
	eventstest.RunLog(t, func(*testing.T) events.Log {
		log := new(eventstest.Memory)
		lost := make(chan struct{}, 1) // every other delivery, whoever follows
		log.OnFollow(func(events.Position, []events.Recorded) eventstest.FollowFault {
			select {
			case lost <- struct{}{}:
				return eventstest.ConnectionLost
			default:
				<-lost
				return eventstest.NoFault
			}
		})
		return log
	})
}

// opened is a log with an account and a key, and its history.
func opened(t *testing.T) (*eventstest.Memory, *eventstest.History, events.Entity) {
	t.Helper()
	log, h := new(eventstest.Memory), eventstest.NewHistory()
	h.Account("acct_1")
	key := h.Key("acct_1", "key_1")
	save(t, h, log)
	return log, h, key
}

func save(t *testing.T, h *eventstest.History, log events.Log) {
	t.Helper()
	if err := h.Save(t.Context(), log); err != nil {
		t.Fatal(err)
	}
}

// once chooses an outcome for the next append, and lands all others.
func once(log *eventstest.Memory, outcome eventstest.Outcome) {
	first := 0
	log.OnAppend(func(attempt int, _ events.Write) eventstest.Outcome {
		if first == 0 {
			first = attempt
		}
		if attempt == first {
			return outcome
		}
		return eventstest.Land
	})
}

func head(t *testing.T, log events.Log) uint64 {
	t.Helper()
	n, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEveryOutcomeOfAnAppendCanBeChosen(t *testing.T) {
	for _, c := range []struct {
		name           string
		outcome        eventstest.Outcome
		err            error
		written, later bool
	}{
		{"land", eventstest.Land, nil, true, true},
		{"unavailable", eventstest.Unavailable, events.ErrUnavailable, false, false},
		{"conflict", eventstest.Conflict, events.ErrConflict, false, false},
		{"refused", eventstest.Refused, events.ErrRefused, false, false},
		{"written but reported failed", eventstest.LandUnreported, events.ErrUnknown, true, true},
		{"unknown and not written", eventstest.Lost, events.ErrUnknown, false, false},
		{"unknown and written late", eventstest.LandLate, events.ErrUnknown, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, h, key := opened(t)
			before := head(t, log)
			once(log, c.outcome)
			_, err := log.Append(t.Context(), h.Propose(eventstest.Change{Entity: key, Data: events.KeySuspended{}}))
			if !errors.Is(err, c.err) {
				t.Errorf("answered %v, want %v", err, c.err)
			}
			if got := head(t, log) > before; got != c.written {
				t.Errorf("written: %v, want %v", got, c.written)
			}
			log.Settle()
			if got := head(t, log) > before; got != c.later {
				t.Errorf("written in the end: %v, want %v", got, c.later)
			}
		})
	}
}

func TestALateWriteLandsAfterTheNextAppend(t *testing.T) {
	log, h, key := opened(t)
	before := head(t, log)
	once(log, eventstest.LandLate)
	_, err := log.Append(t.Context(), h.Propose(eventstest.Change{Entity: key, Data: events.KeySuspended{}}))
	if !errors.Is(err, events.ErrUnknown) {
		t.Fatal(err)
	}
	other := h.Propose(eventstest.Change{Entity: events.AccountEntity("acct_2"), Data: events.AccountOpened{Name: "n", Scheme: "s"}})
	ack, err := log.Append(t.Context(), other)
	if err != nil || ack.First != before+1 {
		t.Fatalf("next append landed at %v, %v; want %d", ack, err, before+1)
	}
	if got := head(t, log); got != before+2 {
		t.Errorf("head is %d, want %d: the late write after the next one", got, before+2)
	}
}

func TestALateWriteSentAgainLandsOnce(t *testing.T) {
	log, h, key := opened(t)
	before := head(t, log)
	once(log, eventstest.LandLate)
	w := h.Propose(eventstest.Change{Entity: key, Data: events.KeySuspended{}})
	if _, err := log.Append(t.Context(), w); !errors.Is(err, events.ErrUnknown) {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	log.Settle()
	if got := head(t, log); got != before+1 {
		t.Errorf("head is %d, want %d", got, before+1)
	}
}

// A create that expects only its actor can land twice: this is what
// [events.Pending] warns of.
func TestALateCreateGuardedByItsActorSentAgainLandsTwice(t *testing.T) {
	log, h, actor := opened(t)
	before := head(t, log)
	once(log, eventstest.LandLate)
	w := h.Propose(eventstest.Change{Entity: events.KeyEntity("live", "acct_1", "key_2"), Data: h.NewKey()})
	w.Events[0].Expect = h.Expect(actor)
	if _, err := log.Append(t.Context(), w); !errors.Is(err, events.ErrUnknown) {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	log.Settle()
	if got := head(t, log); got != before+2 {
		t.Errorf("head is %d, want %d", got, before+2)
	}
}

func TestALateWriteIsWhatItWasWhenItWasSent(t *testing.T) {
	log, h, key := opened(t)
	before := head(t, log)
	once(log, eventstest.LandLate)
	w := h.Propose(eventstest.Change{Entity: key, Data: events.KeySuspended{}})
	if _, err := log.Append(t.Context(), w); !errors.Is(err, events.ErrUnknown) {
		t.Fatal(err)
	}
	w.Events[0].Expect.Last = 0
	clear(w.Events[0].Payload)
	w.Events[0] = events.Pending{}
	log.Settle()
	if got := head(t, log); got != before+1 {
		t.Errorf("head is %d, want %d", got, before+1)
	}
}

func TestAnAppendWithAnEndedContextWritesNothing(t *testing.T) {
	log, h, key := opened(t)
	before := head(t, log)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := log.Append(ctx, h.Propose(eventstest.Change{Entity: key, Data: events.KeySuspended{}}))
	if !errors.Is(err, events.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("answered %v", err)
	}
	if got := head(t, log); got != before {
		t.Errorf("head is %d, want %d", got, before)
	}
}

func TestTheHookOfAppendMayMoveAnEntityInBetween(t *testing.T) {
	log, h, key := opened(t)
	w := h.Propose(eventstest.Change{Entity: key, Data: events.KeyResumed{}})
	faster := h.Propose(eventstest.Change{Entity: key, Data: events.KeyRevoked{}})
	log.OnAppend(func(_ int, now events.Write) eventstest.Outcome {
		if now.Events[0].ID == w.Events[0].ID {
			if _, err := log.Append(t.Context(), faster); err != nil {
				t.Errorf("append in between: %v", err)
			}
		}
		return eventstest.Land
	})
	if _, err := log.Append(t.Context(), w); !errors.Is(err, events.ErrConflict) {
		t.Errorf("answered %v, want a conflict", err)
	}
}

func TestMemoryRefusesAPayloadThatSaysOtherThanItsWrite(t *testing.T) {
	log, h, key := opened(t)
	for name, spoil := range map[string]func(*events.Pending){
		"other id":     func(p *events.Pending) { p.ID = "evt_other" },
		"other name":   func(p *events.Pending) { p.Name = "revoked" },
		"other entity": func(p *events.Pending) { p.Entity.ID, p.Expect.Entity.ID = "key_9", "key_9" },
		"no event":     func(p *events.Pending) { p.Payload = []byte("{}") },
		"other count": func(p *events.Pending) {
			p.Payload = bytes.Replace(p.Payload, []byte(`"commandcount":1`), []byte(`"commandcount":2`), 1)
		},
	} {
		w := h.Propose(eventstest.Change{Entity: key, Data: events.KeySuspended{}})
		spoil(&w.Events[0])
		if _, err := log.Append(t.Context(), w); !errors.Is(err, events.ErrRefused) {
			t.Errorf("%s: answered %v, want it refused", name, err)
		}
	}
}

func TestNoLimitLiftsTheBoundOfADelivery(t *testing.T) {
	log, h, key := opened(t)
	log.LimitDelivery(2 * events.MaxDelivery)
	for range events.MaxDelivery + 10 {
		h.Then(key, events.KeyResumed{})
	}
	save(t, h, log)
	first := errors.New("the first is enough")
	err := log.Follow(t.Context(), events.Position{}, func(d []events.Recorded) error {
		if len(d) != events.MaxDelivery {
			t.Errorf("%d events delivered at once, want %d", len(d), events.MaxDelivery)
		}
		return first
	})
	if !errors.Is(err, first) {
		t.Error(err)
	}
}

func TestEveryDamageEndsFollow(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   eventstest.FollowFault
		problem string
	}{
		{"an event is missing", eventstest.EventMissing, "missing"},
		{"other bytes after a lost connection", eventstest.BytesChanged, "other bytes"},
		{"a shorter log after a lost connection", eventstest.LogShorter, "the log ends at 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, _, _ := opened(t)
			log.LimitDelivery(1)
			log.OnFollow(func(at events.Position, _ []events.Recorded) eventstest.FollowFault {
				if at.Sequence == 1 {
					return c.fault
				}
				return eventstest.NoFault
			})
			delivered := 0
			err := log.Follow(t.Context(), events.Position{}, func([]events.Recorded) error { delivered++; return nil })
			var damage *events.DamageError
			if !errors.As(err, &damage) || !errors.Is(err, events.ErrDamaged) || !strings.Contains(damage.Problem, c.problem) {
				t.Errorf("ended with %v, want damage: %s", err, c.problem)
			}
			if delivered != 1 {
				t.Errorf("%d deliveries before it, want 1", delivered)
			}
		})
	}
}

func TestFollowersOfAMemoryLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails where a goroutine is left
		log, h, key := opened(t)
		ctx, cancel := context.WithCancel(t.Context())
		seen := make(chan uint64)
		for range 3 {
			go func() {
				_ = log.Follow(ctx, events.Position{}, func(d []events.Recorded) error {
					seen <- d[len(d)-1].Sequence
					return nil
				})
				close(seen)
			}()
			<-seen
			h.Then(key, events.KeySuspended{})
			save(t, h, log)
			if got := <-seen; got != h.Head() {
				t.Errorf("saw %d, want %d", got, h.Head())
			}
			cancel()
			<-seen
			ctx, cancel = context.WithCancel(t.Context())
			seen = make(chan uint64)
		}
		cancel()
	})
}
