package apikey_test

import (
	"errors"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/apikey"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/domain/scheme"
	"github.com/keyledger/keyledger/events"
)

// A scheme can make of its page's advice a condition: of a new key, and of a
// change of the very field.
func TestThePolicyOfTheSchemeIsAskedOfNewKeysAndOfWhatChanges(t *testing.T) {
	s, err := scheme.New(scheme.Document{
		Scheme:        "strict",
		Environments:  map[string]scheme.Environment{"live": {Production: true}, "test": {}},
		Kinds:         map[string]scheme.Kind{"key": {Prefix: "st_{environment}_", Default: true}},
		Presentations: []scheme.Presentation{{Header: "X-API-Key"}},
		Policy:        &scheme.Policy{MaxLifetime: "90d", AllowlistRequired: true, NamePattern: "{environment} .+"},
	})
	if err != nil {
		t.Fatal(err)
	}
	born := time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)
	in := func(days int) *time.Time {
		at := born.Add(time.Duration(days) * 24 * time.Hour)
		return &at
	}
	for name, c := range map[string]struct {
		edit  func(*apikey.Create)
		field string
	}{
		"in order":                {func(*apikey.Create) {}, ""},
		"another name":            {func(c *apikey.Create) { c.Name = "billing" }, "name"},
		"the other environment's": {func(c *apikey.Create) { c.Name = "test billing" }, "name"},
		"no allowlist":            {func(c *apikey.Create) { c.Allowlist = nil }, "ip_allowlist"},
		"none needed in test": {func(c *apikey.Create) {
			c.Allowlist, c.Environment, c.Name = nil, "test", "test billing"
		}, ""},
		"no expiry": {func(c *apikey.Create) { c.ExpiresAt = nil }, "expires_at"},
		"too late":  {func(c *apikey.Create) { c.ExpiresAt = in(91) }, "expires_at"},
		"early":     {func(c *apikey.Create) { c.ExpiresAt = in(1) }, ""},
		"only just": {func(c *apikey.Create) { c.ExpiresAt = in(90) }, ""},
	} {
		create := apikey.Create{
			At: born, Scheme: s, SchemeVersion: 1, Environment: "live", Name: "live billing", Allowlist: []string{"10.0.0.0/8"}, ExpiresAt: in(90),
			Credential: events.Credential{ID: "cred_1", Prefix: "st_live_a", Locator: "abcdefghijkl", Last4: "abcd", Alg: scheme.AlgSHA256, Salt: make([]byte, 16), Hash: make([]byte, 32)},
		}
		c.edit(&create)
		_, err := apikey.Decide(apikey.Key{}, create)
		expectField(t, name, err, c.field)
	}

	create := apikey.Create{
		At: born, Scheme: s, SchemeVersion: 1, Environment: "live", Name: "live billing", Allowlist: []string{"10.0.0.0/8"}, ExpiresAt: in(90),
		Credential: events.Credential{ID: "cred_1", Prefix: "st_live_a", Locator: "abcdefghijkl", Last4: "abcd", Alg: scheme.AlgSHA256, Salt: make([]byte, 16), Hash: make([]byte, 32)},
	}
	decided, err := apikey.Decide(apikey.Key{}, create)
	if err != nil {
		t.Fatal(err)
	}
	key, err := apikey.After(apikey.Key{}, decided, born)
	if err != nil {
		t.Fatal(err)
	}
	key.Environment, key.CreatedAt = "live", born
	none, never, late := []string{}, (*time.Time)(nil), in(91)
	other := "billing"
	for name, c := range map[string]struct {
		change apikey.Change
		field  string
	}{
		"allowlist taken away": {apikey.Change{Allowlist: &none}, "ip_allowlist"},
		"expiry taken away":    {apikey.Change{ExpiresAt: &never}, "expires_at"},
		"expiry put off":       {apikey.Change{ExpiresAt: &late}, "expires_at"},
		"renamed":              {apikey.Change{Name: &other}, "name"},
	} {
		c.change.At, c.change.Scheme = born.Add(time.Hour), s
		_, err := apikey.Decide(key, c.change)
		expectField(t, name, err, c.field)
	}
}

func expectField(t *testing.T, name string, err error, field string) {
	t.Helper()
	refused, ok := errors.AsType[*refusal.Error](err)
	switch {
	case field == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case field != "" && (!ok || refused.Field != field):
		t.Errorf("%s: %v, want a refusal of %s", name, err, field)
	}
}
