package telemetry

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/keyledger/keyledger/domain/access"
)

// Metrics is the instruments of one node. Label values come from closed sets
// (routes, codes, outcomes), never from a request. A nil *Metrics counts
// nothing.
type Metrics struct {
	registry *prometheus.Registry

	requests      *prometheus.CounterVec // by route and code
	verified      *prometheus.CounterVec // by code
	verifySeconds prometheus.Histogram   //
	appends       *prometheus.CounterVec // by outcome
	appendSeconds prometheus.Histogram   //
	streams       prometheus.Gauge       //
	codes         map[access.Code]prometheus.Counter
}

// Build says which program this is.
type Build struct {
	Version  string // "1.2.3", or "devel"
	Revision string // of the source; "" if unknown
}

// decisions lists the codes of a decision on a presented credential.
func decisions() []access.Code {
	return []access.Code{
		access.Allowed, access.Missing, access.Malformed, access.Invalid, access.AccountInactive, access.Revoked,
		access.Expired, access.Suspended, access.EnvironmentMismatch, access.IPNotAllowed, access.PermissionDenied,
		access.Stale,
	}
}

// NewMetrics returns the instruments of a node.
func NewMetrics(build Build) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: counters("http_requests_total", "HTTP requests answered.", "route", "code"),
		verified: counters("verify_total", "Decisions on presented credentials.", "code"),
		verifySeconds: histogram("verify_seconds", "Time to decide on a presented credential.",
			// A decision takes microseconds; what takes longer waited for a position.
			[]float64{2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 5e-4, 1e-3, 1e-2, 0.1, 1}),
		appends: counters("ledger_appends_total", "Commands sent to the ledger.", "outcome"),
		appendSeconds: histogram("ledger_append_seconds", "Time until the ledger answered a command.",
			[]float64{2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1, 5, 10}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "event_streams", Help: "Clients that follow events now.",
		}),
		codes: map[access.Code]prometheus.Counter{},
	}
	m.registry.MustRegister(
		m.requests, m.verified, m.verifySeconds, m.appends, m.appendSeconds, m.streams, buildInfo(build),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	for _, code := range decisions() {
		m.codes[code] = m.verified.WithLabelValues(string(code))
	}
	for _, outcome := range outcomes() {
		m.appends.WithLabelValues(outcome)
	}
	return m
}

const namespace = "keyledger"

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: buckets,
	})
}

func buildInfo(b Build) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}

// Handler serves the metrics in the formats that Prometheus reads.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

// Request counts an answered HTTP request. route is the pattern that matched.
func (m *Metrics) Request(route string, status int) {
	if m != nil {
		m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	}
}

// Verified counts a decision and the time it took. A code that no decision has
// is counted as "other".
func (m *Metrics) Verified(code access.Code, took time.Duration) {
	if m == nil {
		return
	}
	counter, ok := m.codes[code]
	if !ok {
		counter = m.verified.WithLabelValues("other")
	}
	counter.Inc()
	m.verifySeconds.Observe(took.Seconds())
}

// StreamOpened counts a client that begins to follow events; the function it
// returns counts it off.
func (m *Metrics) StreamOpened() (closed func()) {
	if m == nil {
		return func() {}
	}
	m.streams.Inc()
	return m.streams.Dec
}

// WatchProjection reports how far a projection has come and how far it has to
// go. Both functions are called on every scrape: position is the sequence last
// applied, head the newest one known to the node.
func (m *Metrics) WatchProjection(name string, position, head func() uint64) {
	if m == nil {
		return
	}
	gauge := func(metric, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: metric, Help: help, ConstLabels: prometheus.Labels{"projection": name},
		}, value))
	}
	gauge("projection_position", "Ledger sequence last applied.", func() float64 { return float64(position()) })
	gauge("projection_lag_events", "Events on the ledger that are not applied yet.", func() float64 {
		// In this order a head that moves in between shows as lag, not as less than none.
		at := position()
		if newest := head(); newest > at {
			return float64(newest - at)
		}
		return 0
	})
}
