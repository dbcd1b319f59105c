package jetstream

import (
	"time"

	"github.com/nats-io/nats.go"
)

// Hurry shortens how long l waits for one acknowledgement, and for all.
func (l *Log) Hurry(ack, settle time.Duration) { l.ackWait, l.settleFor = ack, settle }

// Conn is the connection that b writes through.
func (b *Broker) Conn() *nats.Conn { return b.write.nc }
