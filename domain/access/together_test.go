package access_test

import (
	"testing"

	"github.com/keyledger/keyledger/domain/access"
)

// together is a public key and a wallet key that are good together.
func together(t *testing.T) (public, wallet access.Grant, r access.Request, table []access.Endpoint) {
	wallet, r, table = good(t)
	public = access.Grant{Key: "key_0", Account: wallet.Account, Environment: "live", Kind: "pak", AccountActive: true}
	return public, wallet, r, table
}

func TestTwoGrantsMustBothHoldAndBelongTogether(t *testing.T) {
	type parts struct {
		public, wallet *access.Grant
		r              *access.Request
	}
	for name, c := range map[string]struct {
		code access.Code
		edit func(parts)
	}{
		"both good":                      {access.Allowed, func(parts) {}},
		"first revoked":                  {access.Revoked, func(p parts) { p.public.Revoked = true }},
		"second revoked":                 {access.Revoked, func(p parts) { p.wallet.Revoked = true }},
		"the first reason wins":          {access.AccountInactive, func(p parts) { p.public.Revoked, p.wallet.AccountActive = true, false }},
		"the first reason wins, swapped": {access.AccountInactive, func(p parts) { p.wallet.Revoked, p.public.AccountActive = true, false }},
		"first of another address":       {access.IPNotAllowed, func(p parts) { p.public.Allow = addrs(t, "192.0.2.1") }},
		"first of another environment":   {access.EnvironmentMismatch, func(p parts) { p.public.Environment = "test" }},
		"environments differ": {access.PermissionDenied, func(p parts) {
			p.public.Environment, p.r.Environment = "test", ""
		}},
		"accounts differ":        {access.PermissionDenied, func(p parts) { p.public.Account = "other" }},
		"schemes differ":         {access.PermissionDenied, func(p parts) { p.public.Scheme = "other" }},
		"resources differ":       {access.PermissionDenied, func(p parts) { p.public.Resource = "wal_2" }},
		"resources agree":        {access.Allowed, func(p parts) { p.public.Resource = "wal_1" }},
		"permissions add up":     {access.Allowed, func(p parts) { p.public.Permissions, p.wallet.Permissions = p.wallet.Permissions, nil }},
		"none has it":            {access.PermissionDenied, func(p parts) { p.wallet.Permissions = nil }},
		"kinds not listed":       {access.PermissionDenied, func(p parts) { p.public.Kind = "pub" }},
		"the resource of a path": {access.PermissionDenied, func(p parts) { p.r.Path = "/v1/wallets/wal_2/pay" }},
	} {
		public, wallet, r, table := together(t)
		c.edit(parts{&public, &wallet, &r})
		if code := access.CheckTogether([]*access.Grant{&public, &wallet}, &r, table); code != c.code {
			t.Errorf("%s: %s, want %s", name, code, c.code)
		}
	}
	public, wallet, r, table := together(t)
	if code := access.CheckTogether(nil, &r, table); code != access.Missing {
		t.Errorf("nothing: %s", code)
	}
	if code := access.CheckTogether([]*access.Grant{&public}, &r, table); code != access.PermissionDenied {
		t.Errorf("one alone: %s", code)
	}
	if len(wallet.Permissions) != 2 {
		t.Error("a grant has been changed")
	}
}
