package projectionstest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// createKeys is one key or a set of them.
func (p *Past) createKeys() []eventstest.Change {
	accounts := slices.Sorted(maps.Keys(p.Accounts))
	of := accounts[p.rng.IntN(len(accounts))]
	n, set, resource := 1, "", ""
	if p.rng.IntN(4) == 0 {
		n, set, resource = 2+p.rng.IntN(3), "wallet", p.id("wal")
	}
	var out []eventstest.Change
	for range n {
		e := events.KeyEntity([]string{"live", "test"}[p.rng.IntN(2)], of, p.id("key"))
		out = append(out, eventstest.Change{Entity: e, Data: p.History.NewKey(func(k *events.KeyCreated) {
			k.Kind, k.Set, k.Resource = []string{"sk", "pk"}[p.rng.IntN(2)], set, resource
			k.Permissions, k.Grantable = p.permissions(), p.permissions()
			k.Allowlist, k.Metadata = p.allowlist(), p.metadata()
			k.ExpiresAt = p.later()
		})})
	}
	return out
}

// changeKey is one thing, or a few at once, that can happen to a key.
func (p *Past) changeKey(k apikey.Key) []eventstest.Change {
	unknown := events.Unknown{Name: "keyledger.key.blessed.v2", Raw: json.RawMessage(`{"by":"nobody"}`)}
	if k.RevokedAt != nil {
		return []eventstest.Change{{Entity: k.Entity(), Data: unknown}} // all that may still follow
	}
	var out []eventstest.Change
	for range 1 + p.rng.IntN(3)/2 {
		data := p.keyEvent(k, unknown)
		out = append(out, eventstest.Change{Entity: k.Entity(), Data: data})
		if _, revoked := data.(events.KeyRevoked); revoked {
			break
		}
	}
	return out
}

func (p *Past) keyEvent(k apikey.Key, unknown events.Unknown) events.Event {
	credential := k.Credentials[p.rng.IntN(len(k.Credentials))].ID
	switch p.rng.IntN(14) {
	case 0:
		return events.KeyPermissionsChanged{Permissions: p.permissions(), Roles: p.permissions(), Grantable: p.permissions()}
	case 1:
		return events.KeyAllowlistChanged{Allowlist: p.allowlist()}
	case 2:
		return events.KeyExpiryChanged{ExpiresAt: p.later()}
	case 3:
		return events.KeyDetailsChanged{Name: fmt.Sprintf("name %d", p.rng.IntN(9)), Metadata: p.metadata()}
	case 4:
		return events.KeySuspended{}
	case 5:
		return events.KeyResumed{}
	case 6, 7, 8:
		return p.History.Rotated(credential, func(r *events.KeyRotated) {
			r.EndsAt = p.later()
			if r.CutOnFirstUse = p.rng.IntN(3) == 0; r.CutOnFirstUse {
				r.GraceSeconds, r.EndsAt = 600, nil
			}
		})
	case 9:
		return events.KeyOverlapChanged{Credential: credential, EndsAt: p.now.Add(time.Hour)}
	case 10:
		return events.KeyCredentialCut{Credential: credential}
	case 11:
		return events.KeyRevoked{}
	case 12:
		return unknown
	default:
		return events.CommandAccepted{Right: "keys", Target: k.Entity().Ref()}
	}
}

// permissions may be absent, empty, or some: a fold must keep them apart.
func (p *Past) permissions() []string {
	return [][]string{nil, {}, {"a"}, {"a", "b"}}[p.rng.IntN(4)]
}

func (p *Past) allowlist() []string {
	return [][]string{nil, {}, {"10.0.0.0/8"}, {"10.0.0.0/8", "2001:db8::/32"}}[p.rng.IntN(4)]
}

func (p *Past) metadata() map[string]string {
	return []map[string]string{nil, {}, {"team": "a"}, {"team": "b", "use": "checkout"}}[p.rng.IntN(4)]
}

// later is a time to come, sometimes in the words of another time zone.
func (p *Past) later() *time.Time {
	if p.rng.IntN(2) == 0 {
		return nil
	}
	at := p.now.Add(time.Duration(1+p.rng.IntN(100)) * time.Hour)
	if p.rng.IntN(2) == 0 {
		at = at.In(time.FixedZone("", 2*3600))
	}
	return &at
}
