package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/keyledger/keyledger/events"
)

// Outcomes of an append, as label values.
const (
	outcomeWritten     = "written"
	outcomeConflict    = "conflict"
	outcomeUnavailable = "unavailable"
	outcomeRefused     = "refused"
	outcomeUnknown     = "unknown"
	outcomeDamaged     = "damaged"
	outcomeOther       = "other"
)

func outcomes() []string {
	return []string{
		outcomeWritten, outcomeConflict, outcomeUnavailable, outcomeRefused, outcomeUnknown, outcomeDamaged, outcomeOther,
	}
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return outcomeWritten
	case errors.Is(err, events.ErrConflict):
		return outcomeConflict
	case errors.Is(err, events.ErrUnavailable):
		return outcomeUnavailable
	case errors.Is(err, events.ErrRefused):
		return outcomeRefused
	case errors.Is(err, events.ErrUnknown):
		return outcomeUnknown
	case errors.Is(err, events.ErrDamaged):
		return outcomeDamaged
	}
	return outcomeOther
}

// CountAppends is log with every append counted by its outcome and timed.
func (m *Metrics) CountAppends(log events.Log) events.Log {
	if m == nil {
		return log
	}
	return countedLog{Log: log, metrics: m}
}

type countedLog struct {
	events.Log
	metrics *Metrics
}

// Append is [events.Log.Append].
func (l countedLog) Append(ctx context.Context, w events.Write) (events.Ack, error) {
	began := time.Now()
	ack, err := l.Log.Append(ctx, w)
	l.metrics.appends.WithLabelValues(outcomeOf(err)).Inc()
	l.metrics.appendSeconds.Observe(time.Since(began).Seconds())
	return ack, err
}
