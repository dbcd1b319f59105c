package events_test

import (
	"testing"

	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// benchmarked is the events that make up most of a ledger.
func benchmarked() map[string]events.Recorded {
	h := eventstest.NewHistory()
	key := h.Key("acct_1", "key_1", func(k *events.KeyCreated) {
		k.Allowlist = []string{"203.0.113.0/24", "2001:db8::/32"}
		k.Metadata = map[string]string{"team": "payments"}
	})
	h.Then(key, events.KeyRevoked{})
	past := h.Events()
	return map[string]events.Recorded{"created": past[1], "revoked": past[2]}
}

// BenchmarkDecode reads payloads as they are stored, and with a space in front,
// which takes the way of encoding/json.
func BenchmarkDecode(b *testing.B) {
	for name, r := range benchmarked() {
		for way, payload := range map[string][]byte{"stored": r.Payload, "json": append([]byte(" "), r.Payload...)} {
			b.Run(name+"/"+way, func(b *testing.B) {
				b.SetBytes(int64(len(payload)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := events.Decode(payload); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, r := range benchmarked() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(r.Payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := events.Encode(r.Envelope); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
