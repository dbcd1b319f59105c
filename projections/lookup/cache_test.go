package lookup

import (
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"github.com/keyledger/keyledger/events"
)

func TestASetIsOneCacheLine(t *testing.T) {
	if size := unsafe.Sizeof(set{}); size != 64 {
		t.Errorf("a set has %d bytes, want 64", size)
	}
}

// A full set turns out what is outdated first, then what was idle for longest,
// and never holds a credential twice.
func TestWhatIsTurnedOut(t *testing.T) {
	c := newCache(1)
	now := new(epoch)
	at := func(i int) place {
		p := c.place(name(i))
		p.tag = uint64(i)
		return p
	}
	add := func(i int, used int64) {
		e := &entry{prefix: "p_", epoch: now, generation: c.sets[0].generation.Load()}
		copy(e.locator[:], name(i))
		e.used.Store(used)
		at(i).put(e)
	}
	held := func(i int) bool {
		e := at(i).find("p_", name(i))
		return e != nil && e.generation == c.sets[0].generation.Load()
	}
	for i := range ways {
		add(i, int64(100+i))
	}
	add(0, 200) // again, in its own place
	for i := range ways {
		if !held(i) {
			t.Errorf("%d of %d is not held", i, ways)
		}
	}
	add(ways, 300)
	if held(1) || !held(0) || !held(ways) {
		t.Error("1 was idle for longest, and another was turned out")
	}
	c.outdate(name(0))
	for i := range ways {
		add(100+i, 1)
	}
	for i := range ways {
		if !held(100 + i) {
			t.Errorf("%d is not held, though all that was outdated could go", 100+i)
		}
	}
}

func name(i int) string {
	return string([]byte{'0', '0', '0', '0', '0', '0', '0', '0', '0', byte('a' + i/100), byte('a' + i/10%10), byte('a' + i%10)})
}

// What is filed under an older generation is not taken.
func TestACacheTakesNothingOutdated(t *testing.T) {
	c := newCache(1)
	e := &entry{prefix: "p_"}
	copy(e.locator[:], name(1))
	c.outdate(name(1))
	at := c.place(name(1))
	at.put(e)
	if at.find("p_", name(1)) != nil {
		t.Error("an outdated entry was put in")
	}
}

// A verification of a credential held in memory allocates nothing.
func TestAWarmVerificationAllocatesNothing(t *testing.T) {
	w := newWorld(t, Config{Used: func(string, string, time.Time, bool) {}})
	_, c := w.key("key_1", func(k *events.KeyCreated) { k.Allowlist = []string{"192.0.2.0/24", "2001:db8::/32"} })
	_, pair := w.key("key_2", func(k *events.KeyCreated) { k.Kind = "bearer" })
	for name, ask := range map[string]Request{
		"allowed": {Key: c.key, IP: netip.MustParseAddr("192.0.2.1"), Environment: "live", Permission: "orders:read"},
		"by path": {Key: c.key, IP: netip.MustParseAddr("192.0.2.1"), Method: "GET", Path: "/v1/orders/7"},
		"refused": {Key: c.key, IP: netip.MustParseAddr("198.51.100.1")},
		"a pair":  {PublicKey: pair.public, SecretKey: pair.secret, Permission: "orders:read"},
	} {
		w.v.Verify(ask)
		if n := testing.AllocsPerRun(1000, func() { w.v.Verify(ask) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Nothing that is held in memory is a part of what was presented, which would
// keep the secret there with it.
func TestNothingPresentedIsKept(t *testing.T) {
	w := newWorld(t, Config{})
	_, single := w.key("key_1")
	_, pair := w.key("key_2", func(k *events.KeyCreated) { k.Kind = "bearer" })
	for _, ask := range []Request{{Key: single.key}, {PublicKey: pair.public, SecretKey: pair.secret}} {
		if d := w.v.Verify(ask); !d.Valid() {
			t.Fatal(d.Code)
		}
		p, _ := parse(&ask)
		e := w.v.cache.place(p.locator).find(p.prefix, p.locator)
		if e == nil {
			t.Fatal("it is not held")
		}
		for _, text := range []string{ask.Key, ask.PublicKey, ask.SecretKey} {
			for _, kept := range []string{
				e.prefix, e.half, e.alg, e.grant.Key, e.grant.Credential, e.grant.Account, e.grant.Environment,
				e.grant.Scheme, e.grant.Kind, e.grant.Resource, e.presented[0], e.grant.Permissions[0],
			} {
				if text != "" && kept != "" && within(kept, text) {
					t.Errorf("%q is a part of what was presented", kept)
				}
			}
		}
	}
}

// within reports whether part lies in the memory of whole.
func within(part, whole string) bool {
	at, begin := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(whole)))
	return at >= begin && at < begin+uintptr(len(whole))
}

// The size that limits.go states rests on this; BenchmarkMemory measures it.
func TestAnEntryIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(entry{}); size > 512 {
		t.Errorf("an entry has %d bytes, want at most 512, which is what the allocator gives", size)
	}
}
