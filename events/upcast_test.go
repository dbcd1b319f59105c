package events_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/events"
)

// The retired versions of key.details_changed in these tests are made up: v0
// had "title" for the name, and before it v00 had one list of both.
const (
	detailsV00 = "keyledger.key.details_changed.v00"
	detailsV0  = "keyledger.key.details_changed.v0"
)

func upcasts() map[string]events.Upcast {
	return map[string]events.Upcast{
		detailsV00: {To: detailsV0, Step: func(data json.RawMessage) (json.RawMessage, error) {
			var old struct{ Details []string }
			if err := json.Unmarshal(data, &old); err != nil {
				return nil, err
			}
			if len(old.Details) != 2 {
				return nil, errDetails
			}
			return json.Marshal(map[string]any{"title": old.Details[0], "metadata": map[string]string{"note": old.Details[1]}})
		}},
		detailsV0: {To: events.TypeKeyDetailsChanged, Step: func(data json.RawMessage) (json.RawMessage, error) {
			var old struct {
				Title    string            `json:"title"`
				Metadata map[string]string `json:"metadata"`
			}
			if err := json.Unmarshal(data, &old); err != nil {
				return nil, err
			}
			return json.Marshal(events.KeyDetailsChanged{Name: old.Title, Metadata: old.Metadata})
		}},
	}
}

var errDetails = errors.New("not two details")

// retired is an event as a build wrote it that had this type.
func retired(t *testing.T, typ, data string) []byte {
	t.Helper()
	return encode(t, envelope(events.Unknown{Name: typ, Raw: json.RawMessage(data)}))
}

func TestARetiredTypeIsReadAsTodays(t *testing.T) {
	codec := events.Codec{Upcasts: upcasts()}
	want := envelope(events.KeyDetailsChanged{Name: "Checkout", Metadata: map[string]string{"note": "ours"}})
	for name, payload := range map[string][]byte{
		"one step":    retired(t, detailsV0, `{"title":"Checkout","metadata":{"note":"ours"}}`),
		"two steps":   retired(t, detailsV00, `{"details":["Checkout","ours"]}`),
		"today's own": encode(t, want),
	} {
		got, err := codec.Decode(payload)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%+v, %v\nwant\n%+v", name, got, err, want)
		}
	}
	if e, err := events.Decode(retired(t, detailsV0, `{"title":"Checkout"}`)); err != nil {
		t.Error(err)
	} else if _, unknown := e.Data.(events.Unknown); !unknown {
		t.Errorf("without upcasters it decodes as %T, want Unknown", e.Data)
	}
}

func TestAnUpcastToATypeNobodyKnowsIsUnknown(t *testing.T) {
	codec := events.Codec{Upcasts: map[string]events.Upcast{
		detailsV0: {To: "keyledger.key.details_changed.v9", Step: func(d json.RawMessage) (json.RawMessage, error) { return d, nil }},
	}}
	e, err := codec.Decode(retired(t, detailsV0, `{"title":"n"}`))
	want := events.Unknown{Name: "keyledger.key.details_changed.v9", Raw: json.RawMessage(`{"title":"n"}`)}
	if err != nil || !reflect.DeepEqual(e.Data, events.Event(want)) {
		t.Errorf("got %+v, %v; want %+v", e.Data, err, want)
	}
}

func TestAFailingUpcastIsMalformedAndNamesItsStep(t *testing.T) {
	codec := events.Codec{Upcasts: upcasts()}
	_, err := codec.Decode(retired(t, detailsV00, `{"details":["alone"]}`))
	if !errors.Is(err, events.ErrMalformed) || !errors.Is(err, errDetails) || !strings.Contains(err.Error(), detailsV00) {
		t.Errorf("got %v, want %v in %s, malformed", err, errDetails, detailsV00)
	}
	bad := events.Codec{Upcasts: map[string]events.Upcast{
		detailsV0: {To: events.TypeKeyDetailsChanged, Step: func(json.RawMessage) (json.RawMessage, error) { return []byte(`{"name":7}`), nil }},
	}}
	if e, err := bad.Decode(retired(t, detailsV0, `{}`)); !errors.Is(err, events.ErrMalformed) {
		t.Errorf("a step that makes what its type is not: %+v, %v", e.Data, err)
	}
}

func TestBytesThatAreNotJSONAreNotUpcast(t *testing.T) {
	codec := events.Codec{Upcasts: map[string]events.Upcast{
		detailsV0: {To: events.TypeKeyDetailsChanged, Step: func(json.RawMessage) (json.RawMessage, error) { return []byte(`{"name":"n"}`), nil }},
	}}
	payload := retired(t, detailsV0, `{}`)
	if _, err := codec.Decode(payload); err != nil {
		t.Error(err)
	}
	if e, err := codec.Decode(append(payload, ",{}}"...)); !errors.Is(err, events.ErrMalformed) {
		t.Errorf("decoded as %+v, %v; want it malformed", e.Data, err)
	}
}

func TestUpcastsThatLeadInACircleEnd(t *testing.T) {
	steps := 0
	next := func(to string) events.Upcast {
		return events.Upcast{To: to, Step: func(d json.RawMessage) (json.RawMessage, error) { steps++; return d, nil }}
	}
	for name, upcasts := range map[string]map[string]events.Upcast{
		"of one":         {detailsV0: next(detailsV0)},
		"of two":         {detailsV0: next(detailsV00), detailsV00: next(detailsV0)},
		"of today's own": {detailsV0: next(events.TypeKeyDetailsChanged), events.TypeKeyDetailsChanged: next(events.TypeKeyDetailsChanged)},
	} {
		steps = 0
		e, err := events.Codec{Upcasts: upcasts}.Decode(retired(t, detailsV0, `{"name":"n"}`))
		if !errors.Is(err, events.ErrMalformed) {
			t.Errorf("a circle %s: decoded as %+v, %v", name, e.Data, err)
		}
		if steps == 0 || steps > 100 {
			t.Errorf("a circle %s: %d steps", name, steps)
		}
	}
}
