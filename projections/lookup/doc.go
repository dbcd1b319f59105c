// Package lookup decides whether a presented credential is good: it is the
// index from locator to what the credential admits, and the verifier on top.
//
// The index has one row for each credential that a key remembers, at
// environment and locator, with everything a decision needs besides the state
// of the account and the scheme. A credential that has been cut keeps its row,
// so that whoever still holds its secret is told so; a key remembers at most
// apikey.MaxKept.
//
// The verifier holds rows that were used lately in memory, decoded. What it
// holds has no time to live: it is dropped by the very commit that changes what
// it was made of, before the position of that commit is published. Whoever has
// waited for a position never gets an answer older than it.
package lookup
