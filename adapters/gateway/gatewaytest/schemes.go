package gatewaytest

import "github.com/keyledger/keyledger/domain/scheme"

// Voltz is a key system of public and secret pairs, presented by Basic, with
// words of its own.
func Voltz() scheme.Document {
	return scheme.Document{
		Scheme:       "voltz",
		Environments: map[string]scheme.Environment{"live": {Production: true}, "test": {}},
		Permissions:  map[string]scheme.Permission{"invoices:read": {}},
		Kinds: map[string]scheme.Kind{
			"pair": {Prefix: "pk_{environment}_", SecretPrefix: "sk_{environment}_", Default: true},
		},
		Presentations: []scheme.Presentation{{Basic: true}},
		Errors: map[string]string{
			"api_key_suspended": "api_key_revoked", "api_key_expired": "api_key_revoked", "account_inactive": "merchant_inactive",
		},
	}
}

// Widget is a key system whose keys are made to be seen, some in URLs.
func Widget() scheme.Document {
	return scheme.Document{
		Scheme:       "widget",
		Environments: map[string]scheme.Environment{"live": {}},
		Permissions:  map[string]scheme.Permission{"draw": {}},
		Kinds: map[string]scheme.Kind{
			"public": {Prefix: "wid_", Default: true, Exposure: scheme.ExposureClient},
			"link":   {Prefix: "widlink_", Exposure: scheme.ExposureClient, InURL: true},
		},
		Presentations: []scheme.Presentation{{Header: "X-Widget-Key"}},
	}
}

// Ops is a key system whose permissions carry management rights, with every part
// that a key can have: roles, wildcards, kinds bound to something.
func Ops() scheme.Document {
	return scheme.Document{
		Scheme:       "ops",
		Environments: map[string]scheme.Environment{"live": {Production: true}, "test": {}},
		Permissions: map[string]scheme.Permission{
			"read": {}, "write": {}, "pay:in": {}, "pay:out": {},
			"keys:manage": {}, "accounts:admin": {}, "schemes:admin": {}, "audit:read": {}, "verify": {},
		},
		Wildcards: true,
		Roles:     map[string]scheme.Role{"clerk": {Permissions: []string{"read", "pay:in"}}},
		Kinds: map[string]scheme.Kind{
			"key":    {Prefix: "ops_{environment}_", Default: true},
			"wallet": {Prefix: "opsw_{environment}_", Resource: "wallet"},
		},
		Presentations: []scheme.Presentation{{Header: "X-API-Key"}},
		Rights: map[string][]string{
			"keys:manage": {"keys"}, "accounts:admin": {"accounts"}, "schemes:admin": {"schemes"},
			"audit:read": {"audit"}, "verify": {"verify"},
		},
	}
}
