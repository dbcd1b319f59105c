package jetstream_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/adapters/jetstream/jetstreamtest"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// inParallel spreads b.N calls over callers.
func inParallel(b *testing.B, callers int, call func(i int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				if err := call(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

// BenchmarkAppend is one event of a new key each, against a bare publish of the
// same bytes to a stream that is synced alike, over the same connection.
func BenchmarkAppend(b *testing.B) {
	h := eventstest.NewHistory()
	key := h.Propose(eventstest.Change{Entity: events.KeyEntity("live", "acct_1", "key_1"), Data: h.NewKey()}).Events[0]
	for _, callers := range []int{1, 4, 16, 64, 256} {
		b.Run(fmt.Sprintf("ledger/callers=%d", callers), func(b *testing.B) {
			log := jetstreamtest.Ledger(b)
			inParallel(b, callers, func(i int) error {
				p := key
				p.Entity.ID, p.ID = fmt.Sprintf("key_%d", i), fmt.Sprintf("evt_%d", i)
				p.Expect = &events.Expectation{Entity: p.Entity}
				_, err := log.Append(b.Context(), events.Write{Events: []events.Pending{p}})
				return err
			})
		})
		b.Run(fmt.Sprintf("bare/callers=%d", callers), func(b *testing.B) {
			js := bare(b, jetstreamtest.Start(b).Conn())
			inParallel(b, callers, func(i int) error {
				_, err := js.Publish(b.Context(), fmt.Sprintf("bare.live.acct_1.key.key_%d.created", i), key.Payload)
				return err
			})
		})
	}
}

// bare makes a stream of its own beside the ledger.
func bare(b *testing.B, nc *nats.Conn) natsjs.JetStream {
	js, err := natsjs.New(nc)
	must(b, err)
	_, err = js.CreateStream(b.Context(), natsjs.StreamConfig{Name: "BARE", Subjects: []string{"bare.>"}})
	must(b, err)
	return js
}

// BenchmarkBatch is commands of several events, by event.
func BenchmarkBatch(b *testing.B) {
	for _, size := range []int{2, 10, 100, 1000} {
		b.Run(fmt.Sprintf("events=%d", size), func(b *testing.B) {
			log := jetstreamtest.Ledger(b)
			b.ResetTimer()
			var serial int
			for n := 0; n < b.N; n += size {
				must(b, appendCommand(b, log, size, &serial))
			}
		})
	}
}

// appendCommand appends one command of new keys.
func appendCommand(b *testing.B, log events.Log, size int, serial *int) error {
	var w events.Write
	for i := range size {
		*serial++
		e := events.Envelope{
			ID: fmt.Sprintf("evt_%d", *serial), Source: "urn:keyledger:kl_1",
			Entity: events.KeyEntity("live", "acct_1", fmt.Sprintf("key_%d", *serial)), Actor: "key_root",
			Command: fmt.Sprintf("cmd_%d", *serial-i), Index: i + 1, Count: size, Revision: 1,
			Data: eventstest.NewHistory().NewKey(),
		}
		payload, err := events.Encode(e)
		if err != nil {
			return err
		}
		w.Events = append(w.Events, events.Pending{
			Entity: e.Entity, Name: "created", ID: e.ID, Payload: payload, Expect: &events.Expectation{Entity: e.Entity},
		})
	}
	_, err := log.Append(b.Context(), w)
	return err
}

// BenchmarkFollow drains a ledger, by event: as Follow does, and as nats.go does
// with an ordered consumer that looks at nothing.
func BenchmarkFollow(b *testing.B) {
	const size = 100_000
	broker := jetstreamtest.Start(b)
	log := ledger(b, broker)
	var serial int
	for range size / 1000 {
		must(b, appendCommand(b, log, 1000, &serial))
	}
	b.Run("ledger", func(b *testing.B) {
		for left := b.N; left > 0; left -= size {
			must(b, drain(b, log, min(left, size)))
		}
	})
	b.Run("decode only", func(b *testing.B) {
		h := eventstest.NewHistory()
		h.Key("acct_1", "key_1")
		payload := h.Events()[1].Payload
		b.SetBytes(int64(len(payload)))
		for b.Loop() {
			if _, err := events.Decode(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		js, err := natsjs.New(broker.Conn())
		must(b, err)
		for left := b.N; left > 0; left -= size {
			c, err := js.OrderedConsumer(b.Context(), jetstream.StreamName, natsjs.OrderedConsumerConfig{})
			must(b, err)
			want, done := min(left, size), make(chan struct{})
			consuming, err := c.Consume(func(natsjs.Msg) {
				if want--; want == 0 {
					close(done)
				}
			}, natsjs.PullMaxMessages(5000))
			must(b, err)
			<-done
			consuming.Stop()
			<-consuming.Closed()
		}
	})
}

// drain follows until n events have come.
func drain(b *testing.B, log events.Log, n int) error {
	err := log.Follow(b.Context(), events.Position{}, func(d []events.Recorded) error {
		if n -= len(d); n <= 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// BenchmarkAppendToDelivery is one event from the call until a follower of the
// same process has it; the append alone is BenchmarkAppend with one caller.
func BenchmarkAppendToDelivery(b *testing.B) {
	log := jetstreamtest.Ledger(b)
	got := make(chan uint64, 1)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = log.Follow(ctx, events.Position{}, func(d []events.Recorded) error {
			got <- d[len(d)-1].Sequence
			return nil
		})
	}()
	var serial int
	b.ResetTimer()
	for range b.N {
		must(b, appendCommand(b, log, 1, &serial))
		for <-got < uint64(serial) {
		}
	}
	b.StopTimer()
	cancel()
	<-ended
}
