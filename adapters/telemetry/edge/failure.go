package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/domain/refusal"
)

// Success is the envelope of an answer.
type Success[T any] struct {
	Success bool `json:"success"` // always true
	Data    T    `json:"data"`
}

// OK puts data into its envelope.
func OK[T any](data T) Success[T] { return Success[T]{Success: true, Data: data} }

// Failure is the envelope of an answer that says no, ready to be written.
type Failure struct {
	Success bool    `json:"success"` // always false
	Problem Problem `json:"error"`

	status int
	header http.Header
}

// Problem says why not.
type Problem struct {
	Code      string  `json:"code" doc:"One of a closed list, or the scheme's own word for one of it."`
	Message   string  `json:"message" doc:"For people: what is wrong and what to do."`
	Field     *string `json:"field" doc:"The field at fault; null if none is."`
	RequestID string  `json:"request_id" doc:"Also in the X-Request-Id header, in the log and on the ledger."`
	Command   string  `json:"command,omitempty" doc:"The id to ask by, where it is unknown whether the change was written."`
}

// Describe puts err into words for the caller of the request that ctx belongs
// to. An error that is no refusal becomes "internal" without detail; it, or the
// cause of a refusal that has one, is logged here, once, under the request's id.
func Describe(ctx context.Context, log *slog.Logger, err error) *Failure {
	if done, ok := errors.AsType[*Failure](err); ok {
		return done
	}
	r, ok := errors.AsType[*refusal.Error](err)
	if !ok || r.Cause != nil {
		log.ErrorContext(ctx, "request failed", slog.String("request_id", RequestID(ctx)), slog.Any("error", reason(r, err)))
	}
	if !ok {
		r = &refusal.Error{Code: Internal, Message: "something is wrong with this node; its log has the request id"}
	}
	f := &Failure{status: Status(r.Code), header: http.Header{}}
	f.Problem = Problem{
		Code: string(r.Code), Message: telemetry.Redact(r.Message), RequestID: RequestID(ctx), Command: r.Command,
	}
	if r.Field != "" {
		field := telemetry.Redact(r.Field)
		f.Problem.Field = &field
	}
	if f.status == http.StatusServiceUnavailable {
		f.header.Set("Retry-After", retryAfterSeconds)
	}
	return f
}

// reason is what the log is told: the cause of a refusal, or the error that is
// none.
func reason(r *refusal.Error, err error) error {
	if r != nil {
		return fmt.Errorf("%w: %w", r, r.Cause)
	}
	return err
}

// Say replaces the code by a scheme's own word for it. The status stays.
func (f *Failure) Say(word string) *Failure {
	f.Problem.Code = word
	return f
}

// Under sets the status, for the few calls that have their own.
func (f *Failure) Under(status int) *Failure {
	f.status = status
	return f
}

// With adds a header to the answer.
func (f *Failure) With(name, value string) *Failure {
	f.header.Add(name, value)
	return f
}

// Error is the code and the message.
func (f *Failure) Error() string { return f.Problem.Code + ": " + f.Problem.Message }

// GetStatus is the status of the answer; huma asks for it by this name.
func (f *Failure) GetStatus() int { return f.status }

// GetHeaders are the headers of the answer; huma asks for them by this name.
func (f *Failure) GetHeaders() http.Header { return f.header }

// Write answers with f.
func (f *Failure) Write(w http.ResponseWriter) {
	for name, values := range f.header {
		w.Header()[name] = append(w.Header()[name], values...)
	}
	WriteJSON(w, f.status, f)
}

// WriteJSON answers with v. Nothing that a node answers may be kept by a cache.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the caller has gone; there is nobody to tell
}
