package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/lookup"
)

// inParallel spreads b.N calls over callers.
func inParallel(b *testing.B, callers int, call func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= b.N; i = int(next.Add(1)) {
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

// BenchmarkCommands is whole commands, creates of keys: authorized, decided,
// appended, folded and readable, against bare publishes of as many bytes to a
// stream of the same broker that is synced alike.
func BenchmarkCommands(b *testing.B) {
	for _, callers := range []int{1, 4, 16, 64, 256} {
		b.Run(fmt.Sprintf("create/callers=%d", callers), func(b *testing.B) {
			n, _ := benchNode(b)
			by := ledger.By{Key: ledger.RootKey}
			inParallel(b, callers, func(i int) error {
				_, err := n.ledger.CreateKey(b.Context(), by, ledger.NewKey{
					Name: fmt.Sprintf("key %d", i), Environment: "live", Permissions: []string{"onramp:create", "onramp:read"},
				})
				return err
			})
		})
		b.Run(fmt.Sprintf("publish/callers=%d", callers), func(b *testing.B) {
			js := bareStream(b)
			payload := make([]byte, 900)
			inParallel(b, callers, func(i int) error {
				_, err := js.Publish(b.Context(), fmt.Sprintf("bare.live.root.key.key_%d.created", i), payload)
				return err
			})
		})
	}
}

func benchNode(b *testing.B) (n *node, brokerDir string) {
	b.Helper()
	data, err := openDataFolder(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	c := serveConfig{NATSListen: "127.0.0.1:0", Replicas: 1, IndexCache: 64 << 20}
	n, err = openNode(b.Context(), c, data, nil, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(n.Close(ctx), data.Close()); err != nil {
			b.Error(err)
		}
	})
	document, err := loadScheme("web3pay")
	if err == nil {
		err = n.bootstrap(b.Context(), [][]byte{document})
	}
	if err != nil {
		b.Fatal(err)
	}
	minted, err := n.ledger.MintRoot()
	if err == nil {
		_, err = n.ledger.CreateRoot(b.Context(), minted)
	}
	if err != nil {
		b.Fatal(err)
	}
	return n, data.path("broker")
}

// bareStream makes a stream beside a ledger, on the same broker and disk.
func bareStream(b *testing.B) natsjs.JetStream {
	b.Helper()
	n, brokerDir := benchNode(b)
	raw, err := jetstream.Credentials(brokerDir, jetstream.User{Name: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	creds := filepath.Join(b.TempDir(), "bench.creds")
	if err := os.WriteFile(creds, raw, 0o600); err != nil {
		b.Fatal(err)
	}
	nc, err := nats.Connect(n.broker.URL(), nats.UserCredentials(creds))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := natsjs.New(nc)
	if err == nil {
		_, err = js.CreateStream(b.Context(), natsjs.StreamConfig{Name: "BARE", Subjects: []string{"bare.>"}})
	}
	if err != nil {
		b.Fatal(err)
	}
	return js
}

// benchKeys is how many keys the rebuild is measured with, one after another.
func benchKeys(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(os.Getenv("KEYLEDGER_BENCH_KEYS"))
	if err != nil {
		return 10_000
	}
	return n
}

// BenchmarkRebuild drains a ledger of many keys without applying it, and builds
// the whole index from it: directory, trail and lookup. It reports both by key,
// and what the index takes by key on disk.
func BenchmarkRebuild(b *testing.B) {
	keys := benchKeys(b)
	broker, err := jetstream.Start(b.Context(), jetstream.EmbeddedConfig{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = broker.Close(context.WithoutCancel(b.Context())) }()
	log, err := broker.Ledger(b.Context())
	if err == nil {
		err = fillLedger(b.Context(), log, keys)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("drain/keys=%d", keys), func(b *testing.B) {
		for b.Loop() {
			if err := drainLedger(b.Context(), log); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*keys), "ns/key")
	})
	b.Run(fmt.Sprintf("rebuild/keys=%d", keys), func(b *testing.B) {
		var bytes int64
		var heap uint64
		for b.Loop() {
			if bytes, heap, err = rebuildIndex(b.Context(), log, b.TempDir()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*keys), "ns/key")
		b.ReportMetric(float64(bytes)/float64(keys), "disk-B/key")
		b.ReportMetric(float64(heap)/float64(keys), "heap-B/key")
	})
}

// fillLedger writes a ledger of keys, a thousand in a batch.
func fillLedger(ctx context.Context, log events.Log, keys int) error {
	document, err := loadScheme("web3pay")
	if err != nil {
		return err
	}
	web3pay, err := scheme.Parse(document)
	if err != nil {
		return err
	}
	f := filler{ctx: ctx, log: log, scheme: web3pay}
	f.add(events.LedgerEntity(), events.LedgerOpened{Incarnation: "kl_bench", Format: events.Format})
	f.flush()
	f.add(events.SchemeEntity("web3pay"), events.SchemeApplied{Name: "web3pay", Version: 1, Document: web3pay.Canonical()})
	f.flush()
	f.add(events.AccountEntity("root"), events.AccountOpened{Name: "bench", Scheme: "web3pay"})
	f.flush()
	for i := range keys {
		if f.add(events.KeyEntity("live", "root", f.id(events.IDKey)), f.key(i)); len(f.pending) == events.MaxCommandEvents || i == keys-1 {
			f.flush()
		}
	}
	return f.err
}

type filler struct {
	ctx     context.Context
	log     events.Log
	scheme  *scheme.Scheme
	pending []events.Envelope
	err     error
}

func (f *filler) id(prefix string) string {
	var r [10]byte
	random(r[:])
	return events.NewID(prefix, time.Now(), r)
}

func (f *filler) key(i int) events.KeyCreated {
	var entropy scheme.Entropy
	random(entropy[:])
	m, err := f.scheme.Mint("key", "live", entropy)
	f.err = errors.Join(f.err, err)
	return events.KeyCreated{
		Scheme: "web3pay", SchemeVersion: 1, Kind: "key", Name: fmt.Sprintf("checkout service %d", i),
		Permissions: []string{"onramp:create", "onramp:read"},
		Credential: events.Credential{
			ID: f.id(events.IDCredential), Prefix: m.Prefix, Locator: m.Locator, Last4: m.Last4, Alg: m.Alg, Salt: m.Salt, Hash: m.Hash,
		},
	}
}

func (f *filler) add(e events.Entity, data events.Event) {
	f.pending = append(f.pending, events.Envelope{
		ID: f.id(events.IDEvent), Source: "urn:keyledger:kl_bench", Time: time.Now().UTC(), Entity: e, Actor: "key_root", Revision: 1, Data: data,
	})
}

func (f *filler) flush() {
	command := f.id(events.IDCommand)
	var w events.Write
	for i, e := range f.pending {
		e.Command, e.Index, e.Count = command, i+1, len(f.pending)
		payload, err := events.Encode(e)
		name, err2 := events.EventName(e.Data.Type())
		f.err = errors.Join(f.err, err, err2)
		w.Events = append(w.Events, events.Pending{
			Entity: e.Entity, Name: name, ID: e.ID, Payload: payload, Expect: &events.Expectation{Entity: e.Entity},
		})
	}
	f.pending = nil
	if f.err == nil {
		_, f.err = f.log.Append(f.ctx, w)
	}
}

var errDrained = errors.New("drained")

func drainLedger(ctx context.Context, log events.Log) error {
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	err = log.Follow(ctx, events.Position{}, func(all []events.Recorded) error {
		if all[len(all)-1].Sequence == head {
			return errDrained
		}
		return nil
	})
	if errors.Is(err, errDrained) {
		return nil
	}
	return err
}

// rebuildIndex builds an index in dir and returns its size on disk, and by how
// much the heap has grown while it is open.
func rebuildIndex(ctx context.Context, log events.Log, dir string) (size int64, heap uint64, err error) {
	before := heapInUse()
	store, err := projections.Open(projections.Config{Dir: dir, CacheSize: 64 << 20})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	verifier, err := lookup.New(store, lookup.Config{})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, verifier.Close()) }()
	runner, err := projections.NewRunner(projections.RunnerConfig{
		Log: log, Store: store, Projections: []projections.Projection{directory.New(store), audit.New(store), verifier},
	})
	if err != nil {
		return 0, 0, err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return 0, 0, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = runner.Run(running) }()
	err = runner.Wait(ctx, head)
	stop()
	<-ended
	if after := heapInUse(); after > before {
		heap = after - before
	}
	return folderSize(dir), heap, err
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func folderSize(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}
