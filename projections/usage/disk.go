package usage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrStore is returned once the store could not be written. Uses are noted in
// memory from then on, and those of before can still be asked for.
var ErrStore = errors.New("usage store failed")

// Rows of the store: a byte that says what the id is of, and the id. The value
// is the second of the last use, of the Unix epoch, as a varint.
const (
	rowKey        = 'k'
	rowCredential = 'c'
)

// formatVersion is Pebble's own format, pinned as that of the node's store is.
const formatVersion = pebble.FormatValueSeparation

// disk is the store. Its first failure is its last: it is not written to after
// it, see [guard].
type disk struct {
	db *pebble.DB

	mu     sync.Mutex
	failed error
}

func openDisk(dir string, fs vfs.FS, log *slog.Logger) (*disk, error) {
	d := &disk{}
	cache := pebble.NewCache(blockCache)
	defer cache.Unref() // the store has a reference of its own
	var err error
	d.db, err = pebble.Open(dir, &pebble.Options{
		FS: guard{FS: fs, disk: d}, Cache: cache, MemTableSize: memTable, FormatMajorVersion: formatVersion,
		// A commit never waits for room: on a disk that has failed meanwhile it would
		// wait for ever. A write a second cannot pile up much before it is noticed.
		MemTableStopWritesThreshold: never, L0StopWritesThreshold: never,
		Logger: logger{log: log, disk: d},
	})
	if err != nil {
		return nil, fmt.Errorf("open usage store in %s: %w", dir, err)
	}
	return d, nil
}

func (d *disk) err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

func (d *disk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil {
		d.failed = fmt.Errorf("%w: %w", ErrStore, err)
	}
}

// get returns the second of a row; false where there is none.
func (d *disk) get(of byte, id string) (int64, bool, error) {
	value, closer, err := d.db.Get(append([]byte{of}, id...))
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("read usage of %s: %w", id, err)
	}
	second, n := binary.Varint(value)
	if n != len(value) {
		err = fmt.Errorf("read usage of %s: unreadable row", id)
	}
	return second, true, errors.Join(err, closer.Close())
}

// add puts a use into a batch, unless a later one is on disk: a machine's clock
// may have been set back between two runs.
func (d *disk) add(b *pebble.Batch, of byte, id string, second int64) error {
	if last, ok, err := d.get(of, id); err != nil || ok && last >= second {
		return err
	}
	return b.Set(append([]byte{of}, id...), binary.AppendVarint(nil, second), nil)
}

// commit writes a batch, durably or not at all.
func (d *disk) commit(b *pebble.Batch) error {
	if err := d.err(); err != nil || b.Empty() {
		return err
	}
	if err := b.Commit(pebble.Sync); err != nil {
		d.fail(err)
	}
	return d.err()
}

func (d *disk) close() error {
	if err := d.err(); err != nil {
		// Pebble may wait for ever for what it cannot write.
		return err
	}
	return d.db.Close()
}

// logger passes on what Pebble has to say, and keeps it from ending the process
// over a disk that is full: nothing depends on usage.
type logger struct {
	log  *slog.Logger
	disk *disk
}

func (l logger) Infof(format string, args ...any) {
	l.log.Debug("pebble", slog.String("says", fmt.Sprintf(format, args...)))
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("pebble", slog.String("says", fmt.Sprintf(format, args...)))
}

func (l logger) Fatalf(format string, args ...any) { l.disk.fail(fmt.Errorf(format, args...)) }
