package audit

const (
	// DefaultPage is the length of a page where the caller does not say.
	DefaultPage = 100

	// MaxPage bounds one page; a page of the largest events still fits in
	// memory many times over.
	MaxPage = 1000

	// maxSteps bounds the rows looked at for one page. A query that matches
	// little then answers a short page and where to go on.
	maxSteps = 20_000
)

// zoneShifts are the sizes of the zones, as powers of two: with a thousand
// million events, a query about a span of time passes over them in a thousand
// steps and then a thousand smaller ones.
const (
	zoneShiftLow  = 10
	zoneShiftHigh = 20
)
