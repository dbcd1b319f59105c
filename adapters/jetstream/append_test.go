package jetstream_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// scene is a ledger seen through a proxy that loses messages, and the same
// ledger seen directly.
type scene struct {
	*proxy
	remote, direct *jetstream.Log
	past           *eventstest.History
	actor          events.Entity
}

func newScene(t *testing.T) *scene {
	t.Helper()
	broker, credentials := listening(t)
	s := &scene{proxy: newProxy(t, broker.URL()), direct: ledger(t, broker), past: eventstest.NewHistory()}
	s.actor = s.past.Key("acct_1", "key_actor")
	must(t, s.past.Save(t.Context(), s.direct))
	s.remote = remote(t, s.url(), credentials)
	s.remote.Hurry(100*time.Millisecond, 20*time.Second)
	return s
}

// The three shapes of a write.
func (s *scene) single() events.Write {
	return s.past.Propose(eventstest.Change{Entity: s.actor, Data: events.KeySuspended{}})
}

func (s *scene) batch() events.Write {
	return s.past.Propose(
		eventstest.Change{Entity: events.KeyEntity("live", "acct_1", "key_new"), Data: s.past.NewKey()},
		eventstest.Change{Entity: s.actor, Data: events.CommandAccepted{Right: "keys", Target: "key/key_new"}},
		eventstest.Change{Entity: events.KeyEntity("live", "acct_1", "key_new"), Data: events.KeySuspended{}},
	)
}

func (s *scene) lone() events.Write {
	w := s.past.Propose(eventstest.Change{Entity: events.KeyEntity("live", "acct_1", "key_new"), Data: s.past.NewKey()})
	w.Events[0].Expect = s.past.Expect(s.actor)
	return w
}

// lands fails the test unless w is acknowledged where it belongs and the ledger
// holds it once.
func (s *scene) lands(t *testing.T, w events.Write) {
	t.Helper()
	ack, err := s.remote.Append(t.Context(), w)
	must(t, err)
	must(t, s.past.Landed(w, ack))
	holds(t, s.direct, s.past)
}

func TestALostAcknowledgementIsFoundOnTheLedger(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*scene) events.Write{
		"single": (*scene).single, "batch": (*scene).batch, "lone": (*scene).lone,
	} {
		for how, what := range map[string]fate{"dropped": drop, "connection torn": tear} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				var acks, sent atomic.Int32
				s.lose(once(&sent, pass, isEvent), once(&acks, what, isAck))
				w := write(s)
				s.lands(t, w)
				if n := int(sent.Load()); n != len(w.Events) {
					t.Errorf("%d messages were sent, want %d: nothing had to be sent again", n, len(w.Events))
				}
			})
		}
	}
}

func TestALostWriteIsSentAgainAndLandsOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write func(*scene) events.Write
		match func(frame) bool
		what  fate
	}{
		"single dropped":                {(*scene).single, isEvent, drop},
		"single torn":                   {(*scene).single, isEvent, tear},
		"batch, first message dropped":  {(*scene).batch, isEvent, drop},
		"batch, first message torn":     {(*scene).batch, isEvent, tear},
		"batch, commit dropped":         {(*scene).batch, isCommit, drop},
		"batch, commit torn":            {(*scene).batch, isCommit, tear},
		"single, connection lost after": {(*scene).single, isEvent, cut},
		"batch, connection lost after":  {(*scene).batch, isCommit, cut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			var seen atomic.Int32
			s.lose(once(&seen, c.what, c.match), nil)
			s.lands(t, c.write(s))
		})
	}
}

func TestALateOriginalDoesNotLandBesideItsResend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write func(*scene) events.Write
		match func(frame) bool
	}{
		"single": {(*scene).single, isEvent},
		"batch":  {(*scene).batch, isCommit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			var seen atomic.Int32
			s.lose(once(&seen, hold, c.match), nil)
			s.lands(t, c.write(s))
			// Past the window in which the broker itself would drop it.
			time.Sleep(300 * time.Millisecond)
			must(t, s.release())
			// What is sent after it is answered after it.
			s.lands(t, s.past.Propose(eventstest.Change{Entity: s.actor, Data: events.KeyRevoked{}}))
		})
	}
}

func TestAWriteThatLostTheRaceIsAConflictEvenWhenItComesLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write func(*scene) events.Write
		match func(frame) bool
	}{
		"single": {(*scene).single, isEvent},
		"batch":  {(*scene).batch, isCommit},
		"lone":   {(*scene).lone, isEvent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			w := c.write(s)
			var seen atomic.Int32
			s.lose(func(f frame) fate {
				if !c.match(f) || seen.Add(1) > 1 {
					return pass
				}
				// Before anything is known of the write, the actor moves.
				s.past.Then(s.actor, events.KeyRevoked{})
				if err := s.past.Save(t.Context(), s.direct); err != nil {
					t.Error(err)
				}
				return hold
			}, nil)
			_, err := s.remote.Append(t.Context(), w)
			wants(t, err, events.ErrConflict)
			must(t, s.release())
			s.lose(nil, nil)
			s.lands(t, s.past.Propose(eventstest.Change{Entity: events.AccountEntity("acct_1"), Data: events.AccountOpened{}}))
		})
	}
}

func TestALoneWriteIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	for how, what := range map[string]fate{"dropped": drop, "torn": tear, "held": hold} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			var sent atomic.Int32
			s.lose(once(&sent, what, isEvent), nil)
			w := s.lone()
			_, err := s.remote.Append(t.Context(), w)
			wants(t, err, events.ErrUnknown)
			if n := sent.Load(); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
			if what != hold {
				holds(t, s.direct, s.past)
				return
			}
			// Unknown was the truth: it lands after all.
			must(t, s.release())
			must(t, s.past.Landed(w, events.Ack{First: s.past.Head() + 1, Last: s.past.Head() + 1}))
			awaitHead(t, s.direct, s.past.Head())
			holds(t, s.direct, s.past)
		})
	}
}

func TestAnAppendThatCannotBeSettledSaysUnknown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.remote.Hurry(50*time.Millisecond, 500*time.Millisecond)
	s.lose(func(f frame) fate {
		if isEvent(f) {
			return drop
		}
		return pass
	}, nil)
	_, err := s.remote.Append(t.Context(), s.single())
	wants(t, err, events.ErrUnknown)
	holds(t, s.direct, s.past)
}

func TestAnAppendWithoutABrokerIsNotWritten(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.remote.Hurry(50*time.Millisecond, 500*time.Millisecond)
	s.proxy.close()
	for {
		_, err := s.remote.Append(t.Context(), s.single())
		if errors.Is(err, events.ErrUnavailable) {
			break
		}
		// Sent into a connection that nobody had yet noticed was gone.
		wants(t, err, events.ErrUnknown)
	}
	holds(t, s.direct, s.past)
}

// awaitHead waits until the ledger has an event.
func awaitHead(t *testing.T, log events.Log, want uint64) {
	t.Helper()
	for {
		head, err := log.Head(t.Context())
		must(t, err)
		if head >= want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
