package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// keyInput is one command on the one key of the model.
type keyInput struct {
	kind     string // "suspend", "resume", "rename"
	expected uint64 // revision for rename, as If-Match
}

// keyOutput is what was answered. The outcome of an unanswered command is open.
type keyOutput struct {
	open     bool
	mismatch bool
	position uint64 // of its event, or of the newest one where it changed nothing
}

// keyState is what the model knows of the key.
type keyState struct {
	revision uint64
	// The newest event stands after one position and not after the other: the
	// acceptance of a command stands behind the event itself.
	after, until uint64
	suspended    bool
}

// keyModel is a key seen from outside: suspend and resume take effect once,
// rename only at the revision it names, and positions only grow.
func keyModel(born uint64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return keyState{revision: 1, until: born} },
		Step: func(state, input, output any) (bool, any) {
			s, in, out := state.(keyState), input.(keyInput), output.(keyOutput)
			next, effect := s, false
			switch in.kind {
			case "suspend":
				next.suspended, effect = true, !s.suspended
			case "resume":
				next.suspended, effect = false, s.suspended
			case "rename":
				effect = s.revision == in.expected
			}
			switch {
			case effect:
				next.revision++
				next.after, next.until = s.until, out.position
			default:
				next = s
			}
			switch {
			case out.open:
				return true, next
			case out.mismatch != (in.kind == "rename" && !effect):
				return false, s
			case effect:
				return out.position > s.until, next
			default:
				return out.mismatch || s.until == 0 || s.after < out.position && out.position <= s.until, next
			}
		},
		Equal: func(a, b any) bool { return a == b },
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v -> %+v", input, output)
		},
	}
}

// door is a way to send commands on one key, and to see its revision.
type door struct {
	send     func(ctx context.Context, in keyInput) keyOutput
	revision func() uint64
}

// TestCommandsOnOneKeyAreLinearizable sends two hundred commands on one key at
// once to two serving processes on one broker.
func TestCommandsOnOneKeyAreLinearizable(t *testing.T) {
	t.Parallel()
	dirs := [2]string{quickDir(t), quickDir(t)}
	first := spawn(t, serveArgs(dirs[0], "--nats-listen", "127.0.0.1:0")...)
	creds := credentials(t, dirs[0], t.TempDir())
	second := spawn(t, serveArgs(dirs[1], "--nats", first.nats, "--creds", creds, "--allow-unsynced-broker")...)
	root := newClient(first.url, rootKey(t, dirs[0]))
	for range campaign(t, "KEYLEDGER_LINEAR_TRIALS", 3) {
		created := root.must(t, http.StatusCreated, "POST", "/v1/keys", `{"name":"contended","environment":"live"}`)
		path := "/v1/keys/" + created.field("id")
		doors := [2]door{httpDoor(root, path), httpDoor(newClient(second.url, root.key), path)}
		waitFor(t, func() bool { return doors[1].revision() > 0 })
		born, err := strconv.ParseUint(created.field("position"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		history := commandsOnOneKey(t, doors)
		if result, _ := porcupine.CheckOperationsVerbose(keyModel(born), history, time.Minute); result != porcupine.Ok {
			t.Fatalf("history of %d operations: %s", len(history), result)
		}
	}
}

// TestLostExpectationsAreCaught plants the bug that the test above is there for:
// one node writes whatever the newest revision is.
func TestLostExpectationsAreCaught(t *testing.T) {
	t.Parallel()
	nodes := twoNodes(t)
	careless := nodes[1].ledger.Config
	careless.Log = carelessLog{Log: careless.Log, view: careless.View}
	ledgers := [2]*ledger.Ledger{nodes[0].ledger, ledger.New(careless)}
	for range 20 {
		created, err := ledgers[0].CreateKey(t.Context(), ledger.By{Key: ledger.RootKey}, ledger.NewKey{Name: "contended", Environment: "live"})
		if err != nil {
			t.Fatal(err)
		}
		meet(t, nodes)
		doors := [2]door{nodeDoor(nodes[0], ledgers[0], created.Key.ID), nodeDoor(nodes[1], ledgers[1], created.Key.ID)}
		history := commandsOnOneKey(t, doors)
		for _, n := range nodes {
			select {
			case <-n.stopped:
				return // the folds refuse such a history too
			default:
			}
		}
		if result, _ := porcupine.CheckOperationsVerbose(keyModel(created.Position), history, time.Minute); result == porcupine.Illegal {
			return
		}
	}
	t.Error("a node that ignores what it expects was not noticed in 20 trials")
}

// carelessLog turns a conflict into a write at whatever revision there is.
type carelessLog struct {
	events.Log
	view ledger.View
}

func (l carelessLog) Append(ctx context.Context, w events.Write) (events.Ack, error) {
	for n := 0; ; n++ {
		ack, err := l.Log.Append(ctx, w)
		if !errors.Is(err, events.ErrConflict) || ctx.Err() != nil || n == 100 {
			return ack, err
		}
		e := w.Events[0].Expect
		if _, last, err := l.view.Key(e.Entity.ID); err == nil {
			e.Last = last
		}
	}
}

// commandsOnOneKey sends the commands and returns their history.
func commandsOnOneKey(t *testing.T, doors [2]door) []porcupine.Operation {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	var mu sync.Mutex
	var history []porcupine.Operation
	open := 0
	var callers sync.WaitGroup
	for caller := range 20 {
		callers.Go(func() {
			for range 10 {
				d := doors[caller%2]
				in := randomInput(d)
				call := time.Since(began)
				out := d.send(ctx, in)
				op := porcupine.Operation{ClientId: caller, Input: in, Call: int64(call), Output: out, Return: int64(time.Since(began))}
				mu.Lock()
				if out.open {
					op.Return = int64(time.Hour)
					open++
				}
				history = append(history, op)
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	t.Logf("%d operations, %d without an answer", len(history), open)
	return history
}

func randomInput(d door) keyInput {
	switch rand.IntN(4) {
	case 0:
		return keyInput{kind: "suspend"}
	case 1:
		return keyInput{kind: "resume"}
	default:
		return keyInput{kind: "rename", expected: d.revision()} // an old revision is as good a guess as any
	}
}

// httpDoor speaks to a serving process.
func httpDoor(c *client, path string) door {
	return door{
		revision: func() uint64 {
			a, err := c.do(context.Background(), "GET", path, "")
			if err != nil {
				return 0
			}
			revision, _ := strconv.ParseUint(a.field("revision"), 10, 64)
			return revision
		},
		send: func(ctx context.Context, in keyInput) keyOutput {
			method, to, body, header := "POST", path+"/"+in.kind, "", []string(nil)
			if in.kind == "rename" {
				method, to, body = "PATCH", path, fmt.Sprintf(`{"name":"name %d"}`, rand.Uint64())
				header = []string{"If-Match", strconv.FormatUint(in.expected, 10)}
			}
			a, err := c.do(ctx, method, to, body, header...)
			position, _ := strconv.ParseUint(a.field("position"), 10, 64)
			switch {
			case err == nil && a.status == http.StatusOK:
				return keyOutput{position: position}
			case err == nil && a.status == http.StatusPreconditionFailed:
				return keyOutput{mismatch: true}
			default:
				return keyOutput{open: true}
			}
		},
	}
}

// nodeDoor speaks to a node in this process.
func nodeDoor(n *node, l *ledger.Ledger, id string) door {
	return door{
		revision: func() uint64 {
			key, _, _ := n.directory.Key(id)
			return key.Changed
		},
		send: func(ctx context.Context, in keyInput) keyOutput {
			var changed ledger.Changed
			var err error
			by := ledger.By{Key: ledger.RootKey}
			switch in.kind {
			case "suspend":
				changed, err = l.SuspendKey(ctx, by, id)
			case "resume":
				changed, err = l.ResumeKey(ctx, by, id)
			case "rename":
				name := fmt.Sprintf("name %d", rand.Uint64())
				changed, err = l.ChangeKey(ctx, by, id, apikey.Change{Name: &name}, in.expected)
			}
			switch {
			case err == nil:
				return keyOutput{position: changed.Position}
			case refusal.CodeOf(err) == refusal.RevisionMismatch:
				return keyOutput{mismatch: true}
			default:
				return keyOutput{open: true}
			}
		},
	}
}
