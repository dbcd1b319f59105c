package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// campaign is how often a long test repeats: small every day, and as often as
// the environment variable says on demand.
func campaign(t *testing.T, variable string, everyday int) int {
	t.Helper()
	if text := os.Getenv(variable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("%s=%q: want a positive number", variable, text)
		}
		return n
	}
	if testing.Short() {
		return max(1, everyday/4)
	}
	return everyday
}

// acked is a command that was answered with success.
type acked struct {
	request  string
	position uint64
}

// TestAcknowledgedCommandsSurviveKills kills serve at random moments under load.
// After every restart each command that was acknowledged is on the ledger once,
// at the position told; the ledger has no gap; and at the end the rows of the
// index are those that the ledger's events make.
func TestAcknowledgedCommandsSurviveKills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := serveArgs(dir)
	var all []acked
	for range campaign(t, "KEYLEDGER_KILLS", 20) {
		p := spawn(t, args...)
		load := newLoad(newClient(p.url, rootKey(t, dir)))
		time.Sleep(time.Duration(20+rand.IntN(280)) * time.Millisecond)
		p.kill()
		all = append(all, load.end()...)
	}
	if len(all) < 50 {
		t.Fatalf("only %d commands were acknowledged: the load is no load", len(all))
	}
	p := spawn(t, args...)
	trail := readTrail(t, newClient(p.url, rootKey(t, dir)))
	if err := checkAcknowledged(trail, all); err != nil {
		t.Error(err)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("exit status %d after SIGTERM\n%s", status, p.stderr)
	}
	checkIndexAgrees(t, dir)
	t.Logf("%d acknowledged commands, %d events", len(all), len(trail))
}

// TestCheckAcknowledgedCatches shows that the check of the test above fails on
// each fault that it is there for.
func TestCheckAcknowledgedCatches(t *testing.T) {
	trail := []trailEvent{{Sequence: 1, ID: "a", Request: "r1", Command: "c1"}, {Sequence: 2, ID: "b", Request: "r2", Command: "c2"}}
	good := []acked{{"r1", 1}, {"r2", 2}}
	if err := checkAcknowledged(trail, good); err != nil {
		t.Fatalf("a sound trail: %v", err)
	}
	for name, faulty := range map[string]struct {
		trail []trailEvent
		all   []acked
	}{
		"lost":            {trail[:1], good},
		"other position":  {trail, []acked{{"r1", 2}}},
		"gap":             {[]trailEvent{trail[0], {Sequence: 3, ID: "b", Request: "r2", Command: "c2"}}, []acked{{"r1", 1}}},
		"written twice":   {append(trail[:2:2], trailEvent{Sequence: 3, ID: "c", Request: "r2", Command: "c3"}), []acked{{"r1", 1}}},
		"event id reused": {append(trail[:2:2], trailEvent{Sequence: 3, ID: "a", Request: "r3", Command: "c3"}), good},
	} {
		if checkAcknowledged(faulty.trail, faulty.all) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// trailEvent is what the check reads of an event.
type trailEvent struct {
	Sequence uint64 `json:"sequence"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Subject  string `json:"subject"`
	Actor    string `json:"actor"`
	Request  string `json:"requestid"`
	Command  string `json:"command"`
}

func readTrail(t *testing.T, c *client) []trailEvent {
	t.Helper()
	var all []trailEvent
	for after := uint64(0); ; {
		a := c.must(t, http.StatusOK, "GET", fmt.Sprintf("/v1/events?limit=1000&after=%d", after), "")
		var page struct {
			Events []trailEvent `json:"events"`
		}
		if err := json.Unmarshal(a.body.Data, &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Events) == 0 {
			return all
		}
		all = append(all, page.Events...)
		after = all[len(all)-1].Sequence
	}
}

// checkAcknowledged finds what is wrong with a trail, given what was promised.
func checkAcknowledged(trail []trailEvent, all []acked) error {
	ids, commands, last := map[string]bool{}, map[string]string{}, map[string]uint64{}
	for i, e := range trail {
		if e.Sequence != uint64(i)+1 {
			return fmt.Errorf("event %d stands at place %d: a gap or repetition", e.Sequence, i+1)
		}
		if ids[e.ID] {
			return fmt.Errorf("event id %s stands twice", e.ID)
		}
		ids[e.ID] = true
		if e.Request == "" {
			continue
		}
		if c, ok := commands[e.Request]; ok && c != e.Command {
			return fmt.Errorf("request %s was carried out twice, as %s and %s", e.Request, c, e.Command)
		}
		commands[e.Request], last[e.Request] = e.Command, e.Sequence
	}
	for _, a := range all {
		if last[a.request] != a.position {
			return fmt.Errorf("request %s was acknowledged at position %d and ends at %d", a.request, a.position, last[a.request])
		}
	}
	return nil
}

// load sends commands from several callers until the server is gone.
type load struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup
	mu     sync.Mutex
	done   []acked
}

func newLoad(c *client) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	for worker := range 6 {
		l.wait.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if l.life(ctx, c, worker, i) != nil {
					return
				}
			}
		})
	}
	return l
}

// life takes one key through its life.
func (l *load) life(ctx context.Context, c *client, worker, i int) error {
	name := fmt.Sprintf("load %d-%d", worker, i)
	created, err := l.send(ctx, c, "POST", "/v1/keys", fmt.Sprintf(
		`{"name":%q,"environment":"live","permissions":["onramp:create","onramp:read"]}`, name))
	if err != nil || created.status != http.StatusCreated {
		return err
	}
	path := "/v1/keys/" + created.field("id")
	for _, step := range [][3]string{
		{"PATCH", path, `{"permissions":["onramp:read"],"name":"narrowed"}`},
		{"POST", path + "/rotate", `{"overlap":"1h"}`},
		{"POST", path + "/suspend", ""},
		{"POST", path + "/resume", ""},
		{"DELETE", path, ""},
	} {
		if _, err := l.send(ctx, c, step[0], step[1], step[2]); err != nil {
			return err
		}
	}
	return nil
}

// send sends a command under a request id of its own and remembers what was
// promised.
func (l *load) send(ctx context.Context, c *client, method, path, body string) (answer, error) {
	request := fmt.Sprintf("req_%016x", rand.Uint64())
	a, err := c.do(ctx, method, path, body, "X-Request-Id", request)
	if err != nil {
		return a, err
	}
	if position, _ := strconv.ParseUint(a.field("position"), 10, 64); a.status < 300 && position > 0 {
		l.mu.Lock()
		l.done = append(l.done, acked{request: request, position: position})
		l.mu.Unlock()
	}
	return a, nil
}

// end stops the callers and returns what they were promised.
func (l *load) end() []acked {
	l.cancel()
	l.wait.Wait()
	return l.done
}
