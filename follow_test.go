package keyledger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger"
)

// stored is the payload of a made-up event.
func stored(n int) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"evt_%d","type":"keyledger.key.created.v1","subject":"key/key_%d","data":{"name":"<%d>"}}`, n, n, n)
}

// sent is the event as a server sends it.
func sent(n int) string { return fmt.Sprintf(`{"sequence":%d,%s`, n, stored(n)[1:]) }

func message(n int) string {
	return fmt.Sprintf("id: %d\nevent: keyledger.key.created.v1\ndata: %s\n\n", n, sent(n))
}

// streams is a server whose n-th connection is served by the n-th function, the
// last one for ever. It records where each began.
func streams(t *testing.T, connections ...func(w io.Writer)) (*keyledger.Client, *record) {
	t.Helper()
	began := new(record)
	client, _ := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != "text/event-stream" || r.Header.Get("X-API-Key") != someKey {
			t.Error("not a request for a stream, or without the key")
		}
		n := began.add(r.FormValue("after"))
		w.Header().Set("Content-Type", "text/event-stream")
		connections[min(n, len(connections))-1](w)
	})
	return client, began
}

var errEnough = errors.New("enough")

// collect follows until it has n events.
func collect(ctx context.Context, client *keyledger.Client, s keyledger.Subscription, n int) ([]uint64, error) {
	var got []uint64
	err := client.Follow(ctx, s, func(e keyledger.Event) error {
		if string(e.Payload) != stored(int(e.Sequence)) {
			return fmt.Errorf("event %d: payload %s", e.Sequence, e.Payload)
		}
		if got = append(got, e.Sequence); len(got) == n {
			return errEnough
		}
		return nil
	})
	return got, err
}

// TestFollowGoesOnWhereItWasLost cuts the stream between events, inside an event
// and before the first, and repeats events that have been delivered.
func TestFollowGoesOnWhereItWasLost(t *testing.T) {
	client, began := streams(t,
		func(w io.Writer) { _, _ = io.WriteString(w, message(3)+message(4)) },
		func(w io.Writer) { _, _ = io.WriteString(w, ": hello\n\n") },
		func(w io.Writer) { _, _ = io.WriteString(w, message(3)+message(4)+message(7)+message(8)[:40]) },
		func(w io.Writer) { _, _ = io.WriteString(w, message(8)+message(9)) },
	)
	var lost []error
	s := keyledger.Subscription{EventFilter: keyledger.EventFilter{After: 2}, Lost: func(err error) { lost = append(lost, err) }}
	got, err := collect(t.Context(), client, s, 5)
	if !errors.Is(err, errEnough) {
		t.Errorf("got %v, want the caller's own error", err)
	}
	if diff := cmp.Diff([]uint64{3, 4, 7, 8, 9}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2", "4", "4", "7"}, began.all()); diff != "" {
		t.Errorf("connections began after (-want +got):\n%s", diff)
	}
	if len(lost) != 3 {
		t.Errorf("told of %d lost connections, want 3: %v", len(lost), lost)
	}
}

func TestFollowEndsWhereTheServerRefuses(t *testing.T) {
	for _, test := range []struct {
		status int
		code   keyledger.Code
		ends   bool
	}{
		{401, keyledger.ErrKeyRevoked, true},
		{403, keyledger.ErrPermissionDenied, true},
		{404, keyledger.ErrNotFound, true},
		{422, keyledger.ErrInvalidRequest, true},
		{429, "", false},
		{500, keyledger.ErrInternal, false},
		{502, "", false},
		{503, keyledger.ErrLedgerUnavailable, false},
	} {
		var asked atomic.Int64
		client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 3 {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, message(1))
				return
			}
			answer(w, test.status, fmt.Sprintf(`{"success": false, "error": {"code": %q, "message": "no"}}`, test.code))
		})
		got, err := collect(t.Context(), client, keyledger.Subscription{}, 1)
		if ended := asked.Load() == 1 && len(got) == 0; ended != test.ends {
			t.Errorf("status %d: asked %d times, ended with %v", test.status, asked.Load(), err)
		}
		if test.ends && !errors.Is(err, test.code) {
			t.Errorf("status %d: got %v", test.status, err)
		}
	}
}

func TestFollowEndsOnWhatIsNoEventStream(t *testing.T) {
	for name, body := range map[string]string{
		"no id":            "data: " + sent(1) + "\n\n",
		"another id":       "id: 2\ndata: " + sent(1) + "\n\n",
		"no sequence":      "id: 1\ndata: " + stored(1) + "\n\n",
		"a sequence later": "id: 1\ndata: {" + stored(1)[1:len(stored(1))-1] + `,"sequence":1}` + "\n\n",
		"not an event":     "id: 1\ndata: hello\n\n",
		"an event of none": "id: 1\ndata: {\"sequence\":1,\"a\":2}\n\n",
		"an endless line":  "id: 1\ndata: " + strings.Repeat("x", 2*keyledger.MaxStreamLine) + "\n\n",
	} {
		client, began := streams(t, func(w io.Writer) { _, _ = io.WriteString(w, body) })
		if _, err := collect(t.Context(), client, keyledger.Subscription{}, 1); !errors.Is(err, keyledger.ErrProtocol) || len(began.all()) != 1 {
			t.Errorf("%s: connected %d times, got %v", name, len(began.all()), err)
		}
	}
	client, _ := served(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"success": true, "data": {}}`) })
	if _, err := collect(t.Context(), client, keyledger.Subscription{}, 1); !errors.Is(err, keyledger.ErrProtocol) {
		t.Errorf("an answer in JSON: got %v", err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough of it")
	client, _ := streams(t, func(w io.Writer) {
		_, _ = io.WriteString(w, message(1))
		_ = http.NewResponseController(w.(http.ResponseWriter)).Flush()
		<-ctx.Done()
	})
	err := client.Follow(ctx, keyledger.Subscription{}, func(keyledger.Event) error { cancel(why); return nil })
	if !errors.Is(err, why) {
		t.Errorf("got %v, want the cause of the cancellation", err)
	}
}

// pipes is a transport whose every answer is an event stream that says what
// write writes, on virtual time.
type pipes struct {
	write  func(n int, w io.Writer)
	opened []string
}

func (p *pipes) RoundTrip(r *http.Request) (*http.Response, error) {
	p.opened = append(p.opened, r.FormValue("after"))
	n := len(p.opened)
	body, w := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = w.CloseWithError(r.Context().Err()) })
	go p.write(n, w)
	return &http.Response{
		StatusCode: 200, Body: body, Request: r,
		Header: http.Header{"Content-Type": {"text/event-stream"}},
	}, nil
}

// TestSilentStreamIsOpenedAgain: a connection whose other end has gone without a
// word looks like one on which nothing happens; comments tell the two apart.
func TestSilentStreamIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var spoke atomic.Int64
		transport := &pipes{write: func(n int, w io.Writer) {
			if n == 2 {
				_, _ = io.WriteString(w, message(6))
				return
			}
			_, _ = io.WriteString(w, message(5))
			for range 3 {
				time.Sleep(keyledger.StreamSilence - time.Second)
				_, _ = io.WriteString(w, ": still here\n")
			}
			spoke.Store(int64(time.Since(began)))
		}}
		client := keyledger.NewClient("http://ledger", someKey)
		client.HTTP = &http.Client{Transport: transport}
		got, err := collect(t.Context(), client, keyledger.Subscription{}, 2)
		if !errors.Is(err, errEnough) {
			t.Error(err)
		}
		if diff := cmp.Diff([]uint64{5, 6}, got); diff != "" {
			t.Error(diff)
		}
		silent := time.Since(began) - time.Duration(spoke.Load())
		if silent < keyledger.StreamSilence || silent > keyledger.StreamSilence+time.Second {
			t.Errorf("opened again after %v of silence", silent)
		}
	})
}

// TestSlowCallerIsNotTakenForASilentStream: the time that deliver takes is its
// own.
func TestSlowCallerIsNotTakenForASilentStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &pipes{write: func(_ int, w io.Writer) {
			for n := 1; n <= 3; n++ {
				_, _ = io.WriteString(w, message(n))
			}
		}}
		client := keyledger.NewClient("http://ledger", someKey)
		client.HTTP = &http.Client{Transport: transport}
		n := 0
		err := client.Follow(t.Context(), keyledger.Subscription{}, func(keyledger.Event) error {
			time.Sleep(2 * keyledger.StreamSilence)
			if n++; n == 3 {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) || len(transport.opened) != 1 {
			t.Errorf("opened %d times: %v", len(transport.opened), err)
		}
	})
}

func TestTrailIsReadPageByPage(t *testing.T) {
	client, _ := served(t, func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.FormValue("after"))
		events := sent(after+1) + "," + sent(after+2)
		if after == 3 {
			events = "" // what the filter leaves out may fill a page
		}
		answer(w, 200, fmt.Sprintf(`{"success": true, "data": {"events": [%s], "next_after": %d, "more": %t}}`, events, after+2, after < 5))
	})
	var got []uint64
	for e, err := range client.AllEvents(t.Context(), keyledger.EventFilter{After: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if string(e.Payload) != stored(int(e.Sequence)) {
			t.Errorf("event %d is not the stored bytes: %s", e.Sequence, e.Payload)
		}
		got = append(got, e.Sequence)
	}
	if diff := cmp.Diff([]uint64{2, 3, 6, 7}, got); diff != "" {
		t.Error(diff)
	}
}
