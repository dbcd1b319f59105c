package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// Changed is a key after a command.
type Changed struct {
	Outcome
	Key apikey.Key
}

// ChangeKey changes what is not nil in c. ifMatch, where it is not 0, is the
// revision that the caller has read.
func (l *Ledger) ChangeKey(ctx context.Context, by By, id string, c apikey.Change, ifMatch uint64) (Changed, error) {
	return l.command(ctx, by, id, func(at time.Time, key apikey.Key, s SchemeState) (apikey.Command, error) {
		if ifMatch != 0 && ifMatch != key.Changed {
			return nil, refusal.New(refusal.RevisionMismatch, "the key is at revision %d; read it again", key.Changed)
		}
		c.At, c.Scheme = at, s.Scheme
		return c, nil
	})
}

// RotateKey gives a key a new credential. The old one goes on as r says; its
// Credential is filled in here.
func (l *Ledger) RotateKey(ctx context.Context, by By, id string, r apikey.Rotate) (Issued, error) {
	var minted scheme.Minted
	random, credential := l.entropy(), l.newID(events.IDCredential, l.now())
	changed, err := l.command(ctx, by, id, func(at time.Time, key apikey.Key, s SchemeState) (apikey.Command, error) {
		var err error
		if minted, err = s.Scheme.Mint(key.Kind, key.Environment, random); err != nil {
			return nil, refusal.New(refusal.Conflict, "scheme %s no longer makes keys of kind %s", key.Scheme, key.Kind)
		}
		r.At, r.Credential = at, stored(credential, minted)
		return r, nil
	})
	if err != nil || changed.Replayed != nil {
		minted = scheme.Minted{}
	}
	return Issued{Outcome: changed.Outcome, Key: changed.Key, Minted: minted}, err
}

// CutCredential ends an overlapping credential of a key.
func (l *Ledger) CutCredential(ctx context.Context, by By, id, credential string) (Changed, error) {
	return l.narrow(ctx, by, id, func(at time.Time) apikey.Command {
		return apikey.Cut{At: at, Credential: credential}
	})
}

// FirstUse ends the overlap that was waiting for a credential to be used.
func (l *Ledger) FirstUse(ctx context.Context, id, credential string) (Changed, error) {
	return l.narrow(ctx, By{System: "usage"}, id, func(at time.Time) apikey.Command {
		return apikey.FirstUse{At: at, Credential: credential}
	})
}

// SuspendKey refuses a key until it is resumed.
func (l *Ledger) SuspendKey(ctx context.Context, by By, id string) (Changed, error) {
	return l.narrow(ctx, by, id, func(at time.Time) apikey.Command { return apikey.Suspend{At: at} })
}

// ResumeKey ends a suspension.
func (l *Ledger) ResumeKey(ctx context.Context, by By, id string) (Changed, error) {
	return l.command(ctx, by, id, func(at time.Time, _ apikey.Key, _ SchemeState) (apikey.Command, error) {
		return apikey.Resume{At: at}, nil
	})
}

// RevokeKey ends a key for good.
func (l *Ledger) RevokeKey(ctx context.Context, by By, id string) (Changed, error) {
	return l.narrow(ctx, by, id, func(at time.Time) apikey.Command { return apikey.Revoke{At: at} })
}

// narrow runs a command that can only take away. It needs no scheme: a key of a
// scheme that this build cannot read can still be ended.
func (l *Ledger) narrow(ctx context.Context, by By, id string, build func(at time.Time) apikey.Command) (Changed, error) {
	return l.changeKey(ctx, by, id, []claim{writes(id)}, func(at time.Time, actor *Actor, key apikey.Key, last uint64) (decision, error) {
		return decideKey(at, actor, key, last, nil, build(at))
	})
}

// command runs a command on an existing key. build makes it for the state it is
// decided on.
func (l *Ledger) command(
	ctx context.Context, by By, id string,
	build func(at time.Time, key apikey.Key, s SchemeState) (apikey.Command, error),
) (Changed, error) {
	claims := []claim{writes(id), writes(by.Key)}
	return l.changeKey(ctx, by, id, claims, func(at time.Time, actor *Actor, key apikey.Key, last uint64) (decision, error) {
		s, err := l.scheme(key.Scheme)
		if err != nil {
			return decision{}, err
		}
		cmd, err := build(at, key, s)
		if err != nil {
			return decision{}, err
		}
		return decideKey(at, actor, key, last, s.Scheme, cmd)
	})
}

// changeKey loads the actor and the key, and writes what follows.
func (l *Ledger) changeKey(
	ctx context.Context, by By, id string, claims []claim,
	decide func(at time.Time, actor *Actor, key apikey.Key, last uint64) (decision, error),
) (Changed, error) {
	var after apikey.Key
	out, err := l.do(ctx, by, claims, func(at time.Time) (decision, error) {
		actor, err := l.authorize(by, access.RightKeys, at)
		if err != nil {
			return decision{}, err
		}
		key, last, err := l.target(actor, id)
		if err != nil {
			return decision{}, err
		}
		d, err := decide(at, actor, key, last)
		after = d.key
		return d, err
	})
	switch {
	case err != nil:
		return Changed{}, err
	case out.Changed && !out.Applied: // written, though this node cannot read it back just now
		return Changed{Outcome: out, Key: after}, nil
	}
	key, _, err := l.View.Key(id)
	if err != nil {
		return Changed{Outcome: out}, fmt.Errorf("written at position %d; read back: %w", out.Position, err)
	}
	return Changed{Outcome: out, Key: key}, nil
}

// target loads the key a command is about. One that the actor may not see does
// not exist for it.
func (l *Ledger) target(actor *Actor, id string) (apikey.Key, uint64, error) {
	if actor != nil && actor.Key.ID == id { // one read for both, so that one expectation guards both
		return actor.Key, actor.Last, nil
	}
	key, last, err := l.View.Key(id)
	switch {
	case err != nil:
		return key, 0, fmt.Errorf("load key: %w", err)
	case !key.Exists(), actor != nil && !actor.Sees(key.Account):
		return key, 0, refusal.New(refusal.NotFound, "no such key")
	}
	return key, last, actor.reach(key.Environment)
}

// decideKey decides and finds the effect. A nil scheme stands for a command that
// only narrows.
func decideKey(at time.Time, actor *Actor, key apikey.Key, last uint64, s *scheme.Scheme, cmd apikey.Command) (decision, error) {
	decided, err := apikey.Decide(key, cmd)
	if err != nil {
		return decision{}, err
	}
	// What changes nothing may repeat a command that narrowed, whose answer was
	// lost before anybody had waited for its effect.
	_, resumes := cmd.(apikey.Resume)
	d := decision{at: at, actor: actor, right: access.RightKeys, standing: last, narrows: !resumes}
	if len(decided) == 0 {
		return d, nil
	}
	d.changes = []change{{entity: key.Entity(), last: last, revision: key.Revision, events: decided}}
	after, err := apikey.After(key, decided, at)
	if err != nil {
		return decision{}, err
	}
	d.key = after
	if d.guarded, err = lastWay(actor, key, after); err != nil {
		return decision{}, err
	}
	if s == nil {
		return d, nil
	}
	effect := apikey.Compare(key, after, s)
	var own []string
	if _, rotates := cmd.(apikey.Rotate); rotates && actor != nil && actor.Key.ID == key.ID {
		own = s.Effective(key.Kind, key.Permissions, key.Roles) // a key that renews itself stays what it is
	}
	if err := actor.mayCause(effect, own); err != nil {
		return decision{}, err
	}
	d.widens, d.narrows = effect.Widens, effect.Narrows
	return d, nil
}

// lastWay keeps a ledger from losing the last key it can be managed with. A root
// key is ended, suspended or bounded only by another one, which then is left; two
// that do it to one another at once are kept apart by the guard.
func lastWay(actor *Actor, before, after apikey.Key) (guarded bool, err error) {
	if before.Kind != scheme.KindRoot || before.Scheme != scheme.BuiltinName || actor == nil {
		return false, nil
	}
	shut := before.RevokedAt == nil && after.RevokedAt != nil || !before.Suspended && after.Suspended ||
		len(after.Allowlist) > 0 && !slices.Equal(before.Allowlist, after.Allowlist) ||
		after.ExpiresAt != nil && (before.ExpiresAt == nil || after.ExpiresAt.Before(*before.ExpiresAt))
	if shut && actor.Key.ID == before.ID {
		return false, refusal.New(refusal.Conflict,
			"a root key cannot shut itself out: the ledger might be left without one; let another key of kind %s do it", scheme.KindRoot)
	}
	return shut, nil
}

func (l *Ledger) replayedKey(record *CommandRecord) (apikey.Key, error) {
	for _, e := range record.Entities {
		if e.Kind == events.KindKey && e.ID != "" {
			key, _, err := l.View.Key(e.ID)
			return key, err
		}
	}
	return apikey.Key{}, refusal.New(refusal.IdempotencyMismatch, "this Idempotency-Key came with another kind of request before")
}
