package keyledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Event is a fact on the ledger, as far as a reader of its envelope needs it.
type Event struct {
	Sequence    uint64          // place on the ledger, from 1
	ID          string          // "evt_..."
	Source      string          // the ledger, "urn:keyledger:kl_..."
	Type        string          // "keyledger.key.revoked.v1"
	Subject     string          // what it happened to, "key/key_..."
	Time        time.Time       // of the deciding node's clock; the order is the sequence
	Environment string          // "_" for what spans all
	Account     string          // "_" for what belongs to none
	Actor       string          // "key_..." or "system:..."
	RequestID   string          // "" if no request carried it
	Command     string          // all events of one command share it
	Revision    uint64          // the n-th event of its entity
	Reason      string          // "" if none was given
	Data        json.RawMessage // what happened, by Type
	// Payload is the event as it is stored, byte for byte: the evidence.
	Payload json.RawMessage
}

// parseEvent reads an event as a server sends it: the stored bytes, with the
// sequence put before everything else.
func parseEvent(sent []byte) (Event, error) {
	var numbered struct {
		Sequence uint64 `json:"sequence"`
	}
	if err := json.Unmarshal(sent, &numbered); err != nil {
		return Event{}, fmt.Errorf("%w: event: %w", ErrProtocol, err)
	}
	rest, ok := bytes.CutPrefix(sent, fmt.Appendf(nil, `{"sequence":%d,`, numbered.Sequence))
	if !ok || numbered.Sequence == 0 {
		return Event{}, fmt.Errorf("%w: event without its sequence", ErrProtocol)
	}
	return parseStored(numbered.Sequence, append([]byte("{"), rest...))
}

func parseStored(sequence uint64, payload []byte) (Event, error) {
	var w struct {
		ID          string          `json:"id"`
		Source      string          `json:"source"`
		Type        string          `json:"type"`
		Subject     string          `json:"subject"`
		Time        time.Time       `json:"time"`
		Environment string          `json:"environment"`
		Account     string          `json:"account"`
		Actor       string          `json:"actor"`
		RequestID   string          `json:"requestid"`
		Command     string          `json:"command"`
		Revision    uint64          `json:"revision"`
		Reason      string          `json:"reason"`
		Data        json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(payload, &w); err != nil {
		return Event{}, fmt.Errorf("%w: event %d: %w", ErrProtocol, sequence, err)
	}
	if w.Type == "" || w.ID == "" {
		return Event{}, fmt.Errorf("%w: event %d has no type or id", ErrProtocol, sequence)
	}
	return Event{
		Sequence: sequence, ID: w.ID, Source: w.Source, Type: w.Type, Subject: w.Subject, Time: w.Time,
		Environment: w.Environment, Account: w.Account, Actor: w.Actor, RequestID: w.RequestID,
		Command: w.Command, Revision: w.Revision, Reason: w.Reason, Data: w.Data, Payload: payload,
	}, nil
}

// EventFilter selects events of the trail. Empty fields select all that the
// caller may see.
type EventFilter struct {
	After   uint64 // events of greater sequences
	Key     string // of one key
	Account string // of one account
	Actor   string // asked for by one key, or one "system:..."
	Types   []string
	From    time.Time // events whose own time is not before this
	Until   time.Time // and before this
	Limit   int       // of one page; 0 is the server's default
}

func (f EventFilter) query() url.Values {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.After > 0 {
		set("after", strconv.FormatUint(f.After, 10))
	}
	if f.Limit > 0 {
		set("limit", strconv.Itoa(f.Limit))
	}
	if !f.From.IsZero() {
		set("from", f.From.UTC().Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		set("until", f.Until.UTC().Format(time.RFC3339Nano))
	}
	set("key", f.Key)
	set("account", f.Account)
	set("actor", f.Actor)
	set("type", strings.Join(f.Types, ","))
	return q
}

// EventPage is a part of the trail, oldest first.
type EventPage struct {
	Events []Event
	// NextAfter goes on where the page ends, as [EventFilter.After]. It stands for
	// everything up to it, events that the filter left out included.
	NextAfter uint64
	More      bool // there was more when the page was read; it may then even be empty
}

// Events returns one page of the trail.
func (c *Client) Events(ctx context.Context, filter EventFilter) (*EventPage, error) {
	sent, err := get[struct {
		Events    []json.RawMessage `json:"events"`
		NextAfter uint64            `json:"next_after"`
		More      bool              `json:"more"`
	}](ctx, c, call{
		step: "read events", method: http.MethodGet, path: path("events"), query: filter.query(), repeatable: true,
	}, nil)
	if err != nil {
		return nil, err
	}
	page := &EventPage{Events: make([]Event, len(sent.Events)), NextAfter: sent.NextAfter, More: sent.More}
	for i, raw := range sent.Events {
		if page.Events[i], err = parseEvent(raw); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
	}
	if page.More && page.NextAfter <= filter.After {
		return nil, fmt.Errorf("read events: %w: a page that leads to itself", ErrProtocol)
	}
	return page, nil
}

// AllEvents goes through the trail from filter.After to its end, as that is when
// the last page is read. An error ends it.
func (c *Client) AllEvents(ctx context.Context, filter EventFilter) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for more := true; more; {
			page, err := c.Events(ctx, filter)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range page.Events {
				if !yield(e, nil) {
					return
				}
			}
			filter.After, more = page.NextAfter, page.More
		}
	}
}
