package projections

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/keyledger/keyledger/domain/account"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
)

// foldVersion counts the changes to what the rows of State say: of the fold
// itself, of Evolve, of the form of a row. It need not count a new type of
// event, see [Store.understandsMore].
const foldVersion = 1

// fold is one batch in the making: events in, rows and a position out. It holds
// the entities it has met, so that each is read and written once.
type fold struct {
	store       *Store
	projections []Projection
	batch       *pebble.Batch // rows nobody reads back
	indexed     *pebble.Batch // rows of [Batch.Own]; nil while there are none
	finder      *Iter         // over State, as it was before the batch
	position    events.Position
	met         map[string]*met
	touched     []*met // in the order of their first change
	schemes     *schemes
	changes     []Change
}

// met is an entity in a fold.
type met struct {
	row     string
	entry   Entry
	touched bool
}

func newFold(s *Store, at events.Position, size int, all []Projection) (*fold, error) {
	finder, err := s.Rows(State).Finder()
	if err != nil {
		return nil, err
	}
	return &fold{
		store: s, projections: all, batch: s.db.NewBatch(), finder: finder, position: at,
		met: make(map[string]*met, size), changes: make([]Change, 0, size), schemes: s.schemes.Load(),
	}, nil
}

// close releases what the fold holds, whether it has been committed or not.
func (f *fold) close() error {
	err := errors.Join(f.finder.Close(), f.batch.Close())
	if f.indexed != nil {
		err = errors.Join(err, f.indexed.Close())
	}
	return err
}

func (f *fold) load(row string) (Entry, error) {
	m, err := f.meet(row)
	if err != nil {
		return Entry{}, err
	}
	return m.entry, nil
}

func (f *fold) meet(row string) (*met, error) {
	if m, ok := f.met[row]; ok {
		return m, nil
	}
	m := &met{row: row}
	if f.finder.Find([]byte(row)) {
		value, err := f.finder.Value()
		if err == nil {
			m.entry, err = decodeEntry(value)
		}
		if err != nil {
			return nil, fmt.Errorf("read state %q: %w", row, err)
		}
		if m.entry.Scheme != nil {
			m.entry = f.schemes.all[row[1:]] // with its compiled form
		}
	} else if err := f.finder.Err(); err != nil {
		return nil, fmt.Errorf("read state %q: %w", row, err)
	}
	f.met[row] = m
	return m, nil
}

// apply takes in one event.
func (f *fold) apply(r events.Recorded) error {
	next, err := f.position.Next(r)
	if err != nil {
		return err
	}
	m, err := f.meet(entityRow(r.Entity))
	if err != nil {
		return err
	}
	if r.Revision != m.entry.Revision+1 {
		return &events.DamageError{
			Sequence: r.Sequence,
			Problem:  fmt.Sprintf("revision %d of %s follows revision %d", r.Revision, r.Entity.Ref(), m.entry.Revision),
		}
	}
	after, err := f.evolve(m.entry, r)
	if err != nil {
		return err
	}
	f.changes = append(f.changes, Change{Recorded: r, Before: m.entry, After: after})
	m.entry = after
	if !m.touched {
		m.touched = true
		f.touched = append(f.touched, m)
	}
	f.position = next
	if u, ok := r.Data.(events.Unknown); ok {
		if err := f.remember(u); err != nil {
			return err
		}
	}
	c := &f.changes[len(f.changes)-1]
	for _, p := range f.projections {
		if err := p.Apply(&Batch{fold: f, ks: p.Keyspace()}, c); err != nil {
			return fmt.Errorf("%s: %w", p.Keyspace(), err)
		}
	}
	return nil
}

// evolve folds one event into its entity. Of a kind without a fold of its own
// only the revisions are followed.
func (f *fold) evolve(before Entry, r events.Recorded) (Entry, error) {
	after := Entry{Revision: r.Revision, Sequence: r.Sequence}
	switch r.Entity.Kind {
	case events.KindKey:
		var k apikey.Key
		if before.Key != nil {
			k = *before.Key
		}
		k, err := apikey.Evolve(k, r.Envelope)
		after.Key = &k
		return after, err
	case events.KindAccount:
		var a account.Account
		if before.Account != nil {
			a = *before.Account
		}
		a, err := account.Evolve(a, r.Envelope)
		after.Account = &a
		return after, err
	case events.KindScheme:
		return f.evolveScheme(before, r)
	case events.KindLedger:
		return after, onlyOf(events.KindLedger, r)
	default:
		return after, onlyOf("", r)
	}
}

// errHistory is returned for an event that cannot have happened to its entity.
var errHistory = errors.New("impossible history")

// onlyOf refuses an event of a type that belongs to another kind of entity than
// kind, which has no fold of its own.
func onlyOf(kind string, r events.Recorded) error {
	of := ""
	switch r.Data.(type) {
	case events.Unknown, events.CommandAccepted:
		return nil // of whatever it stands in
	case events.LedgerOpened, events.LedgerRestored:
		of = events.KindLedger
	case events.SchemeApplied:
		of = events.KindScheme
	case events.AccountOpened, events.AccountSuspended, events.AccountResumed, events.AccountClosed:
		of = events.KindAccount
	case events.KeyCreated, events.KeyPermissionsChanged, events.KeyAllowlistChanged, events.KeyExpiryChanged,
		events.KeyDetailsChanged, events.KeySuspended, events.KeyResumed, events.KeyRotated,
		events.KeyOverlapChanged, events.KeyCredentialCut, events.KeyRevoked:
		of = events.KindKey
	}
	if of != kind {
		return fmt.Errorf("%w: %s in the history of %s", errHistory, r.Data.Type(), r.Entity.Ref())
	}
	return nil
}

// remember notes a type of event that this build does not know, so that one
// that does starts again from the log.
func (f *fold) remember(u events.Unknown) error {
	key := State.key(append([]byte{rowUnknown}, u.Name...))
	if err := f.batch.Set(key, nil, nil); err != nil {
		return fmt.Errorf("note unknown type: %w", err)
	}
	return nil
}

// finish adds the entries of what has changed and the position.
func (f *fold) finish() error {
	var scratch []byte
	for _, m := range f.touched {
		scratch = encodeEntry(scratch[:0], m.entry)
		op := f.batch.SetDeferred(1+len(m.row), len(scratch))
		op.Key[0] = byte(State)
		copy(op.Key[1:], m.row)
		copy(op.Value, scratch)
		if err := op.Finish(); err != nil {
			return fmt.Errorf("write state: %w", err)
		}
	}
	if f.indexed != nil {
		if err := f.batch.Apply(f.indexed, nil); err != nil {
			return fmt.Errorf("join rows read back: %w", err)
		}
	}
	return setPosition(f.batch, f.position)
}
