package events

// Bounds of the wire format. They are enforced when an event is encoded, and
// again when one is read back, so that no reader has to guess at them.
const (
	// MaxPayload bounds one stored event, in bytes. It leaves room for ten
	// thousand allowlist entries and stays under the broker's default maximum
	// payload of 1 MiB, headers included.
	MaxPayload = 768 << 10

	// MaxCommandEvents bounds the events of one command, and so an atomic
	// batch. The broker's own limit is 1000 (ADR-50).
	MaxCommandEvents = 1000

	// MaxDelivery bounds the events that [Log.Follow] hands over at once, except
	// that a command is never split. It trades the cost of a commit against the
	// memory held and the time until the first of them is visible.
	MaxDelivery = 2048

	// MaxToken bounds one token of a subject: an account, entity id, environment.
	MaxToken = 64
)
