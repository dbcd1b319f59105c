package jetstream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/adapters/jetstream/jetstreamtest"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	must(t, err)
	return string(text)
}

func TestWhatWasAppendedIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	past, _ := pasts(3)
	for range 3 {
		b, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: dir})
		must(t, err)
		past.Account(fmt.Sprintf("acct_%d", past.Head()))
		must(t, past.Save(t.Context(), ledger(t, b)))
		holds(t, ledger(t, b), past)
		must(t, b.Close(t.Context()))
	}
}

func TestOneProcessAtATimeUsesAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: dir})
	must(t, err)
	_, err = jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: dir})
	wants(t, err, jetstream.ErrLocked)
	must(t, b.Close(t.Context()))
	b, err = jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: dir})
	must(t, err)
	must(t, b.Close(t.Context()))
}

func TestAFolderThatLostItsIdentityIsRefusedNotEmptied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	past, _ := pasts(1)
	b, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: dir})
	must(t, err)
	must(t, past.Save(t.Context(), ledger(t, b)))
	must(t, b.Close(t.Context()))

	file := filepath.Join(dir, "identity.json")
	must(t, os.Rename(file, file+".away"))
	if b, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: dir}); err == nil {
		_ = b.Close(t.Context())
		t.Fatal("a broker started beside streams it cannot reach")
	}
	must(t, os.Rename(file+".away", file))
	holds(t, ledger(t, jetstreamtest.StartWith(t, jetstream.EmbeddedConfig{Dir: dir})), past)
}

func TestSecretsOfTheBusAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	jetstreamtest.StartWith(t, jetstream.EmbeddedConfig{Dir: dir})
	info, err := os.Stat(filepath.Join(dir, "identity.json"))
	must(t, err)
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("identity.json has mode %o", mode)
	}
}

func TestNothingListensUnlessAsked(t *testing.T) {
	t.Parallel()
	if url := jetstreamtest.Start(t).URL(); url != "" {
		t.Errorf("listens on %s", url)
	}
}

func TestAnAddressInUseIsAnError(t *testing.T) {
	t.Parallel()
	broker, _ := listening(t)
	dir := t.TempDir()
	for _, address := range []string{strings.TrimPrefix(broker.URL(), "nats://"), "127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999"} {
		b, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{Dir: dir, Listen: address})
		if err == nil {
			must(t, b.Close(t.Context()))
			t.Errorf("listens on %s", address)
		}
	}
	// And none of them has left the folder taken.
	must(t, jetstreamtest.StartWith(t, jetstream.EmbeddedConfig{Dir: dir}).Close(t.Context()))
}

func TestTheListenerTurnsStrangersAway(t *testing.T) {
	t.Parallel()
	broker, _ := listening(t)
	other := t.TempDir()
	jetstreamtest.StartWith(t, jetstream.EmbeddedConfig{Dir: other})
	for name, options := range map[string][]nats.Option{
		"nobody":                        nil,
		"a user of another broker":      {nats.UserCredentials(credentialsFor(t, other))},
		"a name and a password":         {nats.UserInfo("keyledger", "keyledger")},
		"a token":                       {nats.Token("keyledger")},
		"a user without its secret key": {nats.UserJWT(func() (string, error) { return "", nil }, func([]byte) ([]byte, error) { return nil, nil })},
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := nats.Connect(broker.URL(), options...)
			if err == nil {
				nc.Close()
				t.Fatal("was let in")
			}
		})
	}
}

func TestCredentialsAllowWhatTheyNameAndNoMore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := jetstreamtest.StartWith(t, jetstream.EmbeddedConfig{Dir: dir, Listen: "127.0.0.1:0"})
	log := ledger(t, broker)
	text, err := jetstream.Credentials(dir, jetstream.User{Name: "narrow", Publish: []string{"a.b"}, Subscribe: []string{"_INBOX.>"}})
	must(t, err)
	refused := make(chan error, 10)
	nc, err := nats.Connect(broker.URL(), nats.UserCredentialBytes(text),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	must(t, err)
	defer nc.Close()
	must(t, nc.Publish("kl.ledger._._.ledger._.opened", []byte("{}")))
	must(t, nc.Flush())
	if err := <-refused; !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("got %v", err)
	}
	if head, err := log.Head(t.Context()); err != nil || head != 0 {
		t.Errorf("the ledger ends at %d, %v", head, err)
	}
}

func TestAFullStoreRefusesCleanlyAndKeepsWhatItHas(t *testing.T) {
	t.Parallel()
	broker := jetstreamtest.StartWith(t, jetstream.EmbeddedConfig{Dir: t.TempDir(), MaxStore: 4 << 20})
	log := ledger(t, broker)
	past := eventstest.NewHistory()
	must(t, past.Save(t.Context(), log))
	full := false
	for i := range 20 {
		account := events.AccountEntity(fmt.Sprintf("acct_%d", i))
		opened := eventstest.Change{Entity: account, Data: events.AccountOpened{Name: strings.Repeat("n", 400<<10)}}
		closed := eventstest.Change{Entity: account, Data: events.AccountClosed{}}
		for _, w := range []events.Write{past.Propose(opened), past.Propose(opened, closed)} {
			ack, err := log.Append(t.Context(), w)
			if err == nil {
				must(t, past.Landed(w, ack))
				break
			}
			full = true
			wants(t, err, events.ErrUnavailable)
		}
	}
	if !full {
		t.Fatal("the store was never full")
	}
	holds(t, log, past)
}

// foreign runs a nats-server as somebody else might, with a monitoring endpoint.
func foreign(t *testing.T, change func(*server.Options)) (url, monitor string) {
	t.Helper()
	options := &server.Options{
		ServerName: "foreign", Host: "127.0.0.1", Port: server.RANDOM_PORT, HTTPHost: "127.0.0.1", HTTPPort: -1,
		NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true,
		JetStreamMaxMemory: 1 << 20, JetStreamMaxStore: 1 << 30,
	}
	if change != nil {
		change(options)
	}
	s, err := server.NewServer(options)
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("server is not ready")
	}
	return s.ClientURL(), "http://" + s.MonitorAddr().String()
}

func TestAnExternalBrokerMustProveThatItSyncs(t *testing.T) {
	t.Parallel()
	lazy := func(o *server.Options) { o.SyncAlways = false }
	for name, c := range map[string]struct {
		server  func(*server.Options)
		monitor bool
		allow   bool
		refused bool
	}{
		"synced and proven":            {monitor: true},
		"synced, not proven":           {refused: true},
		"not synced":                   {server: lazy, monitor: true, refused: true},
		"not synced, allowed":          {server: lazy, allow: true},
		"without JetStream":            {server: func(o *server.Options) { o.JetStream = false }, monitor: true, refused: true},
		"without JetStream, allowed":   {server: func(o *server.Options) { o.JetStream = false }, allow: true, refused: true},
		"small messages only, allowed": {server: func(o *server.Options) { o.MaxPayload = 1 << 10 }, allow: true, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, monitor := foreign(t, c.server)
			cfg := jetstream.Config{URL: url, AllowUnsyncedBroker: c.allow}
			if c.monitor {
				cfg.Monitors = []string{monitor}
			}
			b, err := jetstream.Connect(t.Context(), cfg)
			if c.refused {
				wants(t, err, jetstream.ErrBroker)
				return
			}
			must(t, err)
			past, _ := pasts(1)
			must(t, past.Save(t.Context(), ledger(t, b)))
			holds(t, ledger(t, b), past)
			must(t, b.Close(t.Context()))
		})
	}
}

func TestTheMonitorOfAnotherServerProvesNothing(t *testing.T) {
	t.Parallel()
	url, _ := foreign(t, func(o *server.Options) { o.SyncAlways = false })
	_, monitor := foreign(t, func(o *server.Options) { o.ServerName = "another" })
	b, err := jetstream.Connect(t.Context(), jetstream.Config{URL: url, Monitors: []string{monitor}})
	must(t, err)
	defer b.Close(t.Context())
	_, err = b.Ledger(t.Context())
	wants(t, err, jetstream.ErrBroker)
}

func TestAnotherNumberOfReplicasIsRefused(t *testing.T) {
	t.Parallel()
	url, _ := foreign(t, nil)
	b, err := jetstream.Connect(t.Context(), jetstream.Config{URL: url, AllowUnsyncedBroker: true})
	must(t, err)
	defer b.Close(t.Context())
	ledger(t, b)
	three, err := jetstream.Connect(t.Context(), jetstream.Config{URL: url, AllowUnsyncedBroker: true, Replicas: 3})
	must(t, err)
	defer three.Close(t.Context())
	_, err = three.Ledger(t.Context())
	wants(t, err, jetstream.ErrReplicas)
}

func TestABrokerThatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	url := "nats://" + free.Addr().String()
	must(t, free.Close())
	if _, err := jetstream.Connect(t.Context(), jetstream.Config{URL: url}); err == nil || !strings.Contains(err.Error(), url) {
		t.Errorf("got %v", err)
	}
}

func TestWarningsOfTheBrokerReachTheLogger(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "jetstream"), 0o700))
	b, err := jetstream.Start(t.Context(), jetstream.EmbeddedConfig{
		Dir: dir, Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	must(t, err)
	ledger(t, b)
	must(t, b.Close(t.Context()))
	if !strings.Contains(text.String(), "embedded broker") {
		t.Errorf("logged: %s", text.String())
	}
}
