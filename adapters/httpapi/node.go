package httpapi

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/refusal"
)

const (
	tagVerification = "Verification"
	tagNode         = "Node"
)

// Health is the state of a node.
type Health struct {
	Status string `json:"status" enum:"alive,ready"`
}

// registerNode serves what needs no management right, and describes it.
func (a *api) registerNode() {
	a.mux.Handle("POST /v1/verify", a.Verify)
	a.describeRaw("POST", "/v1/verify", tagVerification, "Decide on a presented credential",
		"To be refused is an answer with status 200 and the reason as `code`; 400 is for what is not JSON. Open to programs on the node's own machine; "+
			"others need the management right `verify`.", reflect.TypeFor[edge.Question](), reflect.TypeFor[edge.Success[edge.Answer]]())
	for _, path := range [...]string{"/v1/me", "/me"} {
		a.mux.Handle("GET "+path, a.Me)
		a.describeRaw("GET", path, tagVerification, "Describe the presented credential",
			"Any good credential may ask; one that is not good gets its error.", nil, reflect.TypeFor[edge.Success[edge.Answer]]())
	}
	health := reflect.TypeFor[edge.Success[Health]]()
	a.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		edge.WriteJSON(w, http.StatusOK, edge.OK(Health{Status: "alive"}))
	})
	a.describeRaw("GET", "/livez", tagNode, "Is the process alive", "", nil, health)
	a.mux.HandleFunc("GET /readyz", a.readyz)
	a.describeRaw("GET", "/readyz", tagNode, "Does the node take requests", "503 with the reason where it does not.", nil, health)
	if a.Metrics != nil {
		a.mux.Handle("GET /metrics", a.Metrics.Handler())
		a.describeRaw("GET", "/metrics", tagNode, "Metrics for Prometheus", "", nil, nil)
	}
}

// NotReady is why a node is not ready, in words for whoever asks: no path, no
// address, nothing that another program said.
type NotReady string

func (n NotReady) Error() string { return string(n) }

func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	if err := a.Ready(r.Context()); err != nil {
		edge.Describe(r.Context(), a.Log, notReady(err)).Write(w)
		return
	}
	edge.WriteJSON(w, http.StatusOK, edge.OK(Health{Status: "ready"}))
}

// notReady is the refusal of a node that is not ready. What its reason does not
// tell is its cause.
func notReady(err error) error {
	reason, ok := errors.AsType[NotReady](err)
	if !ok {
		reason = "its log has the request id"
	}
	out := &refusal.Error{Code: refusal.Unavailable, Message: "not ready: " + string(reason)}
	if _, whole := err.(NotReady); !whole { //nolint:errorlint // whether anything is wrapped around the reason is the question
		out.Cause = err
	}
	return out
}

// describeRaw puts a route into the document that is served without huma. body
// and answer are nil where there is none, or none in JSON.
func (a *api) describeRaw(method, path, tag, summary, description string, body, answer reflect.Type) {
	doc := a.huma.OpenAPI()
	op := &huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Tags: []string{tag}, Summary: summary, Description: description,
		Responses: map[string]*huma.Response{"200": {Description: "OK"}, "default": failureResponse(doc.Components.Schemas)},
	}
	if tag == tagVerification {
		op.Security = []map[string][]string{{}, {securityScheme: {}}}
	}
	if body != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: doc.Components.Schemas.Schema(body, true, "")},
		}}
	}
	if answer != nil {
		op.Responses["200"].Content = map[string]*huma.MediaType{
			"application/json": {Schema: doc.Components.Schemas.Schema(answer, true, "")},
		}
	}
	doc.AddOperation(op)
}
