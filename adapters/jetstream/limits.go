package jetstream

import "time"

// Bounds of everything here that loops, queues or waits.
const (
	// ackWait bounds the wait for one acknowledgement before the ledger is read
	// to learn what became of the write. A sync takes a fraction of a
	// millisecond; a thousand writers queue for a quarter of a second.
	ackWait = 3 * time.Second

	// settleFor bounds an append, retries and reading back included. Electing a
	// new leader takes a replicated broker seconds; answering "unknown" earlier
	// than 10 s after a lost acknowledgement would be giving up too soon.
	settleFor = 15 * time.Second

	// Pause between two attempts of one append: the first, and what doubling it
	// leads to.
	minPause = 5 * time.Millisecond
	maxPause = 250 * time.Millisecond

	// maxBatches bounds the atomic batches that one Log has open at once. The
	// broker takes 50 for a stream (ADR-50), so three ledger nodes fit.
	maxBatches = 16

	// maxBatchBytes bounds the payloads of one batch. The broker queues 128 MiB
	// for a stream before it drops messages, and other writers share that.
	maxBatchBytes = 32 << 20

	// apiWait bounds one request to the JetStream API, slowWait one that makes
	// or changes a stream: several syncs, each of which takes seconds on a disk
	// that others keep busy.
	apiWait  = 5 * time.Second
	slowWait = time.Minute

	// dialWait bounds making a connection. A connection that does not answer
	// two pings, pingInterval apart, is given up.
	dialWait     = 10 * time.Second
	pingInterval = 5 * time.Second

	// confirmFor is how long a replicated stream must keep looking shorter than
	// it was before that counts as damage: a replica that has just been deposed
	// answers with an old end.
	confirmFor = 10 * time.Second

	// lookWait bounds one request that reads a write back. It is repeated; one
	// that went to a leader that has just died is never answered.
	lookWait = time.Second

	// pullBatch is how many messages a follower asks for at once. It asks again
	// when half of them have come, so one and a half times as many are under
	// way. Thousands are needed to keep a replay busy.
	pullBatch = 4096

	// pullBytes bounds the same in bytes, against events of the largest size.
	pullBytes = 16 << 20

	// pullExpires ends a pull that was not filled; the next one follows at once.
	pullExpires = 30 * time.Second

	// heartbeat is how often the broker says that it has nothing to say.
	heartbeat = time.Second

	// maxSilence is how many heartbeats may be missed before a consumer is
	// given up.
	maxSilence = 3

	// maxIdle is how many heartbeats in a row may come without an event that is
	// owed before the stream's leader is asked for that event. Its answer
	// decides, not the wait: a disk that is slow holds the heartbeats back as
	// well, and costs at worst a new consumer.
	maxIdle = 4

	// consumerIdle is when the broker drops a consumer that nobody asks.
	consumerIdle = 30 * time.Second

	// dedupWindow is the smallest that the broker takes. Nothing relies on it.
	dedupWindow = 100 * time.Millisecond

	// headerRoom is what a message needs beside its payload: subject and
	// headers, each entity name at most four tokens long.
	headerRoom = 4 << 10

	// maxMemory bounds what the embedded broker keeps in memory stores: the
	// state of followers, some hundred bytes each.
	maxMemory = 64 << 20

	// clockTick is more than the resolution of a file system's change times:
	// the kernel's tick, 1 to 10 ms.
	clockTick = 20 * time.Millisecond

	// storeShare is the share of the free disk that the embedded broker may
	// fill, in percent. The rest is for what is derived from the same events
	// beside it. Reaching the bound is refused cleanly, write by write; running
	// into a full disk stops the stream until the next start.
	storeShare = 75

	// startWait bounds the start of the embedded broker. After an unclean stop
	// it reads the whole stream again, at about 200 MB/s.
	startWait = 30 * time.Minute

	// Bounds of asking servers about themselves: one answer, the wait for the
	// first server, and for each next one.
	maxVarz  = 4 << 20
	pingWait = time.Second
	pingGap  = 250 * time.Millisecond
)
