package jetstream_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// frame is one operation of the NATS protocol as it stands on the wire.
type frame struct {
	subject string // of a message, either way; "" for everything else
	body    []byte // headers and payload of a message
	raw     []byte
}

// fate is what a proxy does with a frame.
type fate int

const (
	pass fate = iota
	drop
	hold // until release
	cut  // deliver it, then break the connection
	tear // break the connection without delivering it
)

// proxy stands between a client and a broker, and loses what it is told to.
type proxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu       sync.Mutex
	toServer func(frame) fate
	toClient func(frame) fate
	conns    map[net.Conn]bool
	held     [][]byte
	server   net.Conn // where held frames go: the newest connection
	away     bool     // takes no connections
}

// newProxy listens in front of the broker at target, until the test ends.
func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: u.Host, conns: make(map[net.Conn]bool)}
	p.wg.Add(1)
	go p.accept()
	t.Cleanup(p.close)
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

// lose sets what becomes of frames from now on; nil passes all.
func (p *proxy) lose(toServer, toClient func(frame) fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.toServer, p.toClient = toServer, toClient
}

// release sends what was held to the broker, as if it had been on its way.
func (p *proxy) release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, raw := range p.held {
		if _, err := p.server.Write(raw); err != nil {
			return err
		}
	}
	p.held = nil
	return nil
}

// leave breaks all connections and takes no new ones, until back.
func (p *proxy) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = true
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) back() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = false
}

func (p *proxy) close() {
	p.listener.Close()
	p.leave()
	p.wg.Wait()
}

func (p *proxy) accept() {
	defer p.wg.Done()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		if p.away {
			client.Close()
			server.Close()
			p.mu.Unlock()
			continue
		}
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		p.wg.Add(2)
		go p.pump(client, server, true)
		go p.pump(server, client, false)
	}
}

// pump passes frames on in one direction.
func (p *proxy) pump(from, to net.Conn, up bool) {
	defer p.wg.Done()
	defer from.Close()
	defer to.Close()
	in := bufio.NewReader(from)
	for {
		f, err := readFrame(in)
		if err != nil {
			return
		}
		if !p.pass(f, to, up) {
			return
		}
	}
}

// pass decides about one frame and reports whether the connection lives.
func (p *proxy) pass(f frame, to net.Conn, up bool) bool {
	p.mu.Lock()
	decide := p.toClient
	if up {
		decide = p.toServer
	}
	p.mu.Unlock()
	what := pass
	if decide != nil && f.subject != "" {
		what = decide(f)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch what {
	case drop:
		return true
	case tear:
		return false
	case hold:
		p.held, p.server = append(p.held, f.raw), to
		return true
	case pass, cut:
	}
	_, err := to.Write(f.raw)
	return err == nil && what != cut
}

// readFrame reads one operation: a line, and for messages what follows it.
func readFrame(in *bufio.Reader) (frame, error) {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return frame{}, err
	}
	f := frame{raw: line}
	fields := strings.Fields(string(line))
	if len(fields) < 3 {
		return f, nil
	}
	switch strings.ToUpper(fields[0]) {
	case "PUB", "HPUB", "MSG", "HMSG":
	default:
		return f, nil
	}
	size, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return f, fmt.Errorf("frame %q: %w", line, err)
	}
	f.subject, f.body = fields[1], make([]byte, size+2)
	if _, err := io.ReadFull(in, f.body); err != nil {
		return f, err
	}
	f.raw = append(bytes.Clone(line), f.body...)
	return f, nil
}
