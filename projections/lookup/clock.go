package lookup

import (
	"sync/atomic"
	"time"
)

// clock tells the time by which keys expire and overlaps end: the later of the
// machine's own clock and the newest time on the ledger plus what has elapsed
// since it was seen. It never goes back, so what has expired stays expired when
// somebody sets the machine's clock back.
//
// It is elapsed time plus a lead that only grows; the machine's clock and the
// ledger both push the lead.
type clock struct {
	// elapsed is the time since a fixed moment. Setting the machine's clock does
	// not change it.
	elapsed func() time.Duration
	// wall is the machine's clock, since the Unix epoch.
	wall func() time.Duration

	interval time.Duration // between looks at the wall clock

	lead atomic.Int64 // nanoseconds from elapsed to the Unix epoch
	look atomic.Int64 // elapsed nanoseconds at which to look at the wall clock again
}

// wallInterval is how often the system's clock is looked at, and so how long it
// may be until one that has been set forward is believed. Elapsed time alone
// costs half as much to read as both.
const wallInterval = 10 * time.Millisecond

// start takes now for the machine's clock, and asks it every time; nil is the
// system's.
func (c *clock) start(now func() time.Time) {
	if now == nil {
		now, c.interval = time.Now, wallInterval
	}
	began := time.Now()
	c.elapsed = func() time.Duration { return time.Since(began) }
	c.wall = func() time.Duration { return time.Duration(now().UnixNano()) }
	c.lead.Store(int64(c.wall() - c.elapsed()))
}

// now is the time.
func (c *clock) now() time.Time {
	elapsed := c.elapsed()
	if due := c.look.Load(); int64(elapsed) >= due && c.look.CompareAndSwap(due, int64(elapsed+c.interval)) {
		// In this order: being held up in between makes the lead too small, which
		// the next look mends, and never too great.
		wall := c.wall()
		c.push(wall - c.elapsed())
		elapsed = c.elapsed()
	}
	return time.Unix(0, int64(elapsed)+c.lead.Load())
}

// observe says that the ledger has told this time.
func (c *clock) observe(ledger time.Time) {
	if s := ledger.Unix(); s <= 0 || s >= maxSecond {
		return // not a time of an event; nanoseconds would overflow
	}
	c.push(time.Duration(ledger.UnixNano()) - c.elapsed())
}

// maxSecond is in the year 2242, when 64 bits of nanoseconds are about to end.
const maxSecond = 1 << 33

// push raises the lead to at least lead.
func (c *clock) push(lead time.Duration) {
	for {
		old := c.lead.Load()
		if old >= int64(lead) || c.lead.CompareAndSwap(old, int64(lead)) {
			return
		}
	}
}
