package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/adapters/jetstream/jetstreamtest"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// follower follows a ledger in a goroutine, and can be asked what it has.
type follower struct {
	got   chan events.Recorded // closed when it has ended
	ended chan error
}

func follow(t *testing.T, log events.Log, from events.Position) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{got: make(chan events.Recorded, 10_000), ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.ended <- log.Follow(ctx, from, func(d []events.Recorded) error {
			for _, r := range d {
				f.got <- r
			}
			return nil
		})
		close(f.got)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

// next fails the test unless the next event delivered is the one wanted.
func (f *follower) next(t *testing.T, want events.Recorded) {
	t.Helper()
	select {
	case got, ok := <-f.got:
		if !ok {
			t.Fatalf("follow ended before event %d: %v", want.Sequence, <-f.ended)
		}
		if got.Sequence != want.Sequence || !bytes.Equal(got.Payload, want.Payload) {
			t.Fatalf("delivered %d %s\nwant %d %s", got.Sequence, got.Payload, want.Sequence, want.Payload)
		}
	case <-time.After(time.Minute):
		t.Fatalf("event %d was not delivered", want.Sequence)
	}
}

// damaged fails the test unless the follow ends with damage at a sequence,
// having delivered nothing more.
func (f *follower) damaged(t *testing.T, sequence uint64) {
	t.Helper()
	select {
	case got, ok := <-f.got:
		if ok {
			t.Fatalf("delivered %d %s, want damage", got.Sequence, got.Payload)
		}
		err := <-f.ended
		var damage *events.DamageError
		if !errors.As(err, &damage) || damage.Sequence != sequence {
			t.Fatalf("follow ended with %v, want damage at %d", err, sequence)
		}
	case <-time.After(time.Minute):
		t.Fatal("follow goes on")
	}
}

// pasts are two ledgers that differ in every event after the first few.
func pasts(size int) (one, other *eventstest.History) {
	one, other = eventstest.NewHistory(), eventstest.NewHistory()
	for i := range size {
		one.Account(fmt.Sprintf("acct_%d", i))
		other.Account(fmt.Sprintf("other_%d", i))
	}
	return one, other
}

// recreate deletes the stream, which its own settings do not prevent, and writes
// another past into a new one.
func recreate(t *testing.T, js natsjs.JetStream, b *jetstream.Broker, past *eventstest.History) {
	t.Helper()
	must(t, js.DeleteStream(t.Context(), jetstream.StreamName))
	must(t, past.Save(t.Context(), ledger(t, b)))
}

func TestAFollowerOfARecreatedStreamStopsBeforeAnyDelivery(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"shorter": 3, "as long": 10, "longer": 30} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker, credentials := listening(t)
			proxy := newProxy(t, broker.URL())
			log := remote(t, proxy.url(), credentials)
			past, _ := pasts(10)
			_, other := pasts(size)
			must(t, past.Save(t.Context(), ledger(t, broker)))
			f := follow(t, log, events.Position{})
			for _, want := range past.Events() {
				f.next(t, want)
			}
			// It happens while the follower is cut off, so that nothing but the
			// events themselves can tell.
			proxy.leave()
			recreate(t, raw(t, broker.URL(), credentials), broker, other)
			proxy.back()
			f.damaged(t, past.Head())

			// The log has lost what it had: it does nothing any more.
			_, err := log.Append(t.Context(), other.Propose(eventstest.Change{
				Entity: events.AccountEntity("acct_new"), Data: events.AccountOpened{},
			}))
			wants(t, err, events.ErrDamaged)
			_, err = log.Head(t.Context())
			wants(t, err, events.ErrDamaged)
			wants(t, log.Follow(t.Context(), events.Position{}, nil), events.ErrDamaged)
		})
	}
}

func TestAFollowerOfADeletedStreamStops(t *testing.T) {
	t.Parallel()
	broker, credentials := listening(t)
	log := ledger(t, broker)
	past, _ := pasts(2)
	must(t, past.Save(t.Context(), log))
	f := follow(t, log, past.Position(2))
	f.next(t, past.Events()[2])
	must(t, raw(t, broker.URL(), credentials).DeleteStream(t.Context(), jetstream.StreamName))
	f.damaged(t, past.Head())
}

func TestAFollowerFromTheBeginningNoticesALostStreamToo(t *testing.T) {
	t.Parallel()
	broker, credentials := listening(t)
	log := ledger(t, broker)
	past, _ := pasts(2)
	must(t, past.Save(t.Context(), log))
	must(t, raw(t, broker.URL(), credentials).DeleteStream(t.Context(), jetstream.StreamName))
	follow(t, log, events.Position{}).damaged(t, past.Head())
	_, err := log.Head(t.Context())
	wants(t, err, events.ErrDamaged)
}

func TestAnAcknowledgementOfASequenceSeenBeforeStopsTheLog(t *testing.T) {
	t.Parallel()
	broker, credentials := listening(t)
	log := ledger(t, broker)
	past, other := pasts(5)
	must(t, past.Save(t.Context(), log))
	js := raw(t, broker.URL(), credentials)
	must(t, js.DeleteStream(t.Context(), jetstream.StreamName))
	ledger(t, broker) // an empty one
	w := other.Propose(eventstest.Change{Entity: events.AccountEntity("acct_new"), Data: events.AccountOpened{}})
	_, err := log.Append(t.Context(), w)
	var damage *events.DamageError
	if !errors.As(err, &damage) || damage.Sequence != 1 {
		t.Fatalf("got %v, want damage at 1", err)
	}
	_, err = log.Append(t.Context(), w)
	wants(t, err, events.ErrDamaged)
	wants(t, log.Follow(t.Context(), events.Position{}, nil), events.ErrDamaged)
}

func TestAFollowerResumesAtTheExactEventAfterItsConsumerIsGone(t *testing.T) {
	t.Parallel()
	broker, credentials := listening(t)
	log := ledger(t, broker)
	past := eventstest.NewHistory()
	f := follow(t, log, events.Position{})
	js := raw(t, broker.URL(), credentials)
	delivered := 0
	for round := range 5 {
		past.Account(fmt.Sprintf("acct_%d", round))
		must(t, past.Save(t.Context(), log))
		for ; delivered < len(past.Events()); delivered++ {
			f.next(t, past.Events()[delivered])
		}
		stream, err := js.Stream(t.Context(), jetstream.StreamName)
		must(t, err)
		for name := range stream.ConsumerNames(t.Context()).Name() {
			must(t, js.DeleteConsumer(t.Context(), jetstream.StreamName, name))
		}
	}
}

func TestAFollowerResumesAtTheExactEventAfterLosingDeliveries(t *testing.T) {
	t.Parallel()
	broker, credentials := listening(t)
	proxy := newProxy(t, broker.URL())
	direct, far := ledger(t, broker), remote(t, proxy.url(), credentials)
	past := eventstest.NewHistory()
	must(t, past.Save(t.Context(), direct))
	f := follow(t, far, events.Position{})
	f.next(t, past.Events()[0])
	for round, what := range []fate{drop, tear, cut, drop, tear, cut} {
		lost := false
		proxy.lose(nil, func(fr frame) fate {
			// The third event of the round does not arrive, or is the last that does.
			if !lost && bytes.Contains(fr.body, fmt.Appendf(nil, "acct_%d_2", round)) {
				lost = true
				return what
			}
			return pass
		})
		before := len(past.Events())
		for i := range 5 {
			past.Account(fmt.Sprintf("acct_%d_%d", round, i))
		}
		must(t, past.Save(t.Context(), direct))
		for _, want := range past.Events()[before:] {
			f.next(t, want)
		}
	}
}

func TestTheLastDeliveryIsMissedEvenIfNothingFollowsIt(t *testing.T) {
	t.Parallel()
	broker, credentials := listening(t)
	proxy := newProxy(t, broker.URL())
	direct, far := ledger(t, broker), remote(t, proxy.url(), credentials)
	past := eventstest.NewHistory()
	must(t, past.Save(t.Context(), direct))
	f := follow(t, far, events.Position{})
	f.next(t, past.Events()[0])
	lost := false
	proxy.lose(nil, func(fr frame) fate {
		if !lost && bytes.Contains(fr.body, []byte("acct_last")) {
			lost = true
			return drop
		}
		return pass
	})
	past.Account("acct_last")
	must(t, past.Save(t.Context(), direct))
	f.next(t, past.Events()[1])
}

func TestAHoleInTheStreamIsDamage(t *testing.T) {
	t.Parallel()
	broker, credentials := listening(t)
	past, _ := pasts(6)
	js := raw(t, broker.URL(), credentials)
	// A stream from which messages can still be deleted; opening the ledger
	// then puts an end to that.
	stream, err := js.CreateStream(t.Context(), natsjs.StreamConfig{
		Name: jetstream.StreamName, Subjects: []string{events.SubjectRoot + ".>"},
	})
	must(t, err)
	publish(t, js, past.Events()...)
	must(t, stream.DeleteMsg(t.Context(), 4))
	log := ledger(t, broker)
	f := follow(t, log, events.Position{})
	for _, want := range past.Events()[:3] {
		f.next(t, want)
	}
	f.damaged(t, 4)
	f = follow(t, ledger(t, broker), past.Position(4))
	f.damaged(t, 4)
	if err := stream.DeleteMsg(t.Context(), 5); err == nil {
		t.Error("an event of an opened ledger could be deleted")
	}
}

func TestWhatIsNotAnEventOfItsSubjectIsDamage(t *testing.T) {
	t.Parallel()
	past, _ := pasts(2)
	opened, first, second := past.Events()[0], past.Events()[1], past.Events()[2]
	halfway := events.Recorded{Envelope: second.Envelope, Payload: bytes.Replace(second.Payload,
		[]byte(`"commandcount":1`), []byte(`"commandcount":2`), 1)}
	elsewhere := events.Recorded{Envelope: first.Envelope, Payload: second.Payload}
	garbage := events.Recorded{Envelope: first.Envelope, Payload: []byte("{}")}
	for name, c := range map[string]struct {
		write []events.Recorded
		at    uint64
	}{
		"garbage":                           {[]events.Recorded{opened, garbage}, 2},
		"an event under another's subject":  {[]events.Recorded{opened, elsewhere}, 2},
		"a command that another interrupts": {[]events.Recorded{opened, halfway, first}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker, credentials := listening(t)
			log := ledger(t, broker)
			publish(t, raw(t, broker.URL(), credentials), c.write...)
			f := follow(t, log, events.Position{})
			f.next(t, events.Recorded{Sequence: 1, Payload: opened.Payload})
			f.damaged(t, c.at)
		})
	}
}

// publish writes events past the Log.
func publish(t *testing.T, js natsjs.JetStream, rs ...events.Recorded) {
	t.Helper()
	for _, r := range rs {
		name, err := events.EventName(r.Data.Type())
		must(t, err)
		_, err = js.Publish(t.Context(), r.Entity.Subject(name), r.Payload)
		must(t, err)
	}
}

func TestASlowFollowerLosesNothingAndHoldsLittle(t *testing.T) {
	t.Parallel()
	log := ledger(t, jetstreamtest.Start(t))
	past := eventstest.NewHistory()
	must(t, past.Save(t.Context(), log))
	key := past.Key("acct_1", "key_1")
	// More than may be under way at once.
	for range 12 {
		changes := make([]events.Event, events.MaxCommandEvents)
		for i := range changes {
			changes[i] = events.KeyDetailsChanged{}
		}
		past.Then(key, changes...)
	}
	go func() { _ = past.Save(t.Context(), log) }()
	at, released := events.Position{}, false
	err := log.Follow(t.Context(), at, func(d []events.Recorded) error {
		if !released {
			released = true
			awaitHead(t, log, past.Head())
		}
		for _, r := range d {
			next, err := at.Next(r)
			if err != nil {
				return err
			}
			at = next
		}
		if at.Sequence == past.Head() {
			return errEnough
		}
		return nil
	})
	wants(t, err, errEnough)
}

func TestLargeEventsAreReplayedWithinTheByteBound(t *testing.T) {
	t.Parallel()
	log := ledger(t, jetstreamtest.Start(t))
	past := eventstest.NewHistory()
	for i := range 50 {
		past.Then(events.AccountEntity(fmt.Sprintf("acct_%d", i)),
			events.AccountOpened{Name: strings.Repeat("n", 700<<10)})
	}
	must(t, past.Save(t.Context(), log))
	holds(t, log, past)
}
