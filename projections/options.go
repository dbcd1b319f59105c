package projections

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// formatVersion is Pebble's own format. It is pinned, so that a newer Pebble in
// a newer keyledger does not by itself keep the one before it from opening the
// store again.
const formatVersion = pebble.FormatValueSeparation

// options for a store that is written in bursts by one writer, read one row at a
// time, and often asked for a row that is not there.
func options(c Config, lock *pebble.Lock, h *health) *pebble.Options {
	o := &pebble.Options{
		FS:                          watched{FS: c.FS, health: h},
		Lock:                        lock,
		WALDir:                      pebble.MakeStoreRelativePath(c.FS, logDir),
		CacheSize:                   c.CacheSize,
		FormatMajorVersion:          formatVersion,
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: 1000, // never: makeRoom waits instead
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       1000, // a rebuild never waits for compactions
		LBaseMaxBytes:               64 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      pebbleLog{log: c.Logger, health: h},
	}
	o.EventListener = &pebble.EventListener{FlushEnd: func(pebble.FlushInfo) {
		select {
		case h.flushed <- struct{}{}:
		default:
		}
	}}
	if o.CacheSize == 0 {
		o.CacheSize = defaultCache
	}
	if c.Small {
		o.CacheSize, o.MemTableSize = 1<<10, 64<<10
	}
	for i := range o.Levels {
		l := &o.Levels[i]
		l.BlockSize = 4 << 10 // rows are found one by one, seldom in runs
		l.FilterPolicy = bloom.FilterPolicy(filterBits)
		l.FilterType = pebble.TableFilter
	}
	return o
}
