package projections_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

// stored is a log of payloads that are decoded when they are read, as those of a
// broker are.
type stored struct {
	payloads [][]byte
	delivery int
}

func (l *stored) Append(context.Context, events.Write) (events.Ack, error) {
	return events.Ack{}, events.ErrRefused
}

func (l *stored) Head(context.Context) (uint64, error) { return uint64(len(l.payloads)), nil }

// errDrained ends a Follow of stored.
var errDrained = errors.New("drained")

func (l *stored) Follow(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
	for at := from.Sequence; at < uint64(len(l.payloads)); {
		n := min(uint64(l.delivery), uint64(len(l.payloads))-at)
		all := make([]events.Recorded, n)
		for i := range all {
			payload := l.payloads[at]
			e, err := events.Decode(payload)
			if err != nil {
				return err
			}
			at++
			all[i] = events.Recorded{Envelope: e, Sequence: at, Payload: payload}
		}
		if err := deliver(all); err != nil {
			return err
		}
	}
	return errDrained
}

// createdLog holds a ledger.opened and n keys created, in a hundred accounts.
func createdLog(tb testing.TB, n int) *stored {
	tb.Helper()
	h := eventstest.NewHistory()
	l := &stored{payloads: [][]byte{h.Events()[0].Payload}, delivery: events.MaxDelivery}
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range n {
		var random [10]byte
		binary.BigEndian.PutUint64(random[2:], uint64(i)*0x9E3779B97F4A7C15)
		at := begin.Add(time.Duration(i) * time.Second)
		c := h.NewKey()
		c.Credential.Locator = fmt.Sprintf("L%016x", uint64(i)*0x9E3779B97F4A7C15)[:12]
		payload, err := events.Encode(events.Envelope{
			ID: events.NewID(events.IDEvent, at, random), Source: h.Events()[0].Source, Time: at,
			Entity: events.KeyEntity("live", fmt.Sprintf("acct_%d", i%100), events.NewID(events.IDKey, at, random)),
			Actor:  "key_root", Command: events.NewID(events.IDCommand, at, random),
			Index: 1, Count: 1, Revision: 1, Data: c,
		})
		if err != nil {
			tb.Fatal(err)
		}
		l.payloads = append(l.payloads, payload)
	}
	return l
}

// BenchmarkOneByOne is what one event costs when it is committed alone, as on a
// ledger that is not busy: the time from its delivery until it can be read.
func BenchmarkOneByOne(b *testing.B) {
	log := createdLog(b, 20_000)
	log.delivery = 1
	for b.Loop() {
		rebuild(b, log, b.TempDir(), everything)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(log.payloads)), "µs/event")
}

// rebuild folds a whole log into a store.
func rebuild(b *testing.B, log *stored, dir string, build projectionstest.Build) {
	b.Helper()
	s, err := projections.Open(projections.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	r, err := projections.NewRunner(projections.RunnerConfig{Log: log, Store: s, Projections: build(s)})
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Run(b.Context()); !errors.Is(err, errDrained) {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRebuild compares folding a log with reading it and folding nothing.
// KEYLEDGER_BENCH_KEYS sets the number of keys.
func BenchmarkRebuild(b *testing.B) {
	n := 100_000
	if s := os.Getenv("KEYLEDGER_BENCH_KEYS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	log := createdLog(b, n)
	perSecond := func(b *testing.B) {
		b.ReportMetric(float64(len(log.payloads)*b.N)/b.Elapsed().Seconds(), "events/s")
	}
	b.Run("drain", func(b *testing.B) {
		for b.Loop() {
			var at events.Position
			err := log.Follow(b.Context(), at, func(all []events.Recorded) (err error) {
				for _, r := range all {
					if at, err = at.Next(r); err != nil {
						return err
					}
				}
				return nil
			})
			if !errors.Is(err, errDrained) {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
	for _, c := range []struct {
		name string
		of   projectionstest.Build
	}{
		{"state", none},
		{"directory", func(s *projections.Store) []projections.Projection {
			return []projections.Projection{directory.New(s)}
		}},
		{"audit", func(s *projections.Store) []projections.Projection { return []projections.Projection{audit.New(s)} }},
		{"all", everything},
	} {
		b.Run(c.name, func(b *testing.B) {
			var bytes int64
			for b.Loop() {
				dir := b.TempDir()
				rebuild(b, log, dir, c.of)
				bytes = dirSize(b, dir)
			}
			perSecond(b)
			b.ReportMetric(float64(bytes)/float64(len(log.payloads)), "bytes/event")
		})
	}
}

func dirSize(tb testing.TB, dir string) (size int64) {
	all, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range all {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	return size // without Pebble's log, which stands in a folder of its own
}
