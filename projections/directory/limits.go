package directory

const (
	// DefaultPage is the length of a page where the caller does not say.
	DefaultPage = 100

	// MaxPage bounds one page, so that one request cannot hold the node up.
	MaxPage = 1000

	// maxScan bounds the rows looked at for one page. A filter that matches
	// little then answers a short page with a cursor instead of walking over a
	// million keys at once.
	maxScan = 10_000

	// maxForget bounds the remembered commands that one command forgets. Every
	// command adds one at most, so more than one keeps up with any backlog.
	maxForget = 4
)
