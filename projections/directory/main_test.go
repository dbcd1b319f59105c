package directory_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// folded is the directory of a past, folded to its end.
func folded(t *testing.T, past *projectionstest.Past) (*directory.Directory, *projectionstest.Node) {
	t.Helper()
	var d *directory.Directory
	n, err := projectionstest.Open(vfs.NewMem(), past.Log, func(s *projections.Store) []projections.Projection {
		d = directory.New(s)
		return []projections.Projection{d}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Store.Close() })
	fold(t, n, past)
	return d, n
}

// fold goes on to the end of a past.
func fold(t *testing.T, n *projectionstest.Node, past *projectionstest.Past) {
	t.Helper()
	if err := n.RunTo(t.Context(), past.History.Head()); err != nil {
		t.Fatal(err)
	}
}
