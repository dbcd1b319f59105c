package jetstream_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// cluster runs three servers.
func cluster(t *testing.T) (first string, monitors []string) {
	t.Helper()
	var servers []*server.Server
	var routes []*url.URL
	var ports []int
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		must(t, l.Close())
	}
	for i := range 3 {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("s%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, HTTPHost: "127.0.0.1", HTTPPort: -1,
			NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true,
			JetStreamMaxMemory: 1 << 20, JetStreamMaxStore: 1 << 30,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[i]},
			Routes:  routes,
		})
		must(t, err)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		servers = append(servers, s)
	}
	for _, s := range servers {
		for !s.ReadyForConnections(time.Minute) || !s.JetStreamEnabled() || !s.JetStreamIsCurrent() {
			time.Sleep(20 * time.Millisecond)
		}
		monitors = append(monitors, "http://"+s.MonitorAddr().String())
	}
	return servers[0].ClientURL(), monitors
}

// TestLogKeepsItsContractOnThreeReplicas runs the suite on one ledger after
// another check has left its events there: a cluster takes seconds to start.
func TestLogKeepsItsContractOnThreeReplicas(t *testing.T) {
	t.Parallel()
	url, monitors := cluster(t)
	eventstest.RunLog(t, func(t *testing.T) events.Log {
		b, err := jetstream.Connect(t.Context(), jetstream.Config{URL: url, Monitors: monitors, Replicas: 3})
		must(t, err)
		t.Cleanup(func() { _ = b.Close(context.Background()) })
		return ledger(t, b)
	})
}
