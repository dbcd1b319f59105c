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
	// Rights maps a permission or role of this scheme to the management rights
	// of keyledger that it carries.
	Rights map[string][]string `json:"rights,omitempty"`
	// Errors maps a code of ours to the word this scheme has for it.
	Errors map[string]string `json:"errors,omitempty"`
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
}

// Endpoint guards a method and path.
type Endpoint struct {
	Method      string     `json:"method"` // "*" is any
	Path        string     `json:"path"`
	Permissions []string   `json:"permissions,omitempty"`
	Kinds       [][]string `json:"kinds,omitempty"`
}

// Presentation is one way to carry a credential: exactly one of Header and
// Basic.
type Presentation struct {
	Header string `json:"header,omitempty"` // the whole value is the key
	Basic  bool   `json:"basic,omitempty"`  // RFC 7617: public half as user, secret half as password
}
