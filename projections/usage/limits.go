package usage

import "time"

const (
	// flushInterval is between two writes of what is new, and so what a crash may
	// lose.
	flushInterval = time.Second

	// retryPause is between attempts of Pebble to write to a disk that has failed.
	retryPause = time.Second

	// maxPending bounds the keys and the credentials whose newest use has not been
	// written yet, each. It is reached only where more than that are used within a
	// second, or where the disk does not take anything; uses of further ones are
	// then not noted, and counted. A million take some 100 MB.
	maxPending = 1 << 20

	// maxFirstUses bounds the first uses that nobody has taken yet. More are
	// dropped: as long as the older credential waits, every use tells it again.
	maxFirstUses = 1024

	// shards keep verifications on several processors from waiting for one
	// another.
	shards = 32

	// never is a number of tables that are not written out yet, or not sorted in
	// yet, which is not reached.
	never = 1 << 20

	// memTable and blockCache of the store, in bytes: a record has 40, and what
	// is asked for is mostly what has just been written.
	memTable   = 1 << 20
	blockCache = 8 << 20
)
