package httpapi

import "time"

const (
	// maxBody bounds a request body, in bytes. The largest that means anything,
	// an allowlist of ten thousand prefixes, takes less than half of it.
	maxBody = 1 << 20

	// bodyTimeout bounds the time in which a body must arrive.
	bodyTimeout = 10 * time.Second

	// DefaultTimeout bounds a request where Config does not say. It exceeds the
	// time for which a write without acknowledgement is pursued.
	DefaultTimeout = 15 * time.Second

	// keyStep and eventStep are how many keys or events are read at once for a
	// page, and maxSteps how often that is done before a page is answered as it is.
	keyStep   = 100
	eventStep = 32
	maxSteps  = 40

	// maxAnswer is the size, in bytes and about, from which a page is answered as
	// it is, however few things are on it. One thing alone may have most of a
	// megabyte, and a thousand of them are not to be held in memory at once.
	maxAnswer = 8 << 20

	// maxStreams bounds the clients that follow events at once. Each takes a
	// goroutine, a connection, and a look at the trail for every event.
	maxStreams = 256

	// heartbeat is how often a silent stream says that it is alive, and looks
	// whether its reader may still read. Proxies drop connections that are silent
	// for a minute.
	heartbeat = 15 * time.Second

	// streamWrite bounds one write to a stream; a reader slower than that comes
	// back with the last id it has seen.
	streamWrite = 10 * time.Second

	// maxFence bounds the time that a caller may ask to wait for a fence.
	maxFence = 5 * time.Minute
)
