package usage

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config says where the uses are kept.
type Config struct {
	// Dir is the tracker's own folder; it is made if it is missing.
	Dir string
	// FS is the file system; nil is the operating system's.
	FS vfs.FS
	// Interval is between two writes of what is new; 0 is a second.
	Interval time.Duration
	// Logger hears when the store cannot be written. Nil is nobody.
	Logger *slog.Logger
}

// FirstUse says that a credential has been used for which an older one of its
// key has been waiting.
type FirstUse struct {
	Key, Credential string
	At              time.Time
}

// Tracker knows the last uses. It is safe for concurrent use.
type Tracker struct {
	keys, credentials *table
	disk              *disk
	log               *slog.Logger
	firstUses         chan FirstUse
	flushing          sync.Mutex // one flush at a time
	stop              func()     // ends the goroutine that flushes, and waits for it
}

// Open opens a tracker, with what is known from before. Close must be called
// after it.
func Open(c Config) (*Tracker, error) {
	if c.Dir == "" {
		return nil, errors.New("open usage: name a folder")
	}
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Interval <= 0 {
		c.Interval = flushInterval
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if err := c.FS.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open usage: %w", err)
	}
	d, err := openDisk(c.Dir, c.FS, c.Logger)
	if err != nil {
		return nil, err
	}
	t := &Tracker{
		keys: newTable(maxPending), credentials: newTable(maxPending), disk: d, log: c.Logger,
		firstUses: make(chan FirstUse, maxFirstUses),
	}
	t.start(c.Interval)
	return t, nil
}

func (t *Tracker) start(interval time.Duration) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for failed := false; !failed; {
			select {
			case <-quit:
				return
			case <-tick.C:
				if err := t.Flush(); err != nil {
					failed = true // and stays so
					t.log.Error("last uses are kept in memory only from now on", slog.Any("error", err))
				}
			}
		}
	}()
	t.stop = sync.OnceFunc(func() {
		close(quit)
		<-done
	})
}

// Record notes that a credential of a key was accepted. Awaited says that an
// older credential of the key ends with the first use of this one. It copies the
// strings that it keeps, and allocates nothing for a key that was used within
// the last second.
func (t *Tracker) Record(key, credential string, at time.Time, awaited bool) {
	second := at.Unix()
	t.keys.note(key, second)
	t.credentials.note(credential, second)
	if !awaited {
		return
	}
	select {
	case t.firstUses <- FirstUse{Key: key, Credential: credential, At: at}:
	default: // the next use tells it again
	}
}

// FirstUses is where first uses arrive, most of them more than once: until the
// older credential has an end. It is never closed. What nobody takes is dropped
// beyond a thousand; as long as the credential is used, it comes again.
func (t *Tracker) FirstUses() <-chan FirstUse { return t.firstUses }

// LastUsed is the second in which a key was last used; false for one of which no
// use is known.
func (t *Tracker) LastUsed(key string) (time.Time, bool, error) {
	return t.last(t.keys, rowKey, key)
}

// LastUsedCredential is the second in which a credential was last used.
func (t *Tracker) LastUsedCredential(credential string) (time.Time, bool, error) {
	return t.last(t.credentials, rowCredential, credential)
}

// last looks into memory first: what has left it is on disk.
func (t *Tracker) last(pending *table, of byte, id string) (time.Time, bool, error) {
	second, ok := pending.last(id)
	written, known, err := t.disk.get(of, id)
	if err != nil || !ok && !known {
		return time.Time{}, false, err
	}
	return time.Unix(max(second, written), 0).UTC(), true, nil
}

// Dropped is how many uses were not noted because too many others waited to be
// written.
func (t *Tracker) Dropped() uint64 { return t.keys.dropped.Load() + t.credentials.dropped.Load() }

// Flush writes what is new. When it returns nil, every use recorded before the
// call survives a power cut.
func (t *Tracker) Flush() (err error) {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	if err := t.disk.err(); err != nil {
		return err
	}
	b := t.disk.db.NewBatch()
	defer func() {
		t.keys.release(err == nil)
		t.credentials.release(err == nil)
		if cerr := b.Close(); err == nil {
			err = cerr
		}
	}()
	err = t.keys.take(func(id string, second int64) error { return t.disk.add(b, rowKey, id, second) })
	if err == nil {
		err = t.credentials.take(func(id string, second int64) error { return t.disk.add(b, rowCredential, id, second) })
	}
	if err == nil {
		err = t.disk.commit(b)
	}
	if err != nil {
		return fmt.Errorf("write last uses: %w", err)
	}
	return nil
}

// Close writes what is new and closes the store. Nothing may be asked for
// afterwards; what is recorded afterwards is lost.
func (t *Tracker) Close() error {
	t.stop()
	err := t.Flush()
	t.flushing.Lock()
	defer t.flushing.Unlock()
	if cerr := t.disk.close(); err == nil {
		err = cerr
	}
	return err
}
