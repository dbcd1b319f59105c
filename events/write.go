package events

import (
	"errors"
	"fmt"
)

// Validate reports, as [ErrRefused], why no log may take w: the number of its
// events, a subject that cannot be, a payload beyond [MaxPayload], expectations
// other than [Pending] allows. Every log calls it before anything else, so that
// all refuse alike. What the payload says is not looked at.
func (w Write) Validate() error {
	n := len(w.Events)
	if n == 0 || n > MaxCommandEvents {
		return fmt.Errorf("%w: %d events, want 1 to %d", ErrRefused, n, MaxCommandEvents)
	}
	seen := make(map[Entity]bool, n)
	for i, p := range w.Events {
		err := p.validate()
		if err == nil {
			err = p.validateExpect(seen[p.Entity], n > 1)
		}
		if err != nil {
			return fmt.Errorf("%w: event %d of %d: %w", ErrRefused, i+1, n, err)
		}
		seen[p.Entity] = true
	}
	return nil
}

func (p Pending) validate() error {
	if err := p.Entity.Validate(); err != nil {
		return err
	}
	if !IsToken(p.Name) {
		return fmt.Errorf("%w: event %q", ErrSubject, p.Name)
	}
	if p.ID == "" {
		return errors.New("no id")
	}
	if n := len(p.Payload); n == 0 || n > MaxPayload {
		return fmt.Errorf("%w: payload of %d bytes, want 1 to %d", ErrTooLarge, n, MaxPayload)
	}
	return nil
}

func (p Pending) validateExpect(repeated, batch bool) error {
	if repeated {
		if p.Expect != nil {
			return errors.New("expectation on a later event of one entity")
		}
		return nil
	}
	if p.Expect == nil {
		return errors.New("no expectation on the first event of an entity")
	}
	if batch && p.Expect.Entity != p.Entity {
		return errors.New("expectation of another entity in a batch")
	}
	return p.Expect.Entity.Validate()
}
