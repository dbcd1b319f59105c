package lookup

import (
	"bytes"
	"flag"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

var points = flag.Int("lookup.points", 1000, "crash points of the index to try")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// alone builds a store with this projection and no other.
func alone(t *testing.T) projectionstest.Build {
	return func(s *projections.Store) []projections.Projection {
		v, err := New(s, Config{CacheEntries: 1})
		if err != nil {
			t.Fatal(err)
		}
		return []projections.Projection{v}
	}
}

// Whatever has happened, the rows are those of the keys as they are now, and no
// others.
func TestRowsAreThoseOfTheKeys(t *testing.T) {
	for seed := range uint64(20) {
		past := projectionstest.Random(seed, 200)
		node, err := projectionstest.Open(vfs.NewMem(), past.Log, alone(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := node.RunTo(t.Context(), past.History.Head()); err != nil {
			t.Fatal(err)
		}
		want := map[string][]byte{}
		for _, k := range past.Keys {
			for _, r := range rowsOf(&k) {
				want[string(r.at)] = r.value
			}
		}
		err = node.Store.Rows(projections.Lookup).Scan(nil, nil, func(key, value []byte) (bool, error) {
			if bytes.Equal(key, newestRow) {
				return true, nil
			}
			if !bytes.Equal(want[string(key)], value) {
				return false, fmt.Errorf("row %s is not that of a key", key)
			}
			if _, err := decodeRow(bytes.Clone(value)); err != nil {
				return false, fmt.Errorf("row %s: %w", key, err)
			}
			delete(want, string(key))
			return true, nil
		})
		if err != nil || len(want) > 0 {
			t.Errorf("seed %d: %d rows are missing (%v)", seed, len(want), err)
		}
		if err := node.Store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// After a crash at any write the rows are those of the position stored with them.
func TestRowsAndPositionAgreeAfterACrash(t *testing.T) {
	n := *points
	if testing.Short() {
		n = min(n, 200)
	}
	tally, err := projectionstest.Campaign{Build: alone(t), Points: n, Seed: 1}.Run(t.Context())
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d crash points, %d of them inside the past", tally.Points, tally.Inside)
	// A store as small as this syncs little, so few of its crashes lie inside.
	if n >= 20_000 && tally.Inside == 0 {
		t.Error("no crash point lay inside the past")
	}
}
