package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger"
)

// storedEvent is an event as it lies on the ledger; sentEvent is it as a server
// sends it.
func storedEvent(n int, environment string) string {
	return fmt.Sprintf(`{"id":"evt_%d","type":"keyledger.key.revoked.v1","subject":"key/key_1","time":"2027-01-10T11:00:00Z","environment":%q,"account":"root","actor":"key_root","reason":"superseded","data":{}}`, n, environment)
}

func sentEvent(n int, environment string) string {
	return fmt.Sprintf(`{"sequence":%d,%s`, n, storedEvent(n, environment)[1:])
}

func TestTrailInJSONIsTheStoredBytes(t *testing.T) {
	k, c := serveCanned(t, map[string][]string{"GET /v1/events": {
		`{"events": [` + sentEvent(3, "live") + "," + sentEvent(4, "test") + `], "next_after": 4, "more": true}`,
		`{"events": [], "next_after": 900, "more": true}`,
		`{"events": [` + sentEvent(901, "live") + `], "next_after": 901, "more": false}`,
	}})
	status := k.run(t.Context(), "audit", "log", "--output", "json", "--environment", "live", "--type", "key.revoked", "--after", "2", "--since", "2d")
	if want := storedEvent(3, "live") + "\n" + storedEvent(901, "live") + "\n"; status != exitDone || k.stdout != want {
		t.Errorf("status %d: %s\n%s", status, k.stderr, cmp.Diff(want, k.stdout))
	}
	const rest = "&from=2027-01-08T12%3A00%3A00Z&limit=200&type=keyledger.key.revoked.v1"
	want := []string{"GET /v1/events?after=2" + rest, "GET /v1/events?after=4" + rest, "GET /v1/events?after=900" + rest}
	if diff := cmp.Diff(want, requests(c)); diff != "" {
		t.Error(diff)
	}
}

// TestWatchBeginsNowGoesOnAndSaysWhereItStopped runs into a cut connection and
// an interrupt.
func TestWatchBeginsNowGoesOnAndSaysWhereItStopped(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	opened := make(chan string, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/me" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"success": true, "data": {"valid": true, "position": 6}}`)
			return
		}
		after := r.FormValue("after")
		opened <- after
		w.Header().Set("Content-Type", "text/event-stream")
		if after == "6" {
			_, _ = fmt.Fprintf(w, ": hello\n\nid: 7\ndata: %s\n\n", sentEvent(7, "live"))
			return // cut
		}
		_, _ = fmt.Fprintf(w, "id: 9\ndata: %s\n\n", sentEvent(9, "live"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	k := &keyboard{server: server.URL}
	out := &interruptAt{lines: 2, interrupt: interrupt}
	status := k.runTo(ctx, out, "watch")
	close(opened)
	var places []string
	for after := range opened {
		places = append(places, after)
	}
	if diff := cmp.Diff([]string{"6", "7"}, places); diff != "" {
		t.Errorf("opened after (-want +got):\n%s", diff)
	}
	if status != exitDone || !strings.Contains(k.stderr, "connection lost") || !strings.Contains(k.stderr, "--after 9") {
		t.Errorf("status %d, noted %q", status, k.stderr)
	}
	want := "7\t2027-01-10T11:00:00Z\tkey.revoked\troot\tlive\tkey/key_1\tkey_root\treason=superseded\n" +
		"9\t2027-01-10T11:00:00Z\tkey.revoked\troot\tlive\tkey/key_1\tkey_root\treason=superseded\n"
	if diff := cmp.Diff(want, string(out.text)); diff != "" {
		t.Error(diff)
	}
}

// interruptAt interrupts when so many lines have been written.
type interruptAt struct {
	text      []byte
	lines     int
	interrupt func()
}

func (w *interruptAt) Write(p []byte) (int, error) {
	w.text = append(w.text, p...)
	if bytes.Count(w.text, []byte("\n")) == w.lines {
		w.interrupt()
	}
	return len(p), nil
}

func TestEventsAreSummedUpInWords(t *testing.T) {
	for data, want := range map[string]string{
		`{}`:   "",
		`null`: "",
		`[1]`:  "",
		`{"name": "a b", "permissions": ["x", "y"], "credential": {"prefix": "p_1", "last4": "abcd", "hash": "aGFzaA=="}, "ends_at": null}`: `credential=p_1…abcd name="a b" permissions=[x,y]`,
		`{"version": 2, "document": {"scheme": "x"}, "ok": true}`:                                                                           "ok=true version=2",
		`{"name": "` + strings.Repeat("é", 300) + `"}`:                                                                                      "name=" + strings.Repeat("é", maxSummary-6) + "…",
	} {
		if got := summary(keyledger.Event{Data: []byte(data)}); got != want {
			t.Errorf("%s: got %q, want %q", data, got, want)
		}
	}
}

func TestTypesHaveAShortForm(t *testing.T) {
	for long, short := range map[string]string{
		"keyledger.key.revoked.v1": "key.revoked", "keyledger.key.revoked.v2": "key.revoked.v2", "other.thing": "other.thing",
	} {
		if got := shortType(long); got != short {
			t.Errorf("%s: got %q", long, got)
		}
	}
	if got := longType("key.revoked"); got != "keyledger.key.revoked.v1" {
		t.Errorf("got %q", got)
	}
	if got := longType("keyledger.key.revoked.v2"); got != "keyledger.key.revoked.v2" {
		t.Errorf("got %q", got)
	}
}
