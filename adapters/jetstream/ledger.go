package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/events"
)

// Log is the ledger on the broker's stream. It may be used from any number of
// goroutines, and lives as long as its broker.
type Log struct {
	broker *Broker
	single bool // one replica: what it says it has lost, it has lost

	ackWait   time.Duration // [ackWait] and [settleFor], except in tests
	settleFor time.Duration

	seen    atomic.Uint64 // the highest sequence acknowledged or read
	suspect atomic.Bool   // an append ended unsettled since the broker was last healthy
	damage  atomic.Pointer[events.DamageError]
	batches chan struct{} // a token for each batch that may be open
	blocks  *folder       // where the embedded broker keeps the stream's blocks
}

var _ events.Log = (*Log)(nil)

// Ledger opens the ledger's stream: makes it where it is not there, or proves
// that it is as it must be. Several Logs of one Broker may be in use.
func (b *Broker) Ledger(ctx context.Context) (*Log, error) {
	info, err := b.openStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.provePeers(info); err != nil {
		return nil, err
	}
	if err := b.syncFolders(); err != nil {
		return nil, fmt.Errorf("open stream %s: %w", StreamName, err)
	}
	l := &Log{
		broker:  b,
		single:  info.Config.Replicas == 1,
		batches: make(chan struct{}, maxBatches),
		ackWait: ackWait, settleFor: settleFor,
	}
	if b.server != nil {
		l.blocks = &folder{path: filepath.Join(b.dir, "jetstream", b.account, "streams", StreamName, "msgs")}
	}
	l.note(info.State.LastSeq)
	return l, nil
}

// Head is [events.Log.Head].
func (l *Log) Head(ctx context.Context) (uint64, error) {
	if err := l.broken(); err != nil {
		return 0, fmt.Errorf("head: %w", err)
	}
	head, err := l.lastSequence(ctx, l.broker.write, l.seen.Load())
	if damage := (*events.DamageError)(nil); errors.As(err, &damage) {
		err = l.damaged(damage)
	}
	if err != nil {
		return 0, fmt.Errorf("head: %w", err)
	}
	return head, nil
}

// lastSequence asks the stream's leader for the last sequence, which must be at
// least the one given; a [events.DamageError] says that it is not. It asks again
// for a while: a stream may be without a leader, or have just changed it.
func (l *Log) lastSequence(ctx context.Context, via *link, atLeast uint64) (uint64, error) {
	for began := time.Now(); ; {
		var info jetstream.StreamInfo
		err := via.api(ctx, apiWait, "$JS.API.STREAM.INFO."+StreamName, nil, &info)
		gone := code(err) == jetstream.JSErrCodeStreamNotFound
		last := info.State.LastSeq
		if err == nil && last >= atLeast {
			l.note(last)
			return last, nil
		}
		over := time.Since(began) > confirmFor
		switch {
		case err != nil && !gone && over:
			return 0, fmt.Errorf("%w: %w", events.ErrUnavailable, err)
		case err != nil && !gone:
		case gone && (over || l.single):
			return 0, &events.DamageError{Sequence: atLeast, Problem: "the stream is gone"}
		case over || l.single:
			return last, &events.DamageError{Sequence: atLeast, Problem: fmt.Sprintf("the stream ends at %d", last)}
		}
		if cause := pause(ctx, maxPause); cause != nil {
			return 0, fmt.Errorf("%w: %w", events.ErrUnavailable, cause)
		}
	}
}

// note remembers that a sequence has been seen.
func (l *Log) note(sequence uint64) {
	for {
		seen := l.seen.Load()
		if sequence <= seen || l.seen.CompareAndSwap(seen, sequence) {
			return
		}
	}
}

// damaged remembers that the ledger contradicts itself. The first contradiction
// is the one that is told from then on.
func (l *Log) damaged(d *events.DamageError) error {
	if l.damage.CompareAndSwap(nil, d) {
		l.broker.log.Error("ledger damaged", slog.Uint64("sequence", d.Sequence), slog.String("problem", d.Problem))
	}
	return l.broken()
}

// broken is the damage found before, nil if none.
func (l *Log) broken() error {
	if d := l.damage.Load(); d != nil {
		return d
	}
	return nil
}

// pause waits, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
