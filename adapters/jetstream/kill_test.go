package jetstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/keyledger/keyledger/adapters/jetstream"
	"github.com/keyledger/keyledger/events"
	"github.com/keyledger/keyledger/events/eventstest"
)

// brokerVariable makes the test binary run a broker instead of tests: its value
// is the folder, the address to listen on, and a bound on the size of files, 0
// for none.
const brokerVariable = "KEYLEDGER_TEST_BROKER"

func TestMain(m *testing.M) {
	if as := os.Getenv(brokerVariable); as != "" {
		os.Exit(runBroker(as))
	}
	goleak.VerifyTestMain(m)
}

// runBroker runs until the process is killed, or its standard input ends.
func runBroker(as string) int {
	part := strings.Fields(as)
	dir, address := part[0], part[1]
	if limit, err := strconv.ParseUint(part[2], 10, 64); err != nil || limitFiles(limit) != nil {
		return 1
	}
	if address == "-" {
		fmt.Println(fillDisk(dir))
		return 0
	}
	b, err := jetstream.Start(context.Background(), jetstream.EmbeddedConfig{Dir: dir, Listen: address})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(b.URL())
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	return 0
}

// fillDisk appends until the disk fails, and says how the log and its broker take
// that: "as promised", or what else.
func fillDisk(dir string) string {
	ctx := context.Background()
	b, err := jetstream.Start(ctx, jetstream.EmbeddedConfig{Dir: dir})
	if err != nil {
		return err.Error()
	}
	log, err := b.Ledger(ctx)
	if err != nil {
		return err.Error()
	}
	log.Hurry(200*time.Millisecond, time.Second)
	if err := b.Health(); err != nil {
		return "before: " + err.Error()
	}
	past := eventstest.NewHistory()
	for i := 0; err == nil; i++ {
		past.Then(events.AccountEntity(fmt.Sprintf("acct_%d", i)), events.AccountOpened{Name: strings.Repeat("n", 50_000)})
		err = past.Save(ctx, log)
	}
	if !errors.Is(err, events.ErrUnknown) {
		return "the append that hit the end: " + err.Error()
	}
	if err := b.Health(); !errors.Is(err, jetstream.ErrUnhealthy) {
		return fmt.Sprintf("health of a broker that cannot write: %v", err)
	}
	next := eventstest.NewHistory().Propose(eventstest.Change{Entity: events.AccountEntity("acct_next"), Data: events.AccountOpened{}})
	if _, err := log.Append(ctx, next); !errors.Is(err, events.ErrUnavailable) {
		return fmt.Sprintf("the append after it: %v", err)
	}
	return "as promised"
}

func TestABrokerThatCannotWriteSaysSo(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s - %d", brokerVariable, t.TempDir(), 1<<20))
	out, err := cmd.Output()
	must(t, err)
	if got := strings.TrimSpace(string(out)); got != "as promised" {
		t.Error(got)
	}
}

// limitFiles makes every write beyond a size fail, as a full disk does.
func limitFiles(size uint64) error {
	if size == 0 {
		return nil
	}
	signal.Ignore(syscall.SIGXFSZ)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size})
}

// process is a broker in a process of its own, always on the same address.
type process struct {
	dir, url string
	limit    uint64 // of the size of files
	cmd      *exec.Cmd
}

func (p *process) start(t *testing.T) {
	t.Helper()
	address := "127.0.0.1:0"
	if p.url != "" {
		address = strings.TrimPrefix(p.url, "nats://")
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", brokerVariable, p.dir, address, p.limit))
	p.cmd.Stderr = os.Stderr
	_, err := p.cmd.StdinPipe()
	must(t, err)
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	p.url = strings.TrimSpace(line)
}

// kill stops the broker as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

func TestKillingTheBrokerLosesNothingAcknowledgedAndFollowersGoOn(t *testing.T) {
	t.Parallel()
	p := &process{dir: t.TempDir()}
	p.start(t)
	t.Cleanup(func() { p.kill() })
	log := remote(t, p.url, credentialsFor(t, p.dir))
	log.Hurry(500*time.Millisecond, time.Minute)
	past := eventstest.NewHistory()
	must(t, past.Save(t.Context(), log))
	f := follow(t, log, events.Position{})
	f.next(t, past.Events()[0])
	for round := range 5 {
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			time.Sleep(time.Duration(10+7*round) * time.Millisecond)
			p.kill()
		}()
		before, restarted := len(past.Events()), false
		for i := 0; !restarted || i%2 == 1; i++ {
			account := events.AccountEntity(fmt.Sprintf("acct_%d_%d", round, i))
			opened := eventstest.Change{Entity: account, Data: events.AccountOpened{}}
			w := past.Propose(opened)
			if i%2 == 1 {
				w = past.Propose(opened, eventstest.Change{Entity: account, Data: events.AccountClosed{}})
			}
			// Append lives through the crash, whatever it hits.
			acked := make(chan error, 1)
			go func() {
				ack, err := log.Append(t.Context(), w)
				if err == nil {
					err = past.Landed(w, ack)
				}
				acked <- err
			}()
			select {
			case <-killed:
				if !restarted {
					restarted = true
					p.start(t)
				}
			case err := <-acked:
				must(t, err)
				continue
			}
			must(t, <-acked)
		}
		for _, want := range past.Events()[before:] {
			f.next(t, want)
		}
	}
	holds(t, log, past)
}

func TestADiskThatFailsMidWriteCostsNothingAcknowledged(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"singles": 1, "batches": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &process{dir: t.TempDir(), limit: 1 << 20}
			p.start(t)
			t.Cleanup(func() { p.kill() })
			log := remote(t, p.url, credentialsFor(t, p.dir))
			log.Hurry(200*time.Millisecond, time.Second)
			past := eventstest.NewHistory()
			must(t, past.Save(t.Context(), log))
			var unsettled events.Write
			for i := 0; ; i++ {
				account := events.AccountEntity(fmt.Sprintf("acct_%d", i))
				changes := []eventstest.Change{{Entity: account, Data: events.AccountOpened{Name: strings.Repeat("n", 50_000)}}}
				for range size - 1 {
					changes = append(changes, eventstest.Change{Entity: account, Data: events.AccountSuspended{}})
				}
				w := past.Propose(changes...)
				ack, err := log.Append(t.Context(), w)
				if err != nil {
					wants(t, err, events.ErrUnknown, events.ErrUnavailable)
					unsettled = w
					break
				}
				must(t, past.Landed(w, ack))
			}
			p.kill()
			p.limit = 0
			p.start(t)
			log = remote(t, p.url, credentialsFor(t, p.dir))
			head, err := log.Head(t.Context())
			must(t, err)
			// What was unknown may have come to be, whole.
			if head > past.Head() {
				must(t, past.Landed(unsettled, events.Ack{First: past.Head() + 1, Last: head}))
			}
			holds(t, log, past)
		})
	}
}
