package jetstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/nats-io/nats.go"
)

// ErrUnhealthy is returned by [Broker.Health].
var ErrUnhealthy = errors.New("broker is not healthy")

// Health reports whether the broker can be used: it is connected and, where it
// runs inside the process, its streams are recovered and no write to them has
// failed. After a failed write (a full or broken disk) a stream takes nothing
// until the broker is started again.
func (b *Broker) Health() error {
	for _, l := range []*link{b.write, b.read} {
		if status := l.nc.Status(); status != nats.CONNECTED {
			return fmt.Errorf("%w: connection %s", ErrUnhealthy, status)
		}
	}
	if b.server == nil {
		return nil
	}
	query := url.Values{"account": {b.account}, "stream": {StreamName}}
	var answer healthAnswer
	b.server.HandleHealthz(&answer, &http.Request{Method: http.MethodGet, URL: &url.URL{RawQuery: query.Encode()}})
	if answer.status != http.StatusOK {
		return fmt.Errorf("%w: %s", ErrUnhealthy, answer.body)
	}
	return nil
}

// healthAnswer takes the answer of the broker's health endpoint, the only way in
// which it tells an embedding process that a stream is frozen.
type healthAnswer struct {
	status int
	body   []byte
}

func (a *healthAnswer) Header() http.Header { return http.Header{} }

func (a *healthAnswer) WriteHeader(status int) { a.status = status }

func (a *healthAnswer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.body = append(a.body, p...)
	return len(p), nil
}
