package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// mint returns the text of a key that could be real.
func mint(t *testing.T) string {
	t.Helper()
	var random scheme.Entropy
	for i := range random {
		random[i] = byte(i*7 + 3)
	}
	m, err := scheme.Builtin().Mint("key", "live", random)
	if err != nil {
		t.Fatal(err)
	}
	return m.Secret.Reveal()
}

// holder is a value that a careless caller might log whole.
type holder struct{ Inner *inner }

type inner struct{ Key string }

func TestALogNeverCarriesACredential(t *testing.T) {
	secret := mint(t)
	for name, log := range map[string]func(*slog.Logger){
		"message":         func(l *slog.Logger) { l.Debug("got " + secret) }, //nolint:sloglint // the mistake under test
		"string":          func(l *slog.Logger) { l.Debug("x", slog.String("key", secret)) },
		"part of a text":  func(l *slog.Logger) { l.Debug("x", slog.String("path", "/v1/keys/"+secret+"/rotate")) },
		"error":           func(l *slog.Logger) { l.Debug("x", slog.Any("error", fmt.Errorf("bad key %q", secret))) },
		"clipped":         func(l *slog.Logger) { l.Debug("x", slog.String("key", secret[:len(secret)-14])) },
		"struct":          func(l *slog.Logger) { l.Debug("x", slog.Any("v", holder{&inner{secret}})) },
		"bytes":           func(l *slog.Logger) { l.Debug("x", slog.Any("v", []string{secret})) },
		"group":           func(l *slog.Logger) { l.Debug("x", slog.Group("g", slog.String("key", secret))) },
		"bound attribute": func(l *slog.Logger) { l.With(slog.String("key", secret)).Debug("x") },
		"stringer":        func(l *slog.Logger) { l.Debug("x", slog.Any("v", scheme.NewSecret(secret, "kl_live_…"))) },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log(telemetry.NewLogger(&out, slog.LevelDebug))
			if out.Len() == 0 {
				t.Fatal("nothing was logged")
			}
			if hidden := secret[len("kl_live_")+scheme.LocatorLen : len(secret)-20]; strings.Contains(out.String(), hidden) {
				t.Errorf("the log shows the secret: %s", out.String())
			}
		})
	}
}

func TestRedactionKeepsWhatIsNoSecret(t *testing.T) {
	id := events.NewID(events.IDKey, time.Unix(1_700_000_000, 0), [10]byte{1, 2, 3})
	for _, text := range []string{
		"", "nothing to hide", id, "rotate " + id + " of acct_1, please", "wp3_live_sk_a1b2c3d4",
		"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	} {
		if got := telemetry.Redact(text); got != text {
			t.Errorf("Redact(%q) = %q", text, got)
		}
	}
	secret := mint(t)
	if got, want := telemetry.Redact("a "+secret+" and "+secret+"."), "a kl_live_… and kl_live_…."; got != want {
		t.Errorf("Redact = %q, want %q", got, want)
	}
}

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape: %d, %v", w.Code, err)
	}
	return string(body)
}

func TestMetricsTellWhatHappened(t *testing.T) {
	m := telemetry.NewMetrics(telemetry.Build{Version: "1.2.3", Revision: "abc"})
	m.Request("GET /v1/keys", 200)
	m.Verified("ok", 3*time.Microsecond)
	m.Verified("made up", time.Second)
	m.WatchProjection("all", func() uint64 { return 7 }, func() uint64 { return 9 })
	defer m.StreamOpened()()

	text := scrape(t, m)
	for _, want := range []string{
		`keyledger_http_requests_total{code="200",route="GET /v1/keys"} 1`,
		`keyledger_verify_total{code="ok"} 1`,
		`keyledger_verify_total{code="api_key_invalid"} 0`,
		`keyledger_verify_total{code="other"} 1`,
		`keyledger_verify_seconds_count 2`,
		`keyledger_projection_position{projection="all"} 7`,
		`keyledger_projection_lag_events{projection="all"} 2`,
		`keyledger_event_streams 1`,
		`revision="abc",version="1.2.3"} 1`,
		`go_goroutines `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestAppendsAreCountedByOutcome(t *testing.T) {
	m := telemetry.NewMetrics(telemetry.Build{})
	var memory eventstest.Memory
	log := m.CountAppends(&memory)
	history := eventstest.NewHistory()
	if err := history.Save(t.Context(), log); err != nil {
		t.Fatal(err)
	}
	for outcome, want := range map[eventstest.Outcome]error{
		eventstest.Unavailable: events.ErrUnavailable,
		eventstest.Conflict:    events.ErrConflict,
		eventstest.Lost:        events.ErrUnknown,
		eventstest.Refused:     events.ErrRefused,
	} {
		memory.OnAppend(func(int, events.Write) eventstest.Outcome { return outcome })
		w := history.Propose(eventstest.Change{
			Entity: events.AccountEntity("a"), Data: events.AccountOpened{Name: "a", Scheme: "web3pay"},
		})
		if _, err := log.Append(t.Context(), w); !errors.Is(err, want) {
			t.Errorf("append = %v, want %v", err, want)
		}
	}
	text := scrape(t, m)
	for _, outcome := range []string{"written", "unavailable", "conflict", "unknown", "refused"} {
		if want := fmt.Sprintf("keyledger_ledger_appends_total{outcome=%q} 1", outcome); !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestNoMetricsCountNothing(t *testing.T) {
	var m *telemetry.Metrics
	m.Request("GET /", 200)
	m.Verified("ok", 0)
	m.StreamOpened()()
	m.WatchProjection("all", nil, nil)
	var memory eventstest.Memory
	if _, err := m.CountAppends(&memory).Head(context.Background()); err != nil {
		t.Error(err)
	}
}
