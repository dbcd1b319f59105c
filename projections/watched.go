package projections

import (
	"errors"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// watched is a file system that stops at the first write which fails: from then
// on nothing reaches the disk, as if the process had died there. Pebble asks for
// no less, since after a failed write of its manifest it cannot know what the
// disk has, and would go on to remove files that the manifest may name.
//
// Pebble is told of the failure, except where it is in its own log: there it
// panics with locks half released, which nothing can recover from. To Pebble the
// log seems written. No harm is done, since nothing is committed any more.
type watched struct {
	vfs.FS
	health *health
}

// Unwrap is for Pebble, which looks for the file system below.
func (w watched) Unwrap() vfs.FS { return w.FS }

// do writes, unless a write has failed before.
func (w watched) do(write func() error) error {
	if err := w.health.err(); err != nil {
		return err
	}
	err := write()
	if err != nil {
		w.health.fail(err)
	}
	return err
}

func (w watched) file(open func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	err := w.do(func() (err error) { f, err = open(); return err })
	if err != nil {
		return nil, err
	}
	return watchedFile{File: f, watched: w}, nil
}

// Create makes the directory entry of a manifest durable before anything can
// point at it. Pebble syncs the directory only once it has made the marker that
// names the manifest; of two entries not yet synced, a power cut may keep the
// marker alone (POSIX lets it), and such a store could not be opened again.
func (w watched) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	create := func() (vfs.File, error) { return w.FS.Create(name, c) }
	if w.isLog(name) {
		return w.logFile(create)
	}
	w.health.pause()
	f, err := w.file(create)
	if err != nil || !strings.HasPrefix(w.PathBase(name), "MANIFEST-") {
		return f, err
	}
	if err := w.syncDir(w.PathDir(name)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (w watched) syncDir(name string) error {
	dir, err := w.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// OpenReadWrite opens a file for writing.
func (w watched) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return w.file(func() (vfs.File, error) { return w.FS.OpenReadWrite(name, c, o...) })
}

// ReuseForWrite makes a new file of an old one.
func (w watched) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	reuse := func() (vfs.File, error) { return w.FS.ReuseForWrite(from, to, c) }
	if w.isLog(to) {
		return w.logFile(reuse)
	}
	return w.file(reuse)
}

// OpenDir opens a folder, in order to sync it.
func (w watched) OpenDir(name string) (vfs.File, error) {
	open := func() (vfs.File, error) { return w.FS.OpenDir(name) }
	if w.isLog(name) {
		return w.logFile(open)
	}
	return w.file(open)
}

// MkdirAll makes a folder.
func (w watched) MkdirAll(name string, mode os.FileMode) error {
	return w.do(func() error { return w.FS.MkdirAll(name, mode) })
}

// Rename renames a file.
func (w watched) Rename(from, to string) error {
	return w.do(func() error { return w.FS.Rename(from, to) })
}

// Link gives a file a second name.
func (w watched) Link(from, to string) error {
	return w.do(func() error { return w.FS.Link(from, to) })
}

// Remove removes a file. That it cannot is no failure: it is only in the way.
func (w watched) Remove(name string) error {
	if err := w.health.err(); err != nil {
		return err
	}
	return w.FS.Remove(name)
}

// RemoveAll removes a folder, see Remove.
func (w watched) RemoveAll(name string) error {
	if err := w.health.err(); err != nil {
		return err
	}
	return w.FS.RemoveAll(name)
}

type watchedFile struct {
	vfs.File
	watched watched
}

func (f watchedFile) Write(p []byte) (n int, err error) {
	err = f.watched.do(func() (err error) { n, err = f.File.Write(p); return err })
	return n, err
}

func (f watchedFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.watched.do(func() (err error) { n, err = f.File.WriteAt(p, at); return err })
	return n, err
}

func (f watchedFile) Sync() error { return f.watched.do(f.File.Sync) }

func (f watchedFile) SyncData() error { return f.watched.do(f.File.SyncData) }

func (f watchedFile) SyncTo(length int64) (full bool, err error) {
	err = f.watched.do(func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, err
}

// logDir is the folder of Pebble's write-ahead log, inside the store's. It has
// one of its own so that syncs of the folder can be told from those of the rest.
const logDir = "wal"

// isLog reports whether a name is that of the log's folder or of a file in it.
func (w watched) isLog(name string) bool {
	return w.PathBase(name) == logDir || w.PathBase(w.PathDir(name)) == logDir
}

// logFile is a file of the write-ahead log or its folder, or a stand-in for one
// that could not be made.
func (w watched) logFile(open func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	if err := w.do(func() (err error) { f, err = open(); return err }); err != nil {
		if f, err = vfs.NewMem().Create("log", vfs.WriteCategoryUnspecified); err != nil {
			return nil, err
		}
	}
	return logFile{watchedFile{File: f, watched: w}}, nil
}

// logFile seems to succeed in everything.
type logFile struct{ watchedFile }

func (f logFile) Write(p []byte) (int, error) {
	_, _ = f.watchedFile.Write(p)
	return len(p), nil
}

func (f logFile) Sync() error {
	_ = f.watchedFile.Sync()
	return nil
}

func (f logFile) SyncData() error {
	_ = f.watchedFile.SyncData()
	return nil
}

func (f logFile) SyncTo(length int64) (bool, error) {
	full, _ := f.watchedFile.SyncTo(length)
	return full, nil
}

func (f logFile) Preallocate(offset, length int64) error {
	_ = f.File.Preallocate(offset, length) // the write will fail if there is no room
	return nil
}

func (f logFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.watched.health.fail(err)
	}
	return nil
}
