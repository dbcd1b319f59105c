package projections

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/keyledger/keyledger/events"
)

// ErrLocked is returned for a store that is open already.
var ErrLocked = errors.New("store is in use")

// Config says where a store is and what it may use.
type Config struct {
	// Dir is the store's own folder; it is made if it is missing.
	Dir string
	// FS is the file system, the operating system's where nil.
	FS vfs.FS
	// CacheSize bounds the block cache, in bytes; 0 is 128 MiB. Keys are asked
	// for without pattern, so what does not hold the whole index helps little.
	CacheSize int64
	// Logger hears of what the store does by itself. Nil is nobody.
	Logger *slog.Logger
	// Small makes the store use little memory, for tests that have many.
	Small bool
}

// Store is everything folded from the ledger, and how far. Its reads are safe
// for concurrent use, and the embedded [Reader] sees whatever is committed.
type Store struct {
	Reader
	db       *pebble.DB
	lock     *pebble.Lock
	log      *slog.Logger
	schemes  atomic.Pointer[schemes]
	manifest manifest
	progress progress
	health   *health
	closed   atomic.Bool

	memTable  uint64       // size of one, in bytes
	unflushed uint64       // bytes committed since makeRoom looked; for the one writer
	waits     atomic.Int64 // how often makeRoom has waited

	// tearCommit is a planted fault, for the test that must catch it: position
	// and rows are committed apart.
	tearCommit bool
}

// Open opens a store, or makes one. Close must be called after it.
func Open(c Config) (_ *Store, err error) {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if err := c.FS.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{log: c.Logger}
	s.progress.init()
	s.health = newHealth(s.progress.stop)
	if s.lock, err = lockDir(c); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	o := options(c, s.lock, s.health)
	s.memTable = o.MemTableSize
	if s.db, err = pebble.Open(c.Dir, o); err != nil {
		return nil, fmt.Errorf("open store in %s: %w "+
			"(should it be damaged, delete the folder: all of it is rebuilt from the ledger)", c.Dir, err)
	}
	s.Reader = Reader{pebble: s.db}
	if s.manifest, err = readManifest(s.Reader); err != nil {
		return nil, fmt.Errorf("open store in %s: %w", c.Dir, err)
	}
	if err = errors.Join(s.reload(), s.health.err()); err != nil {
		return nil, fmt.Errorf("open store in %s: %w", c.Dir, err)
	}
	return s, nil
}

// lockDir takes Pebble's own lock first, to tell a store in use from one that
// cannot be opened.
func lockDir(c Config) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(c.Dir, c.FS)
	if err == nil {
		return lock, nil
	}
	// The lock is refused by a bare errno of fcntl, or, within one process, by an
	// error of Pebble's that has no type. A lock file that cannot be made is
	// refused by an error with its path.
	if _, io := errors.AsType[*fs.PathError](err); io || errors.Is(err, syscall.EROFS) {
		return nil, err
	}
	return nil, fmt.Errorf("%w: another keyledger has %s open; stop it, or give this one a data folder of its own (%w)",
		ErrLocked, c.Dir, err)
}

// reload takes up what the rows say into memory.
func (s *Store) reload() error {
	all, understood, err := loadSchemes(s.Reader)
	if err != nil {
		return err
	}
	more, err := understandsMore(s.Reader)
	if err != nil {
		return err
	}
	at, err := readPosition(s.Reader)
	if err != nil {
		return err
	}
	if !understood || more {
		s.manifest.Folds = nil // equal to nobody's
	}
	s.schemes.Store(all)
	s.progress.publish(at)
	return nil
}

// Close closes the store. The Runner must have returned, and nothing may read
// any more. Once is enough, and more do nothing.
func (s *Store) Close() error {
	if s.progress.running.Load() {
		return errors.New("close store: its runner is running")
	}
	return s.close()
}

func (s *Store) close() error {
	if s.closed.Swap(true) {
		return nil
	}
	close(s.health.closing)
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// prepare makes the store one of these projections: if it is of others, of other
// versions, or was folded with less understanding, it is emptied.
func (s *Store) prepare(all []Projection) error {
	want := manifestOf(all)
	if s.manifest.equal(want) {
		return nil
	}
	at := s.Position()
	if !at.IsZero() {
		s.log.Warn("rebuilding the index from the ledger: it was made by another version of keyledger",
			slog.Uint64("position", at.Sequence), slog.Any("had", s.manifest), slog.Any("want", want))
	}
	return s.wipe(want)
}

// Rebuild forgets everything, so that the next run starts at event 1. The Runner
// must have returned.
func (s *Store) Rebuild() error {
	if s.progress.running.Load() {
		return errors.New("rebuild: the runner is running")
	}
	return s.wipe(s.manifest)
}

// wipe empties the store in one synced batch: it is as it was, or empty.
func (s *Store) wipe(next manifest) error {
	b := s.db.NewBatch()
	defer func() { _ = b.Close() }()
	if s.manifest.Format > 0 { // a tombstone over nothing would still cost every read
		if err := b.DeleteRange([]byte{0}, []byte{end}, nil); err != nil {
			return fmt.Errorf("empty store: %w", err)
		}
	}
	if err := setJSON(b, rowManifest, next); err != nil {
		return err
	}
	if err := s.commit(b, pebble.Sync); err != nil {
		return fmt.Errorf("empty store: %w", err)
	}
	s.manifest = next
	return s.reload()
}

// Position is the newest event whose rows can be read and whose effects in
// memory have been done.
func (s *Store) Position() events.Position { return s.progress.position() }

// Snapshot is the store as of one moment. It must be closed, soon: it keeps
// Pebble from dropping what has been overwritten since.
type Snapshot struct {
	Reader
	snapshot *pebble.Snapshot
}

// Snapshot takes one. Its rows are those of the position it returns.
func (s *Store) Snapshot() *Snapshot {
	snap := s.db.NewSnapshot()
	return &Snapshot{Reader: Reader{pebble: snap}, snapshot: snap}
}

// Position is the newest event that the snapshot's rows contain.
func (s *Snapshot) Position() (events.Position, error) { return readPosition(s.Reader) }

// Close releases the snapshot.
func (s *Snapshot) Close() error { return s.snapshot.Close() }
