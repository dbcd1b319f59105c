package edge_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
)

const secret = "kl_live_0123456789ABcdefghijklmnopqrstuvwxyz0123456789ABCDEF"

type body struct {
	Name     string            `json:"name"`
	List     []string          `json:"list"`
	Metadata map[string]string `json:"metadata"`
	AtLeast  *uint64           `json:"at_least"`
}

func TestAStrictBodyIsRefusedByFieldAndWithoutItsValues(t *testing.T) {
	for name, c := range map[string]struct{ raw, field, says string }{
		"nothing":             {``, "", "not one JSON value"},
		"half":                {`{"name": "x"`, "", "not one JSON value"},
		"two":                 {`{} {}`, "", "not one JSON value"},
		"list":                {`[]`, "", "must be a JSON object"},
		"null":                {`null`, "", "must be a JSON object"},
		"not UTF-8":           {"{\"name\": \"\xff\"}", "", "not UTF-8"},
		"deep":                {strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40), "", "nested too deeply"},
		"unknown":             {`{"nmae": "x"}`, "nmae", "no such field"},
		"other case":          {`{"Name": "x"}`, "Name", "no such field"},
		"twice":               {`{"name": "a", "name": "b"}`, "name", "twice"},
		"twice below":         {`{"metadata": {"k": "a", "k": "b"}}`, "k", "twice"},
		"secret as a name":    {`{"` + secret + `": 1}`, "?", "no such field"},
		"string for list":     {`{"list": "` + secret + `"}`, "list", "a list of strings"},
		"number in list":      {`{"list": [1]}`, "list", "a list of strings"},
		"number for string":   {`{"name": 7}`, "name", "a string"},
		"list for object":     {`{"metadata": []}`, "metadata", "an object of strings"},
		"negative for number": {`{"at_least": -1}`, "at_least", "a whole number"},
		"fraction for number": {`{"at_least": 1.5}`, "at_least", "a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			err := edge.Decode([]byte(c.raw), &body{})
			r, ok := errors.AsType[*refusal.Error](err)
			if !ok {
				t.Fatalf("Decode = %v, want a refusal", err)
			}
			if r.Code != refusal.InvalidRequest || r.Field != c.field || !strings.Contains(r.Message, c.says) {
				t.Errorf("refusal %q of field %q: %q, want one of field %q that says %q", r.Code, r.Field, r.Message, c.field, c.says)
			}
			if strings.Contains(err.Error(), secret[20:]) {
				t.Errorf("the refusal shows what was sent: %v", err)
			}
		})
	}
	if !errors.Is(edge.Decode([]byte(`{`), &body{}), edge.ErrSyntax) || errors.Is(edge.Decode([]byte(`{"x":1}`), &body{}), edge.ErrSyntax) {
		t.Error("ErrSyntax does not tell what is not JSON from what says the wrong thing")
	}
}

func TestAGoodBodyIsRead(t *testing.T) {
	var got body
	raw := `{"metadata": {"name": "a", "list": "b"}, "list": ["x", "y"], "name": null, "at_least": 18446744073709551615}`
	if err := edge.Decode([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	most := ^uint64(0)
	want := body{List: []string{"x", "y"}, Metadata: map[string]string{"name": "a", "list": "b"}, AtLeast: &most}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":"a","list":["b"],"metadata":{"c":"d"},"at_least":1}`, `{"name":"a","name":"b"}`, `[[`, `{"a":{"b":[{}]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got body
		if err := edge.Decode(raw, &got); err != nil {
			if refusal.CodeOf(err) != refusal.InvalidRequest {
				t.Fatalf("Decode = %v, want a refusal", err)
			}
			return
		}
		var loose body // whatever the strict reading accepts, the common one reads alike
		if err := json.Unmarshal(raw, &loose); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if diff := cmp.Diff(loose, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestOneRequestWrittenInTwoWaysIsTheSame(t *testing.T) {
	a := edge.Canonical([]byte(`{"b": [1, 2.50], "a": {"y": "z", "x": null}}`))
	b := edge.Canonical([]byte(`{ "a":{"x":null,"y":"z"},"b":[1,2.50] }`))
	if !bytes.Equal(a, b) {
		t.Errorf("%s and %s", a, b)
	}
	if c := edge.Canonical([]byte(`{"b": [1, 2.5], "a": {}}`)); bytes.Equal(a, c) {
		t.Error("another request is the same")
	}
}

func TestEveryCodeHasAStatusOfItsOwnClass(t *testing.T) {
	want := map[refusal.Code]int{
		"api_key_missing": 401, "api_key_malformed": 401, "api_key_invalid": 401, "api_key_revoked": 401,
		"api_key_expired": 401, "api_key_suspended": 401, "account_inactive": 401,
		"permission_denied": 403, "ip_not_allowed": 403, "environment_mismatch": 403, "escalation_refused": 403,
		"not_found": 404, "conflict": 409, "revision_mismatch": 412, "too_large": 413, "unsupported_media_type": 415,
		"invalid_request": 422, "immutable_field": 422, "idempotency_mismatch": 422,
		"verifier_stale": 503, "ledger_unavailable": 503, "internal": 500,
	}
	got := map[refusal.Code]int{}
	for _, code := range edge.Codes() {
		got[code] = edge.Status(code)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// serve runs one request through Observe.
func serve(t *testing.T, log io.Writer, id string, h http.HandlerFunc) (status int, header http.Header, p edge.Problem) {
	t.Helper()
	logger := telemetry.NewLogger(log, slog.LevelDebug)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/keys/{id}", h)
	server := httptest.NewServer(edge.Observe(logger, nil, mux))
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/keys/"+secret, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if id != "" {
		req.Header.Set("X-Request-Id", id)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var f edge.Failure
	raw, err := io.ReadAll(res.Body)
	if err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, f.Problem
}

func TestAPanicIsAnInternalErrorWithoutDetail(t *testing.T) {
	var log bytes.Buffer
	status, _, problem := serve(t, &log, "trace-1", func(http.ResponseWriter, *http.Request) { panic("lost " + secret) })
	if status != 500 || problem.Code != "internal" || problem.RequestID != "trace-1" {
		t.Errorf("%d %+v", status, problem)
	}
	if strings.Contains(problem.Message, "lost") || strings.Contains(log.String(), "lost") || strings.Contains(log.String(), secret[20:]) {
		t.Errorf("detail got out: %+v, %s", problem, log.String())
	}
	if !strings.Contains(log.String(), "trace-1") || strings.Count(log.String(), `"level":"ERROR"`) != 1 {
		t.Errorf("not logged once under the request's id: %s", log.String())
	}
}

func TestAnUnclassifiedErrorIsInternalAndLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelDebug)
	status, header, problem := serve(t, io.Discard, "", func(w http.ResponseWriter, r *http.Request) {
		edge.Describe(r.Context(), log, errors.New("disk on fire")).Write(w)
	})
	if status != 500 || problem.Code != "internal" || strings.Contains(problem.Message, "fire") {
		t.Errorf("%d %+v", status, problem)
	}
	if problem.RequestID == "" || problem.RequestID != header.Get("X-Request-Id") {
		t.Errorf("request id %q in the body, %q in the header", problem.RequestID, header.Get("X-Request-Id"))
	}
	if strings.Count(out.String(), "disk on fire") != 1 {
		t.Errorf("log: %s", out.String())
	}
}

func TestTheCauseOfARefusalIsForTheLogAlone(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelDebug)
	status, _, problem := serve(t, io.Discard, "", func(w http.ResponseWriter, r *http.Request) {
		edge.Describe(r.Context(), log, fmt.Errorf("revoke: %w", &refusal.Error{
			Code: refusal.Unavailable, Message: "nothing was written; try again", Cause: errors.New("open /var/lib/x: no space"),
		})).Write(w)
		_ = edge.Describe(r.Context(), log, refusal.New(refusal.Conflict, "of no cause"))
	})
	if status != 503 || problem.Message != "nothing was written; try again" {
		t.Errorf("%d %+v", status, problem)
	}
	if strings.Count(out.String(), "/var/lib/x") != 1 || !strings.Contains(out.String(), problem.RequestID) ||
		strings.Contains(out.String(), "of no cause") {
		t.Errorf("log: %s", out.String())
	}
}

func TestARefusalNeverShowsACredential(t *testing.T) {
	status, _, problem := serve(t, io.Discard, "", func(w http.ResponseWriter, r *http.Request) {
		edge.Describe(r.Context(), slog.Default(), refusal.Invalid(secret, "%q is no permission", secret)).Write(w)
	})
	if status != 422 || strings.Contains(problem.Message+*problem.Field, secret[20:]) {
		t.Errorf("%d %+v", status, problem)
	}
}

func TestOnlyASaneRequestIDIsTaken(t *testing.T) {
	var random scheme.Entropy
	minted, err := scheme.Builtin().Mint("key", "live", random)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{
		"trace-1": true, "a.b:c_d": true, "": false, "two words": false, "quote\"": false,
		strings.Repeat("x", 65): false, minted.Secret.Reveal(): false,
	} {
		_, header, _ := serve(t, io.Discard, id, func(http.ResponseWriter, *http.Request) {})
		if got := header.Get("X-Request-Id"); (got == id) != want || got == "" {
			t.Errorf("request id %q was answered by %q", id, got)
		}
	}
}

func TestABodyIsBoundedAndJSON(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, body string
		code              refusal.Code
	}{
		"JSON":              {"application/json", `{}`, ""},
		"JSON with charset": {"application/json; charset=utf-8", `{}`, ""},
		"unsaid":            {"", `{}`, ""},
		"form":              {"application/x-www-form-urlencoded", `{}`, edge.Unsupported},
		"text":              {"text/plain", `{}`, edge.Unsupported},
		"nonsense":          {";;", `{}`, edge.Unsupported},
		"exactly the limit": {"application/json", `"` + strings.Repeat("x", 98) + `"`, ""},
		"one more":          {"application/json", `"` + strings.Repeat("x", 99) + `"`, edge.TooLarge},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		raw, err := edge.ReadJSON(httptest.NewRecorder(), r, 100)
		if refusal.CodeOf(err) != c.code || err == nil && string(raw) != c.body {
			t.Errorf("%s: %v, want code %q", name, err, c.code)
		}
	}
}
