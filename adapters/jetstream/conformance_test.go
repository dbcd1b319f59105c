package jetstream_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/adapters/jetstream/jetstreamtest"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

func TestLogKeepsItsContractOnARealBroker(t *testing.T) {
	t.Parallel()
	eventstest.RunLog(t, func(t *testing.T) events.Log { return jetstreamtest.Ledger(t) })
}

// TestAnImpatientLogKeepsItsContract runs against an external broker and takes
// nearly every acknowledgement for lost, so that everything is read back, and
// much is sent again. A lone guarded write may then end unknown, which the checks
// of guards do not accept.
func TestAnImpatientLogKeepsItsContract(t *testing.T) {
	t.Parallel()
	wait := 500 * time.Microsecond
	if testing.Short() { // under the race detector nothing at all would be answered in time
		wait = 5 * time.Millisecond
	}
	for _, check := range eventstest.Checks() {
		if strings.Contains(check.Name, "guard") || strings.Contains(check.Name, "actor") {
			continue
		}
		t.Run(check.Name, func(t *testing.T) {
			url, monitor := foreign(t, nil)
			b, err := jetstream.Connect(t.Context(), jetstream.Config{URL: url, Monitors: []string{monitor}})
			must(t, err)
			defer b.Close(context.WithoutCancel(t.Context()))
			log := ledger(t, b)
			log.Hurry(wait, time.Minute)
			must(t, check.Run(t.Context(), log))
		})
	}
}
