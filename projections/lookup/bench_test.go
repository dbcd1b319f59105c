package lookup

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

// keys is how many keys the index of a benchmark holds.
func keys() int {
	n, err := strconv.Atoi(os.Getenv("KEYLEDGER_BENCH_KEYS"))
	if err != nil {
		return 10_000
	}
	return n
}

// plenty is a log of n keys of one account, made up as they are read.
type plenty struct {
	n      int
	scheme *scheme.Scheme
}

func (p plenty) Append(context.Context, events.Write) (events.Ack, error) {
	return events.Ack{}, events.ErrRefused
}

func (p plenty) Head(context.Context) (uint64, error) { return uint64(p.n + 2), nil }

func (p plenty) Follow(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
	var batch []events.Recorded
	for seq := from.Sequence + 1; seq <= uint64(p.n+2); seq++ {
		if batch = append(batch, p.event(seq)); len(batch) == events.MaxDelivery || seq == uint64(p.n+2) {
			if err := deliver(batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (p plenty) event(seq uint64) events.Recorded {
	r := events.Recorded{Sequence: seq, Payload: strconv.AppendUint(nil, seq, 10)}
	r.Time, r.Revision, r.Index, r.Count = time.Unix(1_760_000_000, 0), 1, 1, 1
	r.Command = events.NewID(events.IDCommand, r.Time, [10]byte{byte(seq >> 24), byte(seq >> 16), byte(seq >> 8), byte(seq)})
	switch seq {
	case 1:
		r.Entity, r.Data = events.LedgerEntity(), events.LedgerOpened{Incarnation: "kl_bench", Format: events.Format}
	case 2:
		r.Entity, r.Data = events.AccountEntity("acct_bench"), events.AccountOpened{Name: "Bench", Scheme: "keyledger"}
	default:
		r.Entity, r.Data = p.key(seq - 3)
	}
	return r
}

func (p plenty) key(i uint64) (events.Entity, events.KeyCreated) {
	random := [10]byte{9: byte(i), 8: byte(i >> 8), 7: byte(i >> 16), 6: byte(i >> 24)}
	at := time.Unix(1_760_000_000, 0)
	m, err := p.scheme.Mint("key", "live", entropy(i))
	if err != nil {
		panic(err)
	}
	return events.KeyEntity("live", "acct_bench", events.NewID(events.IDKey, at, random)), events.KeyCreated{
		Scheme: "keyledger", SchemeVersion: 1, Kind: "key", Name: "bench", Permissions: []string{"read", "write"},
		Credential: events.Credential{
			ID: events.NewID(events.IDCredential, at, random), Prefix: m.Prefix, Locator: m.Locator, Last4: m.Last4,
			Alg: m.Alg, Salt: m.Salt, Hash: m.Hash,
		},
	}
}

// text is the text of the i-th key.
func (p plenty) text(i int) string {
	m, err := p.scheme.Mint("key", "live", entropy(uint64(i)))
	if err != nil {
		panic(err)
	}
	return m.Secret.Reveal()
}

// bench is an index of many keys with a verifier, and the same in a map.
type bench struct {
	log   plenty
	store *projections.Store
	v     *Verifier
	texts []string // of a sample of the keys
	dir   string
	stop  func()
}

const sample = 1 << 16

func newBench(b *testing.B, entries int) *bench {
	b.Helper()
	w := &bench{log: plenty{n: keys(), scheme: scheme.Builtin()}}
	w.dir = b.TempDir()
	w.open(b, w.dir, entries)() // and closed again, so that rows are read from files
	w.stop = sync.OnceFunc(w.open(b, w.dir, entries))
	b.Cleanup(w.stop)
	n := min(sample, w.log.n)
	for i := range n {
		w.texts = append(w.texts, w.log.text(i*(w.log.n/n)))
	}
	for _, text := range w.texts { // everything is read once, so that files are in the page cache
		if d := w.v.Verify(Request{Key: text}); !d.Valid() {
			b.Fatalf("%s", d.Code)
		}
	}
	runtime.GC()
	return w
}

// open opens the store and fills it from the log.
func (w *bench) open(b *testing.B, dir string, entries int) (stop func()) {
	b.Helper()
	var err error
	if w.store, err = projections.Open(projections.Config{Dir: dir, CacheSize: 1 << 30}); err != nil {
		b.Fatal(err)
	}
	if w.v, err = New(w.store, Config{CacheEntries: entries}); err != nil {
		b.Fatal(err)
	}
	end := follows(b, w.log, w.store, w.v)
	if err := w.store.Wait(b.Context(), uint64(w.log.n+2)); err != nil {
		b.Fatal(err)
	}
	return func() {
		end()
		if err := errors.Join(w.v.Close(), w.store.Close()); err != nil {
			b.Error(err)
		}
	}
}

// kept is what the floor knows of a key.
type kept struct{ salt, hash []byte }

// BenchmarkVerify is Verify beside the least that any verifier of such
// credentials does:
//
//	sha256   the hash of 64 bytes, which is what a credential takes
//	decide   parse, hash and decide, without looking anything up
//	floor    a checksum, a look-up in a Go map, a hash and a comparison
//	warm     Verify of credentials held in memory
//	pebble   a bare read of the row from Pebble, and a hash
//	row      the same read through the store, and a hash
//	cold     Verify of credentials that are not held in memory
//	absent   Verify of credentials that do not exist
//
// The wanted ratios are warm/floor <= 2.0 and cold/pebble <= 1.3.
func BenchmarkVerify(b *testing.B) {
	w := newBench(b, 2*sample)
	for _, one := range []struct {
		name string
		run  func(*testing.B)
	}{
		{"sha256", benchHash},
		{"decide", w.decide},
		{"floor", w.floor},
		{"warm", w.warm},
		{"warm-parallel", w.parallel},
		{"row", w.row},
		{"cold", w.cold},
		{"absent", w.absent},
		{"pebble", w.pebble},
	} {
		b.Run(fmt.Sprintf("keys=%d/%s", w.log.n, one.name), one.run)
	}
}

// BenchmarkMemory measures what the credentials held in memory take, each with
// its share of the table.
func BenchmarkMemory(b *testing.B) {
	w := newBench(b, 2*sample)
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for b.Loop() {
		for _, text := range w.texts {
			w.v.Verify(Request{Key: text})
		}
		full := heap()
		w.v.cache = newCache(2 * sample)
		b.ReportMetric((full-heap())/float64(len(w.texts)), "B/credential")
	}
}

func benchHash(b *testing.B) {
	buf := make([]byte, 64)
	for b.Loop() {
		_ = sha256.Sum256(buf)
	}
}

func (w *bench) floor(b *testing.B) {
	all := make(map[string]kept, w.log.n)
	for i := range w.log.n {
		_, k := w.log.key(uint64(i))
		all[k.Credential.Locator] = kept{k.Credential.Salt, k.Credential.Hash}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		text := w.texts[i%len(w.texts)]
		i++
		body := text[len(text)-50:]
		sum := crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(text), len(text)-6))
		k, ok := all[body[:12]]
		buf := [64]byte{'k', 'l', '1'}
		copy(buf[4:], k.salt)
		copy(buf[20:], body[:44])
		hash := sha256.Sum256(buf[:])
		if !ok || sum == 0 || subtle.ConstantTimeCompare(hash[:], k.hash) != 1 {
			b.Fatal("no match")
		}
	}
}

func (w *bench) warm(b *testing.B) {
	for _, text := range w.texts {
		w.v.Verify(Request{Key: text})
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d := w.v.Verify(Request{Key: w.texts[i%len(w.texts)], Permission: "read"})
		i++
		if d.Code != access.Allowed {
			b.Fatal(d.Code)
		}
	}
}

func (w *bench) parallel(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.IntN(len(w.texts)); pb.Next(); i++ {
			d := w.v.Verify(Request{Key: w.texts[i%len(w.texts)], Permission: "read"})
			if d.Code != access.Allowed {
				b.Error(d.Code)
			}
		}
	})
}

// decide is parse, hash and decide on a grant at hand.
func (w *bench) decide(b *testing.B) {
	_, k := w.log.key(0)
	text := w.log.text(0)
	grant := access.Grant{Environment: "live", Permissions: k.Permissions, AccountActive: true}
	presented := []string{"key"}
	b.ReportAllocs()
	for b.Loop() {
		t, err := scheme.ParseText(text)
		if err != nil || !scheme.Matches(k.Credential.Alg, k.Credential.Salt, k.Credential.Hash, t.Locator, t.Secret) {
			b.Fatal(err)
		}
		if code := access.Check(&grant, &access.Request{Permission: "read"}, nil, presented); code != access.Allowed {
			b.Fatal(code)
		}
	}
}

// pebble closes the store and opens its files with nothing in between.
func (w *bench) pebble(b *testing.B) {
	w.stop()
	db, err := pebble.Open(w.dir, &pebble.Options{
		CacheSize: 1 << 30, ReadOnly: true, WALDir: filepath.Join(w.dir, "wal"), Logger: silent{},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var keys [][]byte
	for _, text := range w.texts {
		keys = append(keys, appendRowKey([]byte{byte(projections.Lookup)}, "live", locator(text)))
	}
	read := func(i int) {
		_, closer, err := db.Get(keys[i%len(keys)])
		if err != nil {
			b.Fatal(err)
		}
		_ = closer.Close()
	}
	for i := range keys {
		read(i)
	}
	b.ReportAllocs()
	buf := make([]byte, 64)
	i := 0
	for b.Loop() {
		read(i)
		_ = sha256.Sum256(buf)
		i++
	}
}

func (w *bench) row(b *testing.B) {
	var keys [][]byte
	for _, text := range w.texts {
		keys = append(keys, appendRowKey(nil, "live", locator(text)))
	}
	rows := w.store.Rows(projections.Lookup)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_, ok, err := rows.Get(keys[i%len(keys)])
		if !ok || err != nil {
			b.Fatal(ok, err)
		}
		_ = sha256.Sum256([]byte(w.texts[i%len(keys)])[:56])
		i++
	}
}

func locator(text string) string { return text[len(text)-50 : len(text)-38] }

// cold verifies with hardly any memory, so that every credential has been turned
// out when its turn comes again.
func (w *bench) cold(b *testing.B) {
	v, err := New(w.store, Config{CacheEntries: 1})
	if err != nil {
		b.Fatal(err)
	}
	if err := v.Load(w.store.Reader); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if d := v.Verify(Request{Key: w.texts[i%len(w.texts)], Permission: "read"}); d.Code != access.Allowed {
			b.Fatal(d.Code)
		}
		i++
	}
}

func (w *bench) absent(b *testing.B) {
	var texts []string
	for i := range 1024 {
		texts = append(texts, w.log.text(w.log.n+i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d := w.v.Verify(Request{Key: texts[i%len(texts)]})
		i++
		if d.Code != access.Invalid {
			b.Fatal(d.Code)
		}
	}
}

// silent is a Pebble logger for nobody.
type silent struct{}

func (silent) Infof(string, ...any)           {}
func (silent) Errorf(string, ...any)          {}
func (silent) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
