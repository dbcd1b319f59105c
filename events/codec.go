package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrMalformed is returned for bytes that are not an event of this ledger.
var ErrMalformed = errors.New("malformed event")

// ErrTooLarge is returned for an event whose payload would exceed [MaxPayload].
var ErrTooLarge = errors.New("event too large")

// wire is the stored form: CloudEvents attributes, our extension attributes
// (lower-case letters only, as CloudEvents 1.0.2 section 3.1.1 asks), data last.
// The order of fields is the order on the wire, which [canonical] relies on.
type wire[D any] struct {
	SpecVersion  string    `json:"specversion"`
	ID           string    `json:"id"`
	Source       string    `json:"source"`
	Type         string    `json:"type"`
	Subject      string    `json:"subject"`
	Time         time.Time `json:"time"`
	ContentType  string    `json:"datacontenttype"`
	Environment  string    `json:"environment"`
	Account      string    `json:"account"`
	Actor        string    `json:"actor"`
	Request      string    `json:"requestid,omitempty"`
	Command      string    `json:"command"`
	CommandIndex int       `json:"commandindex"`
	CommandCount int       `json:"commandcount"`
	Revision     uint64    `json:"revision"`
	Reason       string    `json:"reason,omitempty"`
	Idempotency  string    `json:"idempotency,omitempty"`
	Data         D         `json:"data"`
}

// ContentType is the media type of a stored event.
const ContentType = "application/cloudevents+json"

// Encode returns the bytes to store for e. They are a function of e alone, and
// [Decode] accepts them.
func Encode(e Envelope) ([]byte, error) {
	w := wire[any]{
		SpecVersion: "1.0", ID: e.ID, Source: e.Source, Type: e.Data.Type(), Subject: e.Entity.Ref(),
		Time: e.Time.UTC(), ContentType: "application/json",
		Environment: e.Entity.Environment, Account: e.Entity.Account, Actor: e.Actor,
		Request: e.Request, Command: e.Command, CommandIndex: e.Index, CommandCount: e.Count,
		Revision: e.Revision, Reason: e.Reason, Idempotency: e.Idempotency, Data: e.Data,
	}
	if u, ok := e.Data.(Unknown); ok {
		w.Data = u.Raw
	}
	if err := e.Entity.Validate(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", w.Type, err)
	}
	if err := w.validate(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", w.Type, err)
	}
	payload, err := marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", w.Type, err)
	}
	if len(payload) > MaxPayload {
		return nil, fmt.Errorf("encode %s: %w: %d bytes, at most %d", w.Type, ErrTooLarge, len(payload), MaxPayload)
	}
	return payload, nil
}

// validate checks the attributes that every event has.
func (w *wire[D]) validate() error {
	if w.SpecVersion != "1.0" || w.ID == "" || w.Revision == 0 ||
		w.CommandIndex < 1 || w.CommandIndex > w.CommandCount || w.CommandCount > MaxCommandEvents {
		return fmt.Errorf("%w: attributes of %q", ErrMalformed, w.ID)
	}
	_, err := EventName(w.Type)
	return err
}

// marshal is json.Marshal without the escaping of <, > and &, which would only
// hide them from a person reading the evidence.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// EventName is the last token of the subject of an event of the given type:
// "revoked" for "keyledger.key.revoked.v1".
func EventName(typ string) (string, error) {
	part := strings.Split(typ, ".")
	if len(part) != 4 || part[0] != "keyledger" || !IsToken(part[2]) || !strings.HasPrefix(part[3], "v") {
		return "", fmt.Errorf("%w: type %q", ErrMalformed, typ)
	}
	return part[2], nil
}

// Decode reads a stored event. A type that this build does not know is not an
// error: it decodes to [Unknown].
func Decode(payload []byte) (Envelope, error) { return Codec{}.Decode(payload) }

// Codec decodes events through a set of upcasters. The zero Codec is the one in
// use; others exist so that the path can be tested before it is needed.
type Codec struct {
	// Upcasts maps a retired type to the step that brings it one version on.
	Upcasts map[string]Upcast
}

// Upcast turns the data of one version of a type into the next. It is pure.
type Upcast struct {
	To   string // the type it produces
	Step func(data json.RawMessage) (json.RawMessage, error)
}

// maxUpcasts bounds the chain of upcasters, against one that points at itself.
const maxUpcasts = 16

// Decode reads a stored event, see [Decode].
func (c Codec) Decode(payload []byte) (Envelope, error) {
	if len(payload) > MaxPayload {
		return Envelope{}, fmt.Errorf("%w: %w: %d bytes, at most %d", ErrMalformed, ErrTooLarge, len(payload), MaxPayload)
	}
	if w, ok := canonical(payload); ok {
		if e, err := c.envelope(w); err == nil {
			return e, nil
		}
	}
	var w wire[json.RawMessage]
	if err := json.Unmarshal(payload, &w); err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return c.envelope(w)
}

func (c Codec) envelope(w wire[json.RawMessage]) (Envelope, error) {
	kind, id, ok := strings.Cut(w.Subject, "/")
	entity := Entity{Environment: w.Environment, Account: w.Account, Kind: kind, ID: id}
	if !ok || entity.Validate() != nil {
		return Envelope{}, fmt.Errorf("%w: subject %q of %q in %q", ErrMalformed, w.Subject, w.Account, w.Environment)
	}
	if err := w.validate(); err != nil {
		return Envelope{}, err
	}
	typ, data, err := c.upcast(w.Type, w.Data)
	if err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	event, err := decodeData(typ, data)
	if err != nil {
		return Envelope{}, fmt.Errorf("%w: %s: %w", ErrMalformed, typ, err)
	}
	return Envelope{
		ID: w.ID, Source: w.Source, Time: w.Time.UTC(), Entity: entity, Actor: w.Actor, Request: w.Request,
		Command: w.Command, Index: w.CommandIndex, Count: w.CommandCount, Revision: w.Revision,
		Reason: w.Reason, Idempotency: w.Idempotency, Data: event,
	}, nil
}

// upcast brings data on to the newest version of its type.
func (c Codec) upcast(typ string, data json.RawMessage) (string, json.RawMessage, error) {
	if _, retired := c.Upcasts[typ]; retired && !json.Valid(data) {
		return typ, nil, fmt.Errorf("upcast %s: %w", typ, errNotJSON)
	}
	for range maxUpcasts {
		up, retired := c.Upcasts[typ]
		if !retired {
			return typ, data, nil
		}
		next, err := up.Step(data)
		if err != nil {
			return typ, nil, fmt.Errorf("upcast %s: %w", typ, err)
		}
		typ, data = up.To, next
	}
	return typ, nil, fmt.Errorf("upcast %s: more than %d steps", typ, maxUpcasts)
}

var (
	errNotJSON   = errors.New("data is not JSON")
	errNotObject = errors.New("data is not an object")
)

func decodeData(typ string, data json.RawMessage) (Event, error) {
	switch typ {
	case TypeLedgerOpened:
		return into[LedgerOpened](data)
	case TypeLedgerRestored:
		return into[LedgerRestored](data)
	case TypeSchemeApplied:
		return into[SchemeApplied](data)
	case TypeAccountOpened:
		return into[AccountOpened](data)
	case TypeAccountSuspended:
		return into[AccountSuspended](data)
	case TypeAccountResumed:
		return into[AccountResumed](data)
	case TypeAccountClosed:
		return into[AccountClosed](data)
	case TypeKeyCreated:
		return into[KeyCreated](data)
	case TypeKeyPermissionsChanged:
		return into[KeyPermissionsChanged](data)
	case TypeKeyAllowlistChanged:
		return into[KeyAllowlistChanged](data)
	case TypeKeyExpiryChanged:
		return into[KeyExpiryChanged](data)
	case TypeKeyDetailsChanged:
		return into[KeyDetailsChanged](data)
	case TypeKeySuspended:
		return into[KeySuspended](data)
	case TypeKeyResumed:
		return into[KeyResumed](data)
	case TypeKeyRotated:
		return into[KeyRotated](data)
	case TypeKeyOverlapChanged:
		return into[KeyOverlapChanged](data)
	case TypeKeyCredentialCut:
		return into[KeyCredentialCut](data)
	case TypeKeyRevoked:
		return into[KeyRevoked](data)
	case TypeCommandAccepted:
		return into[CommandAccepted](data)
	default:
		if !json.Valid(data) {
			return nil, errNotJSON
		}
		return Unknown{Name: typ, Raw: bytes.Clone(data)}, nil
	}
}

func into[E Event](data json.RawMessage) (Event, error) {
	var e E
	if !bytes.HasPrefix(data, []byte("{")) { // null would pass for an empty event
		return nil, errNotObject
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	return e, nil
}
