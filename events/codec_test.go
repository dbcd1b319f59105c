package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/events"
)

// envelope is a valid one about a key.
func envelope(data events.Event) events.Envelope {
	return events.Envelope{
		ID: "evt_1", Source: events.Source("kl_1"), Time: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC),
		Entity: events.KeyEntity("live", "acct_1", "key_1"), Actor: "key_0", Command: "cmd_1",
		Index: 1, Count: 1, Revision: 1, Data: data,
	}
}

func encode(t *testing.T, e events.Envelope) []byte {
	t.Helper()
	payload, err := events.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	for name, e := range map[string]events.Envelope{
		"plain":              envelope(events.KeyRevoked{}),
		"not ASCII":          envelope(events.KeyDetailsChanged{Name: "Zoë \u2028 \x00 \\ \" <&>"}),
		"a reason in quotes": func() events.Envelope { e := envelope(events.KeyRevoked{}); e.Reason = `say "no"`; return e }(),
		"no time":            func() events.Envelope { e := envelope(events.KeyRevoked{}); e.Time = time.Time{}; return e }(),
		"a great revision":   func() events.Envelope { e := envelope(events.KeyRevoked{}); e.Revision = 1 << 63; return e }(),
	} {
		got, err := events.Decode(encode(t, e))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, e) {
			t.Errorf("%s: got\n%+v\nwant\n%+v", name, got, e)
		}
	}
}

func TestTimesAreUTCOnBothSides(t *testing.T) {
	e := envelope(events.KeyRevoked{})
	want := e.Time
	e.Time = want.In(time.FixedZone("", 2*60*60))
	payload := encode(t, e)
	if !bytes.Contains(payload, []byte(`"time":"2026-03-04T05:06:07.000000008Z"`)) {
		t.Errorf("encoded as %s", payload)
	}
	payload = bytes.Replace(payload, []byte("05:06:07.000000008Z"), []byte("07:06:07.000000008+02:00"), 1)
	got, err := events.Decode(payload)
	if err != nil || got.Time != want {
		t.Errorf("decoded as %v, %v; want %v", got.Time, err, want)
	}
}

func TestAnEnvelopeThatCouldNotBeReadBackIsNotEncoded(t *testing.T) {
	for name, spoil := range map[string]func(*events.Envelope){
		"no id":                     func(e *events.Envelope) { e.ID = "" },
		"no revision":               func(e *events.Envelope) { e.Revision = 0 },
		"no index":                  func(e *events.Envelope) { e.Index = 0 },
		"an index beyond the count": func(e *events.Envelope) { e.Index = 2 },
		"too many events":           func(e *events.Envelope) { e.Count = events.MaxCommandEvents + 1 },
		"a type of another form":    func(e *events.Envelope) { e.Data = events.Unknown{Name: "com.example.revoked"} },
		"a type without a version":  func(e *events.Envelope) { e.Data = events.Unknown{Name: "keyledger.key.revoked.one"} },
		"data that is not JSON":     func(e *events.Envelope) { e.Data = events.Unknown{Name: "keyledger.key.x.v1", Raw: []byte("{")} },
		"an entity without an id":   func(e *events.Envelope) { e.Entity.ID = "" },
		"a dot in an account":       func(e *events.Envelope) { e.Entity.Account = "acct.1" },
	} {
		e := envelope(events.KeyRevoked{})
		spoil(&e)
		if payload, err := events.Encode(e); err == nil {
			t.Errorf("%s: encoded as %s", name, payload)
		}
	}
}

func TestBytesThatAreNoEventOfThisLedgerAreMalformed(t *testing.T) {
	valid := string(encode(t, envelope(events.KeyDetailsChanged{Name: "n"})))
	for _, c := range []struct{ old, new string }{
		{valid, ``},
		{valid, `null`},
		{valid, `[]`},
		{valid, valid[:len(valid)-1]},
		{valid, valid + valid},
		{`"specversion":"1.0"`, `"specversion":"2.0"`},
		{`"id":"evt_1",`, ``},
		{`"revision":1`, `"revision":0`},
		{`"revision":1`, `"revision":-1`},
		{`"revision":1`, `"revision":1.5`},
		{`"revision":1`, `"revision":18446744073709551616`},
		{`"commandindex":1`, `"commandindex":0`},
		{`"commandindex":1`, `"commandindex":2`},
		{`"commandcount":1`, `"commandcount":1001`},
		{`"subject":"key/key_1"`, `"subject":"key"`},
		{`"subject":"key/key_1"`, `"subject":"key/key_1/x"`},
		{`"account":"acct_1"`, `"account":"acct.1"`},
		{`"account":"acct_1",`, ``},
		{`"environment":"live"`, `"environment":"*"`},
		{`"environment":"live"`, `"environment":7`},
		{`"time":"2026-03-04T05:06:07.000000008Z"`, `"time":"yesterday"`},
		{`"type":"keyledger.key.details_changed.v1"`, `"type":"com.example.details_changed"`},
		{`"type":"keyledger.key.details_changed.v1"`, `"type":""`},
		{`"data":{"name":"n"}`, `"data":{"name":7}`},
		{`"data":{"name":"n"}`, `"data":null`},
		{`"data":{"name":"n"}`, `"data":[]`},
		{`"data":{"name":"n"}`, `"data":{}}`},
		{`,"data":{"name":"n"}`, ``},
	} {
		payload := strings.Replace(valid, c.old, c.new, 1)
		if payload == valid {
			t.Fatalf("%s does not occur in %s", c.old, valid)
		}
		if e, err := events.Decode([]byte(payload)); !errors.Is(err, events.ErrMalformed) {
			t.Errorf("%s: decoded as %+v, error %v; want it malformed", payload, e, err)
		}
	}
}

func TestAPayloadBeyondTheBoundIsRefusedOnBothSides(t *testing.T) {
	empty := len(encode(t, envelope(events.KeyDetailsChanged{})))
	largest := strings.Repeat("n", events.MaxPayload-empty)
	payload := encode(t, envelope(events.KeyDetailsChanged{Name: largest}))
	if len(payload) != events.MaxPayload {
		t.Fatalf("payload of %d bytes, want %d", len(payload), events.MaxPayload)
	}
	if _, err := events.Decode(payload); err != nil {
		t.Errorf("the largest payload: %v", err)
	}
	if _, err := events.Encode(envelope(events.KeyDetailsChanged{Name: largest + "n"})); !errors.Is(err, events.ErrTooLarge) {
		t.Errorf("encoded one byte more: %v", err)
	}
	if _, err := events.Decode(append(payload, ' ')); !errors.Is(err, events.ErrTooLarge) || !errors.Is(err, events.ErrMalformed) {
		t.Errorf("decoded one byte more: %v", err)
	}
}

func TestAFieldOfALaterBuildIsNoError(t *testing.T) {
	payload := encode(t, envelope(events.KeyDetailsChanged{Name: "n"}))
	payload = bytes.Replace(payload, []byte(`"data":{`), []byte(`"later":true,"data":{"colour":"red",`), 1)
	e, err := events.Decode(payload)
	if want := envelope(events.KeyDetailsChanged{Name: "n"}); err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("decoded as %+v, %v; want %+v", e, err, want)
	}
}

func TestAnUnknownEventKeepsItsBytes(t *testing.T) {
	for _, typ := range []string{"keyledger.key.praised.v1", "keyledger.key.revoked.v2", "keyledger.robot.built.v1"} {
		want := events.Unknown{Name: typ, Raw: json.RawMessage(`{"b":1e400,"a":[12345678901234567890,"<&>"],"b":null}`)}
		payload := encode(t, envelope(want))
		e, err := events.Decode(payload)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if !reflect.DeepEqual(e.Data, events.Event(want)) || e.Data.Type() != typ {
			t.Errorf("%s: decoded as %+v, want %+v", typ, e.Data, want)
		}
		if again := encode(t, e); !bytes.Equal(again, payload) {
			t.Errorf("%s: encodes to\n%s\nwant\n%s", typ, again, payload)
		}
	}
}

func TestADecodedEventDoesNotShareTheBytesItWasReadFrom(t *testing.T) {
	for _, data := range []events.Event{
		events.Unknown{Name: "keyledger.key.praised.v1", Raw: json.RawMessage(`{"a":1}`)},
		events.SchemeApplied{Name: "s", Version: 1, Document: json.RawMessage(`{"a":1}`)},
		events.KeyDetailsChanged{Name: "n", Metadata: map[string]string{"a": "b"}},
	} {
		payload := encode(t, envelope(data))
		e, err := events.Decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		clear(payload)
		if want := envelope(data); !reflect.DeepEqual(e, want) {
			t.Errorf("became\n%+v\nwant\n%+v", e, want)
		}
	}
}

func TestEventNameIsTheLastTokenOfTheSubject(t *testing.T) {
	for typ, want := range map[string]string{
		events.TypeKeyRevoked:                    "revoked",
		events.TypeKeyPermissionsChanged:         "permissions_changed",
		"keyledger.key.revoked.v12":              "revoked",
		"keyledger.key.revoked":                  "",
		"keyledger.key.revoked.v1.x":             "",
		"other.key.revoked.v1":                   "",
		"keyledger.key..v1":                      "",
		"keyledger.key.a b.v1":                   "",
		"keyledger.key.revoked.1":                "",
		"":                                       "",
		"keyledger.key." + longToken(65) + ".v1": "",
	} {
		got, err := events.EventName(typ)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("name of %q is %q, %v; want %q", typ, got, err, want)
		}
	}
}

func longToken(n int) string { return strings.Repeat("a", n) }

func ExampleEncode() {
	payload, err := events.Encode(events.Envelope{
		ID: "evt_1", Source: events.Source("kl_1"), Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		Entity: events.KeyEntity("live", "acct_1", "key_1"), Actor: "key_0", Command: "cmd_1",
		Index: 1, Count: 1, Revision: 7, Reason: "key_compromise", Data: events.KeyRevoked{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(string(payload), `,"`, ",\n\""))
	// Output:
	// {"specversion":"1.0",
	// "id":"evt_1",
	// "source":"urn:keyledger:kl_1",
	// "type":"keyledger.key.revoked.v1",
	// "subject":"key/key_1",
	// "time":"2026-03-02T09:00:00Z",
	// "datacontenttype":"application/json",
	// "environment":"live",
	// "account":"acct_1",
	// "actor":"key_0",
	// "command":"cmd_1",
	// "commandindex":1,
	// "commandcount":1,
	// "revision":7,
	// "reason":"key_compromise",
	// "data":{}}
}
