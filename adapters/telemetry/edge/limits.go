package edge

const (
	// maxRequestID bounds a request id that a caller brings. It stands in every
	// event of the command for good.
	maxRequestID = 64

	// maxDepth bounds the nesting of a JSON body. The deepest that means
	// anything, a scheme document, has seven levels.
	maxDepth = 16

	// maxShownName bounds the name of an unknown field in a message.
	maxShownName = 40

	// retryAfterSeconds is when to ask again after a 503: an election of a new
	// leader takes a second or two.
	retryAfterSeconds = "2"
)
