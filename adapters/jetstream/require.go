package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/mod/semver"

	"github.com/keyledger/keyledger/events"
)

// What the ledger needs of a broker. Earlier versions lose acknowledged writes
// in more ways, and sync a batch message by message.
const (
	minVersion  = "2.15.2"
	minAPILevel = 5
)

// ErrBroker is returned for a broker that cannot keep a ledger, or has not been
// proven to.
var ErrBroker = errors.New("unfit broker")

func checkVersion(version string) error {
	v := "v" + version
	if !semver.IsValid(v) || semver.Compare(v, "v"+minVersion) < 0 {
		return fmt.Errorf("%w: nats-server %q, need %s or later: upgrade it", ErrBroker, version, minVersion)
	}
	return nil
}

// checkBroker proves what can be learned from the connection itself.
func (b *Broker) checkBroker(ctx context.Context) error {
	nc := b.write.nc
	if err := checkVersion(nc.ConnectedServerVersion()); err != nil {
		return err
	}
	if room := nc.MaxPayload(); room < events.MaxPayload+headerRoom {
		return fmt.Errorf("%w: takes messages of %d bytes, need %d: raise max_payload",
			ErrBroker, room, events.MaxPayload+headerRoom)
	}
	var info struct {
		API struct {
			Level int `json:"level"`
		} `json:"api"`
	}
	if err := b.write.api(ctx, apiWait, "$JS.API.INFO", nil, &info); err != nil {
		return fmt.Errorf("%w: JetStream does not answer: %w", ErrBroker, err)
	}
	if info.API.Level < minAPILevel {
		return fmt.Errorf("%w: JetStream API level %d, need %d: upgrade it", ErrBroker, info.API.Level, minAPILevel)
	}
	return nil
}

// varz is what a server says about itself.
type varz struct {
	Name      string `json:"server_name"`
	Version   string `json:"version"`
	JetStream struct {
		Config *struct {
			SyncAlways bool `json:"sync_always"`
		} `json:"config"`
	} `json:"jetstream"`
}

func (v varz) check() error {
	if v.JetStream.Config == nil {
		return fmt.Errorf("%w: server %s has no JetStream", ErrBroker, v.Name)
	}
	if !v.JetStream.Config.SyncAlways {
		return fmt.Errorf("%w: server %s acknowledges before it syncs, and loses what it acknowledged in a power cut: "+
			"set sync_interval: always in its jetstream block, or allow an unsynced broker explicitly", ErrBroker, v.Name)
	}
	return checkVersion(v.Version)
}

// proveSync proves that the servers sync every write before they acknowledge it,
// and remembers which ones were asked. It asks the monitoring endpoints given,
// or else all servers through the connection, where that may.
func (b *Broker) proveSync(ctx context.Context, monitors []string) error {
	var servers []varz
	for _, base := range monitors {
		v, err := fetchVarz(ctx, base)
		if err != nil {
			return fmt.Errorf("%w: monitoring endpoint: %w", ErrBroker, err)
		}
		servers = append(servers, v)
	}
	if len(monitors) == 0 {
		servers = b.pingVarz(ctx)
	}
	if len(servers) == 0 {
		return fmt.Errorf("%w: cannot tell whether it syncs what it acknowledges: name the monitoring endpoint "+
			"of each server, or allow an unsynced broker explicitly", ErrBroker)
	}
	b.proven = make(map[string]bool, len(servers))
	for _, v := range servers {
		if err := v.check(); err != nil {
			return err
		}
		b.proven[v.Name] = true
	}
	return nil
}

// fetchVarz asks a monitoring endpoint, for example http://127.0.0.1:8222.
func fetchVarz(ctx context.Context, base string) (varz, error) {
	ctx, cancel := context.WithTimeout(ctx, apiWait)
	defer cancel()
	var v varz
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/varz", nil)
	if err != nil {
		return v, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return v, fmt.Errorf("%s: %s", req.URL, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxVarz)).Decode(&v); err != nil {
		return v, fmt.Errorf("%s: %w", req.URL, err)
	}
	return v, nil
}

// pingVarz asks every server that the connection reaches, and returns those with
// JetStream. A connection that may not ask gets no answer.
func (b *Broker) pingVarz(ctx context.Context) []varz {
	nc := b.write.nc
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone
	if err := nc.PublishRequest(aboutServers, inbox, nil); err != nil {
		return nil
	}
	var servers []varz
	for wait := pingWait; ; wait = pingGap {
		next, cancel := context.WithTimeout(ctx, wait)
		m, err := sub.NextMsgWithContext(next)
		cancel()
		if err != nil {
			return servers
		}
		var answer struct {
			Data varz `json:"data"`
		}
		if json.Unmarshal(m.Data, &answer) == nil && answer.Data.JetStream.Config != nil {
			servers = append(servers, answer.Data)
		}
	}
}

// provePeers checks that every server that keeps a copy of the stream has proven
// that it syncs its writes.
func (b *Broker) provePeers(info *jetstream.StreamInfo) error {
	if b.server != nil || b.unsynced || info.Cluster == nil {
		return nil
	}
	peers := []string{info.Cluster.Leader}
	for _, p := range info.Cluster.Replicas {
		peers = append(peers, p.Name)
	}
	for _, name := range peers {
		if name != "" && !b.proven[name] {
			return fmt.Errorf("%w: server %s keeps a copy of %s, but has not proven that it syncs what it "+
				"acknowledges: name its monitoring endpoint too", ErrBroker, name, StreamName)
		}
	}
	return nil
}
