package keyledger

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// Subscription says which events [Client.Follow] delivers.
type Subscription struct {
	// EventFilter selects. After is where to begin: the sequence of the last
	// event that has been dealt with, or 0 for the beginning of the ledger.
	EventFilter

	// Lost, where it is not nil, is told why a connection has ended, before it
	// is opened again.
	Lost func(err error)
}

// Follow delivers events in order, those on the ledger first and then new ones
// as they happen, and opens a lost connection again where it was lost. Each
// event is delivered once within one call; a caller that keeps the sequence of
// the last event it has dealt with, and begins there next time, sees every event
// at least once.
//
// It returns when ctx ends, with the error of ctx; when deliver returns an error,
// with that; and when the server refuses, with an [*Error]: a key that has been
// revoked no longer follows anything.
func (c *Client) Follow(ctx context.Context, s Subscription, deliver func(Event) error) error {
	if c.err != nil {
		return fmt.Errorf("follow events: %w", c.err)
	}
	f := follower{client: c, subscription: s, deliver: deliver}
	for failed := 1; ; failed++ {
		before := f.subscription.After
		err := f.session(ctx)
		if stop, ok := errors.AsType[*stopError](err); ok {
			return stop.err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("follow events: %w", context.Cause(ctx))
		}
		wait, ok := f.again(err)
		if !ok {
			return fmt.Errorf("follow events: %w", err)
		}
		if s.Lost != nil {
			s.Lost(err)
		}
		if f.subscription.After > before {
			failed = 1 // it had worked
		}
		if err := c.pause(ctx, max(wait, backoff(failed))); err != nil {
			return fmt.Errorf("follow events: %w", err)
		}
	}
}

// stopError carries the caller's own error through the loop.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

type follower struct {
	client       *Client
	subscription Subscription // After moves on with every event delivered
	deliver      func(Event) error
	retry        time.Duration // asked for by the stream
}

// again reports whether a session that ended with err may be followed by
// another. What the server says about the request stays true; what it says about
// itself passes.
func (f *follower) again(err error) (time.Duration, bool) {
	if refused, ok := errors.AsType[*Error](err); ok {
		passing := refused.Status >= 500 || refused.Status == http.StatusTooManyRequests
		return min(refused.RetryAfter, MaxRetryAfter), passing
	}
	return min(f.retry, MaxRetryAfter), !errors.Is(err, ErrProtocol)
}

// session is one connection, from opening it until it ends. It always ends with
// an error, which is io.EOF where the server closed it.
func (f *follower) session(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := errors.New("the stream has gone silent")
	watchdog := time.AfterFunc(streamSilence, func() { cancel(silent) })
	defer watchdog.Stop()

	answer, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	stream := newStreamReader(answer.Body)
	for {
		m, err := stream.next(func() { watchdog.Reset(streamSilence) })
		f.retry = stream.retry
		switch {
		case err != nil && errors.Is(context.Cause(ctx), silent):
			return &wireError{silent}
		case errors.Is(err, ErrProtocol):
			return err
		case err != nil:
			return &wireError{fmt.Errorf("stream ended: %w", err)}
		}
		watchdog.Stop() // the caller may take its time
		if err := f.take(m); err != nil {
			return err
		}
		watchdog.Reset(streamSilence)
	}
}

func (f *follower) open(ctx context.Context) (*http.Response, error) {
	k := call{
		method: http.MethodGet, path: path("events"), query: f.subscription.query(),
		header: http.Header{"Accept": {"text/event-stream"}},
	}
	r, err := f.client.request(ctx, &k, nil)
	if err != nil {
		return nil, &stopError{fmt.Errorf("follow events: %w", err)}
	}
	answer, err := f.client.httpClient().Do(r)
	if err != nil {
		return nil, &wireError{err}
	}
	if answer.StatusCode != http.StatusOK {
		defer func() { _ = answer.Body.Close() }()
		return nil, refusal(answer)
	}
	if media, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err != nil || media != "text/event-stream" {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("%w: not an event stream", ErrProtocol)
	}
	return answer, nil
}

// take delivers a message, unless it repeats what has been delivered.
func (f *follower) take(m message) error {
	e, err := parseEvent(m.data)
	if err != nil {
		return err
	}
	if m.id != strconv.FormatUint(e.Sequence, 10) {
		return fmt.Errorf("%w: event %d under another id", ErrProtocol, e.Sequence)
	}
	if e.Sequence <= f.subscription.After {
		return nil
	}
	if err := f.deliver(e); err != nil {
		return &stopError{err}
	}
	f.subscription.After = e.Sequence
	return nil
}
