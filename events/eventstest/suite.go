package eventstest

import (
	"context"
	"testing"
	"time"

	"github.com/keyledger/keyledger/events"
)

// checkTime bounds one check, so that a log which never answers fails instead
// of hanging. It is generous: nothing is concluded from how long a check takes.
const checkTime = 2 * time.Minute

// Check tests one promise of [events.Log].
type Check struct {
	// Name says the promise.
	Name string
	// Run returns how log broke it. The log is new: it holds nothing, or no more
	// than what opening it writes. Nobody else uses it meanwhile. A log that
	// does not answer holds Run up until ctx ends.
	Run func(ctx context.Context, log events.Log) error
}

// RunLog tests a Log against its contract. Every subtest calls open for a log
// of its own, which open closes through its t. What happens when a connection
// or an acknowledgement is lost cannot be provoked through the interface; an
// implementation tests that itself.
func RunLog(t *testing.T, open func(t *testing.T) events.Log) {
	t.Helper()
	for _, check := range Checks() {
		t.Run(check.Name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), checkTime)
			defer cancel()
			if err := check.Run(ctx, open(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Checks returns the checks of [RunLog].
func Checks() []Check {
	return []Check{
		{"events are numbered from 1 without gaps in the order appended", checkOrder},
		{"payloads come back byte for byte", checkPayloads},
		{"a batch lands whole and next to one another", checkBatch},
		{"a batch that conflicts leaves nothing", checkAllOrNone},
		{"an entity that has moved is a conflict", checkConflict},
		{"an expectation is about all events of its entity and no other", checkWholeEntity},
		{"two events of one entity in a batch are both counted", checkTwice},
		{"a lone event may expect the actor", checkLoneGuard},
		{"a batch may be guarded by the actor", checkBatchGuard},
		{"a write sent again does not land again", checkResend},
		{"a malformed write is refused and leaves nothing", checkRefused},
		{"a payload of the largest size lands and one larger is refused", checkLargestPayload},
		{"a command of the largest size lands whole", checkLargestCommand},
		{"an append with an ended context is honest", checkEndedAppend},
		{"head is not older than what was acknowledged", checkHead},
		{"follow resumes from a position", checkResume},
		{"follow refuses a position of another log", checkForeign},
		{"deliveries never split a command and are bounded", checkDeliveries},
		{"follow goes live", checkLive},
		{"follow ends when its context ends", checkFollowEnded},
		{"follow ends when deliver fails", checkDeliverFails},
		{"one delivery at a time and its slice is the callee's", checkCallee},
		{"followers do not disturb one another", checkFollowers},
		{"of writers that expect the same one wins", checkOneWinner},
		{"concurrent appends make one linear history", checkLinear},
		{"nothing guarded lands after its actor has moved", checkGuardRace},
	}
}
