package lookup

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/projections"
)

// Config says how a verifier works. The zero value works for [New].
type Config struct {
	// Dir is the folder of the verifier's own store, for [Open] only.
	Dir string
	// CacheSize bounds the block cache of that store, in bytes; 0 is the store's
	// default.
	CacheSize int64
	// Environments confines the verifier to some. That is not possible yet, so it
	// must be empty, which is all.
	Environments []string

	// CacheEntries is how many credentials are held ready in memory, some 720
	// bytes each; 0 is [DefaultEntries].
	CacheEntries int
	// Now is the machine's clock; nil is time.Now.
	Now func() time.Time
	// Fresh is asked last before anything is answered from the index; where it
	// says no, the answer is access.Stale. It must be quick. Nil is yes. What Open
	// returned answers so as well once its Runner has stopped; a node that calls
	// New watches its own.
	Fresh func() bool
	// Used hears of a credential that has been accepted: at once, then about once
	// a second while it goes on. Awaited says that an older credential of the key
	// ends when this one has first been used. It is called by Verify, must be
	// quick, and must not keep the strings beyond copying them.
	Used func(key, credential string, at time.Time, awaited bool)
	// Logger hears of rows that could not be read. Nil is nobody.
	Logger *slog.Logger
}

// Verifier decides about credentials, by the rows that it keeps as a projection.
type Verifier struct {
	store     *projections.Store
	cache     *cache
	clock     clock
	freshness func() bool
	used      func(key, credential string, at time.Time, awaited bool)
	log       *slog.Logger
	dummy     []byte // row of a credential that nobody has

	epoch    atomic.Pointer[epoch] // nil before the first Load and after Close
	position atomic.Uint64         // newest event whose effects Verify sees
	loaded   chan struct{}         // closed by the first Load
	newest   int64                 // second of the newest time told by an event; Apply's own

	reading sync.RWMutex // held for reading while rows are read
	closed  bool         // no epoch may begin any more
	run     *run         // of what Open opened

	tests tests
}

// tests is what tests do to a verifier; zero in earnest.
type tests struct {
	pause func(point) // called at these points of Verify

	// Planted faults, to see the tests of the cache fail.
	forgetLastLook bool // decide on what was read, whatever has changed since
	lateGeneration bool // file a row under the generation of after it was read
}

// point is a place in Verify at which another goroutine's doing matters.
type point int

const (
	rowRead        point = iota // a row has been read and nothing made of it
	beforeLastLook              // the decision has been made and not looked at again
)

func (v *Verifier) pause(at point) {
	if v.tests.pause != nil {
		v.tests.pause(at)
	}
}

// ErrConfig is returned for a Config that asks for what cannot be had.
var ErrConfig = errors.New("verifier config")

// New returns a verifier over a store that somebody else opens, fills and
// closes: it is to be one of the projections of that store's Runner, and answers
// access.Stale until the Runner has begun. Close it before the store.
func New(store *projections.Store, c Config) (*Verifier, error) {
	if c.Dir != "" || c.CacheSize != 0 {
		return nil, fmt.Errorf("%w: Dir and CacheSize are for a store of its own", ErrConfig)
	}
	return newVerifier(store, c)
}

func newVerifier(store *projections.Store, c Config) (*Verifier, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	v := &Verifier{
		store: store, cache: newCache(c.CacheEntries), freshness: c.Fresh, used: c.Used, log: c.Logger,
		loaded: make(chan struct{}),
		dummy:  encodeRow(&row{seal: seal{alg: knownAlg, salt: make([]byte, 16), hash: make([]byte, 32)}}),
	}
	v.clock.start(c.Now)
	return v, nil
}

// check fills in defaults.
func (c *Config) check() error {
	if len(c.Environments) > 0 {
		return fmt.Errorf("%w: a verifier cannot yet be confined to environments; leave Environments empty", ErrConfig)
	}
	if c.CacheEntries < 0 || c.CacheEntries > MaxEntries {
		return fmt.Errorf("%w: CacheEntries %d, use 1 to %d, or 0 for %d", ErrConfig, c.CacheEntries, MaxEntries, DefaultEntries)
	}
	if c.CacheEntries == 0 {
		c.CacheEntries = DefaultEntries
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Position is the newest event whose effects Verify sees.
func (v *Verifier) Position() uint64 { return v.position.Load() }

// Catalog is the schemes that Verify decides by.
func (v *Verifier) Catalog() *scheme.Catalog { return v.store.Catalog() }

// fail is the answer where a row could not be read.
func (v *Verifier) fail(err error) access.Code {
	v.log.Error("a row of the lookup index cannot be read", slog.Any("error", err))
	return access.Stale
}

// Close ends the verifier: it answers access.Stale from now on. It waits for
// whoever is reading rows, so that the store can be closed after it. What [Open]
// opened is closed with it.
func (v *Verifier) Close() error {
	var err error
	if v.run != nil {
		err = v.run.stop()
	}
	v.reading.Lock()
	first := !v.closed
	v.closed = true
	v.epoch.Store(nil)
	v.reading.Unlock()
	if v.run != nil && first {
		err = errors.Join(err, v.store.Close())
	}
	return err
}
