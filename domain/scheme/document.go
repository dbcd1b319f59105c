package scheme

// Document is a key system as written by its owner, in YAML or JSON. Maps are
// keyed by name. Unknown fields are errors.
type Document struct {
	// Scheme is the name of the key system, for ever.
	Scheme string `json:"scheme"`
	// Title is what people call it.
	Title string `json:"title,omitempty"`
	// Environments a key can belong to. A key belongs to one, for good.
	Environments map[string]Environment `json:"environments"`
	// Permissions is the catalogue: nothing else can be granted.
	Permissions map[string]Permission `json:"permissions,omitempty"`
	// Wildcards admits permissions with a last word of '*'.
	Wildcards bool `json:"wildcards,omitempty"`
	// Roles are named sets of permissions.
	Roles map[string]Role `json:"roles,omitempty"`
	// Kinds of key, told apart by their prefixes.
	Kinds map[string]Kind `json:"kinds"`
	// Endpoints say what a request needs. The first that matches decides; a
	// request that matches none is refused.
	Endpoints []Endpoint `json:"endpoints,omitempty"`
	// Presentations are the ways in which a request carries a credential.
	Presentations []Presentation `json:"presentations"`
	// Refused are ways that people try and that this scheme never takes.
	Refused []Refused `json:"refused,omitempty"`
	// Sets name kinds that are issued together for one resource, all or none.
	Sets map[string]Set `json:"sets,omitempty"`
	// Rights maps a permission or role of this scheme to the management rights
	// of keyledger that it carries.
	Rights map[string][]string `json:"rights,omitempty"`
	// Errors maps a code of ours to the word this scheme has for it.
	Errors map[string]string `json:"errors,omitempty"`
	// Members are the permissions that people can have, see [Scheme.Members].
	Members map[string]Member `json:"members,omitempty"`
	// Policy is what the scheme asks of every key, beyond being well formed.
	Policy *Policy `json:"policy,omitempty"`
}

// Environment is one of a scheme's environments.
type Environment struct {
	Token      string `json:"token,omitempty"`      // in prefixes; default: its name
	Production bool   `json:"production,omitempty"` // real money; reports ask more of it
}

// Permission is an entry of the catalogue.
type Permission struct {
	Description string `json:"description,omitempty"`
}

// Role is a named set of permissions.
type Role struct {
	Permissions []string `json:"permissions"`
	Description string   `json:"description,omitempty"`
}

// Exposures of a kind.
const (
	ExposureServer = "server" // never leaves a server: refused on a browser's request
	ExposureClient = "client" // made to be seen by the customer's users
)

// Kind is a kind of key.
type Kind struct {
	// Prefix begins the text; "{environment}" stands for the environment's
	// token. It ends in an underscore.
	Prefix string `json:"prefix"`
	// SecretPrefix makes the kind a pair and begins its secret half.
	SecretPrefix string `json:"secret_prefix,omitempty"`
	// Default makes it the kind of a key created without naming one.
	Default bool `json:"default,omitempty"`
	// Exposure is "server" (default) or "client".
	Exposure string `json:"exposure,omitempty"`
	// Environments limits the kind to some; empty is all.
	Environments []string `json:"environments,omitempty"`
	// Resource names what a key of this kind is bound to ("wallet"); empty is
	// nothing.
	Resource string `json:"resource,omitempty"`
	// Grants are permissions that every key of this kind has.
	Grants []string `json:"grants,omitempty"`
	// Permissions limits what can be granted; absent is the whole catalogue, an
	// empty list nothing.
	Permissions *[]string `json:"permissions,omitempty"`
	// Roles limits the roles in the same way.
	Roles *[]string `json:"roles,omitempty"`
	// Rights are management rights that every key of this kind has.
	Rights []string `json:"rights,omitempty"`
	// InURL says that the key is made to stand in a URL.
	InURL bool `json:"in_url,omitempty"`
	// Description says what the kind is for.
	Description string `json:"description,omitempty"`
}

// Set is kinds issued together. They are all bound to the same sort of resource,
// and can be made in the same environments.
type Set struct {
	Kinds       []string `json:"kinds"`
	Description string   `json:"description,omitempty"`
}

// Endpoint guards a method and path.
type Endpoint struct {
	Method      string     `json:"method"` // "*" is any
	Path        string     `json:"path"`
	Permissions []string   `json:"permissions,omitempty"`
	Kinds       [][]string `json:"kinds,omitempty"`
}

// Presentation is one way to carry a credential: exactly one of Header, Basic and
// Path.
type Presentation struct {
	Header string `json:"header,omitempty"` // the whole value is the key
	Basic  bool   `json:"basic,omitempty"`  // RFC 7617: public half as user, secret half as password
	Path   bool   `json:"path,omitempty"`   // a segment of the path is the key; for kinds with in_url
	// Kinds come this way, and no others; empty is every kind that can.
	Kinds []string `json:"kinds,omitempty"`
	// With is a second credential that comes in the same request.
	With *Companion `json:"with,omitempty"`
}

// Companion is the second credential of a presentation of two. Both must be
// good, of the same account and environment, and bound to the same resource
// where both are bound.
type Companion struct {
	Header string   `json:"header"`
	Kinds  []string `json:"kinds"`
}

// Refused is a scheme of the Authorization header that is answered with
// api_key_malformed, and why.
type Refused struct {
	Authorization string `json:"authorization"` // "Bearer"; in any case of letters
	Because       string `json:"because"`       // said to whoever tries
}

// Member is what one permission of a person brings.
type Member struct {
	Description string   `json:"description,omitempty"`
	Permissions []string `json:"permissions,omitempty"` // of the catalogue, in the environments of the grant
	Rights      []string `json:"rights,omitempty"`      // of management
	Grantable   []string `json:"grantable,omitempty"`   // what it may give to keys; absent: its Permissions
}

// Policy is what a scheme asks of its keys. What is left out asks nothing.
// Durations are whole days or hours: "90d", "12h".
type Policy struct {
	// MaxLifetime bounds a key's life from its creation: it must expire by then.
	MaxLifetime string `json:"max_lifetime,omitempty"`
	// RotateAfter is the age of a secret from which reports ask for a rotation.
	RotateAfter string `json:"rotate_after,omitempty"`
	// AllowlistRequired refuses a key of a server's kind without an IP allowlist
	// in environments marked production.
	AllowlistRequired bool `json:"allowlist_required,omitempty"`
	// NamePattern is a regular expression (RE2) for the whole name of a key;
	// "{environment}" stands for the name of the key's environment.
	NamePattern string `json:"name_pattern,omitempty"`
}
