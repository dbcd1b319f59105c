package access

// Bounds on what one key can carry, so that deciding on it stays cheap and its
// events stay under the size of a message.
const (
	MaxPermission  = 64     // bytes of one permission; long enough for "transactions:read"
	MaxPermissions = 128    // per key; a catalogue is a dozen
	MaxAllowlist   = 10_000 // entries per key; a lookup is a binary search
	MaxPath        = 4096   // bytes of a request path that is matched at all
	MaxSegments    = 64     // segments of a request path
	MaxMethod      = 32     // bytes of a request method; the longest registered has 17
)
