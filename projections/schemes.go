package projections

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// schemes is every scheme as of one moment, with its compiled form. There are
// few, and everything that decides needs them, so they are kept in memory. It is
// immutable.
type schemes struct {
	all     map[string]Entry
	catalog *scheme.Catalog
}

func (s *schemes) names() []string { return slices.Sorted(maps.Keys(s.all)) }

// with is s with one entry replaced.
func (s *schemes) with(name string, e Entry) (*schemes, error) {
	next := &schemes{all: maps.Clone(s.all), catalog: s.catalog}
	next.all[name] = e
	if compiled := e.Scheme.Scheme; compiled != nil {
		var err error
		if next.catalog, err = s.catalog.With(compiled); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// standing says which of a scheme's versions is in use.
type standing struct {
	usable     int  // newest version whose document could be used; 0 for none
	unreadable bool // this build cannot read the newest document
	unknown    bool // an event of a type this build does not know touched it
}

// evolveScheme folds one event of a scheme. A document that this build cannot
// read, or that claims a prefix which another scheme has, makes the scheme opaque
// until a better version comes, and its last usable version stays in the catalog.
// An event that this build does not know makes it opaque for good. Opaque denies.
func (f *fold) evolveScheme(before Entry, r events.Recorded) (Entry, error) {
	after := Entry{Revision: r.Revision, Sequence: r.Sequence, standing: before.standing}
	var s ledger.SchemeState
	if before.Scheme != nil {
		s = *before.Scheme
	}
	after.Scheme = &s
	applied, isApplied := r.Data.(events.SchemeApplied)
	_, isUnknown := r.Data.(events.Unknown)
	switch {
	case isUnknown:
		after.standing.unknown = true
	case isApplied && applied.Name == r.Entity.ID && applied.Version == s.Version+1:
		s.Version, s.Document = applied.Version, applied.Document
		err := f.batch.Set(State.key(versionRow(applied.Name, applied.Version)), applied.Document, nil)
		if err != nil {
			return after, fmt.Errorf("write scheme version: %w", err)
		}
		compiled, ok := read(applied.Name, applied.Document)
		after.standing.unreadable = !ok
		if ok && f.schemes.admit(compiled) {
			s.Scheme, after.standing.usable = compiled, applied.Version
		}
	default:
		return after, fmt.Errorf("%w: %s of %s version %d in the history of %s at version %d",
			errHistory, r.Data.Type(), applied.Name, applied.Version, r.Entity.Ref(), s.Version)
	}
	s.Opaque = after.standing.unknown || after.standing.usable != s.Version
	next, err := f.schemes.with(r.Entity.ID, after)
	if err != nil {
		return after, fmt.Errorf("catalog: %w", err)
	}
	f.schemes = next
	return after, nil
}

// read compiles a document, if this build can and it is of the scheme.
func read(name string, document []byte) (*scheme.Scheme, bool) {
	s, err := scheme.Parse(document)
	return s, err == nil && s.Name() == name
}

// admit reports whether a scheme can stand beside the others.
func (s *schemes) admit(one *scheme.Scheme) bool {
	if one.Name() == scheme.BuiltinName {
		return false
	}
	_, err := s.catalog.With(one)
	return err == nil
}

// loadSchemes compiles the schemes in the store. understood is false where this
// build reads a document otherwise than the one that folded it: the store must
// then be rebuilt.
func loadSchemes(r Reader) (out *schemes, understood bool, err error) {
	out, understood = &schemes{all: map[string]Entry{}}, true
	var usable []*scheme.Scheme
	err = r.Rows(State).Scan([]byte{rowScheme}, []byte{rowScheme + 1}, func(key, value []byte) (bool, error) {
		name := string(key[1:])
		e, err := decodeEntry(value)
		if err != nil || e.Scheme == nil {
			return false, fmt.Errorf("scheme %s: %w", name, errors.Join(err, errRow))
		}
		out.all[name] = e
		if _, ok := read(name, e.Scheme.Document); e.Scheme.Version > 0 && ok == e.standing.unreadable {
			understood = false
		}
		if e.standing.usable == 0 {
			return true, nil
		}
		document, _, err := r.SchemeVersion(name, e.standing.usable)
		if err != nil {
			return false, err
		}
		compiled, ok := read(name, document)
		if !ok {
			understood = false
			return true, nil
		}
		e.Scheme.Scheme = compiled
		usable = append(usable, compiled)
		return true, nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("load schemes: %w", err)
	}
	if out.catalog, err = scheme.NewCatalog(usable...); err != nil {
		understood = false
		out.catalog, err = scheme.NewCatalog()
	}
	return out, understood, err
}

// Scheme returns the newest version of a scheme and the sequence of its newest
// event; the zero SchemeState and 0 where there is none. Like [Store.Catalog] it
// may be a batch ahead of the rows, never behind them.
func (s *Store) Scheme(name string) (ledger.SchemeState, uint64, error) {
	e, ok := s.schemes.Load().all[name]
	if !ok {
		return ledger.SchemeState{}, 0, nil
	}
	return *e.Scheme, e.Sequence, nil
}

// SchemeNames lists the schemes that have been applied, sorted.
func (s *Store) SchemeNames() []string { return s.schemes.Load().names() }

// Catalog is every scheme's newest usable version. It is at least as new as any
// state read before the call: it is replaced before the batch is committed.
func (s *Store) Catalog() *scheme.Catalog { return s.schemes.Load().catalog }
