package keyledger

import (
	"context"
	"net/http"
)

// Allowed is the code of a decision that says yes.
const Allowed Code = "ok"

// VerifyRequest asks about presented credentials: Key, or both halves of a pair,
// or Keys for a request that carries several. The other fields say what they are
// presented for; empty ones ask nothing.
type VerifyRequest struct {
	Key       Secret
	PublicKey string
	SecretKey Secret
	Keys      []Secret

	Scheme      string
	Environment string
	Permissions []string // all of them
	Method      string   // with Path: what the scheme's endpoint table asks for
	Path        string
	IP          string
	Resource    string
	AtLeast     uint64 // decide at this position of the ledger or a later one
}

// wire is the request with its secrets, for the server's eyes only. Marshalling
// a VerifyRequest itself gives them redacted.
func (r VerifyRequest) wire() any {
	var keys []string
	for _, k := range r.Keys {
		keys = append(keys, k.Reveal())
	}
	return struct {
		Key         string   `json:"key,omitempty"`
		PublicKey   string   `json:"public_key,omitempty"`
		SecretKey   string   `json:"secret_key,omitempty"`
		Keys        []string `json:"keys,omitempty"`
		Scheme      string   `json:"scheme,omitempty"`
		Environment string   `json:"environment,omitempty"`
		Permissions []string `json:"permissions,omitempty"`
		Method      string   `json:"method,omitempty"`
		Path        string   `json:"path,omitempty"`
		IP          string   `json:"ip,omitempty"`
		Resource    string   `json:"resource,omitempty"`
		AtLeast     uint64   `json:"at_least,omitempty"`
	}{
		r.Key.Reveal(), r.PublicKey, r.SecretKey.Reveal(), keys, r.Scheme, r.Environment, r.Permissions,
		r.Method, r.Path, r.IP, r.Resource, r.AtLeast,
	}
}

// Decision is the answer to a [VerifyRequest]. What the server does not tell
// about a credential that it refuses is empty.
type Decision struct {
	Valid       bool     `json:"valid"`
	Code        Code     `json:"code"` // [Allowed], or why not
	KeyID       Text     `json:"key_id"`
	KeyIDs      []string `json:"key_ids"`
	Account     Text     `json:"account"`
	Environment Text     `json:"environment"`
	Kind        Text     `json:"kind"`
	Permissions []string `json:"permissions"` // all it holds, where it is valid
	Roles       []string `json:"roles"`
	Resource    Text     `json:"resource"`
	Credential  Text     `json:"credential"` // id of the generation presented
	Position    uint64   `json:"position"`   // of the ledger, at which this was decided
}

// Verify asks whether presented credentials are good for something. To be
// refused is an answer, not an error.
func (c *Client) Verify(ctx context.Context, ask VerifyRequest) (*Decision, error) {
	return get[Decision](ctx, c, call{
		step: "verify", method: http.MethodPost, path: path("verify"), body: ask.wire(), repeatable: true,
	}, nil)
}

// Me describes the client's own key. A key that is not good is an [*Error].
func (c *Client) Me(ctx context.Context) (*Decision, error) {
	return get[Decision](ctx, c, call{
		step: "look at own key", method: http.MethodGet, path: path("me"), repeatable: true,
	}, nil)
}
