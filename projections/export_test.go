package projections

import (
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TearCommits plants a fault: the position is committed before the rows.
func TearCommits(s *Store) { s.tearCommit = true }

// SetFormat makes a store look as if a keyledger of another format had written
// it.
func SetFormat(s *Store, format int) error {
	m := s.manifest
	m.Format = format
	b := s.db.NewBatch()
	if err := setJSON(b, rowManifest, m); err != nil {
		return err
	}
	return s.commit(b, pebble.Sync)
}

// NoteUnknown makes a store look as if it had met a type of event that it did
// not know.
func NoteUnknown(s *Store, typ string) error {
	return s.db.Set(State.key(append([]byte{rowUnknown}, typ...)), nil, pebble.Sync)
}

// Waits is how often a commit has had to wait for memtables to be written out.
func Waits(s *Store) int64 { return s.waits.Load() }

// InMemory is how much is not in files yet, and how much may be, in bytes.
func InMemory(s *Store) (is, may uint64) {
	return s.db.Metrics().MemTable.Size, maxMemTables * s.memTable
}

// UnknownTypes are the types of event that a store has met and not known.
func UnknownTypes(s *Store) (all []string, err error) {
	err = s.Rows(State).Scan([]byte{rowUnknown}, []byte{rowUnknown + 1}, func(key, _ []byte) (bool, error) {
		all = append(all, string(key[1:]))
		return true, nil
	})
	return all, err
}

// Misread makes a store look as if a build that could not read the newest
// document of a scheme had folded it.
func Misread(s *Store, name string) error {
	e, err := s.entry(schemeRow(name))
	if err != nil {
		return err
	}
	e.standing.unreadable = true
	return s.db.Set(State.key([]byte(schemeRow(name))), encodeEntry(nil, e), pebble.Sync)
}

// StoreFormat is the format that this build writes.
const StoreFormat = storeFormat

// ResetFormat undoes [SetFormat] in a store that is refused for it.
func ResetFormat(fs vfs.FS, dir string) (err error) {
	c := Config{Dir: dir, FS: fs, Small: true, Logger: slog.New(slog.DiscardHandler)}
	db, err := pebble.Open(dir, options(c, nil, newHealth(func(error) {})))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	row, _, err := (Reader{pebble: db}).Rows(Meta).Get([]byte(rowManifest))
	if err != nil {
		return err
	}
	var m manifest
	if err := json.Unmarshal(row, &m); err != nil {
		return err
	}
	m.Format = storeFormat
	if row, err = json.Marshal(m); err != nil {
		return err
	}
	return db.Set(Meta.key([]byte(rowManifest)), row, pebble.Sync)
}
