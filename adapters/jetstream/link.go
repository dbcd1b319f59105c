package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errDown is the cause of a context that ended because its link broke.
var errDown = errors.New("connection to the broker lost")

// link is a connection that tells when it breaks. It reconnects for ever.
type link struct {
	nc *nats.Conn

	mu   sync.Mutex
	up   context.Context // ends when the connection breaks
	down context.CancelCauseFunc
}

// dial connects. What is published while the connection is down fails at once
// instead of being kept for later, so that such a failure proves that nothing
// was sent.
func dial(url string, log *slog.Logger, more ...nats.Option) (*link, error) {
	l := &link{}
	l.raise()
	options := append([]nats.Option{
		nats.Name("keyledger"),
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(50*time.Millisecond, 50*time.Millisecond),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(ackWait),
		nats.Timeout(dialWait),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			log.Debug("broker connection lost", slog.Any("error", err))
			l.lower()
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			log.Debug("broker connection restored")
			l.raise()
		}),
		nats.ClosedHandler(func(*nats.Conn) { l.lower() }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			log.Warn("broker connection", slog.String("subject", subject), slog.Any("error", err))
		}),
	}, more...)
	nc, err := nats.Connect(url, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to broker: %w", err)
	}
	l.nc = nc
	return l, nil
}

func (l *link) raise() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up, l.down = context.WithCancelCause(context.Background())
}

func (l *link) lower() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down(errDown)
}

// bind returns a context that ends with ctx, after limit (0 for no limit), or
// when the connection breaks. It has ended already if the connection is down.
func (l *link) bind(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	l.mu.Lock()
	up := l.up
	l.mu.Unlock()
	bound, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(up, func() { cancel(errDown) })
	end := func() { stop(); cancel(nil) }
	if limit == 0 {
		return bound, end
	}
	timed, cancelTimer := context.WithTimeout(bound, limit)
	return timed, func() { cancelTimer(); end() }
}

// api makes a request to the JetStream API, waits at most limit, and reads the
// answer into resp. An answer that is an error is returned as a
// *jetstream.APIError.
func (l *link) api(ctx context.Context, limit time.Duration, subject string, req, resp any) error {
	ctx, cancel := l.bind(ctx, limit)
	defer cancel()
	var body []byte
	if req != nil {
		var err error
		if body, err = json.Marshal(req); err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
	}
	msg, err := l.nc.RequestWithContext(ctx, subject, body)
	if err != nil {
		return fmt.Errorf("%s: %w", subject, reason(ctx, err))
	}
	var failed struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &failed); err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	if failed.Error != nil {
		return fmt.Errorf("%s: %w", subject, failed.Error)
	}
	if err := json.Unmarshal(msg.Data, resp); err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	return nil
}

// reason prefers the cause of an ended context to the bare fact that it ended.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// code is the JetStream error code of err, 0 if it has none.
func code(err error) jetstream.ErrorCode {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode
	}
	return 0
}
