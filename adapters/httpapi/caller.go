package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/keyledger/keyledger/adapters/telemetry/edge"
	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/domain/refusal"
)

// caller is who asks, through which request.
type caller struct {
	actor   *ledger.Actor
	scheme  string // of its key: in its words it is answered
	request *http.Request
}

type callerKey struct{}

func callerOf(ctx context.Context) *caller { return ctx.Value(callerKey{}).(*caller) }

// caller finds out who asks and refuses who has none of the rights. The caller
// it returns is never nil.
func (a *api) caller(r *http.Request, rights []access.Right) (*caller, *edge.Failure) {
	c := &caller{request: r}
	d, refused := a.Gate.Authenticate(r)
	if c.scheme = d.Scheme; refused != nil {
		return c, refused
	}
	var err error
	if c.actor, err = a.Ledger.Actor(d.KeyID, a.now()); err != nil {
		return c, a.fail(r.Context(), c, err)
	}
	if err := c.needs(rights...); err != nil {
		return c, a.fail(r.Context(), c, err)
	}
	return c, nil
}

// needs refuses a caller that has none of the rights.
func (c *caller) needs(rights ...access.Right) error {
	if len(rights) == 0 || slices.ContainsFunc(rights, c.actor.Has) {
		return nil
	}
	var names []string
	for _, r := range rights {
		names = append(names, strconv.Quote(string(r)))
	}
	return refusal.New(refusal.PermissionDenied, "this needs the management right %s", strings.Join(names, " or "))
}

// by is the caller as the ledger records it. raw is the body of the request; an
// Idempotency-Key counts on POST alone.
func (c *caller) by(raw []byte) ledger.By {
	by := ledger.By{Key: c.actor.Key.ID, Request: edge.RequestID(c.request.Context())}
	key := c.request.Header.Get("Idempotency-Key")
	if key == "" || c.request.Method != http.MethodPost {
		return by
	}
	h := sha256.New()
	h.Write([]byte(c.request.Method + "\n" + c.request.URL.Path + "\n"))
	h.Write(edge.Canonical(raw))
	by.Idempotency, by.Digest = key, hex.EncodeToString(h.Sum(nil))
	return by
}

// account is the account that a list is about: the one asked for, or all that
// the caller sees, which is "" for one that sees all of them. What it may not
// see does not exist for it.
func (c *caller) account(wanted string) (string, error) {
	switch {
	case wanted != "" && !c.actor.Sees(wanted):
		return "", refusal.New(refusal.NotFound, "no such account")
	case wanted == "" && !c.actor.AllAccounts:
		return c.actor.Key.Account, nil
	}
	return wanted, nil
}
