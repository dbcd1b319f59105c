package projections_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/keyledger/keyledger/projections"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/projectionstest"
)

// everything is the projections that stand on this package.
func everything(s *projections.Store) []projections.Projection {
	return []projections.Projection{directory.New(s), audit.New(s)}
}

// crashPoints is how many crashes the everyday test tries. The environment can
// ask for another number, and for another seed.
func crashPoints(t *testing.T) (points int, seed uint64) {
	t.Helper()
	points, seed = 20_000, 1
	if testing.Short() {
		points = 1_000
	}
	for name, set := range map[string]func(uint64){
		"KEYLEDGER_CRASH_POINTS": func(n uint64) { points = int(n) },
		"KEYLEDGER_CRASH_SEED":   func(n uint64) { seed = n },
	} {
		if s := os.Getenv(name); s != "" {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			set(n)
		}
	}
	return points, seed
}

func TestPositionAndRowsAgreeAfterEveryCrash(t *testing.T) {
	points, seed := crashPoints(t)
	tried, err := projectionstest.Campaign{Build: everything, Points: points, Seed: seed}.Run(t.Context())
	t.Logf("%+v", tried)
	if err != nil {
		t.Error(err)
	}
	if tried.Points < points || tried.Inside < points/10 || tried.Onward < points/20 {
		t.Errorf("tried too little: %+v of %d", tried, points)
	}
}

func TestCrashTestCatchesATornCommit(t *testing.T) {
	tried, err := projectionstest.Campaign{
		Build: everything, Points: 20_000, Seed: 1, Opened: projections.TearCommits,
	}.Run(t.Context())
	if err == nil {
		t.Errorf("position and rows were committed apart, and %+v crash points have not shown it", tried)
	}
	t.Logf("after %+v: %v", tried, err)
}
