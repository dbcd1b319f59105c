package usage

import (
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guard is a file system that tells of every write which failed.
//
// Pebble ends the process where its write-ahead log cannot be written or made.
// Over usage that would be out of all proportion. So the files of the log, and
// the folder, never fail: to Pebble they seem written. The guard has told the
// disk by then, which commits nothing any more and calls nothing of it written.
type guard struct {
	vfs.FS
	disk *disk
}

// Unwrap is for Pebble, which looks for the file system below.
func (g guard) Unwrap() vfs.FS { return g.FS }

// Create waits a little once a write has failed: Pebble tries again at once what
// could not be written, and would do nothing else for as long as the disk is
// full. Nobody waits for it.
func (g guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if g.disk.err() != nil && !isLog(name) {
		time.Sleep(retryPause)
	}
	return g.file(name)(g.FS.Create(name, c))
}

func (g guard) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file(to)(g.FS.ReuseForWrite(from, to, c))
}

func (g guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	return g.never(f, err)
}

func (g guard) note(err error) error {
	if err != nil {
		g.disk.fail(err)
	}
	return err
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// file guards a file by its name: of the log, or any other.
func (g guard) file(name string) func(vfs.File, error) (vfs.File, error) {
	if isLog(name) {
		return g.never
	}
	return func(f vfs.File, err error) (vfs.File, error) {
		if g.note(err) != nil {
			return nil, err
		}
		return guarded{File: f, guard: g}, nil
	}
}

// never guards a file that must not fail, and stands in for one that cannot be
// had.
func (g guard) never(f vfs.File, err error) (vfs.File, error) {
	if g.note(err) != nil {
		if f, err = vfs.NewMem().Create("lost", vfs.WriteCategoryUnspecified); err != nil {
			return nil, err
		}
	}
	return guarded{File: f, guard: g, swallow: true}, nil
}

// guarded is a file whose failures are told, and swallowed if it must not fail.
type guarded struct {
	vfs.File
	guard   guard
	swallow bool
}

func (f guarded) told(err error) error {
	if f.guard.note(err) != nil && f.swallow {
		return nil
	}
	return err
}

func (f guarded) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err = f.told(err); err == nil {
		n = len(p)
	}
	return n, err
}

func (f guarded) Sync() error { return f.told(f.File.Sync()) }

func (f guarded) SyncData() error { return f.told(f.File.SyncData()) }

func (f guarded) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.told(err)
}

func (f guarded) Close() error { return f.told(f.File.Close()) }

func (f guarded) Preallocate(offset, length int64) error {
	if err := f.File.Preallocate(offset, length); err != nil && !f.swallow {
		return err
	}
	return nil // a write will fail if there is no room
}
