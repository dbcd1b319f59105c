package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/projections/audit"
)

// stream follows the trail for a client, if there is a place for it.
func (a *api) stream(c *caller, o operation, q audit.Query) (*huma.StreamResponse, error) {
	select {
	case a.streams <- struct{}{}:
	default:
		return nil, a.fail(c.request.Context(), c, refusal.New(refusal.Unavailable, "%d clients follow events already; try again later", maxStreams))
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { <-a.streams }()
		defer a.Metrics.StreamOpened()()
		_, w := humago.Unwrap(ctx)
		q.Limit = eventStep
		f := follower{api: a, caller: c, operation: o, query: q, w: w, control: http.NewResponseController(w)}
		f.run(c.request.Context()) // of the connection: the time for one request does not bound a stream
	}}, nil
}

// follower is one client that follows the trail.
type follower struct {
	*api
	caller    *caller
	operation operation
	query     audit.Query
	w         http.ResponseWriter
	control   *http.ResponseController
}

// errNoReader ends a stream whose reader may no longer read.
var errNoReader = errors.New("the reader may no longer read")

// run writes events until the client leaves, would not be let in any more, or
// the server shuts down. A client that was cut off resumes by the last id it has seen.
func (f *follower) run(ctx context.Context) {
	h := f.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events until its buffer is full
	f.w.WriteHeader(http.StatusOK)
	for f.write(": follows after "+strconv.FormatUint(f.query.After, 10)+"\n\n") == nil {
		if f.catchUp(ctx) != nil || !f.wait(ctx) {
			return
		}
	}
}

// catchUp writes what the trail has after the last event written. Writing waits
// until the index has taken in all that was read, so that nothing later than what
// ends the reader's access reaches it, nor that event itself.
func (f *follower) catchUp(ctx context.Context) error {
	for {
		page, err := f.Trail.Events(f.query)
		if err != nil {
			return err
		}
		if err := f.Directory.Wait(ctx, page.Head); err != nil {
			return err
		}
		for _, e := range page.Events {
			text := "id: " + strconv.FormatUint(e.Sequence, 10) + "\nevent: " + e.Data.Type() + "\ndata: "
			if err := f.write(text + string(numbered(e)) + "\n\n"); err != nil {
				return err
			}
		}
		if f.query.After = page.Next; !page.More {
			return nil
		}
	}
}

// mayRead decides anew on the request that opened the stream: on the credential
// it presented, which may be dead while its key lives on, on the address it came
// from, and on what the key may see.
func (f *follower) mayRead() bool {
	now, refused := f.api.caller(f.caller.request, f.operation.rights)
	return refused == nil && now.actor.Key.ID == f.caller.actor.Key.ID &&
		now.actor.AllAccounts == f.caller.actor.AllAccounts
}

// wait returns true when there may be something new, or a heartbeat is due.
func (f *follower) wait(ctx context.Context) bool {
	beat, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	arrived := make(chan error, 1)
	next := max(f.query.After, f.query.After+1) // nothing comes after the greatest sequence there can be
	go func() { arrived <- f.Directory.Wait(beat, next) }()
	select {
	case err := <-arrived:
		// An index that has stopped brings nothing any more; the client is to ask
		// another node.
		return err == nil || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	case <-edge.Draining(ctx):
		return false
	}
}

// write sends text at once, within bounds, to a reader who may still read.
func (f *follower) write(text string) error {
	if !f.mayRead() {
		return errNoReader
	}
	if err := f.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := f.w.Write([]byte(text)); err != nil {
		return err
	}
	return f.control.Flush()
}
