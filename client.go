package keyledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client talks to one keyledger server as one key. It is safe for concurrent
// use. Its fields may be set before the first call and not after.
type Client struct {
	// HTTP sends the requests; nil is [http.DefaultTransport] with no limit of
	// its own. Redirects are never followed: the key would go along to wherever
	// they lead.
	HTTP *http.Client

	// Timeout bounds each attempt of a call; 0 is [DefaultTimeout]. It does not
	// bound [Client.Follow].
	Timeout time.Duration

	// Authorize, where it is not nil, puts the credential on a request in place
	// of the header X-API-Key, as schemes with another presentation need it.
	Authorize func(*http.Request)

	// UserAgent names the program to the server; "" is "keyledger-go".
	UserAgent string

	base *url.URL
	err  error // of the address; every call returns it
	key  Secret

	// pause waits between two attempts; the tests have their own.
	pause func(ctx context.Context, d time.Duration) error
}

// NewClient returns a client of the server at address ("https://keys.example.com")
// that presents key. An empty key presents none, which is enough to ask for
// health, and to verify keys from the server's own machine. A malformed address
// or key is the error of every call.
func NewClient(address, key string) *Client {
	c := &Client{key: NewSecret(key), pause: pause}
	c.base, c.err = parseBase(address)
	if c.err == nil && strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		c.err = errors.New("key: has characters that no key has; check that it was copied whole, without spaces")
	}
	return c
}

func parseBase(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		// The error of url.Parse repeats its input, which may hold a password.
		return nil, errors.New("server address: not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("server address: want http://HOST:PORT or https://HOST")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("server address: want no user, query or fragment in it")
	}
	return u, nil
}

// httpClient is what sends: the caller's, made to leave redirects alone.
func (c *Client) httpClient() *http.Client {
	var own http.Client
	if c.HTTP != nil {
		own = *c.HTTP
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

func (c *Client) authorize(r *http.Request) {
	switch {
	case c.Authorize != nil:
		c.Authorize(r)
	case !c.key.IsZero():
		r.Header.Set("X-API-Key", c.key.Reveal())
	}
}

func (c *Client) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return DefaultTimeout
}

// backoff is the wait after the n-th failed attempt, from 1: it doubles, and is
// spread so that many clients do not come back at once.
func backoff(n int) time.Duration {
	d := min(firstPause<<min(n-1, 16), lastPause)
	return d/2 + rand.N(d/2+1)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting to try again: %w", context.Cause(ctx))
	case <-t.C:
		return nil
	}
}
