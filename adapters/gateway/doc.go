// Package gateway is verification over HTTP: it reads the credential of a
// request as its scheme presents it, has the node's own index decide, and
// answers in the scheme's words. [Middleware] guards a handler of the same
// process; POST /v1/verify answers for other processes; GET /v1/me tells a
// credential about itself.
package gateway
