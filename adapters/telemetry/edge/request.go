package edge

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// requestIDHeader carries the id of a request both ways.
const requestIDHeader = "X-Request-Id"

type requestIDKey struct{}

// RequestID is the id of the request that ctx belongs to, "" outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// Observe gives every request of next an id, counts and logs it, and turns a
// panic into an internal error. The id is the caller's own where it is a plain
// word, and is echoed in X-Request-Id.
func Observe(log *slog.Logger, metrics *telemetry.Metrics, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := r.Header.Get(requestIDHeader)
		if !saneID(id) {
			id = newID(began)
		}
		w.Header().Set(requestIDHeader, id)
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		watched := &recorder{ResponseWriter: w}
		defer func() {
			route := r.Pattern // of the mux that served it, which sets it on this very request
			if route == "" {
				route = "none"
			}
			metrics.Request(route, watched.status)
			log.DebugContext(r.Context(), "request", slog.String("request_id", id), slog.String("route", route),
				slog.Int("status", watched.status), slog.Duration("took", time.Since(began)))
		}()
		defer recovered(log, watched, r)
		next.ServeHTTP(watched, r)
		if watched.status == 0 {
			watched.status = http.StatusOK
		}
	})
}

// recovered answers for a handler that panicked. What was panicked with may hold
// anything, so only its type is logged, and the text of the runtime's own
// errors.
func recovered(log *slog.Logger, w *recorder, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so too
		panic(cause)
	}
	text := fmt.Sprintf("%T", cause)
	if err, ok := cause.(runtime.Error); ok {
		text = err.Error()
	}
	log.ErrorContext(r.Context(), "panic while serving", slog.String("request_id", RequestID(r.Context())),
		slog.String("route", r.Pattern), slog.String("panic", text), slog.String("stack", string(debug.Stack())))
	if w.status != 0 { // too late for another answer; do not let half of one pass for whole
		panic(http.ErrAbortHandler)
	}
	f := &Failure{status: http.StatusInternalServerError, Problem: Problem{
		Code: string(Internal), Message: "something is wrong with this node; its log has the request id",
		RequestID: RequestID(r.Context()),
	}}
	f.Write(w)
}

// NoRoute answers what no route matched. A path that has other methods answers
// the same, and says which.
func NoRoute(log *slog.Logger, methods func(*http.Request) []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allowed := methods(r); len(allowed) > 0 {
			list := strings.Join(allowed, ", ")
			Describe(r.Context(), log, refusal.New(refusal.NotFound, "this path answers %s only", list)).With("Allow", list).Write(w)
			return
		}
		Describe(r.Context(), log, refusal.New(refusal.NotFound, "no such endpoint; GET /v1/docs lists them")).Write(w)
	})
}

// saneID admits letters, digits and -_.: so that an id can stand in a log line
// and an event, and refuses what might be a credential.
func saneID(id string) bool {
	if id == "" || len(id) > maxRequestID || telemetry.Redact(id) != id {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:", r)
	})
}

func newID(at time.Time) string {
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails, see crypto/rand
	return events.NewID(events.IDRequest, at, random)
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first status that is final.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what the server offers.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
