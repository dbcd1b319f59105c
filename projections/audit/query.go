package audit

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
)

// Query says which events to answer. Empty fields ask nothing.
type Query struct {
	After   uint64 // events after this sequence; none where it is not before the head
	Entity  string // as events.Entity.Ref tells it: "key/key_..."
	Account string
	Actor   string
	From    time.Time // events whose own time is not before this
	Until   time.Time // and before this
	Types   []string  // CloudEvents types: any of them
	Limit   int       // 0 is DefaultPage; at most MaxPage
}

// OfKey asks for the whole life of a key.
func OfKey(id string) Query { return Query{Entity: events.KindKey + "/" + id} }

// Page is a part of an answer, in the order of the ledger.
type Page struct {
	Events []events.Recorded
	// Next goes on where this page ends, as the After of the same query. It
	// stands for everything up to it, events that did not match included.
	Next uint64
	// More is set where the page was ended by its limit, or by the work it
	// took, before the end of the trail. It may then be short, or empty.
	More bool
	// Head is the newest event the trail had.
	Head uint64
}

// Events answers a query, as of one moment. It fails with events.ErrDamaged
// where an event is missing.
func (t *Trail) Events(q Query) (page Page, err error) {
	snap := t.store.Snapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	head, err := snap.Position()
	if err != nil {
		return Page{}, fmt.Errorf("read trail: %w", err)
	}
	s, err := newSearch(snap.Rows(projections.Audit), q, head.Sequence)
	if err != nil {
		return Page{}, fmt.Errorf("read trail: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.run(); err != nil {
		return Page{}, fmt.Errorf("read trail: %w", err)
	}
	return s.page, nil
}

// search is a query being answered.
type search struct {
	query   Query
	span    span
	limit   int
	head    uint64
	events  *projections.Iter
	zones   *projections.Iter
	indexes []index
	steps   int
	page    Page
}

// index is the sequences of the events of one entity, account or actor.
type index struct {
	it     *projections.Iter
	prefix []byte
}

func newSearch(rows projections.Rows, q Query, head uint64) (_ *search, err error) {
	s := &search{query: q, span: span{q.From, q.Until}, limit: q.Limit, head: head}
	if s.limit <= 0 {
		s.limit = DefaultPage
	}
	s.limit = min(s.limit, MaxPage)
	s.page = Page{Next: q.After, Head: head}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	open := func(prefix []byte) (it *projections.Iter) {
		if err == nil {
			it, err = rows.Iter(prefix, projections.After(prefix))
		}
		return it
	}
	s.events = open([]byte{rowEvent})
	if s.span.bounded() {
		s.zones = open([]byte{rowZone})
	}
	for _, want := range [...]struct {
		row byte
		of  string
	}{{rowOfEntity, q.Entity}, {rowOfAccount, q.Account}, {rowOfActor, q.Actor}} {
		if want.of != "" {
			prefix := indexOf(want.row, want.of)
			s.indexes = append(s.indexes, index{it: open(prefix), prefix: prefix})
		}
	}
	return s, err
}

func (s *search) close() error {
	all := []*projections.Iter{s.events, s.zones}
	for _, i := range s.indexes {
		all = append(all, i.it)
	}
	var err error
	for _, it := range all {
		if it != nil {
			err = errors.Join(err, it.Close())
		}
	}
	return err
}

func (s *search) run() error {
	if s.query.After >= s.head {
		return nil // what comes after the greatest sequence there can be is not 0
	}
	for at := s.query.After + 1; at <= s.head; at++ {
		if s.steps >= maxSteps || len(s.page.Events) == s.limit {
			s.page.More = true
			return nil
		}
		next, err := s.candidate(at)
		if err != nil {
			return err
		}
		if s.page.Next = next - 1; next > s.head {
			break
		}
		if s.steps >= maxSteps {
			s.page.More = true
			return nil // next may not be one
		}
		if err := s.take(next); err != nil {
			return err
		}
		at, s.page.Next = next, next
	}
	s.page.Next = s.head
	return nil
}

// candidate is the first sequence at or after at that all indexes have and whose
// zones touch the span; beyond the head where there is none. Where the steps ran
// out it is one before which there is none.
func (s *search) candidate(at uint64) (uint64, error) {
	for agreed := false; !agreed && s.steps < maxSteps && at <= s.head; {
		agreed = true
		if s.zones != nil {
			next, err := s.span.skip(s.zones, at, &s.steps)
			if err != nil {
				return at, err
			}
			at = next
		}
		for _, i := range s.indexes {
			s.steps++
			if !i.it.SeekGE(projections.AppendSequence(slices.Clip(i.prefix), at)) {
				return s.head + 1, i.it.Err()
			}
			if next := projections.LastSequence(i.it.Key()); next > at {
				at, agreed = next, false
			}
		}
	}
	return at, nil
}

// take adds the event at a sequence to the page, if it matches the rest of the
// query.
func (s *search) take(sequence uint64) error {
	s.steps++
	if !s.events.SeekGE(eventRow(sequence)) || projections.LastSequence(s.events.Key()) != sequence {
		return errors.Join(&events.DamageError{Sequence: sequence, Problem: "missing in the trail"}, s.events.Err())
	}
	value, err := s.events.Value()
	if err != nil {
		return err
	}
	r, err := recorded(sequence, slices.Clone(value))
	if err != nil {
		return err
	}
	if !s.span.contains(r.Time) || len(s.query.Types) > 0 && !slices.Contains(s.query.Types, r.Data.Type()) {
		return nil
	}
	s.page.Events = append(s.page.Events, r)
	return nil
}
