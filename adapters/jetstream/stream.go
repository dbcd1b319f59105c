package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/events"
)

// StreamName is the stream that holds the ledger. Its sequences are those of
// the ledger, so it takes lifecycle facts and nothing else.
const StreamName = "LEDGER"

// Errors of [Broker.Ledger].
var (
	// ErrSettings is returned for a stream whose settings cannot be made right.
	ErrSettings = errors.New("stream settings")
	// ErrReplicas is returned for a stream with another number of replicas.
	ErrReplicas = errors.New("stream replicas")
)

// ledgerSettings is how the stream must be. Blocks are not compressed: a flipped
// bit would then cost a block instead of a message, and sealed blocks would be
// written again.
func ledgerSettings(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               StreamName,
		Subjects:           []string{events.SubjectRoot + ".>"},
		Retention:          jetstream.LimitsPolicy,
		Storage:            jetstream.FileStorage,
		Compression:        jetstream.NoCompression,
		Replicas:           replicas,
		Discard:            jetstream.DiscardNew,
		MaxConsumers:       -1,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgsPerSubject:  -1,
		MaxMsgSize:         -1,
		Duplicates:         dedupWindow,
		DenyDelete:         true,
		DenyPurge:          true,
		AllowDirect:        true,
		AllowAtomicPublish: true,
	}
}

// setting is one of a stream's settings, compared and, where an update can, set
// right.
type setting struct {
	name   string
	wrong  func(have, want *jetstream.StreamConfig) bool
	repair func(have, want *jetstream.StreamConfig) // nil: for life
}

// same is a setting that an update may change.
func same[T comparable](name string, field func(*jetstream.StreamConfig) *T) setting {
	s := fixed(name, field)
	s.repair = func(have, want *jetstream.StreamConfig) { *field(have) = *field(want) }
	return s
}

// fixed is a setting that no update can change, or that must not be changed
// behind an operator's back.
func fixed[T comparable](name string, field func(*jetstream.StreamConfig) *T) setting {
	return setting{name: name, wrong: func(have, want *jetstream.StreamConfig) bool {
		return *field(have) != *field(want)
	}}
}

// settings are all that bear on what the ledger promises.
func settings() []setting {
	type c = jetstream.StreamConfig
	return []setting{
		{name: "subjects", wrong: func(have, want *c) bool { return !slices.Equal(have.Subjects, want.Subjects) }},
		{name: "mirror", wrong: func(have, _ *c) bool { return have.Mirror != nil }},
		{name: "sources", wrong: func(have, _ *c) bool { return len(have.Sources) > 0 }},
		{name: "subject_transform", wrong: func(have, _ *c) bool { return have.SubjectTransform != nil }},
		fixed("storage", func(s *c) *jetstream.StorageType { return &s.Storage }),
		fixed("retention", func(s *c) *jetstream.RetentionPolicy { return &s.Retention }),
		fixed("persist_mode", func(s *c) *jetstream.PersistModeType { return &s.PersistMode }),
		fixed("sealed", func(s *c) *bool { return &s.Sealed }),
		fixed("first_seq", func(s *c) *uint64 { return &s.FirstSeq }),
		fixed("no_ack", func(s *c) *bool { return &s.NoAck }),
		fixed("allow_batched", func(s *c) *bool { return &s.AllowBatchPublish }),
		fixed("max_consumers", func(s *c) *int { return &s.MaxConsumers }),
		fixed("allow_msg_ttl", func(s *c) *bool { return &s.AllowMsgTTL }),
		fixed("allow_msg_counter", func(s *c) *bool { return &s.AllowMsgCounter }),
		fixed("allow_msg_schedules", func(s *c) *bool { return &s.AllowMsgSchedules }),
		same("discard", func(s *c) *jetstream.DiscardPolicy { return &s.Discard }),
		same("discard_new_per_subject", func(s *c) *bool { return &s.DiscardNewPerSubject }),
		same("max_msgs", func(s *c) *int64 { return &s.MaxMsgs }),
		same("max_bytes", func(s *c) *int64 { return &s.MaxBytes }),
		same("max_msgs_per_subject", func(s *c) *int64 { return &s.MaxMsgsPerSubject }),
		same("max_msg_size", func(s *c) *int32 { return &s.MaxMsgSize }),
		{
			name:   "max_age",
			wrong:  func(have, want *c) bool { return have.MaxAge != want.MaxAge },
			repair: func(have, want *c) { have.MaxAge = want.MaxAge },
		},
		{
			name:   "duplicate_window",
			wrong:  func(have, want *c) bool { return have.Duplicates != want.Duplicates },
			repair: func(have, want *c) { have.Duplicates = want.Duplicates },
		},
		same("allow_rollup_hdrs", func(s *c) *bool { return &s.AllowRollup }),
		same("deny_delete", func(s *c) *bool { return &s.DenyDelete }),
		same("deny_purge", func(s *c) *bool { return &s.DenyPurge }),
		same("compression", func(s *c) *jetstream.StoreCompression { return &s.Compression }),
		same("allow_direct", func(s *c) *bool { return &s.AllowDirect }),
		same("allow_atomic", func(s *c) *bool { return &s.AllowAtomicPublish }),
		same("consumer_limits", func(s *c) *jetstream.StreamConsumerLimits { return &s.ConsumerLimits }),
	}
}

// compare returns the names of the settings in which have differs from want:
// those that an update can repair, and those that it cannot.
func compare(have, want *jetstream.StreamConfig) (repairable, lasting []string) {
	for _, s := range settings() {
		switch {
		case !s.wrong(have, want):
		case s.repair != nil:
			repairable = append(repairable, s.name)
		default:
			lasting = append(lasting, s.name)
		}
	}
	return repairable, lasting
}

// repaired is have with everything that an update can repair as in want.
func repaired(have, want *jetstream.StreamConfig) jetstream.StreamConfig {
	out := *have
	for _, s := range settings() {
		if s.repair != nil {
			s.repair(&out, want)
		}
	}
	return out
}

// openStream creates the stream, or proves that the one there is as it must be,
// after repairing what can be repaired.
func (b *Broker) openStream(ctx context.Context) (*jetstream.StreamInfo, error) {
	want := ledgerSettings(b.replicas)
	var info jetstream.StreamInfo
	err := b.write.api(ctx, slowWait, "$JS.API.STREAM.INFO."+StreamName, nil, &info)
	switch {
	case code(err) == jetstream.JSErrCodeStreamNotFound:
		b.log.InfoContext(ctx, "creating the ledger's stream", slog.String("stream", StreamName), slog.Int("replicas", b.replicas))
		if err = b.write.api(ctx, slowWait, "$JS.API.STREAM.CREATE."+StreamName, want, &info); err != nil {
			return nil, fmt.Errorf("create stream %s: %w", StreamName, err)
		}
		// Only this answer says which servers keep the stream.
		if err = b.write.api(ctx, slowWait, "$JS.API.STREAM.INFO."+StreamName, nil, &info); err != nil {
			return nil, fmt.Errorf("open stream %s: %w", StreamName, err)
		}
	case err != nil:
		return nil, fmt.Errorf("open stream %s: %w", StreamName, err)
	}
	if info.Config.Replicas != want.Replicas {
		return nil, fmt.Errorf("%w: %s has %d, not %d; start with the number it has, or change the stream first",
			ErrReplicas, StreamName, info.Config.Replicas, want.Replicas)
	}
	wrong, lasting := compare(&info.Config, &want)
	if len(lasting) > 0 {
		return nil, fmt.Errorf("%w: %s of %s cannot be set right; this stream cannot hold a ledger",
			ErrSettings, strings.Join(lasting, ", "), StreamName)
	}
	if len(wrong) == 0 {
		return &info, nil
	}
	b.log.WarnContext(ctx, "repairing the ledger's stream", slog.String("stream", StreamName), slog.Any("settings", wrong))
	err = b.write.api(ctx, slowWait, "$JS.API.STREAM.UPDATE."+StreamName, repaired(&info.Config, &want), &info)
	if err != nil {
		return nil, fmt.Errorf("%w: %s of %s: repair: %w", ErrSettings, strings.Join(wrong, ", "), StreamName, err)
	}
	if wrong, lasting = compare(&info.Config, &want); len(wrong)+len(lasting) > 0 {
		return nil, fmt.Errorf("%w: %s of %s stay wrong after a repair",
			ErrSettings, strings.Join(append(wrong, lasting...), ", "), StreamName)
	}
	return &info, nil
}
