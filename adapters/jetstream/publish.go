package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/keyledger/keyledger/events"
)

// Headers of an atomic batch (ADR-50). The stream keeps them with the messages.
const (
	headerBatch       = "Nats-Batch-Id"
	headerBatchSeq    = "Nats-Batch-Sequence"
	headerBatchCommit = "Nats-Batch-Commit"
)

// pubAck is the broker's answer to a message, or to the last one of a batch.
type pubAck struct {
	Stream    string              `json:"stream"`
	Sequence  uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
	Batch     string              `json:"batch"`
	Count     int                 `json:"count"`
	Error     *jetstream.APIError `json:"error"`
}

// publish sends a write once, as one message or as one batch, and says what
// became of this copy of it. Copies never land twice by themselves: each carries
// the expectations.
func (l *Log) publish(ctx context.Context, w events.Write) (pubAck, verdict, error) {
	ctx, cancel := l.broker.write.bind(ctx, l.ackWait)
	defer cancel()
	if ctx.Err() != nil {
		return pubAck{}, notNow, reason(ctx, ctx.Err())
	}
	nc := l.broker.write.nc
	if nc.IsClosed() {
		return pubAck{}, notNow, nats.ErrConnectionClosed
	}
	last := message(w.Events[len(w.Events)-1])
	if len(w.Events) > 1 {
		select {
		case l.batches <- struct{}{}:
			defer func() { <-l.batches }()
		case <-ctx.Done():
			return pubAck{}, notNow, reason(ctx, ctx.Err())
		}
		id, err := stage(nc, w.Events[:len(w.Events)-1])
		if err != nil {
			// Without its last message a batch is never committed.
			return pubAck{}, notNow, err
		}
		batchHeaders(last, id, len(w.Events))
		last.Header.Set(headerBatchCommit, "1")
	}
	reply, err := nc.RequestMsgWithContext(ctx, last)
	if err != nil {
		return pubAck{}, judgeSend(err), reason(ctx, err)
	}
	var ack pubAck
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return pubAck{}, silent, fmt.Errorf("acknowledgement: %w", err)
	}
	if ack.Error != nil {
		return pubAck{}, judge(ack.Error), ack.Error
	}
	return ack, judgeAck(ack, len(w.Events)), nil
}

// stage sends all messages of a batch but the last. They are not answered one
// by one: what goes wrong with them goes wrong with the last.
func stage(nc *nats.Conn, pending []events.Pending) (id string, err error) {
	id = nuid.Next()
	for i, p := range pending {
		m := message(p)
		batchHeaders(m, id, i+1)
		if err := nc.PublishMsg(m); err != nil {
			return "", fmt.Errorf("message %d of a batch: %w", i+1, err)
		}
	}
	return id, nil
}

func batchHeaders(m *nats.Msg, id string, n int) {
	m.Header.Set(headerBatch, id)
	m.Header.Set(headerBatchSeq, strconv.Itoa(n))
}

// message is an event as it is published. The expectation names the entity's
// filter, the one string under which all writers of the entity state it.
func message(p events.Pending) *nats.Msg {
	h := nats.Header{nats.MsgIdHdr: []string{p.ID}}
	if p.Expect != nil {
		h[nats.ExpectedLastSubjSeqHdr] = []string{strconv.FormatUint(p.Expect.Last, 10)}
		h[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{p.Expect.Entity.Filter()}
	}
	return &nats.Msg{Subject: p.Entity.Subject(p.Name), Header: h, Data: p.Payload}
}

// errTooMuch refuses a batch before it is sent.
var errTooMuch = errors.New("batch too large")

// checkSize refuses a write that the broker would not take, or choke on.
func checkSize(w events.Write) error {
	total := 0
	for _, p := range w.Events {
		total += len(p.Payload)
	}
	if len(w.Events) > 1 && total > maxBatchBytes {
		return fmt.Errorf("%w: %w: %d bytes in %d events, at most %d",
			events.ErrRefused, errTooMuch, total, len(w.Events), maxBatchBytes)
	}
	return nil
}
