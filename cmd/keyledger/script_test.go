package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestTranscripts runs every transcript of testdata/script against the program
// itself. A transcript is what a person types, and what has to come back.
func TestTranscripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve": serveScript, "exits": exitsScript, "field": fieldScript, "secret": secretScript,
		},
		// A transcript says all that it needs.
		Setup: func(env *testscript.Env) error {
			env.Vars = processEnvOf(env.Vars)
			return nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

func processEnvOf(vars []string) (out []string) {
	for _, kv := range vars {
		if !strings.HasPrefix(kv, "KEYLEDGER_") {
			out = append(out, kv)
		}
	}
	return out
}

// serveScript is the command "serve ARG...": it starts keyledger serve on the
// folder data and a free port, waits until it is ready, and puts its address
// into KEYLEDGER_SERVER. At the end of the transcript it is asked to end, and
// has to do so with status 0.
func serveScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("serve cannot be negated: use ! exec keyledger serve")
	}
	exe, err := exec.LookPath("keyledger")
	ts.Check(err)
	cmd := exec.Command(exe, append([]string{"serve", "--data", ts.MkAbs("data"), "--http", "127.0.0.1:0"}, args...)...)
	cmd.Env = processEnv()
	said := &tail{}
	cmd.Stderr = said
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if rest, ok := strings.CutPrefix(lines.Text(), "ready http="); ok {
				ready <- strings.Fields(rest)[0]
			}
		}
		ended <- cmd.Wait()
	}()
	ts.Defer(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				ts.Fatalf("serve ended with %v\n%s", err, said)
			}
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			ts.Fatalf("serve is still running ten seconds after SIGTERM\n%s", said)
		}
	})
	select {
	case addr := <-ready:
		ts.Setenv("KEYLEDGER_SERVER", "http://"+addr)
	case err := <-ended:
		ended <- errors.New("ended early")
		ts.Fatalf("serve ended before it was ready: %v\n%s", err, said)
	case <-time.After(time.Minute):
		ts.Fatalf("serve is not ready after a minute\n%s", said)
	}
}

// exitsScript is the command "exits STATUS COMMAND ARG...": exec for a command
// whose exit status matters.
func exitsScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// fieldScript is the command "field NAME VAR": it puts the first word of the
// value of the first line "NAME<tab>VALUE" of the last standard output into an
// environment variable.
func fieldScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field NAME VAR")
	}
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if value, ok := strings.CutPrefix(line, args[0]+"\t"); ok {
			ts.Setenv(args[1], strings.Fields(value)[0])
			return
		}
	}
	ts.Fatalf("%s", fmt.Sprintf("no line %q in\n%s", args[0], ts.ReadFile("stdout")))
}

// secretScript is the command "secret TEXT FILE": it writes a line to a file.
func secretScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: secret TEXT FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(args[0]+"\n"), 0o600))
}
