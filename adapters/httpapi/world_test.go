package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/keyledger/keyledger/adapters/gateway"
	"github.com/keyledger/keyledger/adapters/gateway/gatewaytest"
	"github.com/keyledger/keyledger/adapters/httpapi"
	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/scheme"
)

// world is a node with its API. Account root uses web3pay; accounts acme and
// rival use ops, whose permissions carry rights; account shop uses voltz.
type world struct {
	*gatewaytest.Node
	handler  http.Handler
	metrics  *telemetry.Metrics
	log      *logs
	notReady error
}

// logs is a buffer for several writers.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	text, ok := scheme.Preset("web3pay")
	if !ok {
		tb.Fatal("no preset web3pay")
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		tb.Fatal(err)
	}
	web3pay, err := json.Marshal(doc)
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{
		Node: gatewaytest.New(tb, web3pay, canonical(tb, gatewaytest.Ops()), canonical(tb, gatewaytest.Voltz())),
		log:  &logs{},
	}
	w.Open(tb, "acme", "ops")
	w.Open(tb, "rival", "ops")
	w.Open(tb, "shop", "voltz")
	log := telemetry.NewLogger(w.log, slog.LevelDebug)
	w.metrics = telemetry.NewMetrics(telemetry.Build{Version: "test"})
	gate := gateway.New(w.Verifier, gateway.Config{Scheme: "web3pay", Log: log, Metrics: w.metrics})
	w.handler, err = httpapi.New(httpapi.Config{
		Ledger: w.Ledger, Directory: w.Directory, Trail: w.Trail, Gate: gate,
		Verify: gate.VerifyHandler(), Me: gate.MeHandler(), Usage: w.Used, Metrics: w.metrics, Log: log, Version: "test",
		Ready: func(context.Context) error { return w.notReady },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func canonical(tb testing.TB, d scheme.Document) []byte {
	tb.Helper()
	s, err := scheme.New(d)
	if err != nil {
		tb.Fatal(err)
	}
	return s.Canonical()
}

// key makes a key and returns its secret and id.
func (w *world) key(tb testing.TB, want ledger.NewKey) (secret, id string) {
	tb.Helper()
	if want.Environment == "" {
		want.Environment = "live"
	}
	out := w.Create(tb, want)
	return out.Minted.Secret.Reveal(), out.Key.ID
}

// holding makes a key of acme in live with these permissions.
func (w *world) holding(tb testing.TB, permissions ...string) (secret, id string) {
	tb.Helper()
	return w.key(tb, ledger.NewKey{Account: "acme", Permissions: permissions})
}

// object is a JSON object.
type object = map[string]any

// answer is what the API said.
type answer struct {
	status int
	header http.Header
	body   string
	data   object
	err    edge.Problem
}

func (a answer) text(path ...string) string {
	v, _ := dig(a.data, path...).(string)
	return v
}

func (a answer) number(path ...string) float64 {
	v, _ := dig(a.data, path...).(float64)
	return v
}

func dig(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(object)
		v = o[name]
	}
	return v
}

// call is one request to the API.
type call struct {
	method, path, key string
	body              any // a string is sent as it is
	header            map[string]string
}

func (w *world) do(tb testing.TB, c call) answer {
	tb.Helper()
	var body string
	switch b := c.body.(type) {
	case nil:
	case string:
		body = b
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			tb.Fatal(err)
		}
		body = string(raw)
	}
	r := httptest.NewRequestWithContext(tb.Context(), c.method, c.path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:4711"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		r.Header.Set("X-API-Key", c.key)
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, r)
	return read(tb, out)
}

func read(tb testing.TB, out *httptest.ResponseRecorder) answer {
	tb.Helper()
	a := answer{status: out.Code, header: out.Header(), body: out.Body.String()}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		return a
	}
	var envelope struct {
		Success *bool        `json:"success"`
		Data    object       `json:"data"`
		Error   edge.Problem `json:"error"`
	}
	if err := json.Unmarshal(out.Body.Bytes(), &envelope); err != nil {
		tb.Fatalf("%d %s: %v", out.Code, out.Body, err)
	}
	if envelope.Success != nil && *envelope.Success != (out.Code < 300) {
		tb.Errorf("success %t with status %d", *envelope.Success, out.Code)
	}
	a.data, a.err = envelope.Data, envelope.Error
	return a
}

// want fails unless the answer has this status.
func (a answer) want(tb testing.TB, status int) answer {
	tb.Helper()
	if a.status != status {
		tb.Fatalf("%d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// refused fails unless the answer is this refusal.
func (a answer) refused(tb testing.TB, status int, code, field string) {
	tb.Helper()
	got := ""
	if a.err.Field != nil {
		got = *a.err.Field
	}
	if a.status != status || a.err.Code != code || got != field {
		tb.Errorf("%d %s of field %q, want %d %s of field %q: %s", a.status, a.err.Code, got, status, code, field, a.body)
	}
	if a.err.RequestID == "" || a.err.RequestID != a.header.Get("X-Request-Id") || a.err.Message == "" {
		tb.Errorf("a refusal without request id or message: %s", a.body)
	}
}

const day = 24 * time.Hour
