package directory

import (
	"context"
	"fmt"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

// Directory is the projection and what is asked of it. Questions may be asked
// from many goroutines.
type Directory struct {
	store *projections.Store
	rows  projections.Rows

	// For Apply alone.
	open   *ledger.CommandRecord // the command being applied, if it is to be remembered
	oldest oldest
}

// New returns the directory of a store.
func New(store *projections.Store) *Directory {
	return &Directory{store: store, rows: store.Rows(projections.Directory)}
}

var (
	_ ledger.View            = (*Directory)(nil)
	_ projections.Projection = (*Directory)(nil)
	_ projections.Loader     = (*Directory)(nil)
)

// Rows of the keyspace. The sequence is that of the event that created what the
// row lists.
const (
	rowKeys       = 'k' // sequence -> key id
	rowOfAccount  = 'a' // account, sequence -> key id
	rowOfResource = 'r' // resource, sequence -> key id
	rowOfCreator  = 'b' // creator, sequence -> key id
	rowCredential = 'c' // credential id -> key id
	rowLocator    = 'l' // locator -> key id
	rowAccounts   = 'A' // sequence -> account id
	rowCommand    = 'i' // command id -> ledger.CommandRecord, as JSON
	rowForget     = 't' // time, sequence -> command id
)

// Keyspace is where the rows are.
func (d *Directory) Keyspace() projections.Keyspace { return projections.Directory }

// Version counts the changes to what the rows say.
func (d *Directory) Version() int { return 1 }

// Load forgets what Apply keeps in memory.
func (d *Directory) Load(projections.Reader) error {
	d.open, d.oldest = nil, oldest{}
	return nil
}

// Apply lists what has been created, and remembers commands. An event of an
// unknown type creates nothing that could be listed; what it makes of its entity
// stands in the entity's state.
func (d *Directory) Apply(b *projections.Batch, c *projections.Change) error {
	if err := d.remember(b, c); err != nil {
		return fmt.Errorf("remember command: %w", err)
	}
	if created, ok := c.Data.(events.KeyCreated); ok {
		return d.listKey(b, c, created)
	}
	if rotated, ok := c.Data.(events.KeyRotated); ok {
		return listCredential(b, c.Entity.ID, rotated.Credential)
	}
	if _, ok := c.Data.(events.AccountOpened); ok {
		return b.Set(projections.AppendSequence([]byte{rowAccounts}, c.Sequence), []byte(c.Entity.ID))
	}
	return nil
}

func (d *Directory) listKey(b *projections.Batch, c *projections.Change, created events.KeyCreated) error {
	id := []byte(c.Entity.ID)
	if err := b.Set(projections.AppendSequence([]byte{rowKeys}, c.Sequence), id); err != nil {
		return err
	}
	for _, list := range [...]struct {
		row byte
		of  string
	}{{rowOfAccount, c.Entity.Account}, {rowOfResource, created.Resource}, {rowOfCreator, c.Actor}} {
		if list.of == "" {
			continue
		}
		if err := b.Set(projections.AppendSequence(listOf(list.row, list.of), c.Sequence), id); err != nil {
			return err
		}
	}
	return listCredential(b, c.Entity.ID, created.Credential)
}

// listOf begins the keys of a list.
func listOf(row byte, of string) []byte { return projections.AppendText([]byte{row}, of) }

// listCredential lets the key be found by a credential, for ever: an old one is
// what a log line has.
func listCredential(b *projections.Batch, key string, c events.Credential) error {
	if err := b.Set(append([]byte{rowCredential}, c.ID...), []byte(key)); err != nil {
		return err
	}
	return b.Set(append([]byte{rowLocator}, c.Locator...), []byte(key))
}

// Key is [ledger.View.Key].
func (d *Directory) Key(id string) (apikey.Key, uint64, error) { return d.store.Key(id) }

// Account is [ledger.View.Account].
func (d *Directory) Account(id string) (account.Account, uint64, error) { return d.store.Account(id) }

// Scheme is [ledger.View.Scheme].
func (d *Directory) Scheme(name string) (ledger.SchemeState, uint64, error) {
	return d.store.Scheme(name)
}

// Catalog is [ledger.View.Catalog].
func (d *Directory) Catalog() *scheme.Catalog { return d.store.Catalog() }

// Incarnation is [ledger.View.Incarnation].
func (d *Directory) Incarnation() string { return d.store.Position().Incarnation }

// Wait is [ledger.View.Wait].
func (d *Directory) Wait(ctx context.Context, sequence uint64) error {
	return d.store.Wait(ctx, sequence)
}

// KeyOfCredential finds a key by the id of a credential it has or had.
func (d *Directory) KeyOfCredential(id string) (apikey.Key, bool, error) {
	return d.keyAt(append([]byte{rowCredential}, id...))
}

// KeyOfLocator finds a key by the locator in a credential's text.
func (d *Directory) KeyOfLocator(locator string) (apikey.Key, bool, error) {
	return d.keyAt(append([]byte{rowLocator}, locator...))
}

func (d *Directory) keyAt(row []byte) (apikey.Key, bool, error) {
	id, ok, err := d.rows.Get(row)
	if err != nil || !ok {
		return apikey.Key{}, false, err
	}
	k, _, err := d.store.Key(string(id))
	return k, k.Exists(), err
}

// SchemeVersion is a version of a scheme as it was applied.
type SchemeVersion struct {
	Name     string
	Version  int
	Document []byte // JSON
}

// SchemeNames lists the schemes that have been applied, sorted. The built-in one
// is not among them.
func (d *Directory) SchemeNames() []string { return d.store.SchemeNames() }

// SchemeVersions lists the versions of a scheme from 1 on; none for a scheme
// that has not been applied.
func (d *Directory) SchemeVersions(name string) ([]SchemeVersion, error) {
	newest, _, err := d.store.Scheme(name)
	if err != nil {
		return nil, err
	}
	var out []SchemeVersion
	for v := 1; v <= newest.Version; v++ {
		document, ok, err := d.store.SchemeVersion(name, v)
		if err != nil {
			return nil, err
		}
		if !ok {
			break // the newest may be a batch ahead of the rows
		}
		out = append(out, SchemeVersion{Name: name, Version: v, Document: document})
	}
	return out, nil
}
