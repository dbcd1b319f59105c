package ledger

const (
	// MaxAttempts bounds how often one command is decided anew. Every attempt
	// follows a change of what it decided on, so this is reached only under a
	// flood of commands on one key; the caller is then told to try again.
	MaxAttempts = 64

	// MaxIdempotencyKey bounds the header, in bytes.
	MaxIdempotencyKey = 255

	// stripes is the number of locks that keep commands on one entity from
	// racing one another inside a node, where they would only undo each other's
	// decisions. Two entities that share a stripe wait for one another, no more.
	stripes = 256

	// shares is how many commands may rely on one entity at a time. More than
	// this many creates by one key at once wait for a place.
	shares = 64
)
