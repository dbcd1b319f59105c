package jetstream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// Hurry shortens how long l waits for one acknowledgement, and for all.
func (l *Log) Hurry(ack, settle time.Duration) { l.ackWait, l.settleFor = ack, settle }

// Conn is the connection that b writes through.
func (b *Broker) Conn() *nats.Conn { return b.write.nc }

// Owing is what a reader of l concludes when next is owed and its consumer is
// idle, and has been since a time (zero: this is the first); replicated is
// whether l takes the stream for a replicated one.
func (l *Log) Owing(ctx context.Context, next uint64, since time.Time, replicated bool) error {
	seen := &Log{broker: l.broker, single: !replicated}
	seen.note(l.seen.Load())
	r := &reader{log: seen, last: next - 1, owed: l.seen.Load(), stalled: since}
	return r.owing(ctx, next)
}

// ConfirmFor is [confirmFor].
const ConfirmFor = confirmFor

// ErrConsumer is [errConsumer].
var ErrConsumer = errConsumer
