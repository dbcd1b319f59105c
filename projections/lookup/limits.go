package lookup

const (
	// DefaultEntries is the number of credentials held ready in memory where
	// Config names none, 47 MB: one with a few permissions takes some 720 bytes
	// (BenchmarkMemory), and as many entries of an allowlist as it has times 50.
	DefaultEntries = 64 << 10

	// MaxEntries bounds Config.CacheEntries: some 12 GB.
	MaxEntries = 16 << 20

	// maxAttempts bounds how often one decision is begun anew because what it
	// stood on changed meanwhile. Each attempt takes about a microsecond and is
	// undone only by a commit of the Runner in just that time, so more than a
	// few in a row mean that something is wrong: the answer is then "stale".
	maxAttempts = 64

	// maxRowKey is room for the key of a row. A longer one is only slower.
	maxRowKey = 64

	// maxList bounds the elements of a list in a row, far above what a key may
	// have. It keeps a damaged row from asking for memory.
	maxList = 1 << 16
)
