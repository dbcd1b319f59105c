// Package httpapi is the management API: keys, accounts, schemes and the trail
// over HTTP, with its own description as OpenAPI.
//
// A handler reads the body strictly, calls the write path of package ledger or a
// read model, and puts the result into the envelope. Who asks is decided before,
// from the credential of the request by the node's own index and then, for the
// rights, by the state that commands are decided on. Whether the caller may do
// what it asks is decided by the ledger, on the state that guards the write;
// what is checked here only answers sooner.
//
// huma gives the routes, the parameters and the document. It does not read
// bodies and its error model is not used: that one repeats what was sent.
package httpapi
