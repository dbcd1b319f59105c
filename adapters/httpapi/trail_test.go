package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/events"
)

func TestTheTrailIsTheStoredEventsWithTheirSequence(t *testing.T) {
	w := newWorld(t)
	_, id := w.holding(t, "read")
	for path, want := range map[string]int{"/v1/events?limit=1000": int(w.Head(t)), "/v1/keys/" + id + "/events": 1} {
		got := w.do(t, call{method: "GET", path: path, key: w.Root}).want(t, 200)
		var data struct {
			Data struct {
				Events []json.RawMessage `json:"events"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(got.body), &data); err != nil {
			t.Fatal(err)
		}
		if len(data.Data.Events) != want || got.number("next_after") != float64(w.Head(t)) || got.data["more"] != false {
			t.Errorf("%s: %d events, next_after %v", path, len(data.Data.Events), got.data["next_after"])
		}
		for _, raw := range data.Data.Events {
			var e struct {
				Sequence uint64 `json:"sequence"`
				Type     string `json:"type"`
			}
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Fatal(err)
			}
			stored, ok, err := w.Trail.Event(e.Sequence)
			if err != nil || !ok {
				t.Fatalf("event %d: %v", e.Sequence, err)
			}
			prefix := `{"sequence":` + strconv.FormatUint(e.Sequence, 10) + `,`
			if string(raw) != prefix+string(stored.Payload[1:]) || e.Type != stored.Data.Type() {
				t.Errorf("event %d is %s, stored is %s", e.Sequence, raw, stored.Payload)
			}
		}
	}
}

func TestAPartOfTheTrailResumesWhereTheLastEnded(t *testing.T) {
	w := newWorld(t)
	mine, mineID := w.holding(t, "keys:manage")
	w.do(t, call{method: "POST", path: "/v1/keys", key: mine, body: object{"name": "x", "environment": "live"}}).want(t, 201)
	count := func(query string) (n int, next string) {
		got := w.do(t, call{method: "GET", path: "/v1/events?" + query, key: w.Root}).want(t, 200)
		return len(got.data["events"].([]any)), strconv.Itoa(int(got.number("next_after")))
	}
	total, after := 0, "0"
	for range 100 {
		n, next := count("limit=3&after=" + after)
		if total += n; n == 0 {
			break
		}
		after = next
	}
	if total != int(w.Head(t)) {
		t.Errorf("%d events in pages, %d on the ledger", total, w.Head(t))
	}
	for query, want := range map[string]int{
		"type=" + events.TypeKeyCreated + "&actor=" + mineID:               1,
		"type=" + events.TypeAccountOpened + "," + events.TypeLedgerOpened: 5,
		"account=acme&type=" + events.TypeKeyCreated:                       2,
		"key=" + mineID:                        1,
		"until=2020-01-01T00:00:00Z":           0,
		"from=2020-01-01T00:00:00Z&limit=1000": int(w.Head(t)),
	} {
		if n, _ := count(query); n != want {
			t.Errorf("%s: %d events, want %d", query, n, want)
		}
	}
}

// stream is a client that follows events.
type stream struct {
	t      *testing.T
	status int
	header http.Header
	lines  *bufio.Scanner
	stop   context.CancelFunc
}

// follow opens a stream of a server.
func follow(t *testing.T, url, key, lastID string) *stream {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", key)
	r.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return &stream{t: t, status: res.StatusCode, header: res.Header, lines: bufio.NewScanner(res.Body), stop: stop}
}

// next is the next event: its id, type and data; false at the end.
func (s *stream) next() (id, typ string, data object, ok bool) {
	s.t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			typ = value
		case "data":
			if err := json.Unmarshal([]byte(value), &data); err != nil {
				s.t.Fatal(err)
			}
			return id, typ, data, true
		}
	}
	return "", "", nil, false
}

// serve runs a server of w until the test ends or shut is called.
func (w *world) serve(t *testing.T) (url string, shut func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := edge.NewServer(w.handler, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	shut = func() {
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("shut down: %v", err)
		}
		if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
		done <- nil
	}
	t.Cleanup(shut)
	return "http://" + listener.Addr().String(), shut
}

func TestAStreamGoesOnWithNewEventsAndResumes(t *testing.T) {
	w := newWorld(t)
	url, _ := w.serve(t)
	mine, _ := w.holding(t, "keys:manage")
	made := w.do(t, call{method: "POST", path: "/v1/keys", key: mine, body: object{"name": "x", "environment": "live"}}).want(t, 201)
	life := url + "/v1/keys/" + made.text("id") + "/events"

	s := follow(t, life, mine, "")
	if s.status != 200 || s.header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", s.status, s.header.Get("Content-Type"))
	}
	first, typ, data, ok := s.next()
	if !ok || typ != events.TypeKeyCreated || dig(data, "sequence") == nil || strconv.Itoa(int(data["sequence"].(float64))) != first {
		t.Fatalf("%s %s %v", first, typ, data)
	}
	w.do(t, call{method: "PATCH", path: "/v1/keys/" + made.text("id"), key: mine, body: object{"name": "y"}}).want(t, 200)
	second, typ, _, ok := s.next()
	if !ok || typ != events.TypeKeyDetailsChanged {
		t.Fatalf("%s %s", second, typ)
	}
	s.stop()
	w.do(t, call{method: "DELETE", path: "/v1/keys/" + made.text("id"), key: mine}).want(t, 200)
	resumed := follow(t, life, mine, second)
	if _, typ, _, ok := resumed.next(); !ok || typ != events.TypeKeyRevoked {
		t.Errorf("resumed with %s", typ)
	}
}

func TestAStreamEndsWithTheRightToReadIt(t *testing.T) {
	w := newWorld(t)
	url, _ := w.serve(t)
	mine, mineID := w.holding(t, "audit:read")
	_, other := w.holding(t)
	s := follow(t, url+"/v1/events?after="+strconv.FormatUint(w.Head(t), 10), mine, "")
	w.do(t, call{method: "PATCH", path: "/v1/keys/" + other, key: w.Root, body: object{"name": "seen"}}).want(t, 200)
	if _, typ, _, ok := s.next(); !ok || typ != events.TypeKeyDetailsChanged {
		t.Fatalf("%s", typ)
	}
	w.do(t, call{method: "DELETE", path: "/v1/keys/" + mineID, key: w.Root}).want(t, 200)
	w.do(t, call{method: "PATCH", path: "/v1/keys/" + other, key: w.Root, body: object{"name": "not seen"}}).want(t, 200)
	if id, typ, _, ok := s.next(); ok {
		t.Errorf("a revoked reader was sent event %s, %s", id, typ)
	}
}

func TestAStreamEndsWithTheCredentialThatOpenedIt(t *testing.T) {
	w := newWorld(t)
	url, _ := w.serve(t)
	_, other := w.holding(t)
	post := func(path string, body any) answer {
		return w.do(t, call{method: "POST", path: path, key: w.Root, body: body}).want(t, 200)
	}
	for name, end := range map[string]func(key, secret string){
		"rotated without overlap": func(key, _ string) { post("/v1/keys/"+key+"/rotate", object{"overlap": "0s"}) },
		"cut": func(key, _ string) {
			rotated := post("/v1/keys/"+key+"/rotate", object{"overlap": "1h"})
			post("/v1/keys/"+key+"/cut", object{"credential": dig(rotated.data["credentials"].([]any)[0], "id")})
		},
		"overlap run out": func(key, secret string) {
			post("/v1/keys/"+key+"/rotate", object{"overlap": "1s"})
			for w.verify(t, secret) == "ok" {
				time.Sleep(20 * time.Millisecond)
			}
		},
		"address no longer allowed": func(key, _ string) {
			w.do(t, call{method: "PATCH", path: "/v1/keys/" + key, key: w.Root, body: object{"ip_allowlist": []string{"10.0.0.0/8"}}}).want(t, 200)
		},
	} {
		secret, id := w.holding(t, "audit:read")
		for _, path := range []string{"/v1/events", "/v1/keys/" + other + "/events"} {
			if path != "/v1/events" {
				secret, id = w.holding(t, "audit:read")
			}
			s := follow(t, url+path+"?after="+strconv.FormatUint(w.Head(t), 10), secret, "")
			w.do(t, call{method: "PATCH", path: "/v1/keys/" + other, key: w.Root, body: object{"name": "seen by " + id}}).want(t, 200)
			if _, typ, _, ok := s.next(); !ok || typ != events.TypeKeyDetailsChanged {
				t.Fatalf("%s, %s: %q", name, path, typ)
			}
			end(id, secret)
			w.do(t, call{method: "PATCH", path: "/v1/keys/" + other, key: w.Root, body: object{"name": "not seen by " + id}}).want(t, 200)
			for {
				_, typ, data, ok := s.next()
				if !ok {
					break
				}
				// What still was good when the rotation was written may be told of it.
				if typ == events.TypeKeyDetailsChanged {
					t.Fatalf("%s, %s: the stream goes on with %v", name, path, data)
				}
			}
		}
	}
}

func TestAfterTheHeadThereIsNothing(t *testing.T) {
	w := newWorld(t)
	url, _ := w.serve(t)
	const last = "18446744073709551615"
	for _, after := range []string{strconv.FormatUint(w.Head(t), 10), "9223372036854775808", "18446744073709551614", last} {
		got := w.do(t, call{method: "GET", path: "/v1/events?after=" + after, key: w.Root}).want(t, 200)
		if list, ok := got.data["events"].([]any); !ok || len(list) > 0 || got.data["more"] != false || !strings.Contains(got.body, `"next_after":`+after) {
			t.Errorf("after %s: %s", after, got.body)
		}
	}
	s := follow(t, url+"/v1/events?after="+last, w.Root, "")
	w.holding(t) // wakes the stream up
	said := 0
	go func() {
		<-time.After(200 * time.Millisecond)
		s.stop()
	}()
	for s.lines.Scan() {
		if s.lines.Text() != "" {
			said++
		}
	}
	if s.status != 200 || said > 1 {
		t.Errorf("status %d; a stream that has nothing to say said it %d times", s.status, said)
	}
}

func TestAStreamShowsOneAccountOnly(t *testing.T) {
	w := newWorld(t)
	url, _ := w.serve(t)
	mine, _ := w.holding(t, "keys:manage")
	head := strconv.FormatUint(w.Head(t), 10)
	s := follow(t, url+"/v1/events?after="+head, mine, "")
	w.do(t, call{method: "POST", path: "/v1/keys", key: w.Root, body: object{"name": "theirs", "environment": "live", "account": "rival"}}).want(t, 201)
	w.do(t, call{method: "POST", path: "/v1/keys", key: w.Root, body: object{"name": "ours", "environment": "live", "account": "acme"}}).want(t, 201)
	if _, typ, data, ok := s.next(); !ok || typ != events.TypeKeyCreated || data["account"] != "acme" {
		t.Errorf("%s %v", typ, data)
	}
}

func TestShuttingDownEndsStreams(t *testing.T) {
	w := newWorld(t)
	url, shut := w.serve(t)
	s := follow(t, url+"/v1/events", w.Root, "")
	if _, _, _, ok := s.next(); !ok {
		t.Fatal("no event")
	}
	shut() // would wait for ever for a stream that goes on
	for {
		if _, _, _, ok := s.next(); !ok {
			return
		}
	}
}

func TestOnlySoManyFollowAtOnce(t *testing.T) {
	w := newWorld(t)
	url, _ := w.serve(t)
	mine, _ := w.holding(t, "audit:read")
	var open []*stream
	for range 256 {
		s := follow(t, url+"/v1/events", mine, "")
		if s.status != 200 {
			t.Fatalf("%d", s.status)
		}
		open = append(open, s)
	}
	one := follow(t, url+"/v1/events", mine, "")
	if one.status != 503 || one.header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d", one.status)
	}
	for _, s := range open {
		s.stop()
	}
}
