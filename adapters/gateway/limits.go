package gateway

import "time"

const (
	// maxVerifyBody bounds the body of POST /v1/verify, in bytes: two
	// credentials, a path of 4096 bytes and 128 permissions of 64 fit.
	maxVerifyBody = 32 << 10

	// maxWait is how long a request that asks for a position waits for it.
	maxWait = time.Second

	// maxKeys is how many credentials one request can carry: a presentation has one
	// and a companion.
	maxKeys = 2

	// maxHops bounds how many hops of X-Forwarded-For are looked at, from the
	// right. Nobody has so many proxies of his own.
	maxHops = 32
)
