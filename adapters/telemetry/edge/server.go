package edge

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// NewServer returns a server of h, with every wait bounded. Its streams end when
// Shutdown is called, see [Draining].
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	draining, drain := context.WithCancel(context.Background())
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), drainingKey{}, draining.Done())
		},
	}
	s.RegisterOnShutdown(drain)
	return s
}

type drainingKey struct{}

// Draining is closed when the server of a request begins to shut down. An answer
// without end must end then: Shutdown waits for it. Outside of [NewServer] it is
// nil, which is never closed.
func Draining(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(drainingKey{}).(<-chan struct{})
	return done
}

// Timeouts of a connection.
const (
	// readHeaderTimeout ends a connection that trickles its headers.
	readHeaderTimeout = 5 * time.Second
	// readTimeout bounds a whole request: a megabyte at 100 KB/s.
	readTimeout = 15 * time.Second
	// writeTimeout is longer than any handler works on one answer; a stream
	// bounds each of its writes instead.
	writeTimeout = 60 * time.Second
	// idleTimeout is longer than the keep-alive of usual proxies, so that it is
	// they who close.
	idleTimeout = 120 * time.Second
	// maxHeaderBytes holds every header of ours many times over.
	maxHeaderBytes = 16 << 10
)
