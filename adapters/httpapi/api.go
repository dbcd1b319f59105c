package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/projections/audit"
	"github.com/keyledger/keyledger/projections/directory"
	"github.com/keyledger/keyledger/projections/lookup"
)

// Gate says who asks. A gateway.Gate is one.
type Gate interface {
	// Authenticate decides on the credential that r presents. The second result,
	// where there is one, is the answer to give.
	Authenticate(r *http.Request) (lookup.Decision, *edge.Failure)
	// Phrase puts a failure that is about a credential into a scheme's words.
	Phrase(f *edge.Failure, scheme string) *edge.Failure
}

// Usage tells when credentials were last accepted. The zero time is never, or
// not known.
type Usage interface {
	LastUsed(key string) time.Time
	CredentialLastUsed(key, credential string) time.Time
}

// Config is what the API is made of. All but the last group is needed.
type Config struct {
	Ledger    *ledger.Ledger
	Directory *directory.Directory
	Trail     *audit.Trail
	Gate      Gate

	// Verify and Me serve POST /v1/verify, GET /v1/me and GET /me; they come from
	// package gateway.
	Verify, Me http.Handler

	// Ready returns why the node is not ready; nil is that it is. Whoever asks is
	// told the NotReady in the error; the rest is for the log.
	Ready func(ctx context.Context) error

	Usage   Usage              // nil knows of no use
	Metrics *telemetry.Metrics // nil counts nothing, and /metrics is not there
	Log     *slog.Logger       // nil logs nothing
	Version string             // of the program, for the document
	Now     func() time.Time   // nil is the system's clock
	Timeout time.Duration      // of one request; 0 is DefaultTimeout
}

// api is the API being served.
type api struct {
	Config
	mux     *http.ServeMux
	huma    huma.API
	streams chan struct{} // a place for each client that follows events
}

// New returns the handler of everything under / of a node.
func New(c Config) (http.Handler, error) {
	if c.Ledger == nil || c.Directory == nil || c.Trail == nil || c.Gate == nil || c.Verify == nil || c.Me == nil || c.Ready == nil {
		return nil, errors.New("management API: config lacks a part that is needed")
	}
	c.defaults()
	a := &api{Config: c, mux: http.NewServeMux(), streams: make(chan struct{}, maxStreams)}
	a.huma = huma.NewAPI(a.humaConfig(), humago.NewAdapter(a.mux, ""))
	a.registerKeys()
	a.registerKeySets()
	a.registerKeyCommands()
	a.registerAccounts()
	a.registerSchemes()
	a.registerTrail()
	a.registerNode()
	if err := a.registerDocument(); err != nil {
		return nil, err
	}
	a.mux.Handle("/", edge.NoRoute(c.Log, a.methods))
	nowhere := edge.NoRoute(c.Log, func(*http.Request) []string { return nil })
	return edge.Observe(c.Log, c.Metrics, onlyPlain(a.mux, nowhere)), nil
}

// onlyPlain keeps paths that are not in their shortest form from the mux, which
// would answer by a redirect that repeats them.
func onlyPlain(next, otherwise http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if clean := path.Clean(r.URL.Path); clean != r.URL.Path && clean+"/" != r.URL.Path {
			otherwise.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Config) defaults() {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Usage == nil {
		c.Usage = unused{}
	}
	if c.Version == "" {
		c.Version = "devel"
	}
}

// unused is a Usage that knows nothing.
type unused struct{}

func (unused) LastUsed(string) time.Time                   { return time.Time{} }
func (unused) CredentialLastUsed(string, string) time.Time { return time.Time{} }

// methods lists those that the path of r answers.
func (a *api) methods(r *http.Request) []string {
	var out []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(other); pattern != "/" && pattern != "" {
			out = append(out, method)
		}
	}
	return out
}

// now is the node's clock.
func (a *api) now() time.Time { return a.Now().UTC() }
