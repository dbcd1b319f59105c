package gateway_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/keyledger/keyledger/adapters/gateway"
	"github.com/keyledger/keyledger/adapters/gateway/gatewaytest"
	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/scheme"
)

// web3pay is the preset, as JSON.
func web3pay(tb testing.TB) []byte {
	tb.Helper()
	return preset(tb, "web3pay")
}

// preset is a scheme that comes with keyledger, as JSON.
func preset(tb testing.TB, name string) []byte {
	tb.Helper()
	text, ok := scheme.Preset(name)
	if !ok {
		tb.Fatalf("no preset %s", name)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		tb.Fatal(err)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func canonical(tb testing.TB, d scheme.Document) []byte {
	tb.Helper()
	s, err := scheme.New(d)
	if err != nil {
		tb.Fatal(err)
	}
	return s.Canonical()
}

// world is a node with the schemes web3pay (first), voltz, widget and ops.
type world struct {
	*gatewaytest.Node
	gate *gateway.Gate
	log  *bytes.Buffer
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	n := gatewaytest.New(tb, web3pay(tb), canonical(tb, gatewaytest.Voltz()), canonical(tb, gatewaytest.Widget()),
		canonical(tb, gatewaytest.Ops()))
	w := &world{Node: n, log: &bytes.Buffer{}}
	w.gate = gateway.New(n.Verifier, gateway.Config{Scheme: "web3pay", Log: telemetry.NewLogger(w.log, slog.LevelDebug)})
	return w
}

// presetWorld is a node with these presets, an account of the same name on each.
func presetWorld(tb testing.TB, names ...string) *world {
	tb.Helper()
	var documents [][]byte
	for _, name := range names {
		documents = append(documents, preset(tb, name))
	}
	w := &world{Node: gatewaytest.New(tb, documents...), log: &bytes.Buffer{}}
	w.gate = gateway.New(w.Verifier, gateway.Config{Scheme: names[0], Log: telemetry.NewLogger(w.log, slog.LevelDebug)})
	for _, name := range names {
		w.Open(tb, name, name)
	}
	return w
}

// request is one to present something with.
func request(tb testing.TB, method, target string, body string) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, target, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:4711"
	return r
}

func basic(public, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(public+":"+secret))
}

// answer is what a handler said.
type answer struct {
	status int
	header http.Header
	code   string // of the refusal
	data   edge.Answer
	body   string
}

func ask(tb testing.TB, h http.Handler, r *http.Request) answer {
	tb.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	var envelope struct {
		Success bool         `json:"success"`
		Data    edge.Answer  `json:"data"`
		Error   edge.Problem `json:"error"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil {
		tb.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	if envelope.Success != (w.Code < 300) {
		tb.Errorf("success %t with status %d", envelope.Success, w.Code)
	}
	out.code, out.data = envelope.Error.Code, envelope.Data
	return out
}
