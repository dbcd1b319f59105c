package keyledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// call is one request to the management API, to be sent once or several times.
type call struct {
	step       string // what fails when it fails: "create key"
	method     string
	path       []string // segments below the server's address
	query      url.Values
	header     http.Header // what options add
	body       any         // sent as JSON; nil for none
	into       any         // takes the answer's data; nil drops it
	repeatable bool        // sending it twice does no harm
	anonymous  bool        // does not present the key
}

// wireError is a failure below HTTP. It is an [ErrNoAnswer].
type wireError struct{ err error }

func (e *wireError) Error() string        { return e.err.Error() }
func (e *wireError) Unwrap() error        { return e.err }
func (e *wireError) Is(target error) bool { return target == ErrNoAnswer }

// do sends k until it is answered, refused for good, or tried often enough.
func (c *Client) do(ctx context.Context, k call, options []Option) error {
	if c.err != nil {
		return fmt.Errorf("%s: %w", k.step, c.err)
	}
	k.header = http.Header{}
	for _, o := range options {
		o(&k)
	}
	if err := k.checkPath(); err != nil {
		return fmt.Errorf("%s: %w", k.step, err)
	}
	var body []byte
	if k.body != nil {
		var err error
		if body, err = marshal(k.body); err != nil {
			return fmt.Errorf("%s: %w", k.step, err)
		}
	}
	for attempt := 1; ; attempt++ {
		err := c.once(ctx, &k, body)
		if err == nil {
			return nil
		}
		wait, again := k.again(err, attempt)
		if !again || ctx.Err() != nil {
			return fmt.Errorf("%s: %w", k.step, err)
		}
		if stopped := c.pause(ctx, wait); stopped != nil {
			return fmt.Errorf("%s: %w, after %w", k.step, stopped, err)
		}
	}
}

// path is the path of something of the management API.
func path(segments ...string) []string { return append([]string{"v1"}, segments...) }

// checkPath refuses segments that would lead elsewhere: an id must stay one.
func (k *call) checkPath() error {
	for _, segment := range k.path {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("%q is not an id", segment)
		}
	}
	return nil
}

// again reports whether to send k once more after its n-th attempt failed with
// err, and how long to wait before.
func (k *call) again(err error, n int) (time.Duration, bool) {
	if !k.repeatable || n >= MaxAttempts {
		return 0, false
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.RetryAfter, refused.mayAgain()
	}
	_, broken := errors.AsType[*wireError](err)
	return backoff(n), broken
}

// once sends k one time and reads the answer.
func (c *Client) once(ctx context.Context, k *call, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	r, err := c.request(ctx, k, body)
	if err != nil {
		return err
	}
	answer, err := c.httpClient().Do(r)
	if err != nil {
		return &wireError{err}
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return refusal(answer)
	}
	return readData(answer, k.into)
}

func (c *Client) request(ctx context.Context, k *call, body []byte) (*http.Request, error) {
	escaped := make([]string, len(k.path))
	for i, segment := range k.path {
		escaped[i] = url.PathEscape(segment)
	}
	u := c.base.JoinPath(escaped...)
	u.RawQuery = k.query.Encode()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, k.method, u.String(), reader)
	if err != nil {
		return nil, err
	}
	for name, values := range k.header {
		r.Header[name] = values
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	r.Header.Set("User-Agent", c.userAgent())
	if !k.anonymous {
		c.authorize(r)
	}
	return r, nil
}

func (c *Client) userAgent() string {
	if c.UserAgent != "" {
		return c.UserAgent
	}
	return "keyledger-go"
}

// marshal is json.Marshal without the escaping of <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
