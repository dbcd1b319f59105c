package edge

// Question is the body of POST /v1/verify.
type Question struct {
	Key         string   `json:"key" doc:"The credential; or public_key and secret_key; or keys."`
	PublicKey   string   `json:"public_key" doc:"Of a pair."`
	SecretKey   string   `json:"secret_key" doc:"Of a pair."`
	Keys        []string `json:"keys" doc:"Of a request that carries two, such as a public key and a wallet key: both must be good and belong together."`
	Scheme      string   `json:"scheme" doc:"Admit the credentials of this scheme only."`
	Environment string   `json:"environment" doc:"What the credential is presented for; what is left out asks nothing."`
	Permissions []string `json:"permissions" doc:"All of these are needed."`
	Method      string   `json:"method" doc:"With path: what the scheme's table of endpoints asks for."`
	Path        string   `json:"path"`
	IP          string   `json:"ip" doc:"Of the client; a key with an allowlist needs it."`
	Resource    string   `json:"resource"`
	AtLeast     uint64   `json:"at_least" doc:"Decide at this position of the ledger or a later one."`
}

// Answer is what is known of a credential. What is not told is null or empty.
type Answer struct {
	Valid       bool     `json:"valid"`
	Code        string   `json:"code" doc:"ok, or why not."`
	KeyID       *string  `json:"key_id"`
	KeyIDs      []string `json:"key_ids"`
	Account     *string  `json:"account"`
	Environment *string  `json:"environment"`
	Kind        *string  `json:"kind"`
	Permissions []string `json:"permissions" doc:"All that the key holds, where it is valid."`
	Roles       []string `json:"roles"`
	Resource    *string  `json:"resource"`
	Credential  *string  `json:"credential" doc:"The generation of the key that was presented."`
	Position    uint64   `json:"position" doc:"Of the ledger, at which this was decided."`
}
