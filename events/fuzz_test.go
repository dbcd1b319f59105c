package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// slowly decodes without the short cut.
func slowly(payload []byte) (Envelope, error) {
	var w wire[json.RawMessage]
	if err := json.Unmarshal(payload, &w); err != nil {
		return Envelope{}, errors.Join(ErrMalformed, err)
	}
	return Codec{}.envelope(w)
}

// goldenPayloads is every golden file, as a start, and an event that nobody
// knows.
func goldenPayloads(tb testing.TB) [][]byte {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "v1", "*.json"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no golden files: %v", err)
	}
	var all [][]byte
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, bytes.TrimSuffix(line, []byte("\n")))
	}
	return append(all, bytes.Replace(all[0], []byte(".v1"), []byte(".v999"), 1))
}

func FuzzDecode(f *testing.F) {
	for _, payload := range goldenPayloads(f) {
		f.Add(payload)
	}
	for _, payload := range goldenPayloads(f) {
		for _, variant := range variants(payload) {
			f.Add(variant)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := Decode(payload)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("%q: %v, want it malformed", payload, err)
			}
			if slow, err := slowly(payload); err == nil && len(payload) <= MaxPayload {
				t.Fatalf("%q: refused, encoding/json reads %+v", payload, slow)
			}
			return
		}
		if slow, err := slowly(payload); err != nil || !reflect.DeepEqual(e, slow) {
			t.Fatalf("%q: decoded as\n%+v\nencoding/json reads\n%+v, %v", payload, e, slow, err)
		}
		again, err := Encode(e)
		if errors.Is(err, ErrTooLarge) || yearTooLate(e) {
			return // escapes are longer than what they stand for; a leap in UTC may leave year 9999
		}
		if err != nil {
			t.Fatalf("%q: decoded as %+v, which does not encode: %v", payload, e, err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("%q: encodes to %q, which does not decode: %v", payload, again, err)
		}
		if third, err := Encode(back); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%q: encodes to\n%q, then to\n%q, %v", payload, again, third, err)
		}
	})
}

func yearTooLate(e Envelope) bool { y := e.Time.Year(); return y < 0 || y > 9999 }

// variants are ways of writing a payload that Encode does not use, or that are
// wrong in one place.
func variants(payload []byte) [][]byte {
	var all [][]byte
	for _, c := range [][2]string{
		{`{"specversion"`, ` {"specversion"`},
		{`{"specversion"`, `{"x":1,"specversion"`},
		{`"id":"`, `"id": "`},
		{`"id":"`, `"id":"\u0041`},
		{`"id":"`, "\"id\":\"\xff"},
		{`"id":"`, `"id":"é`},
		{`"id":"`, `"ID":"`},
		{`"actor":"`, "\"actor\":\"\t"},
		{`"actor":"`, "\"actor\":\"\x7f"},
		{`"revision":`, `"revision":0`},
		{`"revision":`, `"revision":000000000000000000000`},
		{`"revision":`, `"revision":999999999999999999`},
		{`"revision":`, `"revision":9999999999999999999999`},
		{`"revision":`, `"revision":-`},
		{`"commandcount":1`, `"commandcount":1.0`},
		{`"commandcount":1`, `"commandcount":1e0`},
		{`"data":{`, `"data": {`},
		{`"data":{`, `"data":{},"data":{`},
		{`"data":{`, `"data":{},"x":{`},
		{`"data":{`, `"data":{},"id":{`},
		{`"data":{`, `"later":{},"data":{`},
		{`"data":{`, `"reason":null,"data":{`},
		{`"data":{`, `"reason":"","data":{`},
		{`"data":{`, `"reason":"a","reason":"b","data":{`},
		{`Z","datacontenttype"`, `+02:00","datacontenttype"`},
		{`Z","datacontenttype"`, `","datacontenttype"`},
		{`Z","datacontenttype"`, `z","datacontenttype"`},
	} {
		all = append(all, bytes.Replace(payload, []byte(c[0]), []byte(c[1]), 1))
	}
	for _, end := range []string{"", "\n", "x", " }", "}\n", "}}", "}{}}", ",{}}", `,"x":{}}`} {
		all = append(all, append(bytes.Clone(payload[:len(payload)-1]), end...))
	}
	return all
}

func TestTheShortCutReadsWhatEncodeWritesAsEncodingJSONDoes(t *testing.T) {
	for _, payload := range goldenPayloads(t) {
		w, ok := canonical(payload)
		var want wire[json.RawMessage]
		if err := json.Unmarshal(payload, &want); err != nil {
			t.Fatal(err)
		}
		if !ok || !reflect.DeepEqual(w, want) {
			t.Errorf("%s: read as\n%+v, %v\nwant\n%+v", payload, w, ok, want)
		}
	}
}

func TestTheShortCutNeverReadsOtherwiseThanEncodingJSON(t *testing.T) {
	for _, payload := range goldenPayloads(t) {
		for _, variant := range variants(payload) {
			got, err := Decode(variant)
			want, wantErr := slowly(variant)
			if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: read as\n%+v, %v\nwant\n%+v, %v", variant, got, err, want, wantErr)
			}
		}
	}
}

// A build that changed the order of the attributes, or added one, would lose
// the short cut without any other test failing.
func TestTheShortCutIsTakenForEveryKindOfAttribute(t *testing.T) {
	e := Envelope{
		ID: "evt_1", Source: "urn:keyledger:kl_1", Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Entity: KeyEntity("live", "acct_1", "key_1"), Actor: "key_0", Request: "req_1", Command: "cmd_1",
		Index: 1, Count: 2, Revision: 10, Reason: "a reason", Idempotency: "00ff", Data: KeyRevoked{},
	}
	for _, spare := range []func(*Envelope){
		func(*Envelope) {},
		func(e *Envelope) { e.Request = "" },
		func(e *Envelope) { e.Reason = "" },
		func(e *Envelope) { e.Idempotency = "" },
	} {
		e := e
		spare(&e)
		payload, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if w, ok := canonical(payload); !ok || w.Data == nil {
			t.Errorf("not taken for %s", payload)
		}
	}
}
