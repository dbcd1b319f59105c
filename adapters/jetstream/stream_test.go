package jetstream_test

import (
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/events"
)

func TestTheStreamIsMadeAsTheLedgerNeedsIt(t *testing.T) {
	t.Parallel()
	broker, credentials := listening(t)
	ledger(t, broker)
	got := settingsOf(t, raw(t, broker.URL(), credentials))
	if !got.DenyDelete || !got.DenyPurge || !got.AllowAtomicPublish || !got.AllowDirect ||
		got.Storage != natsjs.FileStorage || got.Retention != natsjs.LimitsPolicy || got.Discard != natsjs.DiscardNew ||
		got.MaxAge != 0 || got.MaxMsgs != -1 || got.MaxBytes != -1 || got.PersistMode != natsjs.DefaultPersistMode {
		t.Errorf("settings of the stream: %+v", got)
	}
}

func settingsOf(t *testing.T, js natsjs.JetStream) natsjs.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), jetstream.StreamName)
	must(t, err)
	return s.CachedInfo().Config
}

// created is the stream as another hand might have made it.
func created(t *testing.T, js natsjs.JetStream, drift func(*natsjs.StreamConfig)) {
	t.Helper()
	cfg := natsjs.StreamConfig{
		Name: jetstream.StreamName, Subjects: []string{events.SubjectRoot + ".>"}, AllowDirect: true,
	}
	drift(&cfg)
	_, err := js.CreateStream(t.Context(), cfg)
	must(t, err)
}

func TestSettingsThatDriftedAreRepairedAtStart(t *testing.T) {
	t.Parallel()
	for name, drift := range map[string]func(*natsjs.StreamConfig){
		"deletes and purges allowed, no batches": func(*natsjs.StreamConfig) {},
		"old events discarded by count":          func(c *natsjs.StreamConfig) { c.MaxMsgs = 1000 },
		"old events discarded by age":            func(c *natsjs.StreamConfig) { c.MaxAge = time.Hour },
		"old events discarded by size":           func(c *natsjs.StreamConfig) { c.MaxBytes = 1 << 20 },
		"one event for a subject":                func(c *natsjs.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"small events only":                      func(c *natsjs.StreamConfig) { c.MaxMsgSize = 100 },
		"compressed":                             func(c *natsjs.StreamConfig) { c.Compression = natsjs.S2Compression },
		"roll-ups allowed":                       func(c *natsjs.StreamConfig) { c.AllowRollup = true },
		"no direct reads":                        func(c *natsjs.StreamConfig) { c.AllowDirect = false },
		"a long duplicate window":                func(c *natsjs.StreamConfig) { c.Duplicates = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker, credentials := listening(t)
			js := raw(t, broker.URL(), credentials)
			created(t, js, drift)
			ledger(t, broker)
			repaired := settingsOf(t, js)

			fresh, credentials := listening(t)
			ledger(t, fresh)
			want := settingsOf(t, raw(t, fresh.URL(), credentials))
			for _, c := range []*natsjs.StreamConfig{&repaired, &want} {
				c.Metadata = nil // the broker's own notes
			}
			if got, want := asText(t, repaired), asText(t, want); got != want {
				t.Errorf("repaired to\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestSettingsThatCannotBeRepairedAreRefusedByName(t *testing.T) {
	t.Parallel()
	for setting, drift := range map[string]func(*natsjs.StreamConfig){
		"subjects":            func(c *natsjs.StreamConfig) { c.Subjects = []string{events.SubjectRoot + ".>", "other.>"} },
		"storage":             func(c *natsjs.StreamConfig) { c.Storage = natsjs.MemoryStorage },
		"retention":           func(c *natsjs.StreamConfig) { c.Retention = natsjs.InterestPolicy },
		"persist_mode":        func(c *natsjs.StreamConfig) { c.PersistMode = natsjs.AsyncPersistMode },
		"no_ack":              func(c *natsjs.StreamConfig) { c.NoAck = true },
		"allow_batched":       func(c *natsjs.StreamConfig) { c.AllowBatchPublish = true },
		"max_consumers":       func(c *natsjs.StreamConfig) { c.MaxConsumers = 1 },
		"first_seq":           func(c *natsjs.StreamConfig) { c.FirstSeq = 100 },
		"allow_msg_ttl":       func(c *natsjs.StreamConfig) { c.AllowMsgTTL = true },
		"allow_msg_counter":   func(c *natsjs.StreamConfig) { c.AllowMsgCounter = true },
		"allow_msg_schedules": func(c *natsjs.StreamConfig) { c.AllowMsgSchedules = true },
		"subject_transform": func(c *natsjs.StreamConfig) {
			c.SubjectTransform = &natsjs.SubjectTransformConfig{Source: "kl.ledger.a.>", Destination: "kl.ledger.b.>"}
		},
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			broker, credentials := listening(t)
			created(t, raw(t, broker.URL(), credentials), drift)
			_, err := broker.Ledger(t.Context())
			wants(t, err, jetstream.ErrSettings)
			if !strings.Contains(err.Error(), setting) {
				t.Errorf("%q does not name %s", err, setting)
			}
		})
	}
}
