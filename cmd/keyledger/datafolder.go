package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// dataFormat is the version of the data folder's layout. A folder of a greater
// one is refused: what it means is not known here.
const dataFormat = 1

// dataFolder is where a node keeps everything it must not lose, and what it can
// rebuild:
//
//	format.json   which layout this is
//	lock          held by the process that uses the folder
//	root.key      the root key, once, for its operator
//	broker/       the embedded broker: the ledger itself
//	index/        the projections: can be rebuilt from the ledger
//	usage/        when keys were last used, as seen by this node
type dataFolder struct {
	dir   string
	lock  *os.File
	fresh bool // made by this process
}

// openDataFolder takes the folder for this process, and makes it on first use.
func openDataFolder(dir string) (*dataFolder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	d := &dataFolder{dir: dir}
	lock, err := os.OpenFile(d.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := lockFile(lock); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("data folder %s is in use by another keyledger; stop that one, or use another --data", dir)
	}
	d.lock = lock
	if err := d.checkFormat(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return d, nil
}

func (d *dataFolder) path(name string) string { return filepath.Join(d.dir, name) }

// Close gives the folder free.
func (d *dataFolder) Close() error { return d.lock.Close() }

func (d *dataFolder) checkFormat() error {
	var have struct {
		Format int `json:"format"`
	}
	raw, err := os.ReadFile(d.path("format.json"))
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.checkEmpty(); err != nil {
			return err
		}
		d.fresh = true
		return d.write("format.json", fmt.Appendf(nil, "{\"format\": %d}\n", dataFormat))
	}
	if err == nil {
		err = json.Unmarshal(raw, &have)
	}
	switch {
	case err != nil:
		return fmt.Errorf("data folder %s: read format.json: %w", d.dir, err)
	case have.Format < 1 || have.Format > dataFormat:
		return fmt.Errorf("data folder %s has format %d, and this keyledger reads up to %d; use the version that wrote it", d.dir, have.Format, dataFormat)
	}
	return nil
}

// checkEmpty refuses a folder that holds somebody else's files, or ours without
// the one that says what they are.
func (d *dataFolder) checkEmpty() error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "lock" && name != "format.json.tmp" && name != "lost+found" {
			return fmt.Errorf("data folder %s is not empty and not a keyledger's: it holds %s; name an empty or a new folder", d.dir, name)
		}
	}
	return nil
}

// checkBroker refuses to begin a new ledger where there has been one: its root
// key was written here, and the ledger itself is gone.
func (d *dataFolder) checkBroker() error {
	_, err := os.Stat(d.path(rootFile))
	if d.fresh || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err = os.Stat(d.path("broker")); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data folder %s had a ledger, and its folder broker is gone: restore it from a backup, or name another --data for a new ledger", d.dir)
	}
	return err
}

// write makes a file durable: a crash leaves the old content, the new, or none.
func (d *dataFolder) write(name string, content []byte) error {
	if err := d.writeNew(name, content); err != nil {
		return fmt.Errorf("write %s: %w", d.path(name), err)
	}
	return nil
}

func (d *dataFolder) writeNew(name string, content []byte) error {
	tmp := d.path(name + ".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return d.rename(name+".tmp", name)
}

func (d *dataFolder) rename(from, to string) error {
	if err := os.Rename(d.path(from), d.path(to)); err != nil {
		return err
	}
	return d.sync()
}

func (d *dataFolder) remove(name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.sync()
}

// sync makes what was made, renamed or removed in the folder durable.
func (d *dataFolder) sync() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
