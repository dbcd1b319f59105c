package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
)

// operation is one call of the API.
type operation struct {
	id, method, path string
	tag, summary     string
	description      string
	status           int            // of success; 0 is 200
	rights           []access.Right // any of them
	body             any            // a zero value of what the body says; nil: there is none
	optional         bool           // the body may be missing
}

// huma describes the operation; the body is documented by hand, because it is
// read by hand.
func (o operation) huma(registry huma.Registry) huma.Operation {
	status := o.status
	if status == 0 {
		status = http.StatusOK
	}
	out := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag},
		Summary: o.summary, Description: strings.TrimSpace(o.description + "\n\n" + o.needs()),
		DefaultStatus: status, MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout, SkipValidateBody: true,
		Security:                     []map[string][]string{{securityScheme: {}}},
		RejectUnknownQueryParameters: true,
		Responses:                    map[string]*huma.Response{"default": failureResponse(registry)},
	}
	return out
}

func (o operation) needs() string {
	var words []string
	for _, r := range o.rights {
		words = append(words, "`"+string(r)+"`")
	}
	if len(words) == 0 {
		return ""
	}
	return "Needs the management right " + strings.Join(words, " or ") + "."
}

// failureResponse documents every answer that is not a success.
func failureResponse(registry huma.Registry) *huma.Response {
	return &huma.Response{
		Description: "A refusal. Nothing has changed, unless the code is ledger_unavailable and the message says that it may have.",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(reflect.TypeFor[edge.Failure](), true, "Failure")},
		},
	}
}

// reply is an answer of success.
type reply[T any] struct{ Body edge.Success[T] }

// register serves an operation to callers with a good credential and one of its
// rights. I holds the parameters; T is the data of the answer.
func register[I, T any](a *api, o operation, handle func(ctx context.Context, c *caller, in *I) (T, error)) {
	registry := a.huma.OpenAPI().Components.Schemas
	op := o.huma(registry)
	op.Middlewares = huma.Middlewares{a.admit(o)}
	if o.body != nil {
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{}}
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*reply[T], error) {
		c := callerOf(ctx)
		data, err := handle(ctx, c, in)
		if err != nil {
			return nil, a.fail(ctx, c, err)
		}
		return &reply[T]{Body: edge.OK(data)}, nil
	})
	if o.body != nil { // after Register, which has written that the body is binary
		op.RequestBody.Required = !o.optional
		op.RequestBody.Content = map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(reflect.TypeOf(o.body), true, o.id+"Body")},
		}
	}
}

// admit lets in callers whose key is good and has one of the rights, and stops
// their requests in time.
func (a *api) admit(o operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		c, refused := a.caller(r, o.rights)
		if refused == nil && o.body != nil && r.ContentLength != 0 {
			if err := edge.CheckJSON(r.Header.Get("Content-Type")); err != nil {
				refused = a.fail(r.Context(), c, err)
			}
		}
		if refused != nil {
			refused.Write(w)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		within, cancel := context.WithTimeout(context.WithValue(ctx.Context(), callerKey{}, c), a.Timeout)
		defer cancel()
		next(&admitted{humaContext: huma.WithContext(ctx, within)})
	}
}

// humaContext is huma.Context under a name that leaves its method Context be.
type humaContext huma.Context

// admitted is the context of a request that was let in. It lets translate choose
// the status, which huma has settled before it asks.
type admitted struct {
	humaContext
	status int // 0 is what huma says
}

// SetStatus writes the status of the answer.
func (c *admitted) SetStatus(status int) {
	if c.status != 0 {
		status = c.status
	}
	c.humaContext.SetStatus(status)
}

// Unwrap lets humago find the request below.
func (c *admitted) Unwrap() huma.Context { return c.humaContext }

// fail is the answer to a caller whose request was refused or failed.
func (a *api) fail(ctx context.Context, c *caller, err error) *edge.Failure {
	return a.Gate.Phrase(edge.Describe(ctx, a.Log, err), c.scheme)
}

// translate turns what huma itself has to say into our envelope. Its own error
// model repeats what was sent; of that only the place and the kind of the
// mistake are taken over.
func (a *api) translate(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	f := edge.Describe(ctx.Context(), a.Log, refusalOf(model))
	if c, ok := ctx.(*admitted); ok {
		c.status = f.GetStatus()
	}
	ctx.SetHeader("Content-Type", "application/json")
	return f, nil
}

// refusalOf is what huma has to say about a request, in our words.
func refusalOf(m *huma.ErrorModel) error {
	switch {
	case m.Status == http.StatusRequestEntityTooLarge:
		return refusal.New(edge.TooLarge, "the body may have %d bytes", maxBody)
	case m.Status >= http.StatusInternalServerError && len(m.Errors) == 0:
		return refusal.New(edge.Internal, "something is wrong with this node; its log has the request id")
	case m.Status >= http.StatusInternalServerError:
		return refusal.New(refusal.InvalidRequest, "the body did not arrive whole")
	case len(m.Errors) == 0:
		return refusal.New(refusal.InvalidRequest, "%s", m.Detail)
	}
	first := m.Errors[0]
	_, field, found := strings.Cut(first.Location, ".")
	if !found {
		field = first.Location
	}
	return refusal.Invalid(edge.ShownName(field), "%s", first.Message)
}

// ifMatch reads the header of that name: the revision, as an entity tag or bare.
// Zero is none, or any.
func ifMatch(header string) (uint64, error) {
	tag := strings.Trim(strings.TrimPrefix(strings.TrimSpace(header), "W/"), `"`)
	if tag == "" || tag == "*" {
		return 0, nil
	}
	revision, err := strconv.ParseUint(tag, 10, 64)
	if err != nil || revision == 0 {
		return 0, refusal.Invalid("If-Match", `use the revision that reading the key gives, as in "7"`)
	}
	return revision, nil
}
