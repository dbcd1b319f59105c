package projections_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

// openTest opens a small store in memory over a log.
func openTest(t *testing.T, fs vfs.FS, log events.Log, build projectionstest.Build) *projectionstest.Node {
	t.Helper()
	n, err := projectionstest.Open(fs, log, build)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Store.Close() })
	return n
}

func rowsOf(t *testing.T, n *projectionstest.Node) projectionstest.Rows {
	t.Helper()
	r, err := projectionstest.ReadRows(n.Store)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func runTo(t *testing.T, n *projectionstest.Node, head uint64) {
	t.Helper()
	if err := n.RunTo(t.Context(), head); err != nil {
		t.Fatal(err)
	}
}

func TestAStoreInUseIsRefusedWithWhatToDo(t *testing.T) {
	for name, c := range map[string]projections.Config{
		"operating system": {Dir: filepath.Join(t.TempDir(), "index")},
		"memory":           {Dir: "index", FS: vfs.NewMem()},
	} {
		first, err := projections.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = projections.Open(c)
		if !errors.Is(err, projections.ErrLocked) || !strings.Contains(err.Error(), "data folder of its own") {
			t.Errorf("%s: second open: %v", name, err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := projections.Open(c)
		if err != nil {
			t.Fatalf("%s: after the first was closed: %v", name, err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFolderThatCannotBeUsedIsNotCalledLocked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		_, err := projections.Open(projections.Config{Dir: dir})
		if err == nil || errors.Is(err, projections.ErrLocked) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	// The lock file itself cannot be made.
	dir := filepath.Join(t.TempDir(), "index")
	if err := os.MkdirAll(filepath.Join(dir, "LOCK"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := projections.Open(projections.Config{Dir: dir}); err == nil || errors.Is(err, projections.ErrLocked) {
		t.Errorf("lock file is a folder: %v", err)
	}
}

func TestAStoreOfANewerFormatIsRefusedUntouched(t *testing.T) {
	past := projectionstest.Random(1, 20)
	fs := vfs.NewMem()
	n := openTest(t, fs, past.Log, everything)
	runTo(t, n, past.History.Head())
	want := rowsOf(t, n)
	if err := projections.SetFormat(n.Store, projections.StoreFormat+1); err != nil {
		t.Fatal(err)
	}
	if err := n.Store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := projectionstest.Open(fs, past.Log, everything)
	if !errors.Is(err, projections.ErrNewerFormat) {
		t.Fatalf("opened a newer store: %v", err)
	}
	for _, version := range []int{projections.StoreFormat, projections.StoreFormat + 1} {
		if !strings.Contains(err.Error(), fmt.Sprint(version)) {
			t.Errorf("the error does not name format %d: %v", version, err)
		}
	}
	if err := projections.ResetFormat(fs, "store"); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, openTest(t, fs, past.Log, everything)); got != want {
		t.Error("the refused store has changed")
	}
}

// otherVersion is a projection in a later version.
type otherVersion struct{ *audit.Trail }

func (otherVersion) Version() int { return 99 }

func TestOtherProjectionsOrVersionsRebuildTheStore(t *testing.T) {
	past := projectionstest.Random(2, 30)
	head := past.History.Head()
	onlyAudit := func(s *projections.Store) []projections.Projection { return []projections.Projection{audit.New(s)} }
	later := func(s *projections.Store) []projections.Projection {
		return []projections.Projection{directory.New(s), otherVersion{audit.New(s)}}
	}
	fs := vfs.NewMem()
	for i, c := range []struct {
		build   projectionstest.Build
		rebuilt bool
	}{{everything, false}, {everything, false}, {onlyAudit, true}, {everything, true}, {later, true}, {later, false}} {
		var said bytes.Buffer
		store, err := projections.Open(projections.Config{
			Dir: "store", FS: fs, Small: true, Logger: slog.New(slog.NewTextHandler(&said, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		before := store.Position().Sequence
		runner, err := projections.NewRunner(projections.RunnerConfig{Log: past.Log, Store: store, Projections: c.build(store)})
		if err != nil {
			t.Fatal(err)
		}
		n := &projectionstest.Node{Store: store, Runner: runner}
		if rebuilt := store.Position().Sequence < before; rebuilt != c.rebuilt || strings.Contains(said.String(), "rebuilding") != c.rebuilt {
			t.Errorf("step %d: rebuilt %v, want %v; said %s", i, rebuilt, c.rebuilt, said.String())
		}
		runTo(t, n, head)
		fresh := openTest(t, vfs.NewMem(), past.Log, c.build)
		runTo(t, fresh, head)
		if rowsOf(t, n) != rowsOf(t, fresh) {
			t.Errorf("step %d: the rows are not those of a fresh store", i)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABuildThatUnderstandsMoreRebuildsTheStore(t *testing.T) {
	past := projectionstest.Random(3, 100)
	fs := vfs.NewMem()
	n := openTest(t, fs, past.Log, everything)
	runTo(t, n, past.History.Head())
	var want []string
	for _, r := range past.History.Events() {
		if u, ok := r.Data.(events.Unknown); ok {
			want = append(want, u.Name)
		}
	}
	slices.Sort(want)
	if got, err := projections.UnknownTypes(n.Store); err != nil || !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("noted %v, want %v, %v", got, want, err)
	}
	reopen := func() uint64 {
		if err := n.Store.Close(); err != nil {
			t.Fatal(err)
		}
		n = openTest(t, fs, past.Log, everything)
		return n.Store.Position().Sequence
	}
	if err := projections.NoteUnknown(n.Store, "keyledger.key.blessed.v9"); err != nil {
		t.Fatal(err)
	}
	if at := reopen(); at != past.History.Head() {
		t.Errorf("rebuilt for a type that is still unknown: at %d", at)
	}
	if err := projections.NoteUnknown(n.Store, events.TypeKeyRevoked); err != nil {
		t.Fatal(err)
	}
	if at := reopen(); at != 0 {
		t.Errorf("a revocation that was once not understood is still not: at %d", at)
	}
	schemeLog{past}.apply("readable", 1, projectionstest.SchemeDocument("readable", "r_"))
	runTo(t, n, past.History.Head())
	if err := projections.Misread(n.Store, "readable"); err != nil {
		t.Fatal(err)
	}
	if at := reopen(); at != 0 {
		t.Errorf("a scheme that was once not readable is still not: at %d", at)
	}
}

func TestRebuildComesToTheSameRows(t *testing.T) {
	past := projectionstest.Random(4, 60)
	n := openTest(t, vfs.NewMem(), past.Log, everything)
	runTo(t, n, past.History.Head())
	want := rowsOf(t, n)
	if err := n.Store.Rebuild(); err != nil {
		t.Fatal(err)
	}
	if at := n.Store.Position(); !at.IsZero() {
		t.Fatalf("at %d after it was emptied", at.Sequence)
	}
	for id := range past.Keys {
		if k, _, err := n.Store.Key(id); err != nil || k.Exists() {
			t.Errorf("a key in an empty store: %v, %v", k, err)
		}
	}
	runTo(t, n, past.History.Head())
	if rowsOf(t, n) != want {
		t.Error("other rows after a rebuild")
	}
}

func TestDigestTellsOneRowFromAnother(t *testing.T) {
	past := projectionstest.Random(5, 10)
	n := openTest(t, vfs.NewMem(), past.Log, everything)
	runTo(t, n, past.History.Head())
	at, before, err := n.Store.Digest(projections.State)
	if err != nil || at != n.Store.Position() {
		t.Fatalf("digest at %v, %v", at, err)
	}
	if err := projections.NoteUnknown(n.Store, "keyledger.a.b.v1"); err != nil {
		t.Fatal(err)
	}
	if _, after, err := n.Store.Digest(projections.State); err != nil || after == before {
		t.Errorf("one more row, and the same digest: %v", err)
	}
	_, other, err := n.Store.Digest(projections.Audit)
	if err != nil || other == before {
		t.Errorf("two keyspaces with one digest: %v", err)
	}
}
