package projections

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// ErrStore is returned once the store could not be written, or was found
// damaged. What it held before can still be read; nothing more is folded until
// it is opened anew.
var ErrStore = errors.New("store failed")

// health remembers the first failure of the store.
//
// Commits are not synced, so Pebble hears of a full disk after it has said yes,
// and ends the process then. Here that would be out of proportion: everything
// that was committed and not written is delivered again by the log, since the
// position was in the same batch. So the file system is watched, see [watched],
// and no commit is begun after the first write that has failed.
type health struct {
	onFailure func(error)
	failed    chan struct{} // closed by the first failure
	closing   chan struct{} // closed when the store is about to be
	flushed   chan struct{} // holds one token after a memtable was written out

	mu    sync.Mutex
	first error
}

func newHealth(onFailure func(error)) *health {
	return &health{
		onFailure: onFailure,
		failed:    make(chan struct{}), closing: make(chan struct{}), flushed: make(chan struct{}, 1),
	}
}

func (h *health) fail(err error) {
	h.mu.Lock()
	known := h.first != nil
	if !known {
		h.first = fmt.Errorf("%w: %w", ErrStore, err)
	}
	first := h.first
	h.mu.Unlock()
	if !known {
		close(h.failed)
		h.onFailure(first)
	}
}

func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.first
}

// pause keeps whoever tries again and again after a failure from spinning.
func (h *health) pause() {
	if h.err() == nil {
		return
	}
	select {
	case <-h.closing:
	case <-time.After(retryPause):
	}
}

// commit writes a batch, whole or not at all.
func (s *Store) commit(b *pebble.Batch, o *pebble.WriteOptions) error {
	if err := s.makeRoom(b.Len()); err != nil {
		return err
	}
	if err := b.Commit(o); err != nil {
		s.health.fail(err)
	}
	return s.health.err()
}

// makeRoom waits until little enough is left to be written out, or the store has
// failed. Pebble would wait itself, but for ever on a disk that is full. It goes
// by bytes and not by the number of memtables: the first ones are small, and
// Pebble lets them be until they come to half a full one.
func (s *Store) makeRoom(size int) error {
	s.unflushed += uint64(size)
	if s.unflushed < s.memTable/2 { // not worth a look
		return s.health.err()
	}
	s.unflushed = 0
	for s.health.err() == nil && s.db.Metrics().MemTable.Size > maxMemTables*s.memTable {
		s.waits.Add(1)
		select {
		case <-s.health.flushed:
		case <-s.health.failed:
		case <-time.After(retryPause):
		}
	}
	return s.health.err()
}

// Failed returns why the store has stopped taking anything, or nil.
func (s *Store) Failed() error { return s.health.err() }

// pebbleLog passes on what Pebble has to say.
type pebbleLog struct {
	log    *slog.Logger
	health *health
}

// Infof is for a person who looks into Pebble itself.
func (l pebbleLog) Infof(format string, args ...any) {
	l.log.Debug("pebble", slog.String("says", fmt.Sprintf(format, args...)))
}

// Errorf is a failure that Pebble tries again.
func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("pebble", slog.String("says", fmt.Sprintf(format, args...)))
}

// Fatalf is a failure after which Pebble asks for the end of the process. It is
// enough that nothing more is committed.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.health.fail(fmt.Errorf(format, args...))
}
