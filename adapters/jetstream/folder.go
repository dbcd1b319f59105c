package jetstream

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// makeFolder makes a folder and whatever is missing above it, and syncs every
// folder in which it has made an entry.
func makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", path)
		}
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

// syncFolder makes the entries of one folder durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}

// syncFolders makes the entries of a folder and of all below it durable. A
// folder that disappears meanwhile (a staged batch) does not matter.
func syncFolders(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if err := syncFolder(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// folder is one in which another party makes files, syncing each but not the
// entry that names it. The nil folder needs nothing.
type folder struct {
	path string

	mu     sync.Mutex
	synced time.Time // change time of the entries that are durable
}

// sync makes the entries durable that are there when it is called. It asks the
// file system only for the time of the last change, unless there was one.
func (f *folder) sync() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("sync blocks: %w", err)
	}
	changed := info.ModTime()
	if changed.Equal(f.synced) {
		return nil
	}
	if err := syncFolder(f.path); err != nil {
		return fmt.Errorf("sync blocks: %w", err)
	}
	// A second change within one tick of the file system's clock would leave
	// the same time: believe it only when the clock has moved on.
	if time.Since(changed) > clockTick {
		f.synced = changed
	}
	return nil
}

// writeDurably puts a file in place whole or not at all, readable by its owner
// alone, and makes it durable.
func writeDurably(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
