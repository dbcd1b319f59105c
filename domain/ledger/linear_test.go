package ledger_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// A key as its callers see it: commands take effect one at a time, at some moment
// between their call and their answer. The model is the sequential key.

// stroke is one command of the history, and said what it was answered.
type stroke struct {
	verb    string // "rename", "suspend", "resume", "rotate", "revoke"
	name    string
	ifMatch uint64 // rename only: the revision the caller had read; 0 is any
}

type said struct {
	code     string
	changed  bool
	position uint64 // of its event on the key; of the key's newest, where it changed nothing
	// Of a change: the position of the one before it, and how many commands were
	// answered that they changed nothing there. All answers together tell; it
	// spares the search from trying orders that end nowhere.
	before uint64
	idle   int
}

// sequential is the state of the model.
type sequential struct {
	name      string
	revision  uint64
	suspended bool
	revoked   bool
	last      uint64 // sequence of the key's newest event
	idle      int    // commands since then that changed nothing
}

func model(begin sequential) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return begin },
		Step: func(state, input, output any) (bool, any) {
			k, in, out := state.(sequential), input.(stroke), output.(said)
			next, code := k, ""
			switch {
			case in.verb == "rename" && in.ifMatch != 0 && in.ifMatch != k.revision:
				code = "revision_mismatch"
			case in.verb == "rename" && in.name == k.name:
			case in.verb == "suspend" && k.suspended, in.verb == "resume" && !k.suspended && !k.revoked, in.verb == "revoke" && k.revoked:
			case k.revoked:
				code = "conflict"
			case in.verb == "rename":
				next.name = in.name
			case in.verb == "suspend":
				next.suspended = true
			case in.verb == "resume":
				next.suspended = false
			case in.verb == "revoke":
				next.revoked = true
			}
			if out.code == "ledger_unavailable" { // overtaken too often, and not written
				return true, k
			}
			if code != "" {
				return out.code == code, k
			}
			if next != k || in.verb == "rotate" {
				next.revision++
				next.last, next.idle = out.position, 0
				return out.code == "" && out.changed && out.before == k.last && out.idle == k.idle, next
			}
			next.idle++
			return out.code == "" && !out.changed && out.position == k.last, next
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

// do asks one command of the key.
func (s stroke) do(ctx context.Context, n *node, id string) (said, uint64) {
	by := n.by(n.manager)
	var changed ledger.Changed
	var err error
	switch s.verb {
	case "rename":
		changed, err = n.ChangeKey(ctx, by, id, apikey.Change{Name: &s.name}, s.ifMatch)
	case "suspend":
		changed, err = n.SuspendKey(ctx, by, id)
	case "resume":
		changed, err = n.ResumeKey(ctx, by, id)
	case "revoke":
		changed, err = n.RevokeKey(ctx, by, id)
	case "rotate":
		var i ledger.Issued
		i, err = n.RotateKey(ctx, by, id, apikey.Rotate{})
		changed = ledger.Changed{Outcome: i.Outcome, Key: i.Key}
	}
	out := said{code: code(err), changed: changed.Changed, position: changed.Position}
	if out.changed && (s.verb == "resume" || s.verb == "rotate") {
		out.position-- // the guard stands behind it
	}
	return out, changed.Key.Changed
}

// history lets clients ask commands of one key through two nodes at once. Where
// it ends, the key is revoked before the last of them.
func history(t *testing.T, log func(events.Log) events.Log, clients, each int, ends bool) (porcupine.Model, []porcupine.Operation) {
	t.Helper()
	w := newWorld(t)
	id := w.node().key("read").ID
	shared := log(w.log)
	nodes := []*node{w.node(func(c *ledger.Config) { c.Log = shared }), w.node(func(c *ledger.Config) { c.Log = shared })}
	nodes[0].view.live(t.Context())
	key, last, err := nodes[0].view.Key(id)
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]porcupine.Operation, clients)
	var now, asked atomic.Int64
	w.log.OnAppend(func(int, events.Write) eventstest.Outcome {
		runtime.Gosched() // so that decisions are overtaken
		return eventstest.Land
	})
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			read := key.Changed
			for i := range each {
				s := stroke{verb: []string{"rename", "suspend", "rename", "resume", "rotate"}[(client+i)%5], name: fmt.Sprintf("name %d", (client*each+i)%7)}
				if i%2 == 0 {
					s.ifMatch = read
				}
				if asked.Add(1) == int64(clients*each*9/10) && ends {
					s.verb = "revoke"
				}
				began := now.Add(1)
				out, revision := s.do(t.Context(), nodes[client%2], id)
				all[client] = append(all[client], porcupine.Operation{ClientId: client, Input: s, Call: began, Output: out, Return: now.Add(1)})
				if revision > 0 {
					read = revision
				}
			}
		})
	}
	wg.Wait()
	if ends { // whatever became of the others, this one comes after the end
		began := now.Add(1)
		s := stroke{verb: "rename", name: "too late"}
		out, _ := s.do(t.Context(), nodes[1], id)
		all[0] = append(all[0], porcupine.Operation{Input: s, Call: began, Output: out, Return: now.Add(1)})
	}
	var flat []porcupine.Operation
	for _, ops := range all {
		flat = append(flat, ops...)
	}
	chain(flat, last)
	return model(sequential{name: key.Name, revision: key.Changed, last: last}), flat
}

// chain fills in, for each change, what the answers say of the one before it.
func chain(ops []porcupine.Operation, first uint64) {
	positions, idle := []uint64{first}, map[uint64]int{}
	for _, op := range ops {
		switch out := op.Output.(said); {
		case out.changed:
			positions = append(positions, out.position)
		case out.code == "":
			idle[out.position]++
		}
	}
	slices.Sort(positions)
	for i := range ops {
		out := ops[i].Output.(said)
		if at, found := slices.BinarySearch(positions, out.position); found && at > 0 && out.changed {
			out.before = positions[at-1]
			out.idle = idle[out.before]
			ops[i].Output = out
		}
	}
}

// codes counts the answers of a history; those that changed something apart.
func codes(ops []porcupine.Operation) map[string]int {
	count := map[string]int{}
	for _, op := range ops {
		out := op.Output.(said)
		if out.changed {
			out.code = "changed"
		}
		count[out.code]++
	}
	return count
}

func TestCommandsOnOneKeyThroughTwoNodesAreLinearizable(t *testing.T) {
	for _, c := range []struct{ clients, each int }{{200, 1}, {40, 5}, {8, 25}} {
		m, ops := history(t, func(l events.Log) events.Log { return l }, c.clients, c.each, true)
		if result := porcupine.CheckOperationsTimeout(m, ops, 10*time.Second); result != porcupine.Ok {
			t.Errorf("%d commands of %d clients: %s", len(ops), c.clients, result)
		}
		count := codes(ops)
		if count["changed"] == 0 || count["revision_mismatch"] == 0 || count["conflict"] == 0 {
			t.Errorf("%d commands of %d clients did not meet as they should: %v", len(ops), c.clients, count)
		}
		t.Logf("%d commands of %d clients: %v", len(ops), c.clients, count)
	}
}

// heedless is a log that ignores what a write expects. It corrects the revisions,
// so that nothing but the lost decisions shows.
type heedless struct {
	events.Log
	mu        sync.Mutex
	last      map[events.Entity]uint64
	revisions map[events.Entity]uint64
}

func (h *heedless) Append(ctx context.Context, w events.Write) (events.Ack, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	moved := map[events.Entity]uint64{}
	for i, p := range w.Events {
		e, err := events.Decode(p.Payload)
		if err != nil {
			return events.Ack{}, err
		}
		moved[p.Entity]++
		e.Revision = max(h.revisions[p.Entity]+moved[p.Entity], e.Revision)
		if w.Events[i].Payload, err = events.Encode(e); err != nil {
			return events.Ack{}, err
		}
		if p.Expect != nil {
			expect := *p.Expect
			expect.Last = max(h.last[expect.Entity], expect.Last)
			w.Events[i].Expect = &expect
		}
		h.revisions[p.Entity] = max(h.revisions[p.Entity], e.Revision-moved[p.Entity])
	}
	ack, err := h.Log.Append(ctx, w)
	if err == nil {
		for i, p := range w.Events {
			h.last[p.Entity] = ack.First + uint64(i)
			h.revisions[p.Entity]++
		}
	}
	return ack, err
}

func TestTheTestOfLinearizabilityCatchesALogWithoutExpectations(t *testing.T) {
	for range 50 { // short histories: to show that no order fits, all must be tried
		m, ops := history(t, func(l events.Log) events.Log {
			return &heedless{Log: l, last: map[events.Entity]uint64{}, revisions: map[events.Entity]uint64{}}
		}, 4, 6, false)
		count := codes(ops)
		if count["changed"]+count[""]+count["revision_mismatch"]+count["conflict"] != len(ops) {
			t.Fatalf("the planted fault shows in other ways: %v", count)
		}
		if porcupine.CheckOperationsTimeout(m, ops, 10*time.Second) == porcupine.Illegal {
			return
		}
	}
	t.Error("every history was linearizable, though no expectation was heeded")
}
