package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/adapters/httpapi"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

func TestWhatIsCertainlyNotWrittenSaysSo(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage")
	_, id := w.holding(t)
	w.Log.OnAppend(func(int, events.Write) eventstest.Outcome { return eventstest.Unavailable })
	head := w.Head(t)
	got := w.do(t, call{method: "DELETE", path: "/v1/keys/" + id, key: mine})
	got.refused(t, 503, "ledger_unavailable", "")
	if got.header.Get("Retry-After") == "" || got.err.Command != "" || !strings.Contains(got.err.Message, "nothing was written") {
		t.Errorf("%v %s", got.header, got.body)
	}
	const inner = "ledger unavailable" // what the log of events says
	if strings.Contains(got.body, inner) || strings.Count(w.log.String(), inner) != 1 {
		t.Errorf("the cause is not in the log alone, once: %s\n%s", got.body, w.log)
	}
	if w.Head(t) != head {
		t.Error("something was written")
	}
}

func TestWhatMayHaveBeenWrittenSaysSoWithTheCommand(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage")
	_, id := w.holding(t)
	w.Log.OnAppend(func(int, events.Write) eventstest.Outcome { return eventstest.Lost })
	got := w.do(t, call{method: "DELETE", path: "/v1/keys/" + id, key: mine})
	got.refused(t, 503, "ledger_unavailable", "")
	if got.header.Get("Retry-After") == "" || !strings.HasPrefix(got.err.Command, "cmd_") || !strings.Contains(got.err.Message, "may have been written") {
		t.Errorf("%v %s", got.header, got.body)
	}
}

func TestWhatIsWrittenButNotSeenHereSaysSo(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage")
	_, id := w.holding(t)
	w.Log.OnAppend(func(int, events.Write) eventstest.Outcome {
		w.Stop() // the node stops taking in the ledger just before the write lands
		return eventstest.Land
	})
	got := w.do(t, call{method: "DELETE", path: "/v1/keys/" + id, key: mine})
	got.refused(t, 503, "ledger_unavailable", "")
	if !strings.Contains(got.err.Message, "written at position") {
		t.Errorf("%s", got.body)
	}
}

func TestAnErrorOfNoCodeIsInternalAndLoggedOnce(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage")
	_, id := w.holding(t)
	w.Log.OnAppend(func(int, events.Write) eventstest.Outcome { return eventstest.Refused })
	got := w.do(t, call{method: "DELETE", path: "/v1/keys/" + id, key: mine})
	got.refused(t, 500, "internal", "")
	if strings.Contains(got.err.Message, "refused") || strings.Count(w.log.String(), `"level":"ERROR"`) != 1 ||
		!strings.Contains(w.log.String(), got.err.RequestID) {
		t.Errorf("%s\n%s", got.body, w.log)
	}
}

func TestReadinessSaysWhyNot(t *testing.T) {
	w := newWorld(t)
	w.do(t, call{method: "GET", path: "/livez"}).want(t, 200)
	if got := w.do(t, call{method: "GET", path: "/readyz"}).want(t, 200); got.text("status") != "ready" {
		t.Errorf("%s", got.body)
	}
	const said, detail = httpapi.NotReady("the broker cannot be used"), "write /srv/data/1.blk: no space left"
	for name, c := range map[string]struct {
		err     error
		message string
		logged  int
	}{
		"a reason":             {said, "not ready: the broker cannot be used", 0},
		"a reason with detail": {fmt.Errorf("%w: %w", said, errors.New(detail)), "not ready: the broker cannot be used", 1},
		"no reason":            {errors.New(detail), "not ready: its log has the request id", 1},
	} {
		before := strings.Count(w.log.String(), detail)
		w.notReady = c.err
		got := w.do(t, call{method: "GET", path: "/readyz"})
		got.refused(t, 503, "ledger_unavailable", "")
		if got.err.Message != c.message || strings.Count(w.log.String(), detail)-before != c.logged {
			t.Errorf("%s: %s\n%s", name, got.body, w.log)
		}
	}
	w.do(t, call{method: "GET", path: "/livez"}).want(t, 200)
}

func TestAConfigWithoutAPartIsRefused(t *testing.T) {
	if _, err := httpapi.New(httpapi.Config{Ready: func(context.Context) error { return nil }}); err == nil {
		t.Error("an API out of nothing")
	}
}

func TestMetricsCountWhatWasAsked(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.holding(t, "keys:manage")
	w.do(t, call{method: "GET", path: "/v1/keys", key: mine}).want(t, 200)
	w.do(t, call{method: "GET", path: "/v1/keys/key_nothing", key: mine}).want(t, 404)
	w.do(t, call{method: "GET", path: "/wp-login.php"}).want(t, 404)
	w.do(t, call{method: "POST", path: "/v1/verify", body: object{"key": "hello"}}).want(t, 200)
	text := w.do(t, call{method: "GET", path: "/metrics"}).want(t, 200).body
	for _, want := range []string{
		`keyledger_http_requests_total{code="200",route="GET /v1/keys"} 1`,
		`keyledger_http_requests_total{code="404",route="GET /v1/keys/{id}"} 1`,
		`keyledger_http_requests_total{code="404",route="/"} 1`,
		`keyledger_verify_total{code="ok"} 2`,
		`keyledger_verify_total{code="api_key_malformed"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
