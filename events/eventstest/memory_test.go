package eventstest_test

import (
	"testing"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

func TestMemoryKeepsTheContractOfALog(t *testing.T) {
	eventstest.RunLog(t, func(*testing.T) events.Log { return new(eventstest.Memory) })
}
