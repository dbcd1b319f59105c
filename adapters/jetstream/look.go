package jetstream

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/events"
)

// finding is what the ledger shows of a write.
type finding int

const (
	undecided finding = iota
	ours              // the write is on the ledger
	others            // it is not, and what it expected can never hold again
)

// look reads what became of a write: the first event on an entity after the one
// expected decides. The stream's leader is asked, since a replica may lag.
func (a *attempt) look(ctx context.Context) (events.Ack, finding, error) {
	if a.lone() {
		return a.lookLone(ctx)
	}
	for _, p := range a.Events {
		if p.Expect == nil {
			continue
		}
		if at, found, err := a.lookAt(ctx, p); err != nil || found != undecided {
			return at, found, err
		}
	}
	return events.Ack{}, undecided, nil
}

// lookAt reads one entity of the write. The newest event usually tells. If it
// does not, and the entity moved after the write was sent, the first event after
// the floor does: no copy of this call can have landed below. That spares the
// broker a search from the event expected, which may be years back, during which
// it would write nothing. A copy left behind by an earlier call that ended in
// ErrUnknown is therefore recognised only while it is its entity's newest event.
func (a *attempt) lookAt(ctx context.Context, p events.Pending) (events.Ack, finding, error) {
	newest, err := a.log.get(ctx, getRequest{LastFor: p.Entity.Filter()})
	if err != nil || newest.Sequence <= p.Expect.Last {
		return events.Ack{}, undecided, err
	}
	a.log.note(newest.Sequence)
	if i, ok := a.place[newest.id]; ok {
		return a.confirm(ctx, newest.Sequence, i)
	}
	if newest.Sequence <= a.floor {
		return events.Ack{}, others, nil
	}
	first, err := a.log.get(ctx, getRequest{Seq: a.floor + 1, NextFor: p.Entity.Filter()})
	if err != nil || first.Sequence == 0 {
		return events.Ack{}, undecided, err
	}
	if i, ok := a.place[first.id]; ok {
		return a.confirm(ctx, first.Sequence, i)
	}
	return events.Ack{}, others, nil
}

// confirm says where the write is, given the place of one of its events. It is
// undecided while the write is not there to its end, which a broker whose disk
// failed in the middle of a batch shows until it is started again, and while the
// broker does not accept writes: what it shows then may not be on disk.
func (a *attempt) confirm(ctx context.Context, sequence uint64, place int) (events.Ack, finding, error) {
	at := events.Ack{First: sequence - uint64(place)}
	at.Last = at.First + uint64(len(a.Events)) - 1
	if n := len(a.Events); n > 1 {
		end, err := a.log.get(ctx, getRequest{Seq: at.Last})
		if err != nil || end.id != a.Events[n-1].ID {
			return events.Ack{}, undecided, err
		}
	}
	if err := a.log.broker.Health(); err != nil {
		return events.Ack{}, undecided, err
	}
	if err := a.log.blocks.sync(); err != nil {
		return events.Ack{}, undecided, err
	}
	a.log.note(at.Last)
	return at, ours, nil
}

// lookLone reads the write's own entity and the one it expects something of, in
// one answer, so that both are as of the same moment: where the second has moved
// and the write is not there, it never will be.
func (a *attempt) lookLone(ctx context.Context) (events.Ack, finding, error) {
	p := a.Events[0]
	newest, err := a.log.newest(ctx, p.Entity.Filter(), p.Expect.Entity.Filter())
	if err != nil {
		return events.Ack{}, undecided, err
	}
	moved, hidden := false, false
	for _, m := range newest {
		if m.id == p.ID {
			return a.confirm(ctx, m.Sequence, 0)
		}
		entity, _, err := events.ParseSubject(m.Subject)
		moved = moved || err == nil && entity == p.Expect.Entity && m.Sequence > p.Expect.Last
		// A later event of the same name hides an earlier one.
		hidden = hidden || m.Subject == p.Entity.Subject(p.Name) && m.Sequence > a.floor
	}
	if moved && !hidden {
		return events.Ack{}, others, nil
	}
	return events.Ack{}, undecided, nil
}

// stored is a message of the stream.
type stored struct {
	Subject  string `json:"subject"`
	Sequence uint64 `json:"seq"` // 0: there is none
	Header   []byte `json:"hdrs"`
	Payload  []byte `json:"data"`
	id       string
}

// getRequest asks the leader for the message at Seq, for the first one at or
// after Seq that matches NextFor, or for the last one that matches LastFor.
type getRequest struct {
	Seq     uint64 `json:"seq,omitempty"`
	NextFor string `json:"next_by_subj,omitempty"`
	LastFor string `json:"last_by_subj,omitempty"`
}

// get reads one message from the stream's leader, after any write in progress.
func (l *Log) get(ctx context.Context, req getRequest) (stored, error) {
	var resp struct {
		Message stored `json:"message"`
	}
	err := l.broker.write.api(ctx, lookWait, "$JS.API.STREAM.MSG.GET."+StreamName, req, &resp)
	if code(err) == jetstream.JSErrCodeMessageNotFound {
		return stored{}, nil
	}
	if err != nil {
		return stored{}, fmt.Errorf("read back: %w", err)
	}
	m := resp.Message
	if len(m.Header) > 0 {
		header, err := nats.DecodeHeadersMsg(m.Header)
		if err != nil {
			return stored{}, fmt.Errorf("read back %d: %w", m.Sequence, err)
		}
		m.id = header.Get(nats.MsgIdHdr)
	}
	return m, nil
}

// newest returns the last message of every subject that matches one or the other filter,
// as of one moment. Any replica may answer; it does not mix moments.
func (l *Log) newest(ctx context.Context, one, other string) ([]stored, error) {
	ctx, cancel := l.broker.write.bind(ctx, lookWait)
	defer cancel()
	nc := l.broker.write.nc
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone
	request := fmt.Appendf(nil, `{"multi_last":[%q,%q]}`, one, other)
	if err := nc.PublishRequest("$JS.API.DIRECT.GET."+StreamName, inbox, request); err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	var all []stored
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("read back: %w", reason(ctx, err))
		}
		switch status := m.Header.Get("Status"); status {
		case "":
			sequence, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read back: %w", err)
			}
			all = append(all, stored{
				Subject: m.Header.Get(jetstream.SubjectHeader), Sequence: sequence, id: m.Header.Get(nats.MsgIdHdr),
			})
		case "404":
			return nil, nil
		case "204":
			if left := m.Header.Get("Nats-Num-Pending"); left != "0" {
				return nil, fmt.Errorf("read back: %s messages were left out", left)
			}
			return all, nil
		default:
			return nil, fmt.Errorf("read back: status %s", status)
		}
	}
}
