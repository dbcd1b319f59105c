package projections

import "time"

const (
	// maxBatchBytes bounds the payloads of one commit, in bytes, except that a
	// command is never split. A delivery may hold 2048 events of 768 KiB; held
	// together with their rows and states they would cost gigabytes.
	maxBatchBytes = 4 << 20

	// defaultCache is the size of the block cache where Config names none, in
	// bytes: a hundred thousand keys with all their rows.
	defaultCache = 128 << 20

	// memTable is how much is written before Pebble sorts it into a file, in
	// bytes. Larger ones make a rebuild faster and a start after a crash slower:
	// they are read back from its log at some 100 MB/s.
	memTable = 16 << 20

	// maxMemTables bounds what may be in memory and not yet in files, in full
	// memtables, before a commit has to wait.
	maxMemTables = 4

	// retryPause is how long Pebble is kept from trying again to write what it
	// could not, and how often a commit that waits looks again by itself.
	retryPause = 250 * time.Millisecond

	// filterBits per key make one absent key in a hundred cost a read.
	filterBits = 10
)
