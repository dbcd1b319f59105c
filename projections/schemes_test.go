package projections_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

// schemeLog applies schemes in a past of its own.
type schemeLog struct{ *projectionstest.Past }

func (l schemeLog) apply(name string, version int, document json.RawMessage) {
	l.Do(false, eventstest.Change{
		Entity: events.SchemeEntity(name), Data: events.SchemeApplied{Name: name, Version: version, Document: document},
	})
}

func (l schemeLog) unknown(name string) {
	l.Do(false, eventstest.Change{
		Entity: events.SchemeEntity(name), Data: events.Unknown{Name: "keyledger.scheme.frozen.v1", Raw: []byte(`{}`)},
	})
}

func TestASchemeThatCannotBeUsedDeniesAndKeepsItsLastGoodVersion(t *testing.T) {
	l := schemeLog{projectionstest.NewPast(1)}
	doc := projectionstest.SchemeDocument
	unreadable := json.RawMessage(`{"scheme":"x","from":"the future"}`)
	l.apply("good", 1, doc("good", "g_"))
	l.apply("lost", 1, unreadable)
	l.apply("late", 1, doc("late", "g_")) // good has the prefix
	l.apply("once", 1, doc("once", "o_"))
	l.apply("once", 2, unreadable)
	l.apply("mend", 1, unreadable)
	l.apply("mend", 2, doc("mend", "m_"))
	l.apply("misnamed", 1, doc("good", "n_"))
	l.apply(scheme.BuiltinName, 1, doc(scheme.BuiltinName, "b_"))
	l.apply("froze", 1, doc("froze", "f_"))
	l.unknown("froze")
	l.apply("froze", 2, doc("froze", "f_"))
	l.apply("good", 2, doc("good", "h_")) // gives the prefix back
	l.apply("taker", 1, doc("taker", "g_"))

	fs := vfs.NewMem()
	n := openTest(t, fs, l.Log, none)
	runTo(t, n, l.History.Head())
	check := func(when string) {
		t.Helper()
		for name, want := range map[string]struct {
			version int
			opaque  bool
			prefix  string // of the compiled scheme, "" for none
		}{
			"good": {2, false, "h_"}, "lost": {1, true, ""}, "late": {1, true, ""}, "once": {2, true, "o_"},
			"mend": {2, false, "m_"}, "misnamed": {1, true, ""}, scheme.BuiltinName: {1, true, ""},
			"froze": {2, true, "f_"}, "taker": {1, false, "g_"},
		} {
			got, _, err := n.Store.Scheme(name)
			if err != nil || got.Version != want.version || got.Opaque != want.opaque || prefixOf(got) != want.prefix {
				t.Errorf("%s: %s is version %d, opaque %v, prefix %q, %v; want %+v",
					when, name, got.Version, got.Opaque, prefixOf(got), err, want)
			}
			if p, ok := n.Store.Catalog().Prefix(want.prefix); want.prefix != "" && (!ok || p.Scheme != name) {
				t.Errorf("%s: prefix %q is of %q", when, want.prefix, p.Scheme)
			}
		}
		if _, ok := n.Store.Catalog().Prefix("b_"); ok {
			t.Errorf("%s: the built-in scheme was replaced", when)
		}
		if _, ok := n.Store.Catalog().Prefix("klr_"); !ok {
			t.Errorf("%s: the built-in scheme is gone", when)
		}
		if first, ok, err := n.Store.SchemeVersion("good", 1); err != nil || !ok || string(first) != string(doc("good", "g_")) {
			t.Errorf("%s: version 1 of good is %s, %v", when, first, err)
		}
	}
	check("while it runs")
	at := n.Store.Position()
	if err := n.Store.Close(); err != nil {
		t.Fatal(err)
	}
	n = openTest(t, fs, l.Log, none)
	if n.Store.Position() != at {
		t.Error("rebuilt without need")
	}
	check("opened again")
}

func prefixOf(s ledger.SchemeState) string {
	if s.Scheme == nil {
		return ""
	}
	return s.Scheme.Prefixes()[0].Text
}

func TestAVersionOutOfOrderStopsTheRunner(t *testing.T) {
	for _, versions := range [][]int{{2}, {1, 1}, {1, 3}} {
		l := schemeLog{projectionstest.NewPast(1)}
		for _, v := range versions {
			l.apply("s", v, projectionstest.SchemeDocument("s", "s_"))
		}
		n := openTest(t, vfs.NewMem(), l.Log, none)
		if err := n.RunTo(t.Context(), l.History.Head()); err == nil {
			t.Errorf("versions %v were folded", versions)
		}
	}
}

// early looks, before each commit can be read, whether the catalog is ahead.
type early struct {
	store *projections.Store
	late  []uint64
}

func (e *early) Keyspace() projections.Keyspace { return projections.Usage }
func (e *early) Version() int                   { return 1 }

func (e *early) Apply(b *projections.Batch, c *projections.Change) error {
	if s, at, err := b.Scheme(c.Entity.ID); c.Entity.Kind == events.KindScheme && (err != nil || at != c.Sequence || s.Version == 0) {
		e.late = append(e.late, c.Sequence)
	}
	return nil
}

func (e *early) Committed(changes []projections.Change) {
	for _, c := range changes {
		if c.Entity.Kind == events.KindScheme && !slices.Contains(e.store.Catalog().Names(), c.Entity.ID) {
			e.late = append(e.late, c.Sequence)
		}
	}
}

func TestTheCatalogIsNeverBehindWhatCanBeRead(t *testing.T) {
	l := schemeLog{projectionstest.NewPast(1)}
	for _, name := range []string{"a", "b", "c", "d"} {
		l.apply(name, 1, projectionstest.SchemeDocument(name, name+"_"))
	}
	l.Log.LimitDelivery(2)
	var e *early
	n := openTest(t, vfs.NewMem(), l.Log, func(s *projections.Store) []projections.Projection {
		e = &early{store: s}
		return []projections.Projection{e}
	})
	runTo(t, n, l.History.Head())
	if len(e.late) > 0 {
		t.Errorf("the catalog lacked the schemes of events %v", e.late)
	}
	if got := n.Store.SchemeNames(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("schemes are %v", got)
	}
}
