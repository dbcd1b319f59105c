package eventstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyledger/keyledger/events"
)

func appendFaults() []fault {
	return []fault{
		{"ignores expectations", func(b *broken) {
			b.append = func(_ context.Context, w events.Write) (events.Ack, error) { return b.unchecked(w) }
		}, []string{
			"a batch that conflicts leaves nothing",
			"an entity that has moved is a conflict",
			"an expectation is about all events of its entity and no other",
			"two events of one entity in a batch are both counted",
			"a lone event may expect the actor",
			"a batch may be guarded by the actor",
			"a write sent again does not land again",
			"of writers that expect the same one wins",
			"nothing guarded lands after its actor has moved",
		}},
		{"checks expectations before it lands and not as it lands", func(b *broken) {
			b.append = func(_ context.Context, w events.Write) (events.Ack, error) {
				for _, p := range w.Events {
					if p.Expect != nil &&
						b.newest(func(r events.Recorded) bool { return r.Entity == p.Expect.Entity }) != p.Expect.Last {
						return events.Ack{}, events.ErrConflict
					}
				}
				time.Sleep(time.Millisecond)
				return b.unchecked(w)
			}
		}, []string{"of writers that expect the same one wins", "nothing guarded lands after its actor has moved"}},
		{"compares the last event of the same name", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				w.Events = slices.Clone(w.Events)
				for i, p := range w.Events {
					if p.Expect == nil || p.Expect.Entity != p.Entity {
						continue
					}
					of := func(name string) uint64 {
						return b.newest(func(r events.Recorded) bool {
							n, _ := events.EventName(r.Data.Type())
							return r.Entity == p.Entity && (name == "" || n == name)
						})
					}
					if of(p.Name) <= p.Expect.Last { // as it sees it, nothing has happened since
						w.Events[i].Expect = &events.Expectation{Entity: p.Entity, Last: of("")}
					}
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"an expectation is about all events of its entity and no other"}},
		{"takes a later newest event than expected for good enough", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				w.Events = slices.Clone(w.Events)
				for i, p := range w.Events {
					if p.Expect == nil {
						continue
					}
					now := b.newest(func(r events.Recorded) bool { return r.Entity == p.Expect.Entity })
					if p.Expect.Last > now {
						w.Events[i].Expect = &events.Expectation{Entity: p.Expect.Entity, Last: now}
					}
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"an entity that has moved is a conflict"}},
		{"ignores environment and account", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				for _, p := range w.Events {
					if p.Expect != nil && p.Expect.Last != b.newest(func(r events.Recorded) bool {
						return r.Entity.Ref() == p.Expect.Entity.Ref()
					}) {
						return events.Ack{}, events.ErrConflict
					}
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"an expectation is about all events of its entity and no other"}},
		{"ignores the expectation of a later event of a batch", func(b *broken) {
			b.forgetExpect(func(i int, _ events.Pending) bool { return i > 0 })
		}, []string{"a batch that conflicts leaves nothing", "a batch may be guarded by the actor"}},
		{"ignores the expectation of another entity", func(b *broken) {
			b.forgetExpect(func(_ int, p events.Pending) bool { return p.Expect.Entity != p.Entity })
		}, []string{"a lone event may expect the actor", "nothing guarded lands after its actor has moved"}},
		{"expects the entity itself instead of the actor", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				if p := w.Events; len(p) == 1 && p[0].Expect != nil && p[0].Expect.Entity != p[0].Entity {
					now := b.newest(func(r events.Recorded) bool { return r.Entity == p[0].Entity })
					if now != p[0].Expect.Last {
						return events.Ack{}, events.ErrConflict
					}
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"a lone event may expect the actor"}},
		{"counts only the first event of an entity in a batch", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				ack, err := b.Memory.Append(ctx, w)
				if err == nil {
					b.mu.Lock()
					for i, p := range slices.Backward(w.Events) {
						b.last[p.Entity] = ack.First + uint64(i)
					}
					b.mu.Unlock()
				}
				return ack, err
			}
		}, []string{"two events of one entity in a batch are both counted"}},
		{"leaves the first event of a batch that conflicts", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				ack, err := b.Memory.Append(ctx, w)
				if errors.Is(err, events.ErrConflict) && len(w.Events) > 1 {
					b.keepFirst(w)
				}
				return ack, err
			}
		}, []string{"a batch that conflicts leaves nothing", "a batch may be guarded by the actor"}},
		{"drops the second event of a batch", func(b *broken) {
			b.append = func(_ context.Context, w events.Write) (events.Ack, error) {
				if len(w.Events) > 1 {
					return b.keepFirst(w), nil
				}
				return b.Memory.Append(context.Background(), w)
			}
		}, []string{"a batch lands whole and next to one another", "a command of the largest size lands whole"}},
		{"lands a batch in another order", func(b *broken) {
			b.append = func(_ context.Context, w events.Write) (events.Ack, error) {
				l, err := prepare(w)
				if err != nil {
					return events.Ack{}, err
				}
				slices.Reverse(l.recorded)
				b.mu.Lock()
				defer b.mu.Unlock()
				return b.land(l)
			}
		}, []string{"a batch lands whole and next to one another"}},
		{"acknowledges what it does not keep", func(b *broken) {
			n := 0
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				if n++; n == 5 {
					head := uint64(len(b.recorded))
					return events.Ack{First: head + 1, Last: head + uint64(len(w.Events))}, nil
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"events are numbered from 1 without gaps in the order appended"}},
		{"acknowledges another place", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				ack, err := b.Memory.Append(ctx, w)
				ack.First = ack.Last // right for a lone event
				return ack, err
			}
		}, []string{"concurrent appends make one linear history", "two events of one entity in a batch are both counted"}},
		{"acknowledges before it lands", func(b *broken) {
			b.append = func(_ context.Context, w events.Write) (events.Ack, error) {
				l, err := prepare(w)
				if err != nil {
					return events.Ack{}, err
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				b.settle(len(b.underWay))
				b.underWay = append(b.underWay, l)
				head := uint64(len(b.recorded))
				return events.Ack{First: head + 1, Last: head + uint64(len(w.Events))}, nil
			}
		}, []string{"concurrent appends make one linear history", "head is not older than what was acknowledged"}},
		{"lands a write again that is sent again", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				if b.newest(func(r events.Recorded) bool { return r.ID == w.Events[0].ID }) > 0 {
					return b.unchecked(w)
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"a write sent again does not land again"}},
		{"writes the payload anew", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				w.Events = slices.Clone(w.Events)
				for i, p := range w.Events {
					w.Events[i].Payload = bytes.ReplaceAll(p.Payload, []byte("<&>"), []byte(`\u003c\u0026\u003e`))
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"payloads come back byte for byte"}},
		{"keeps the buffer of its caller", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				ack, err := b.Memory.Append(ctx, w)
				b.mu.Lock()
				defer b.mu.Unlock()
				if err == nil && len(w.Events) == 1 {
					b.recorded[ack.First-1].Payload = w.Events[0].Payload
				}
				return ack, err
			}
		}, []string{"payloads come back byte for byte"}},
		{"takes an empty write", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				if len(w.Events) == 0 {
					return events.Ack{}, nil
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"a malformed write is refused and leaves nothing"}},
		{"takes a batch that expects another entity", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				if len(w.Events) > 1 && w.Events[0].Expect != nil && w.Events[0].Expect.Entity != w.Events[0].Entity {
					return b.Memory.Append(ctx, events.Write{Events: slices.Clone(w.Events)[1:]})
				}
				ack, err := b.Memory.Append(ctx, w)
				if errors.Is(err, events.ErrRefused) {
					err = fmt.Errorf("%w: %w", events.ErrConflict, err)
				}
				return ack, err
			}
		}, []string{"a malformed write is refused and leaves nothing"}},
		{"cuts a payload that is too large", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				w.Events = slices.Clone(w.Events)
				for i, p := range w.Events {
					w.Events[i].Payload = p.Payload[:min(len(p.Payload), events.MaxPayload)]
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"a payload of the largest size lands and one larger is refused"}},
		{"refuses what is just small enough", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				if len(w.Events) >= events.MaxCommandEvents {
					return events.Ack{}, events.ErrRefused
				}
				for _, p := range w.Events {
					if len(p.Payload) >= events.MaxPayload {
						return events.Ack{}, events.ErrRefused
					}
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{
			"a payload of the largest size lands and one larger is refused", "a command of the largest size lands whole",
		}},
		{"says unavailable and writes", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				if err := ctx.Err(); err != nil {
					_, _ = b.unchecked(w)
					return events.Ack{}, events.ErrUnavailable
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"an append with an ended context is honest"}},
		{"answers an error of its own", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				if err := ctx.Err(); err != nil {
					return events.Ack{}, err
				}
				return b.Memory.Append(ctx, w)
			}
		}, []string{"an append with an ended context is honest"}},
		{"calls a conflict unavailable", func(b *broken) {
			b.append = func(ctx context.Context, w events.Write) (events.Ack, error) {
				ack, err := b.Memory.Append(ctx, w)
				if errors.Is(err, events.ErrConflict) {
					err = events.ErrUnavailable
				}
				return ack, err
			}
		}, []string{"an entity that has moved is a conflict", "of writers that expect the same one wins"}},
		{"has a head of before", func(b *broken) {
			var before uint64
			b.head = func(ctx context.Context) (uint64, error) {
				now, err := b.Memory.Head(ctx)
				head := before
				before = now
				return head, err
			}
		}, []string{"head is not older than what was acknowledged"}},
		{"has a head beyond its end", func(b *broken) {
			b.head = func(ctx context.Context) (uint64, error) {
				head, err := b.Memory.Head(ctx)
				if head > 0 {
					head++
				}
				return head, err
			}
		}, []string{"head is not older than what was acknowledged"}},
	}
}

// keepFirst lands the first event of w alone, whatever it expects, and
// acknowledges them all.
func (b *broken) keepFirst(w events.Write) events.Ack {
	l, err := prepare(w)
	if err != nil {
		return events.Ack{}
	}
	l.write.Events, l.recorded = l.write.Events[:1], l.recorded[:1]
	l.write.Events[0].Expect = nil
	b.mu.Lock()
	defer b.mu.Unlock()
	ack, _ := b.land(l)
	ack.Last += uint64(len(w.Events)) - 1
	return ack
}
