package jetstream

import (
	"fmt"
	"log/slog"
	"sync/atomic"
)

// serverLog passes on what the embedded broker has to say. What it calls fatal
// would end the process in a server of its own; here it is kept, so that Start
// can return it.
type serverLog struct {
	log   *slog.Logger
	fatal atomic.Pointer[string]
}

func (s *serverLog) Noticef(format string, v ...any) {
	s.log.Debug("embedded broker", slog.String("says", fmt.Sprintf(format, v...)))
}

func (s *serverLog) Warnf(format string, v ...any) {
	s.log.Warn("embedded broker", slog.String("says", fmt.Sprintf(format, v...)))
}

func (s *serverLog) Errorf(format string, v ...any) {
	s.log.Error("embedded broker", slog.String("says", fmt.Sprintf(format, v...)))
}

func (s *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	s.fatal.CompareAndSwap(nil, &text)
	s.log.Error("embedded broker", slog.String("says", text))
}

// Debugf and Tracef are never called: the broker is not started with either.
func (s *serverLog) Debugf(string, ...any) {}
func (s *serverLog) Tracef(string, ...any) {}
