package eventstest

import (
	"bytes"
	"context"
	"slices"

	"github.com/keyledger/keyledger/events"
)

// alter follows with every delivery passed through change, which may make
// several of it.
func (b *broken) alter(change func(from events.Position, d []events.Recorded) [][]events.Recorded) {
	b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
		return b.Memory.Follow(ctx, from, func(d []events.Recorded) error {
			for _, part := range change(from, d) {
				if err := deliver(part); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// whole is change for a fault that makes one delivery of one.
func whole(change func([]events.Recorded) []events.Recorded) func(events.Position, []events.Recorded) [][]events.Recorded {
	return func(_ events.Position, d []events.Recorded) [][]events.Recorded {
		return [][]events.Recorded{change(d)}
	}
}

func followFaults() []fault {
	const order = "events are numbered from 1 without gaps in the order appended"
	return []fault{
		{"loses an event", func(b *broken) {
			b.alter(whole(func(d []events.Recorded) []events.Recorded {
				return slices.DeleteFunc(d, func(r events.Recorded) bool { return r.Sequence == 4 })
			}))
		}, []string{order}},
		{"loses an event and closes the gap", func(b *broken) {
			b.alter(whole(func(d []events.Recorded) []events.Recorded {
				d = slices.DeleteFunc(d, func(r events.Recorded) bool { return r.Sequence == 4 })
				for i := range d {
					if d[i].Sequence > 4 {
						d[i].Sequence--
					}
				}
				return d
			}))
		}, []string{order}},
		{"numbers from 0", func(b *broken) {
			b.alter(whole(func(d []events.Recorded) []events.Recorded {
				for i := range d {
					d[i].Sequence--
				}
				return d
			}))
		}, []string{order}},
		{"delivers an event twice", func(b *broken) {
			b.alter(whole(func(d []events.Recorded) []events.Recorded { return append(d, d[len(d)-1]) }))
		}, []string{order}},
		{"delivers two events in another order", func(b *broken) {
			b.alter(whole(func(d []events.Recorded) []events.Recorded {
				for i, r := range d {
					if r.Sequence == 4 && i+1 < len(d) {
						d[i].Envelope, d[i+1].Envelope = d[i+1].Envelope, d[i].Envelope
						d[i].Payload, d[i+1].Payload = d[i+1].Payload, d[i].Payload
					}
				}
				return d
			}))
		}, []string{order}},
		{"delivers changed bytes", func(b *broken) {
			b.alter(whole(func(d []events.Recorded) []events.Recorded {
				for i, r := range d {
					if changed := bytes.Replace(r.Payload, []byte(`"s"`), []byte(`"t"`), 1); !bytes.Equal(changed, r.Payload) {
						d[i].Payload = changed
						d[i].Envelope, _ = events.Decode(changed)
					}
				}
				return d
			}))
		}, []string{"payloads come back byte for byte"}},
		{"delivers an envelope that the payload does not have", func(b *broken) {
			b.alter(whole(func(d []events.Recorded) []events.Recorded {
				for i := range d {
					d[i].Actor = "system:other"
				}
				return d
			}))
		}, []string{order}},
		{"splits a command", func(b *broken) {
			b.alter(func(_ events.Position, d []events.Recorded) [][]events.Recorded {
				var parts [][]events.Recorded
				for part := range slices.Chunk(d, 2) {
					parts = append(parts, part)
				}
				return parts
			})
		}, []string{"deliveries never split a command and are bounded", "a batch lands whole and next to one another"}},
		{"cuts a delivery at its bound", func(b *broken) {
			var held []events.Recorded
			b.alter(func(_ events.Position, d []events.Recorded) [][]events.Recorded {
				if held = append(held, d...); len(held) > events.MaxDelivery {
					parts := [][]events.Recorded{held[:events.MaxDelivery], held[events.MaxDelivery:]}
					held = nil
					return parts
				}
				return nil
			})
		}, []string{"deliveries never split a command and are bounded"}},
		{"delivers all at once", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				if rest := b.after1(from); len(rest) > 0 {
					if err := deliver(rest); err != nil {
						return err
					}
				}
				return b.Memory.Follow(ctx, from, deliver)
			}
		}, []string{"deliveries never split a command and are bounded"}},
		{"delivers nothing now and then", func(b *broken) {
			b.alter(func(_ events.Position, d []events.Recorded) [][]events.Recorded { return [][]events.Recorded{nil, d} })
		}, []string{order}},
		{"resumes at the position instead of after it", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				if !from.IsZero() {
					if err := b.prove(from, NoFault); err != nil {
						return err
					}
					from = events.Position{Sequence: from.Sequence - 1}
					from.Hash = b.hashAt(from.Sequence)
				}
				return b.Memory.Follow(ctx, from, deliver)
			}
		}, []string{"follow resumes from a position"}},
		{"resumes at the beginning", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				if err := b.prove(from, NoFault); err != nil {
					return err
				}
				return b.Memory.Follow(ctx, events.Position{}, deliver)
			}
		}, []string{"follow resumes from a position"}},
		{"takes any hash", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				from.Hash = b.hashAt(from.Sequence)
				return b.Memory.Follow(ctx, from, deliver)
			}
		}, []string{"follow refuses a position of another log"}},
		{"waits for a log that is shorter than the position", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				if b.hashAt(from.Sequence) == (events.Hash{}) && from.Sequence > 0 {
					<-ctx.Done()
					return ctx.Err()
				}
				return b.Memory.Follow(ctx, from, deliver)
			}
		}, []string{"follow refuses a position of another log"}},
		{"ends where the log ends", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				if err := b.prove(from, NoFault); err != nil {
					return err
				}
				if rest := b.after1(from); len(rest) > 0 {
					return deliver(rest)
				}
				return nil
			}
		}, []string{"follow goes live", "follow ends when its context ends"}},
		{"does not go live", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				head, _ := b.Memory.Head(ctx)
				return b.Memory.Follow(ctx, from, func(d []events.Recorded) error {
					if d[len(d)-1].Sequence > head {
						<-ctx.Done()
						return ctx.Err()
					}
					return deliver(d)
				})
			}
		}, []string{"follow goes live"}},
		{"does not end with its context", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				err := b.Memory.Follow(ctx, from, deliver)
				if ctx.Err() != nil {
					<-b.over
				}
				return err
			}
		}, []string{"follow ends when its context ends"}},
		{"goes on when deliver has failed", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				var first error
				err := b.Memory.Follow(ctx, from, func(d []events.Recorded) error {
					failed := first != nil
					if err := deliver(d); first == nil {
						first = err
					}
					if failed {
						return first
					}
					return nil
				})
				return err
			}
		}, []string{"follow ends when deliver fails"}},
		{"swallows the error of deliver", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				_ = b.Memory.Follow(ctx, from, deliver)
				return ctx.Err()
			}
		}, []string{"follow ends when deliver fails", "follow refuses a position of another log"}},
		{"delivers two at a time", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				return b.Memory.Follow(ctx, from, func(d []events.Recorded) error {
					other := make(chan error)
					go func() { other <- deliver(slices.Clone(d)) }()
					err := deliver(d)
					if o := <-other; o != nil {
						err = o
					}
					return err
				})
			}
		}, []string{"one delivery at a time and its slice is the callee's"}},
		{"delivers into one buffer", func(b *broken) {
			buffer := make([]events.Recorded, 0, 2*events.MaxDelivery)
			b.alter(whole(func(d []events.Recorded) []events.Recorded {
				buffer = append(buffer[:0], d...)
				return buffer
			}))
		}, []string{"one delivery at a time and its slice is the callee's"}},
		{"delivers its own memory", func(b *broken) {
			b.follow = func(ctx context.Context, from events.Position, deliver func([]events.Recorded) error) error {
				return b.Memory.Follow(ctx, from, func(d []events.Recorded) error {
					b.mu.Lock()
					first := d[0].Sequence - 1
					own := b.recorded[first : first+uint64(len(d))]
					b.mu.Unlock()
					return deliver(own)
				})
			}
		}, []string{"one delivery at a time and its slice is the callee's"}},
		{"gives each event to one follower", func(b *broken) {
			var cursor sharedCursor
			b.alter(whole(func(d []events.Recorded) []events.Recorded {
				return slices.DeleteFunc(d, func(r events.Recorded) bool { return !cursor.take(r.Sequence) })
			}))
		}, []string{"followers do not disturb one another"}},
	}
}

// after1 is everything after a position.
func (b *broken) after1(at events.Position) []events.Recorded {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.recorded[at.Sequence:])
}

// hashAt is the hash of an event, zero where there is none.
func (b *broken) hashAt(sequence uint64) events.Hash {
	b.mu.Lock()
	defer b.mu.Unlock()
	if sequence == 0 || sequence > uint64(len(b.recorded)) {
		return events.Hash{}
	}
	return b.recorded[sequence-1].Hash()
}
