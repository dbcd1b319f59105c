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

// run writes events until the client leaves, may no longer read, or the server
// shuts down. A client that was cut off resumes by the last id it has seen.
func (f *follower) run(ctx context.Context) {
	h := f.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events until its buffer is full
	f.w.WriteHeader(http.StatusOK)
	for f.write(": follows after "+strconv.FormatUint(f.query.After, 10)+"\n\n") == nil {
		if f.catchUp() != nil || !f.wait(ctx) {
			return
		}
	}
}

// catchUp writes what the trail has after the last event written. Whether the
// reader may read is looked up after reading and before writing, so that nothing
// later than its own revocation reaches it.
func (f *follower) catchUp() error {
	for {
		page, err := f.Trail.Events(f.query)
		if err != nil {
			return err
		}
		if !f.mayRead() {
			return errNoReader
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

func (f *follower) mayRead() bool {
	actor, err := f.Ledger.Actor(f.caller.actor.Key.ID, f.now())
	return err == nil && (&caller{actor: actor}).needs(f.operation.rights...) == nil
}

// wait returns true when there may be something new, or a heartbeat is due.
func (f *follower) wait(ctx context.Context) bool {
	beat, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	arrived := make(chan error, 1)
	go func() { arrived <- f.Directory.Wait(beat, f.query.After+1) }()
	select {
	case err := <-arrived:
		// An index that has stopped brings nothing any more; the client is to ask
		// another node.
		return err == nil || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	case <-edge.Draining(ctx):
		return false
	}
}

// write sends text at once, within bounds.
func (f *follower) write(text string) error {
	if err := f.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := f.w.Write([]byte(text)); err != nil {
		return err
	}
	return f.control.Flush()
}
