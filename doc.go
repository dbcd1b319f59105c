// Package keyledger is the Go client of a keyledger server: it manages keys and
// accounts, asks whether a presented key is good, and follows the ledger's
// events. It uses the standard library only.
//
//	c := keyledger.NewClient("https://keys.example.com", os.Getenv("KEYLEDGER_KEY"))
//	key, err := c.CreateKey(ctx, keyledger.CreateKey{
//		Name: "checkout", Environment: "live", Permissions: []string{"onramp:create"},
//	})
//	if err != nil {
//		return err
//	}
//	store(key.Secret.Reveal()) // shown this once
//
// # Errors
//
// A server that refuses answers with an [*Error]. Its code comes from a closed
// list; each code is a constant of type [Code] that errors.Is understands:
//
//	if errors.Is(err, keyledger.ErrNotFound) { ... }
//
// A scheme may have words of its own for some codes; those are compared in the
// same way, as keyledger.Code("merchant_inactive"). An answer that is not
// keyledger's is [ErrProtocol]; none at all is [ErrNoAnswer], and the request may
// then have been carried out.
//
// # What is tried again
//
// A call that may be repeated without harm is tried up to [MaxAttempts] times: when
// the connection fails, and when the server answers 503 with a Retry-After of at
// most [MaxRetryAfter]. Those are reads, [Client.Verify], revocations, suspensions
// and resumptions, cuts, changes without [IfMatch], and whatever carries an
// [IdempotencyKey]. Creating and rotating without one are sent once: asked twice,
// they would be done twice.
//
// # Secrets
//
// A secret has the type [Secret], which does not print, marshal or log. The text
// leaves it through [Secret.Reveal] alone.
package keyledger
