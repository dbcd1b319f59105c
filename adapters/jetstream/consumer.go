package jetstream

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// consumer is an ephemeral pull consumer of the whole stream, without
// acknowledgements. Whatever becomes of it, its reader makes a new one; it never
// repairs itself.
type consumer struct {
	link     *link
	name     string
	pending  uint64 // messages it had to deliver when it was made
	sub      *nats.Subscription
	inbox    string
	messages chan *nats.Msg

	request   []byte
	asked     int    // messages asked for that have not come yet
	delivered uint64 // messages that have come
}

// openConsumer makes a consumer that begins at a sequence.
func (l *Log) openConsumer(ctx context.Context, start uint64) (*consumer, error) {
	c := &consumer{
		link: l.broker.read,
		name: nuid.Next(),
		// Room for all that may be asked for, and for what is said between.
		messages: make(chan *nats.Msg, 2*pullBatch),
	}
	create := struct {
		Stream string                   `json:"stream_name"`
		Config jetstream.ConsumerConfig `json:"config"`
		Action string                   `json:"action"`
	}{StreamName, jetstream.ConsumerConfig{
		Name:              c.name,
		Description:       "follows the ledger",
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       start,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: consumerIdle,
		MemoryStorage:     true,
		Replicas:          1,
	}, "create"}
	var made struct {
		Pending uint64 `json:"num_pending"`
	}
	if err := c.link.api(ctx, apiWait, "$JS.API.CONSUMER.CREATE."+StreamName+"."+c.name, create, &made); err != nil {
		return nil, err
	}
	c.pending = made.Pending
	var err error
	c.request, err = json.Marshal(struct {
		Expires   time.Duration `json:"expires"`
		Batch     int           `json:"batch"`
		MaxBytes  int           `json:"max_bytes"`
		Heartbeat time.Duration `json:"idle_heartbeat"`
	}{pullExpires, pullBatch, pullBytes, heartbeat})
	if err != nil {
		return nil, fmt.Errorf("pull request: %w", err)
	}
	c.inbox = c.link.nc.NewInbox()
	if c.sub, err = c.link.nc.ChanSubscribe(c.inbox, c.messages); err != nil {
		return nil, fmt.Errorf("%w: %w", errConsumer, err)
	}
	return c, nil
}

// close drops the consumer, which the broker would otherwise do by itself.
func (c *consumer) close() {
	_ = c.sub.Unsubscribe()
	// Nobody waits for the answer.
	_ = c.link.nc.Publish("$JS.API.CONSUMER.DELETE."+StreamName+"."+c.name, nil)
}

// pull asks for more once half of what was asked for has come.
func (c *consumer) pull() error {
	if c.asked > pullBatch/2 {
		return nil
	}
	err := c.link.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+StreamName+"."+c.name, c.inbox, c.request)
	if err != nil {
		return fmt.Errorf("%w: pull: %w", errConsumer, err)
	}
	c.asked += pullBatch
	return nil
}

// place is the stream sequence of a message, 0 for one that carries no event. An
// error means that the consumer must be given up: it ended, or something it sent
// has not arrived.
func (c *consumer) place(m *nats.Msg) (uint64, error) {
	if len(m.Data) == 0 {
		if status := m.Header.Get("Status"); status != "" {
			return 0, c.heard(status, m.Header)
		}
	}
	meta, err := m.Metadata()
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errConsumer, err)
	}
	c.asked--
	c.delivered++
	if meta.Sequence.Consumer != c.delivered {
		return 0, fmt.Errorf("%w: delivery %d came as %d", errConsumer, meta.Sequence.Consumer, c.delivered)
	}
	return meta.Sequence.Stream, nil
}

// heard deals with what the broker says between messages.
func (c *consumer) heard(status string, h nats.Header) error {
	switch status {
	case "100": // heartbeat
		if sent := h.Get("Nats-Last-Consumer"); sent != "" && sent != strconv.FormatUint(c.delivered, 10) {
			return fmt.Errorf("%w: %s deliveries sent, %d arrived", errConsumer, sent, c.delivered)
		}
		return nil
	case "408", "409": // a pull ended, or the consumer did
		left, err := strconv.Atoi(h.Get("Nats-Pending-Messages"))
		if err != nil {
			return fmt.Errorf("%w: status %s", errConsumer, status)
		}
		c.asked -= left
		return nil
	}
	return fmt.Errorf("%w: status %s", errConsumer, status)
}
