package jetstream_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/adapters/jetstream/jetstreamtest"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// listening runs a broker that others can connect to, and returns the path of
// credentials for it.
func listening(t testing.TB) (b *jetstream.Broker, credentials string) {
	t.Helper()
	dir := t.TempDir()
	b = jetstreamtest.StartWith(t, jetstream.EmbeddedConfig{Dir: dir, Listen: "127.0.0.1:0"})
	return b, credentialsFor(t, dir)
}

// credentialsFor makes credentials that allow everything.
func credentialsFor(t testing.TB, dir string) string {
	t.Helper()
	text, err := jetstream.Credentials(dir, jetstream.User{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.creds")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// remote is the ledger seen through a connection.
func remote(t testing.TB, url, credentials string) *jetstream.Log {
	t.Helper()
	b, err := jetstream.Connect(t.Context(), jetstream.Config{URL: url, Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return ledger(t, b)
}

func ledger(t testing.TB, b *jetstream.Broker) *jetstream.Log {
	t.Helper()
	l, err := b.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// raw is a plain connection, for what the Log does not do.
func raw(t testing.TB, url, credentials string) natsjs.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, nats.UserCredentials(credentials))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := natsjs.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// once gives a fate to the first frame that matches, and counts all that do.
func once(seen *atomic.Int32, what fate, match func(frame) bool) func(frame) fate {
	return func(f frame) fate {
		if match(f) && seen.Add(1) == 1 {
			return what
		}
		return pass
	}
}

// isEvent matches the publishing of events; isCommit the last of a batch.
func isEvent(f frame) bool { return strings.HasPrefix(f.subject, events.SubjectRoot+".") }

func isCommit(f frame) bool { return isEvent(f) && bytes.Contains(f.body, []byte("Nats-Batch-Commit")) }

func isAck(f frame) bool { return bytes.Contains(f.body, []byte(`{"stream":"LEDGER",`)) }

// holds fails the test unless log holds exactly the payloads of h.
func holds(t *testing.T, log events.Log, h *eventstest.History) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	head, err := log.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if head != h.Head() {
		t.Fatalf("the ledger ends at %d, want %d", head, h.Head())
	}
	got := readTo(t, log, events.Position{}, head)
	for i, want := range h.Events() {
		if !bytes.Equal(got[i].Payload, want.Payload) {
			t.Fatalf("event %d is\n%s\nwant\n%s", i+1, got[i].Payload, want.Payload)
		}
	}
}

var errEnough = errors.New("enough")

// readTo follows log from a position until it has the event at until.
func readTo(t *testing.T, log events.Log, from events.Position, until uint64) []events.Recorded {
	t.Helper()
	var got []events.Recorded
	err := log.Follow(t.Context(), from, func(d []events.Recorded) error {
		got = append(got, d...)
		if d[len(d)-1].Sequence >= until {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	return got
}

// must fails the test at an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails the test unless err is one of those wanted.
func wants(t testing.TB, err error, wanted ...error) {
	t.Helper()
	if !slices.ContainsFunc(wanted, func(w error) bool { return errors.Is(err, w) }) {
		t.Fatalf("got error %v, want %v", err, wanted)
	}
}
