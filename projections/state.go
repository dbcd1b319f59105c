package projections

import (
	"encoding/binary"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
)

// Rows of the keyspace State. Keys, accounts and schemes are found by their id
// alone: an id says what it is of, and names one entity on the whole ledger.
const (
	rowKey     = 'k' // id -> entry
	rowAccount = 'a' // id -> entry
	rowScheme  = 's' // name -> entry
	rowVersion = 'v' // name, 0, version -> document
	rowOther   = 'o' // environment, 0, account, 0, kind, 0, id -> entry
	rowUnknown = 'u' // type of an event that this build did not know
)

func keyRow(id string) string      { return string(rowKey) + id }
func accountRow(id string) string  { return string(rowAccount) + id }
func schemeRow(name string) string { return string(rowScheme) + name }

func versionRow(name string, version int) []byte {
	row := append([]byte{rowVersion}, name...)
	return binary.BigEndian.AppendUint64(append(row, 0), uint64(version))
}

// entityRow is the row of the entry of an entity.
func entityRow(e events.Entity) string {
	switch e.Kind {
	case events.KindKey:
		return keyRow(e.ID)
	case events.KindAccount:
		return accountRow(e.ID)
	case events.KindScheme:
		return schemeRow(e.ID)
	default:
		return string(rowOther) + e.Environment + "\x00" + e.Account + "\x00" + e.Kind + "\x00" + e.ID
	}
}

func (r Reader) entry(row string) (Entry, error) {
	value, ok, err := r.Rows(State).Get([]byte(row))
	if err != nil || !ok {
		return Entry{}, err
	}
	return decodeEntry(value)
}

// Key returns a key and the sequence of its newest event; the zero Key and 0
// where there is none.
func (r Reader) Key(id string) (apikey.Key, uint64, error) {
	e, err := r.entry(keyRow(id))
	if err != nil || e.Key == nil {
		return apikey.Key{}, 0, err
	}
	return *e.Key, e.Sequence, nil
}

// Account returns an account and the sequence of its newest event; the zero
// Account and 0 where there is none.
func (r Reader) Account(id string) (account.Account, uint64, error) {
	e, err := r.entry(accountRow(id))
	if err != nil || e.Account == nil {
		return account.Account{}, 0, err
	}
	return *e.Account, e.Sequence, nil
}

// SchemeVersion returns the document of one version of a scheme, as it was
// applied; false where there is none.
func (r Reader) SchemeVersion(name string, version int) ([]byte, bool, error) {
	return r.Rows(State).Get(versionRow(name, version))
}
