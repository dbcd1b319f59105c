package usage

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// table has the newest uses that are not on disk yet, by id, as seconds of the
// Unix epoch.
type table struct {
	seed    maphash.Seed
	limit   int64
	pending atomic.Int64
	dropped atomic.Uint64
	shards  [shards]shard
}

type shard struct {
	mu      sync.Mutex
	fresh   map[string]int64
	writing map[string]int64 // on their way to the disk; nil between writes
}

func newTable(limit int64) *table {
	t := &table{seed: maphash.MakeSeed(), limit: limit}
	for i := range t.shards {
		t.shards[i].fresh = map[string]int64{}
	}
	return t
}

func (t *table) shard(id string) *shard {
	return &t.shards[maphash.String(t.seed, id)%shards]
}

// note notes a use. For an id that is pending already it allocates nothing.
func (t *table) note(id string, second int64) {
	s := t.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.fresh[id]
	switch {
	case known && last >= second:
	case known:
		s.fresh[id] = second
	case t.pending.Add(1) > t.limit:
		t.pending.Add(-1)
		t.dropped.Add(1)
	default:
		s.fresh[strings.Clone(id)] = second
	}
}

// last is the newest use that is not known to be on disk.
func (t *table) last(id string) (second int64, ok bool) {
	s := t.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh, isFresh := s.fresh[id]
	writing, isWriting := s.writing[id]
	return max(fresh, writing), isFresh || isWriting
}

// take hands over what is to be written. Until release it is still found.
func (t *table) take(visit func(id string, second int64) error) error {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.writing, s.fresh = s.fresh, make(map[string]int64, len(s.fresh))
		writing := s.writing // nobody changes it
		s.mu.Unlock()
		for id, second := range writing {
			if err := visit(id, second); err != nil {
				return err
			}
		}
	}
	return nil
}

// release forgets what was taken, if it has been written, and puts it back
// otherwise.
func (t *table) release(written bool) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for id, second := range s.writing {
			newer, again := s.fresh[id]
			if written || again {
				t.pending.Add(-1)
			}
			if !written {
				s.fresh[id] = max(second, newer)
			}
		}
		s.writing = nil
		s.mu.Unlock()
	}
}
