package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/projections/audit"
)

const tagTrail = "Trail"

func (a *api) registerTrail() {
	const follow = " With `Accept: text/event-stream` the answer goes on with new events as they come: each has its sequence " +
		"as `id`, its type as `event` and the event as `data`; `Last-Event-ID` resumes as `after` does."
	registerStream(a, operation{
		id: "list-events", method: http.MethodGet, path: "/v1/events", tag: tagTrail, rights: readers(),
		summary:     "Read the trail",
		description: "Events in the order of the ledger, as CloudEvents with their sequence." + follow,
	}, func(c *caller, in *eventsInput) (audit.Query, error) { return in.query(c) })
	registerStream(a, operation{
		id: "list-key-events", method: http.MethodGet, path: "/v1/keys/{id}/events", tag: tagTrail, rights: readers(),
		summary:     "Read the life of a key",
		description: "What happened to the key, and the widening commands that it asked for." + follow,
	}, func(c *caller, in *keyEventsInput) (audit.Query, error) {
		k, err := a.seenKey(c, in.ID)
		if err != nil {
			return audit.Query{}, err
		}
		q, err := in.TrailQuery.query()
		q.Entity = k.Entity().Ref()
		return q, err
	})
}

// TrailQuery is what every part of the trail can be asked.
type TrailQuery struct {
	After  uint64   `query:"after" doc:"Events after this sequence: next_after of the page before."`
	Limit  int      `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Of one page; a stream has no limit."`
	Types  []string `query:"type" maxItems:"32" doc:"CloudEvents types: any of them, separated by commas."`
	Actor  string   `query:"actor" doc:"Who asked for it: the id of a key, or a name beginning with system:."`
	From   string   `query:"from" format:"date-time" doc:"Events whose own time is not before this."`
	Until  string   `query:"until" format:"date-time" doc:"Events whose own time is before this."`
	LastID string   `header:"Last-Event-ID" doc:"Of a stream that was cut off: goes on after it."`
}

type eventsInput struct {
	Account string `query:"account" doc:"Left out: all that the caller sees."`
	Key     string `query:"key" doc:"Id of a key."`
	TrailQuery
}

type keyEventsInput struct {
	KeyPath
	TrailQuery
}

func (in *TrailQuery) query() (q audit.Query, err error) {
	q = audit.Query{After: in.After, Limit: in.Limit, Types: in.Types, Actor: in.Actor}
	if in.LastID != "" {
		if q.After, err = strconv.ParseUint(in.LastID, 10, 64); err != nil {
			return q, refusal.Invalid("Last-Event-ID", "use the id of an event of this stream")
		}
	}
	for _, f := range [...]struct {
		name, text string
		into       *time.Time
	}{{"from", in.From, &q.From}, {"until", in.Until, &q.Until}} {
		if f.text == "" {
			continue
		}
		at, err := parseTime(f.name, &f.text)
		if err != nil {
			return q, err
		}
		*f.into = *at
	}
	return q, nil
}

func (in *eventsInput) query(c *caller) (audit.Query, error) {
	q, err := in.TrailQuery.query()
	if err != nil {
		return q, err
	}
	if q.Account, err = c.account(in.Account); err != nil {
		return q, err
	}
	if in.Key != "" {
		if !events.IsToken(in.Key) {
			return q, refusal.New(refusal.NotFound, "no such key")
		}
		q.Entity = audit.OfKey(in.Key).Entity
	}
	return q, nil
}

// registerStream serves a part of the trail, as a page or as a stream.
func registerStream[I any](a *api, o operation, query func(c *caller, in *I) (audit.Query, error)) {
	registry := a.huma.OpenAPI().Components.Schemas
	op := o.huma(registry)
	op.Middlewares = huma.Middlewares{a.admit(o)}
	op.Responses["200"] = &huma.Response{
		Description: "OK",
		Content: map[string]*huma.MediaType{
			"application/json":  {Schema: registry.Schema(reflect.TypeFor[edge.Success[EventPage]](), true, "EventPage")},
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		c := callerOf(ctx)
		q, err := query(c, in)
		if err != nil {
			return nil, a.fail(ctx, c, err)
		}
		if strings.Contains(c.request.Header.Get("Accept"), "text/event-stream") {
			return a.stream(c, o, q)
		}
		page, err := a.page(q)
		if err != nil {
			return nil, a.fail(ctx, c, err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			_, w := humago.Unwrap(ctx)
			edge.WriteJSON(w, http.StatusOK, edge.OK(describePage(page)))
		}}, nil
	})
}

// page reads a page in steps, so that few large events end it as many small ones
// would.
func (a *api) page(q audit.Query) (audit.Page, error) {
	var out audit.Page
	limit, size := q.Limit, 0
	for range maxSteps {
		q.Limit = min(eventStep, limit-len(out.Events))
		next, err := a.Trail.Events(q)
		if err != nil {
			return out, err
		}
		for _, e := range next.Events {
			size += len(e.Payload)
		}
		next.Events = append(out.Events, next.Events...)
		out, q.After = next, next.Next
		if !out.More || len(out.Events) == limit || size > maxAnswer {
			break
		}
	}
	return out, nil
}

func describePage(page audit.Page) EventPage {
	out := EventPage{Events: make([]json.RawMessage, len(page.Events)), Next: page.Next, More: page.More}
	for i, e := range page.Events {
		out.Events[i] = numbered(e)
	}
	return out
}

// numbered is the stored event with its sequence as its first attribute. The
// rest is the stored bytes.
func numbered(e events.Recorded) json.RawMessage {
	out := make([]byte, 0, len(e.Payload)+24)
	out = append(out, `{"sequence":`...)
	out = strconv.AppendUint(out, e.Sequence, 10)
	out = append(out, ',')
	return append(out, e.Payload[1:]...)
}
