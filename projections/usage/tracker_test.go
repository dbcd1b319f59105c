package usage

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// seldom is an interval at which no test flushes by itself.
const seldom = time.Hour

func open(t *testing.T, fs vfs.FS) *Tracker {
	t.Helper()
	u, err := Open(Config{Dir: "usage", FS: fs, Interval: seldom})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func closeAll(t *testing.T, u *Tracker) {
	t.Helper()
	if err := u.Close(); err != nil {
		t.Error(err)
	}
}

func expect(t *testing.T, u *Tracker, key string, want time.Time) {
	t.Helper()
	at, ok, err := u.LastUsed(key)
	if err != nil || ok == want.IsZero() || !at.Equal(want) {
		t.Errorf("%s: last used %v %v (%v), want %v", key, at, ok, err, want)
	}
}

func TestTheNewestUseCountsToTheSecond(t *testing.T) {
	u := open(t, vfs.NewMem())
	defer closeAll(t, u)
	expect(t, u, "key_1", time.Time{})
	u.Record("key_1", "crd_1", noon.Add(900*time.Millisecond), false)
	expect(t, u, "key_1", noon)
	u.Record("key_1", "crd_2", noon.Add(5*time.Second), false)
	u.Record("key_1", "crd_1", noon.Add(2*time.Second), false) // told late
	expect(t, u, "key_1", noon.Add(5*time.Second))
	expect(t, u, "key_2", time.Time{})
	for credential, want := range map[string]time.Time{"crd_1": noon.Add(2 * time.Second), "crd_2": noon.Add(5 * time.Second)} {
		if at, ok, err := u.LastUsedCredential(credential); err != nil || !ok || !at.Equal(want) {
			t.Errorf("%s: %v %v (%v), want %v", credential, at, ok, err, want)
		}
	}
}

func TestACleanStopLosesNothing(t *testing.T) {
	fs := vfs.NewMem()
	u := open(t, fs)
	u.Record("key_1", "crd_1", noon, false)
	closeAll(t, u)
	u = open(t, fs)
	expect(t, u, "key_1", noon)
	u.Record("key_1", "crd_1", noon.Add(-time.Hour), false) // the machine's clock was set back
	expect(t, u, "key_1", noon)
	closeAll(t, u)
	u = open(t, fs)
	defer closeAll(t, u)
	expect(t, u, "key_1", noon)
}

// A power cut loses what was recorded since the last flush, and nothing else.
func TestAPowerCutLosesWhatWasNotFlushed(t *testing.T) {
	disk := vfs.NewCrashableMem()
	u := open(t, disk)
	defer closeAll(t, u)
	u.Record("key_1", "crd_1", noon, false)
	u.Record("key_2", "crd_2", noon, false)
	if err := u.Flush(); err != nil {
		t.Fatal(err)
	}
	u.Record("key_2", "crd_2", noon.Add(time.Second), false)
	u.Record("key_3", "crd_3", noon.Add(time.Second), false)
	after := open(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0}))
	defer closeAll(t, after)
	expect(t, after, "key_1", noon)
	expect(t, after, "key_2", noon)
	expect(t, after, "key_3", time.Time{})
}

// The tracker writes by itself, so that nobody has to ask for it.
func TestUsesAreWrittenByThemselves(t *testing.T) {
	u, err := Open(Config{Dir: "usage", FS: vfs.NewMem(), Interval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, u)
	u.Record("key_1", "crd_1", noon, false)
	for {
		second, ok, err := u.disk.get(rowKey, "key_1")
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			if second != noon.Unix() {
				t.Errorf("wrote %d, want %d", second, noon.Unix())
			}
			return
		}
	}
}

// What is on its way to the disk is neither missing nor forgotten if it does not
// arrive.
func TestUsesOnTheirWayAreKnown(t *testing.T) {
	u := newTable(10)
	ignore := func(string, int64) error { return nil }
	know := func(when string, want int64, pending int64) {
		t.Helper()
		if got, ok := u.last("key_1"); got != want || ok != (want > 0) || u.pending.Load() != pending {
			t.Errorf("%s: %d, want %d; %d pending, want %d", when, got, want, u.pending.Load(), pending)
		}
	}
	u.note("key_1", 5)
	know("noted", 5, 1)
	_ = u.take(ignore)
	know("on its way", 5, 1)
	u.note("key_1", 4)
	know("and told of again", 5, 2)
	u.release(false)
	know("not written", 5, 1)
	_ = u.take(ignore)
	u.note("key_1", 6)
	u.release(true)
	know("written, and used since", 6, 1)
	_ = u.take(ignore)
	u.release(true)
	know("written", 0, 0)
}

func TestTheNumberOfPendingUsesIsBounded(t *testing.T) {
	u := newTable(2)
	for _, id := range []string{"key_1", "key_2", "key_3", "key_1"} {
		u.note(id, 7)
	}
	if _, ok := u.last("key_3"); ok || u.dropped.Load() != 1 || u.pending.Load() != 2 {
		t.Errorf("key_3 is known: %v; dropped %d, pending %d", ok, u.dropped.Load(), u.pending.Load())
	}
}

func TestFirstUsesArriveAndNeverBlock(t *testing.T) {
	u := open(t, vfs.NewMem())
	defer closeAll(t, u)
	u.Record("key_1", "crd_1", noon, false)
	for range 2 * maxFirstUses {
		u.Record("key_1", "crd_2", noon, true)
	}
	if first := <-u.FirstUses(); first != (FirstUse{Key: "key_1", Credential: "crd_2", At: noon}) {
		t.Errorf("first use %+v", first)
	}
	if n := len(u.FirstUses()); n != maxFirstUses-1 {
		t.Errorf("%d more are held, want %d", n, maxFirstUses-1)
	}
}

// A use that was recorded is never unknown afterwards, while the tracker writes.
func TestAUseIsKnownFromThenOn(t *testing.T) {
	u := open(t, vfs.NewMem())
	defer closeAll(t, u)
	var over atomic.Bool
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			key := fmt.Sprintf("key_%d", n)
			for i := range 5000 {
				at := noon.Add(time.Duration(i) * time.Second)
				u.Record(key, "crd", at, false)
				if got, ok, err := u.LastUsed(key); err != nil || !ok || !got.Equal(at) {
					t.Errorf("%s: %v %v (%v), want %v", key, got, ok, err, at)
					break
				}
			}
			over.Store(true)
		})
	}
	for !over.Load() {
		if err := u.Flush(); err != nil {
			t.Error(err)
			break
		}
	}
	wg.Wait()
}

func TestRecordingAgainAllocatesNothing(t *testing.T) {
	u := open(t, vfs.NewMem())
	defer closeAll(t, u)
	at := noon
	u.Record("key_1", "crd_1", at, false)
	if n := testing.AllocsPerRun(1000, func() {
		at = at.Add(time.Second)
		u.Record("key_1", "crd_1", at, false)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A disk that fails, for once or for good, at whatever write, ends neither the
// process nor what is known.
func TestAFullDiskEndsNothing(t *testing.T) {
	sparse := int64(8)
	if testing.Short() {
		sparse = 2
	}
	for _, lasts := range []bool{true, false} {
		failed := 0
		for turn := int64(1); fillUp(t, turn, lasts); turn += 1 + turn/sparse {
			failed++
		}
		if failed < 5 {
			t.Errorf("only %d writes were made to fail", failed)
		}
	}
}

// fillUp uses keys until the tracker has filled several of Pebble's tables, and
// reports whether it met a failing write on the way.
func fillUp(t *testing.T, turn int64, lasts bool) bool {
	t.Helper()
	var writes, from atomic.Int64
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || from.Load() == 0 {
			return nil
		}
		if n := writes.Add(1); n == from.Load() || lasts && n > from.Load() {
			return syscall.ENOSPC
		}
		return nil
	}))
	u := open(t, fs)
	u.Record("key_1", "crd_1", noon, false)
	if err := u.Flush(); err != nil {
		t.Fatal(err)
	}
	from.Store(turn)
	var err error
	at := noon
	for n := 0; n < 3 && err == nil; n++ {
		at = at.Add(time.Minute)
		for i := range 4000 {
			id := fmt.Sprintf("_%030d", i)
			u.Record("key"+id, "crd"+id, at, false)
		}
		u.Record("key_1", "crd_1", at, false)
		err = u.Flush()
	}
	if err != nil && !errors.Is(err, ErrStore) {
		t.Errorf("write %d failed: %v, want %v", turn, err, ErrStore)
	}
	expect(t, u, "key_1", at)
	u.Record("key_1", "crd_1", at.Add(time.Hour), false)
	expect(t, u, "key_1", at.Add(time.Hour))
	err = u.Close()
	failed := u.disk.err() != nil
	from.Store(0)
	if err != nil {
		if !failed {
			t.Errorf("write %d: close: %v, and no write has failed", turn, err)
		}
		return true
	}
	u = open(t, fs) // what was closed without an error has lost nothing
	expect(t, u, "key_1", at.Add(time.Hour))
	closeAll(t, u)
	return failed
}

// The verifier's hook takes it as it is.
var _ func(key, credential string, at time.Time, awaited bool) = (*Tracker)(nil).Record

func BenchmarkRecord(b *testing.B) {
	u, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := u.Close(); err != nil {
			b.Error(err)
		}
	}()
	b.ReportAllocs()
	at := noon
	for b.Loop() {
		at = at.Add(time.Second)
		u.Record("key_01jd000000000000000000000", "crd_01jd000000000000000000000", at, false)
	}
}
