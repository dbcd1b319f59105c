package lookup

import (
	"testing"
	"time"
)

// Time is the later of the machine's clock and the ledger's, and never goes back.
func TestClockNeverGoesBack(t *testing.T) {
	const day = 24 * time.Hour
	var elapsed time.Duration
	wall := 20_000 * day
	c := clock{elapsed: func() time.Duration { return elapsed }, wall: func() time.Duration { return wall }}
	at := func(want time.Duration, why string) {
		t.Helper()
		if got := time.Duration(c.now().UnixNano()); got != want {
			t.Errorf("%s: %v, want %v", why, got, want)
		}
	}
	at(20_000*day, "the machine's clock")

	elapsed, wall = time.Hour, wall+time.Hour
	at(20_000*day+time.Hour, "an hour later")

	wall -= 10 * day
	at(20_000*day+time.Hour, "set back")
	elapsed, wall = 2*time.Hour, wall+time.Hour
	at(20_000*day+2*time.Hour, "an hour after it was set back")

	wall = 20_001 * day
	at(20_001*day, "set forward")

	c.observe(time.Unix(0, int64(20_002*day)))
	at(20_002*day, "the ledger is ahead")
	elapsed, wall = elapsed+time.Minute, wall+time.Minute
	at(20_002*day+time.Minute, "a minute after the ledger was ahead")

	c.observe(time.Unix(0, int64(20_000*day)))
	c.observe(time.Time{})
	c.observe(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	at(20_002*day+time.Minute, "what the ledger cannot have meant")
}

// The machine's clock is looked at again after an interval, not before.
func TestClockIsLookedAtNowAndThen(t *testing.T) {
	var elapsed, wall time.Duration
	looks := 0
	c := clock{
		interval: wallInterval, elapsed: func() time.Duration { return elapsed },
		wall: func() time.Duration { looks++; return wall },
	}
	for range 100 {
		c.now()
		elapsed += wallInterval / 10
	}
	if looks != 10 {
		t.Errorf("looked %d times in 10 intervals", looks)
	}
}

// What has expired by the ledger's time stays expired for a verifier that is
// started again on a machine whose clock has been set back.
func TestTheLedgersTimeOutlivesARestart(t *testing.T) {
	w := newWorld(t, Config{})
	newest := w.past.Events()[w.past.Head()-1].Time
	long := newest.Add(-240 * time.Hour)
	c := Config{Dir: t.TempDir(), Now: func() time.Time { return long }}
	for _, start := range []string{"first", "again"} {
		v, err := Open(t.Context(), w.log, c)
		if err != nil {
			t.Fatal(err)
		}
		if now := v.clock.now(); now.Before(newest.Truncate(time.Second)) {
			t.Errorf("%s: it is %v, before the newest event at %v", start, now, newest)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
