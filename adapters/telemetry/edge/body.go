package edge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/keyledger/keyledger/adapters/telemetry"
	"github.com/keyledger/keyledger/domain/refusal"
	"github.com/keyledger/keyledger/events"
)

// ErrSyntax is in the refusal of a body that is not JSON at all, for calls that
// tell it apart from JSON that says the wrong thing.
var ErrSyntax = errors.New("malformed JSON")

// CheckJSON refuses a body that is said to be something else than JSON. A body
// of which nothing is said is taken for JSON.
func CheckJSON(contentType string) error {
	if contentType == "" {
		return nil
	}
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "application/json" {
		return refusal.New(Unsupported, "send the body as Content-Type: application/json")
	}
	return nil
}

// ReadJSON reads the body of r, of at most limit bytes, and says by a refusal
// why not.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if err := CheckJSON(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, refusal.New(TooLarge, "the body may have %d bytes", limit)
	}
	if err != nil {
		return nil, refusal.New(refusal.InvalidRequest, "the body did not arrive whole")
	}
	return raw, nil
}

// Decode reads a JSON object into the struct that into points to, strictly: an
// unknown, repeated or differently spelt field, a wrong type, or anything after
// the object is refused, by the name of the field. No refusal contains a value.
func Decode(raw []byte, into any) error {
	if err := CheckSyntax(raw); err != nil {
		return err
	}
	raw = bytes.TrimSpace(raw)
	if raw[0] != '{' {
		return refusal.New(refusal.InvalidRequest, "the body must be a JSON object")
	}
	target := reflect.ValueOf(into).Elem()
	return eachMember(raw, func(name string, value []byte) error {
		for i := range target.NumField() {
			if tag, _, _ := strings.Cut(target.Type().Field(i).Tag.Get("json"), ","); tag != name {
				continue
			}
			if err := decodeInto(value, target.Field(i).Addr().Interface()); err != nil {
				return wrongType(name, target.Field(i).Type(), err)
			}
			return nil
		}
		return refusal.Invalid(ShownName(name), "no such field here")
	})
}

// decodeInto is json.Unmarshal, quicker for most strings.
func decodeInto(value []byte, into any) error {
	if text, ok := into.(*string); ok && value[0] == '"' && bytes.IndexByte(value, '\\') < 0 {
		*text = string(value[1 : len(value)-1])
		return nil
	}
	return json.Unmarshal(value, into)
}

// wrongType says what a field should hold. A type that reads itself says so in
// its own words, as a refusal.
func wrongType(name string, t reflect.Type, err error) error {
	if own, ok := errors.AsType[*refusal.Error](err); ok {
		own.Field = name
		return own
	}
	return refusal.Invalid(name, "expected %s", kindName(t))
}

func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindName(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list of strings"
	case reflect.Map:
		return "an object of strings"
	case reflect.Uint64:
		return "a whole number, not negative"
	default:
		return "something else"
	}
}

// ShownName is the name of a field that a caller made up, if it may be shown.
func ShownName(name string) string {
	if !events.IsToken(name) || len(name) > maxShownName || telemetry.Redact(name) != name {
		return "?"
	}
	return name
}

// CheckSyntax refuses what is not one JSON value, and JSON that two readers
// could understand differently: names that repeat within an object, text that is
// not UTF-8.
func CheckSyntax(raw []byte) error {
	switch {
	case !utf8.Valid(raw):
		return syntaxError("the body is not UTF-8 text")
	case !json.Valid(raw):
		return syntaxError("the body is not one JSON value")
	}
	return checkNames(bytes.TrimSpace(raw), 0)
}

func syntaxError(message string) error {
	return &malformed{refusal.Error{Code: refusal.InvalidRequest, Message: message}}
}

// malformed is a refusal that is also ErrSyntax.
type malformed struct{ refusal refusal.Error }

func (m *malformed) Error() string   { return m.refusal.Error() }
func (m *malformed) Unwrap() []error { return []error{&m.refusal, ErrSyntax} }

// Canonical is raw with the names of every object sorted and no space, so that
// one request written in two ways is the same. raw is valid JSON or empty.
func Canonical(raw []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return out
}
