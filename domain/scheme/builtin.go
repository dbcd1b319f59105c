package scheme

import "github.com/keyledger/keyledger/domain/access"

// BuiltinName is the scheme that is always known: it has the kinds by which the
// ledger itself is managed, and a plain kind of key for whoever needs no more.
const BuiltinName = "keyledger"

// Kinds of the built-in scheme.
const (
	KindRoot   = "root"   // every account, environment and right
	KindMember = "member" // a person
)

// Builtin returns the built-in scheme.
func Builtin() *Scheme {
	none := []string{}
	s, err := New(Document{
		Scheme: BuiltinName,
		Title:  "keyledger's own keys",
		Environments: map[string]Environment{
			access.Spanning: {}, "live": {Production: true}, "test": {},
		},
		Permissions: map[string]Permission{
			"read":           {Description: "read what the service has"},
			"write":          {Description: "change what the service has"},
			"keys:manage":    {Description: "create, change, rotate and revoke keys of the account"},
			"accounts:admin": {Description: "open, suspend and close accounts"},
			"schemes:admin":  {Description: "apply scheme documents"},
			"audit:read":     {Description: "read everything, change nothing"},
			"verify":         {Description: "ask whether a presented key is good"},
		},
		Wildcards: true,
		Kinds: map[string]Kind{
			"key": {Prefix: "kl_{environment}_", Default: true, Environments: []string{"live", "test"}},
			KindRoot: {
				Prefix: "klr_", Environments: []string{access.Spanning}, Permissions: &none,
				Grants: []string{access.All}, Rights: rightNames(),
			},
			KindMember: {Prefix: "klm_", Environments: []string{access.Spanning}, Permissions: &none},
		},
		Presentations: []Presentation{{Header: "X-API-Key"}},
		Rights: map[string][]string{
			"keys:manage":    {string(access.RightKeys)},
			"accounts:admin": {string(access.RightAccounts)},
			"schemes:admin":  {string(access.RightSchemes)},
			"audit:read":     {string(access.RightAudit)},
			"verify":         {string(access.RightVerify)},
		},
	})
	if err != nil {
		panic(err) // the document above is a constant; its test would have failed
	}
	return s
}

func rightNames() []string {
	var names []string
	for _, r := range access.Rights() {
		names = append(names, string(r))
	}
	return names
}
