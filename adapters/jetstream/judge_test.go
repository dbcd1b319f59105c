package jetstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestNotWrittenIsOnlySaidWhereTheBrokerSaidSo pins the reading of every code
// that a publish may be answered with. A code that is not in the table, now or
// in a later server, must stay silent.
func TestNotWrittenIsOnlySaidWhereTheBrokerSaidSo(t *testing.T) {
	t.Parallel()
	known := map[jetstream.ErrorCode]verdict{
		10071: conflict,  // wrong last sequence, one replica
		10164: contended, // wrong last sequence, several replicas: no sequence given
		10163: contended, // expected last sequence not ready
		10008: notNow, 10009: notNow, 10118: notNow, 10167: notNow, 10176: notNow, 10210: notNow,
		10002: unable, 10023: unable, 10039: unable, 10047: unable, 10076: unable,
		10054: never, 10060: never, 10097: never, 10109: never, 10174: never, 10175: never,
		10177: never, 10179: never, 10199: never, 10200: never,
	}
	for code := jetstream.ErrorCode(10000); code < 11000; code++ {
		want, ok := known[code]
		if !ok {
			want = silent
		}
		if got := judge(&jetstream.APIError{ErrorCode: code}); got != want {
			t.Errorf("code %d is read as %d, want %d", code, got, want)
		}
	}
}

func TestAnErrorOfTheConnectionProvesLittle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{nats.ErrNoResponders, notNow},
		{nats.ErrReconnectBufExceeded, notNow},
		{nats.ErrMaxPayload, never},
		{nats.ErrTimeout, silent},
		{nats.ErrConnectionClosed, silent},
		{nats.ErrDisconnected, silent},
		{context.DeadlineExceeded, silent},
		{fmt.Errorf("write: %w", net.ErrClosed), silent},
		{errors.New("anything"), silent},
	} {
		if got := judgeSend(c.err); got != c.want {
			t.Errorf("%v is read as %d, want %d", c.err, got, c.want)
		}
	}
}

func TestOnlyAnAcknowledgementOfThisWriteCounts(t *testing.T) {
	t.Parallel()
	good := pubAck{Stream: StreamName, Sequence: 10, Batch: "b", Count: 3}
	if got := judgeAck(good, 3); got != landed {
		t.Fatalf("a good one is read as %d", got)
	}
	for name, spoil := range map[string]func(*pubAck){
		"of another stream":      func(a *pubAck) { a.Stream = "OTHER" },
		"of an earlier copy":     func(a *pubAck) { a.Duplicate = true },
		"of another count":       func(a *pubAck) { a.Count = 2 },
		"of an impossible place": func(a *pubAck) { a.Sequence = 2 },
		"of nothing":             func(a *pubAck) { *a = pubAck{} },
	} {
		ack := good
		spoil(&ack)
		if got := judgeAck(ack, 3); got != silent {
			t.Errorf("an acknowledgement %s is read as %d", name, got)
		}
	}
}

func TestOldBrokersAreRefused(t *testing.T) {
	t.Parallel()
	for version, fit := range map[string]bool{
		"2.15.2": true, "2.15.10": true, "2.16.0": true, "3.0.0": true, "2.16.0-RC.1": true,
		"2.15.1": false, "2.15.2-RC.1": false, "2.9.99": false, "1.99.0": false, "": false, "newest": false,
	} {
		if err := checkVersion(version); (err == nil) != fit {
			t.Errorf("version %q: %v", version, err)
		}
	}
}
