package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/keyledger/keyledger/domain/ledger"
	"github.com/keyledger/keyledger/projections/usage"
)

// uses tells the API when keys were last accepted by this node, and the ledger
// when a credential was used for which an older one has been waiting.
type uses struct {
	*usage.Tracker
	log *slog.Logger
}

func openUses(data *dataFolder, logger *slog.Logger) (uses, error) {
	tracker, err := usage.Open(usage.Config{Dir: data.path("usage"), Logger: logger})
	return uses{Tracker: tracker, log: logger}, err
}

// LastUsed is when a key was last accepted; zero is never, or not known.
func (u uses) LastUsed(key string) time.Time {
	at, _, err := u.Tracker.LastUsed(key)
	return u.known(at, err)
}

// CredentialLastUsed is when a credential was last accepted.
func (u uses) CredentialLastUsed(_, credential string) time.Time {
	at, _, err := u.LastUsedCredential(credential)
	return u.known(at, err)
}

// known is what is shown of a use. That none can be read is no reason to refuse
// a list of keys.
func (u uses) known(at time.Time, err error) time.Time {
	if err != nil {
		u.log.Error("read when a key was last used", slog.Any("error", err))
		return time.Time{}
	}
	return at
}

// follow ends overlaps that were waiting for the first use of a new credential,
// until ctx ends. A first use that could not be written is told of again by the
// next use.
func (u uses) follow(ctx context.Context, l *ledger.Ledger) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-u.FirstUses():
			if _, err := l.FirstUse(ctx, first.Key, first.Credential); err != nil && ctx.Err() == nil {
				u.log.ErrorContext(ctx, "end the overlap of a used credential", slog.String("key", first.Key), slog.Any("error", err))
			}
		}
	}
}
