package events

import (
	"bytes"
	"encoding/json"
)

// canonical reads a payload that looks, byte for byte, as [Encode] writes it,
// which those of a ledger do: attributes in the order of [wire], strings of
// plain ASCII, nothing before, between or after. It is several times faster than
// encoding/json, and a rebuild decodes every event there is. It claims nothing
// about data, which is part of payload, except that it begins and ends as an
// object does.
//
// It is a short cut and no more: where it says no, or what it read is not
// accepted, encoding/json decides. What it accepts, encoding/json reads alike.
func canonical(payload []byte) (w wire[json.RawMessage], ok bool) {
	r := plainReader{rest: payload, ok: true}
	w.SpecVersion, w.ContentType = "1.0", "application/json"
	r.expect(`{"specversion":"1.0"`)
	w.ID = r.text(`,"id":"`)
	w.Source = r.text(`,"source":"`)
	w.Type = r.text(`,"type":"`)
	w.Subject = r.text(`,"subject":"`)
	if err := w.Time.UnmarshalText([]byte(r.text(`,"time":"`))); err != nil {
		return w, false
	}
	r.expect(`,"datacontenttype":"application/json"`)
	w.Environment = r.text(`,"environment":"`)
	w.Account = r.text(`,"account":"`)
	w.Actor = r.text(`,"actor":"`)
	w.Request = r.optional(`,"requestid":"`)
	w.Command = r.text(`,"command":"`)
	w.CommandIndex = int(r.number(`,"commandindex":`))
	w.CommandCount = int(r.number(`,"commandcount":`))
	w.Revision = r.number(`,"revision":`)
	w.Reason = r.optional(`,"reason":"`)
	w.Idempotency = r.optional(`,"idempotency":"`)
	r.expect(`,"data":`)
	end := len(r.rest) - 1
	if !r.ok || !bytes.HasPrefix(r.rest, []byte("{")) || !bytes.HasSuffix(r.rest, []byte("}}")) {
		return w, false
	}
	w.Data = r.rest[:end]
	return w, true
}

// plainReader reads from the left; ok is false once something else was met.
type plainReader struct {
	rest []byte
	ok   bool
}

func (r *plainReader) expect(literal string) {
	if len(r.rest) < len(literal) || string(r.rest[:len(literal)]) != literal {
		r.ok = false
		return
	}
	r.rest = r.rest[len(literal):]
}

// optional is text for an attribute that may be absent.
func (r *plainReader) optional(name string) string {
	if !bytes.HasPrefix(r.rest, []byte(name)) {
		return ""
	}
	return r.text(name)
}

// text reads a name and the string that it opens. The string ends at its quote;
// anything in it that JSON would write or read otherwise is refused.
func (r *plainReader) text(name string) string {
	r.expect(name)
	for i, c := range r.rest {
		if c == '"' {
			s := string(r.rest[:i])
			r.rest = r.rest[i+1:]
			return s
		}
		if c < ' ' || c > '~' || c == '\\' {
			break
		}
	}
	r.ok = false
	return ""
}

// maxDigits keeps a number well inside an int64. What has more is refused by the
// digit that is left where something else must come.
const maxDigits = 18

func (r *plainReader) number(name string) uint64 {
	r.expect(name)
	var n uint64
	i := 0
	for ; i < len(r.rest) && i < maxDigits && '0' <= r.rest[i] && r.rest[i] <= '9'; i++ {
		n = 10*n + uint64(r.rest[i]-'0')
	}
	if i == 0 || i > 1 && r.rest[0] == '0' {
		r.ok = false
		return 0
	}
	r.rest = r.rest[i:]
	return n
}
