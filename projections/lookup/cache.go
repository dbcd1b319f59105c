package lookup

import (
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
)

// ways is how many entries a set has room for. With it a set is 64 bytes, one
// cache line of the processors in use.
const ways = 6

// cache holds entries in sets; the locator says which. Reading takes no lock
// and writes nothing. It never decides whether an entry still holds: the entry
// does, by the generation of its set.
type cache struct {
	seed maphash.Seed
	sets []set
	// fill is held while an entry is put in, striped by set.
	fill [64]sync.Mutex
}

// set is the place of some locators. Its generation moves whenever a row with
// such a locator has changed, and outdates everything read under an older one.
type set struct {
	generation atomic.Uint64
	tags       atomic.Uint64 // ten bits of the hash for each slot, a hint
	slots      [ways]atomic.Pointer[entry]
}

const (
	tagBits = 10
	tagMask = 1<<tagBits - 1
)

// newCache makes room for at least n entries, and for a third more, so that few
// of n are turned out by chance because their set is full.
func newCache(n int) *cache {
	return &cache{seed: maphash.MakeSeed(), sets: make([]set, max(1, (n+n/3)/ways))}
}

// place is where a locator belongs.
type place struct {
	set    *set
	stripe *sync.Mutex
	tag    uint64
}

func (c *cache) place(locator string) place {
	hash := maphash.String(c.seed, locator)
	i := (hash & 0xffffffff) * uint64(len(c.sets)) >> 32
	return place{set: &c.sets[i], stripe: &c.fill[i%uint64(len(c.fill))], tag: hash >> (64 - tagBits)}
}

// find returns the entry of a credential; it may be outdated.
func (p place) find(prefix, locator string) *entry {
	tags := p.set.tags.Load()
	for i := range p.set.slots {
		if tags&tagMask == p.tag {
			if e := p.set.slots[i].Load(); e != nil && e.is(prefix, locator) {
				return e
			}
		}
		tags >>= tagBits
	}
	return nil
}

// put keeps e, unless it is outdated already.
func (p place) put(e *entry) {
	p.stripe.Lock()
	defer p.stripe.Unlock()
	generation := p.set.generation.Load()
	if e.generation != generation {
		return
	}
	i := p.slot(e, generation)
	p.set.slots[i].Store(e)
	shift := tagBits * i
	p.set.tags.Store(p.set.tags.Load()&^(tagMask<<shift) | p.tag<<shift)
}

// slot chooses where e is to go: where an older entry of the same credential is,
// an empty slot, that of an outdated entry, that of the one idle for longest.
func (p place) slot(e *entry, generation uint64) int {
	tags, empty := p.set.tags.Load(), -1
	for i := range p.set.slots {
		old := p.set.slots[i].Load()
		switch {
		case old == nil:
			empty = i
		case tags>>(tagBits*i)&tagMask == p.tag && old.is(e.prefix, string(e.locator[:])):
			return i
		}
	}
	if empty >= 0 {
		return empty
	}
	victim, idle := 0, int64(math.MaxInt64)
	for i := range p.set.slots {
		old := p.set.slots[i].Load()
		if old.generation != generation || old.epoch != e.epoch {
			return i
		}
		if used := old.used.Load(); used < idle {
			victim, idle = i, used
		}
	}
	return victim
}

// outdate moves on the generation of a locator's set.
func (c *cache) outdate(locator string) { c.place(locator).set.generation.Add(1) }
