package apikey_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// The tables of this package are written in a small language. A history is
// commands joined by ";", a command is a word and its arguments:
//
//	create perms=read,write roles=clerk ips=10.0.0.1 expires=+2h grantable= meta=a:b
//	change perms=read expires=never grantable=own
//	rotate c2 overlap=1h     rotate c2 grace=10m     cut c1     use c2
//	suspend     resume     revoke
//
// A command may begin with its time after noon, as "+90m"; else it happens one
// second after the one before. What follows is written in the same way, with the
// events' names; nothing is "-", and a refusal is "refused" with its code and
// field. grantable= is the empty list, and its absence is the key's own.

var noon = time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)

func document() scheme.Document {
	none := []string{}
	return scheme.Document{
		Scheme:       "shop",
		Environments: map[string]scheme.Environment{"live": {}, "test": {}},
		Wildcards:    true,
		Permissions: map[string]scheme.Permission{
			"read": {}, "write": {}, "orders:read": {}, "orders:write": {}, "keys:manage": {},
		},
		Roles: map[string]scheme.Role{
			"clerk": {Permissions: []string{"orders:read"}}, "owner": {Permissions: []string{"orders:*"}}, "helper": {},
		},
		Kinds: map[string]scheme.Kind{
			"key":    {Prefix: "sk_{environment}_", Default: true},
			"wallet": {Prefix: "wa_{environment}_", Resource: "wallet", Grants: []string{"read"}, Permissions: &none, Roles: &none},
			"only":   {Prefix: "on_{environment}_", Environments: []string{"live"}},
			"robot":  {Prefix: "ro_{environment}_", Rights: []string{"verify"}},
		},
		Presentations: []scheme.Presentation{{Header: "X-API-Key"}},
		Rights:        map[string][]string{"keys:manage": {"keys"}, "helper": {"audit"}},
	}
}

func shop(t testing.TB) *scheme.Scheme {
	t.Helper()
	s, err := scheme.New(document())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// history folds commands into a key.
type history struct {
	t      testing.TB
	scheme *scheme.Scheme
	key    apikey.Key
	now    time.Time
	serial int
}

func newHistory(t testing.TB) *history {
	return &history{t: t, scheme: shop(t), now: noon}
}

// given does every command of text; none may be refused.
func (h *history) given(text string) *history {
	h.t.Helper()
	for line := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if got := h.when(line); strings.HasPrefix(got, "refused") {
			h.t.Fatalf("given %q: %s", line, got)
		}
	}
	return h
}

// when does one command and says what followed. What follows is folded.
func (h *history) when(line string) string {
	h.t.Helper()
	decided, err := apikey.Decide(h.key, h.command(line))
	if err != nil {
		return said(h.t, err)
	}
	h.fold(decided)
	return written(decided)
}

// fold applies what was decided, through its bytes on the wire.
func (h *history) fold(decided []events.Event) {
	h.t.Helper()
	entity := events.KeyEntity("live", "acct_1", "key_1")
	for i, e := range decided {
		h.serial++
		payload, err := events.Encode(events.Envelope{
			ID: fmt.Sprintf("evt_%d", h.serial), Source: "urn:test", Time: h.now, Entity: entity, Actor: "key_actor",
			Command: "cmd_1", Index: i + 1, Count: len(decided), Revision: h.key.Revision + 1, Reason: "because", Data: e,
		})
		if err != nil {
			h.t.Fatal(err)
		}
		envelope, err := events.Decode(payload)
		if err != nil {
			h.t.Fatal(err)
		}
		if h.key, err = apikey.Evolve(h.key, envelope); err != nil {
			h.t.Fatalf("decided what cannot be folded: %v", err)
		}
	}
}

// said is a refusal in the language of the tables. Any other error is a fault.
func said(t testing.TB, err error) string {
	t.Helper()
	code := refusal.CodeOf(err)
	if code == "" {
		t.Fatalf("not a refusal: %v", err)
	}
	field := ""
	var refused *refusal.Error
	if errors.As(err, &refused) && refused.Field != "" {
		field = " " + refused.Field
	}
	return "refused " + string(code) + field
}

// command reads a command. It advances the clock.
func (h *history) command(line string) apikey.Command {
	h.t.Helper()
	words := strings.Fields(line)
	h.now = h.now.Add(time.Second)
	if strings.HasPrefix(words[0], "+") {
		h.now = noon.Add(h.duration(words[0][1:]))
		words = words[1:]
	}
	verb, rest := words[0], words[1:]
	operand, args := "", map[string]string{}
	for _, w := range rest {
		if name, value, ok := strings.Cut(w, "="); ok {
			args[name] = value
		} else {
			operand = w
		}
	}
	switch verb {
	case "create":
		return h.create(args)
	case "change":
		return h.change(args)
	case "rotate":
		r := apikey.Rotate{At: h.now, Credential: credential(operand)}
		if grace, ok := args["grace"]; ok {
			r.CutOnFirstUse, r.Grace = true, h.duration(grace)
		} else if overlap, ok := args["overlap"]; ok {
			r.Overlap = h.duration(overlap)
		}
		return r
	case "cut":
		return apikey.Cut{At: h.now, Credential: operand}
	case "use":
		return apikey.FirstUse{At: h.now, Credential: operand}
	case "suspend":
		return apikey.Suspend{At: h.now}
	case "resume":
		return apikey.Resume{At: h.now}
	case "revoke":
		return apikey.Revoke{At: h.now}
	}
	h.t.Fatalf("no command %q", line)
	return nil
}

func credential(id string) events.Credential {
	return events.Credential{
		ID: id, Prefix: "sk_live_" + id, Locator: "L" + id, Last4: "last", Alg: scheme.AlgSHA256, Salt: []byte("salt " + id), Hash: []byte("hash " + id),
	}
}

func (h *history) create(args map[string]string) apikey.Command {
	c := apikey.Create{
		At: h.now, Scheme: h.scheme, SchemeVersion: 1, Kind: args["kind"], Environment: "live", Name: "a key",
		Permissions: list(args["perms"]), Roles: list(args["roles"]), Allowlist: list(args["ips"]),
		Resource: args["resource"], Metadata: table(args["meta"]), Credential: credential("c1"),
	}
	if env, ok := args["env"]; ok {
		c.Environment = env
	}
	if name, ok := args["name"]; ok {
		c.Name = name
	}
	if g, ok := args["grantable"]; ok {
		c.Grantable = append([]string{}, list(g)...)
	}
	if e, ok := args["expires"]; ok {
		c.ExpiresAt = h.instant(e)
	}
	return c
}

func (h *history) change(args map[string]string) apikey.Command {
	c := apikey.Change{At: h.now, Scheme: h.scheme}
	for name, value := range args {
		names := list(value)
		switch name {
		case "name":
			c.Name = &value
		case "perms":
			c.Permissions = &names
		case "roles":
			c.Roles = &names
		case "ips":
			c.Allowlist = &names
		case "grantable":
			if value == "own" {
				names = nil
			} else {
				names = append([]string{}, names...)
			}
			c.Grantable = &names
		case "expires":
			at := h.instant(value)
			c.ExpiresAt = &at
		case "meta":
			m := table(value)
			c.Metadata = &m
		default:
			h.t.Fatalf("change has no %q", name)
		}
	}
	return c
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func table(text string) map[string]string {
	if text == "" {
		return nil
	}
	m := map[string]string{}
	for _, pair := range list(text) {
		name, value, _ := strings.Cut(pair, ":")
		m[name] = value
	}
	return m
}

func (h *history) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// instant reads "+2h", after noon, or "never".
func (h *history) instant(text string) *time.Time {
	if text == "never" {
		return nil
	}
	at := noon.Add(h.duration(text))
	return &at
}

// written is events in the language of the tables.
func written(all []events.Event) string {
	if len(all) == 0 {
		return "-"
	}
	lines := make([]string, len(all))
	for i, e := range all {
		lines[i] = strings.Join(strings.Fields(line(e)), " ")
	}
	return strings.Join(lines, "; ")
}

func line(e events.Event) string {
	if c, ok := e.(events.KeyCreated); ok {
		return fmt.Sprintf("created %s %s %s %s %s %s %s %s %s", c.Kind, arg("perms", c.Permissions), arg("roles", c.Roles),
			grantable(c.Grantable), arg("ips", c.Allowlist), until("expires", c.ExpiresAt), word("resource", c.Resource), meta(c.Metadata), c.Credential.ID)
	}
	if c, ok := e.(events.KeyPermissionsChanged); ok {
		return fmt.Sprintf("permissions_changed %s %s %s", arg("perms", c.Permissions), arg("roles", c.Roles), grantable(c.Grantable))
	}
	if c, ok := e.(events.KeyAllowlistChanged); ok {
		return "allowlist_changed " + arg("ips", c.Allowlist)
	}
	if c, ok := e.(events.KeyExpiryChanged); ok {
		return "expiry_changed " + until("expires", c.ExpiresAt)
	}
	if c, ok := e.(events.KeyDetailsChanged); ok {
		return fmt.Sprintf("details_changed name=%s %s", c.Name, meta(c.Metadata))
	}
	if r, ok := e.(events.KeyRotated); ok {
		if r.CutOnFirstUse {
			return fmt.Sprintf("rotated %s to %s grace=%ds %s", r.Replaces, r.Credential.ID, r.GraceSeconds, until("ends", r.EndsAt))
		}
		return fmt.Sprintf("rotated %s to %s %s", r.Replaces, r.Credential.ID, until("ends", r.EndsAt))
	}
	if c, ok := e.(events.KeyOverlapChanged); ok {
		return fmt.Sprintf("overlap_changed %s %s", c.Credential, until("ends", &c.EndsAt))
	}
	if c, ok := e.(events.KeyCredentialCut); ok {
		return "credential_cut " + c.Credential
	}
	name, _ := events.EventName(e.Type())
	return name
}

func arg(name string, values []string) string {
	if len(values) == 0 {
		return ""
	}
	return name + "=" + strings.Join(values, ",")
}

func grantable(names []string) string {
	if names == nil {
		return ""
	}
	return "grantable=" + strings.Join(names, ",")
}

func word(name, value string) string {
	if value == "" {
		return ""
	}
	return name + "=" + value
}

func meta(m map[string]string) string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, k+":"+m[k])
	}
	return arg("meta", pairs)
}

func until(name string, at *time.Time) string {
	if at == nil {
		return ""
	}
	return name + "=+" + at.Sub(noon).String()
}
