package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/keyledger/keyledger/domain/access"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// NewKeySet asks for the keys that a scheme issues together for one resource.
type NewKeySet struct {
	Account     string // "" is the caller's
	Set         string // of the account's scheme
	Name        string // of every key, its kind appended
	Environment string // "" is the only one there is
	Resource    string
}

// IssuedSet is the keys of a set, in the order of the scheme.
type IssuedSet struct {
	Outcome
	Keys []Issued
}

// CreateKeySet creates all keys of a set for one resource, or none of them. A
// resource has each set once: the keys' ids derive from it, so that the same
// wish on two nodes meets itself, and who comes second is refused.
func (l *Ledger) CreateKeySet(ctx context.Context, by By, want NewKeySet) (IssuedSet, error) {
	issue := issue{Ledger: l, by: by, want: want}
	out, err := l.do(ctx, by, []claim{writes(by.Key), writes(want.Set + "/" + want.Resource)}, issue.decide)
	if err != nil {
		return IssuedSet{}, err
	}
	set := IssuedSet{Outcome: out}
	if out.Replayed != nil {
		for _, e := range out.Replayed.Entities {
			key, _, err := l.View.Key(e.ID)
			if err != nil {
				return IssuedSet{}, fmt.Errorf("read key of the set: %w", err)
			}
			if key.Set == want.Set { // the actor's own entity is among them
				set.Keys = append(set.Keys, Issued{Outcome: out, Key: key})
			}
		}
		return set, nil
	}
	for _, b := range issue.births {
		set.Keys = append(set.Keys, b.issued(out))
	}
	return set, nil
}

// issue is one creation of a set on its way.
type issue struct {
	*Ledger
	by     By
	want   NewKeySet
	births []*birth
}

func (s *issue) decide(at time.Time) (decision, error) {
	if strings.TrimSpace(s.want.Resource) == "" {
		return decision{}, refusal.Invalid("resource", "name what the keys are to be bound to")
	}
	if s.births == nil {
		if err := s.prepare(at); err != nil {
			return decision{}, err
		}
	}
	var all decision
	for _, b := range s.births {
		d, err := b.decide(at)
		switch {
		case err != nil:
			return decision{}, err
		case len(d.changes) == 0: // an earlier attempt of this very command
			return decision{standing: d.standing}, nil
		}
		changes := append(all.changes, d.changes...)
		all = d
		all.changes, all.fresh = changes, false
	}
	return all, nil
}

// prepare draws what stays the same from attempt to attempt.
func (s *issue) prepare(at time.Time) error {
	actor, err := s.authorize(s.by, access.RightKeys, at)
	if err != nil {
		return err
	}
	of := birth{Ledger: s.Ledger, by: s.by, want: NewKey{Account: s.want.Account}}
	owner, found, err := of.owner(actor)
	if err != nil {
		return err
	}
	kinds, ok := found.Scheme.Set(s.want.Set)
	if !ok {
		return refusal.Invalid("set", "scheme %s has no such set of keys", found.Scheme.Name())
	}
	var births []*birth
	for _, name := range kinds {
		_, kind, _ := found.Scheme.Kind(name)
		environment, _ := found.Scheme.Environment(s.want.Environment, kind) // what is unknown is refused by the rules
		b := &birth{
			Ledger: s.Ledger, by: s.by, set: s.want.Set, random: s.entropy(), credential: s.newID(events.IDCredential, at),
			want: NewKey{
				Account: owner.ID, Kind: name, Environment: environment, Resource: s.want.Resource,
				Name: strings.TrimSpace(s.want.Name + " " + name),
			},
		}
		b.id = s.idOf(b.want)
		births = append(births, b)
	}
	s.births = births
	return nil
}

// idOf is the id that the key of a kind has for the resource, on any node.
func (s *issue) idOf(k NewKey) string {
	mac := hmac.New(sha256.New, []byte(s.View.Incarnation()))
	for _, part := range []string{events.IDKey, k.Account, s.want.Set, k.Environment, k.Resource, k.Kind} {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return events.FormatID(events.IDKey, [16]byte(mac.Sum(nil)))
}
