package keyledger

import "time"

// Bounds on what one call may cost.
const (
	// MaxAttempts is how often a call that may be repeated is sent, the first
	// time included. Four of them ride out a restart of the server's proxy.
	MaxAttempts = 4

	// MaxRetryAfter is the longest wait a server may ask for and get. To be told
	// to wait longer is an answer, which the caller should see.
	MaxRetryAfter = 10 * time.Second

	// DefaultTimeout bounds one attempt where [Client.Timeout] is not set. It is
	// longer than the 10 s for which a server waits by itself.
	DefaultTimeout = 30 * time.Second

	// maxAnswer bounds an answer that is read into memory, in bytes: a page of a
	// thousand events of a common size, or of fifty of the largest.
	maxAnswer = 64 << 20

	// maxErrorAnswer bounds what is read of a refusal: a code and a sentence.
	maxErrorAnswer = 64 << 10

	// maxStreamLine bounds one line of an event stream. The largest event has
	// 768 KiB, and a server puts it on one line.
	maxStreamLine = 1 << 20

	// streamSilence is how long an event stream may say nothing, not even a
	// comment, before it is taken for dead and opened again.
	streamSilence = 60 * time.Second

	// firstPause and lastPause bound the wait between attempts, which doubles.
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)
