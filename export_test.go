package keyledger

import (
	"context"
	"time"
)

// Bounds that the tests measure against.
const (
	MaxAnswer     = maxAnswer
	MaxStreamLine = maxStreamLine
	StreamSilence = streamSilence
)

// SetPause replaces the wait between two attempts.
func (c *Client) SetPause(pause func(ctx context.Context, d time.Duration) error) { c.pause = pause }
