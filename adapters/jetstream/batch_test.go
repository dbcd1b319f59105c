package jetstream_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/adapters/jetstream/jetstreamtest"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// TestWhyABatchHoldsOneCommand shows what the broker lets pass: two messages of
// one entity in one batch, each expecting that it is the first, both land. Two
// commands in a batch would so undo the promise that one of them loses. Should
// this fail one day, the broker has learned to refuse it.
func TestWhyABatchHoldsOneCommand(t *testing.T) {
	t.Parallel()
	broker := jetstreamtest.Start(t)
	log := ledger(t, broker)
	past := eventstest.NewHistory()
	must(t, past.Save(t.Context(), log))
	key := events.KeyEntity("live", "acct_1", "key_1")
	w := past.Propose(
		eventstest.Change{Entity: key, Data: past.NewKey()},
		eventstest.Change{Entity: key, Data: events.KeySuspended{}},
	)
	twice := *w.Events[0].Expect
	w.Events[1].Expect = &twice
	if ack := publishBatch(t, broker, "b1", w.Events); ack.Error != nil || ack.Count != 2 {
		t.Errorf("the broker refused two expectations about one entity: %+v", ack)
	}

	// The Log refuses to send such a thing.
	_, err := log.Append(t.Context(), w)
	wants(t, err, events.ErrRefused)
}

// TestABatchAbandonedHalfwayLeavesNothing also occupies all the batches that the
// broker keeps open, which an append must live through.
func TestABatchAbandonedHalfwayLeavesNothing(t *testing.T) {
	t.Parallel()
	url, monitor := foreign(t, func(o *server.Options) { o.JetStreamLimits.MaxBatchTimeout = 500 * time.Millisecond })
	broker, err := jetstream.Connect(t.Context(), jetstream.Config{URL: url, Monitors: []string{monitor}})
	must(t, err)
	defer broker.Close(t.Context())
	log := ledger(t, broker)
	past := eventstest.NewHistory()
	must(t, past.Save(t.Context(), log))
	account := func(id string) []eventstest.Change {
		e := events.AccountEntity(id)
		return []eventstest.Change{{Entity: e, Data: events.AccountOpened{}}, {Entity: e, Data: events.AccountClosed{}}}
	}
	for i := range 50 {
		half := past.Propose(account(fmt.Sprintf("half_%d", i))...).Events[:1]
		must(t, broker.Conn().PublishMsg(batchMessage(half[0], fmt.Sprintf("half_%d", i), 1)))
	}
	must(t, broker.Conn().Flush())
	w := past.Propose(account("whole")...)
	ack, err := log.Append(t.Context(), w)
	must(t, err)
	must(t, past.Landed(w, ack))
	holds(t, log, past)
}

// TestAPartOfACommandOnTheLedgerIsNotTheCommand is what a broker shows whose disk
// failed in the middle of a batch.
func TestAPartOfACommandOnTheLedgerIsNotTheCommand(t *testing.T) {
	t.Parallel()
	broker := jetstreamtest.Start(t)
	log := ledger(t, broker)
	past := eventstest.NewHistory()
	must(t, past.Save(t.Context(), log))
	account := events.AccountEntity("acct_1")
	w := past.Propose(
		eventstest.Change{Entity: account, Data: events.AccountOpened{}},
		eventstest.Change{Entity: account, Data: events.AccountSuspended{}},
	)
	log.Hurry(time.Second, 500*time.Millisecond)
	first := batchMessage(w.Events[0], "", 1)
	first.Header = nats.Header{nats.MsgIdHdr: []string{w.Events[0].ID}}
	_, err := broker.Conn().RequestMsgWithContext(t.Context(), first)
	must(t, err)
	_, err = log.Append(t.Context(), w)
	wants(t, err, events.ErrConflict, events.ErrUnknown)
}

func batchMessage(p events.Pending, id string, n int) *nats.Msg {
	m := &nats.Msg{Subject: p.Entity.Subject(p.Name), Data: p.Payload, Header: nats.Header{}}
	m.Header.Set("Nats-Batch-Id", id)
	m.Header.Set("Nats-Batch-Sequence", fmt.Sprint(n))
	if p.Expect != nil {
		m.Header.Set("Nats-Expected-Last-Subject-Sequence", fmt.Sprint(p.Expect.Last))
		m.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", p.Expect.Entity.Filter())
	}
	return m
}

type batchAck struct {
	Error *struct {
		Code int `json:"err_code"`
	} `json:"error"`
	Count int `json:"count"`
}

func publishBatch(t *testing.T, broker *jetstream.Broker, id string, pending []events.Pending) batchAck {
	t.Helper()
	var reply *nats.Msg
	for i, p := range pending {
		m := batchMessage(p, id, i+1)
		if i < len(pending)-1 {
			must(t, broker.Conn().PublishMsg(m))
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		var err error
		reply, err = broker.Conn().RequestMsgWithContext(t.Context(), m)
		must(t, err)
	}
	var ack batchAck
	must(t, json.Unmarshal(reply.Data, &ack))
	return ack
}
