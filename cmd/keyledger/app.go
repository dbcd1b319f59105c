package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// app is one run of the program: what it reads, what it writes, and what the
// flags of every command say. A test makes one with streams of its own.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	lookupEnv func(name string) (string, bool)
	terminal  func(stream any) bool // whether a person sits at the other end
	now       func() time.Time

	globals globals
	// keyFileGiven says that --key-file stands on the command line, which the
	// environment then does not override.
	keyFileGiven bool
	began        bool // the command line was understood, and a command has begun
}

// globals are the flags that every command has.
type globals struct {
	server  string
	keyFile string
	output  string
	config  string
}

// newApp is the program as the operating system runs it.
func newApp() *app {
	return &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		lookupEnv: os.LookupEnv, terminal: isTerminal, now: time.Now,
	}
}

// execute runs a command line and returns the exit status.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !a.began {
		err = wrongUsage(err, cmd)
	}
	return a.report(err)
}

// action is the body of a command: it takes the settings together, and then runs
// f on the positional arguments.
func (a *app) action(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := a.configure(cmd); err != nil {
			return err
		}
		if !slices.Contains(outputs(), a.globals.output) {
			return errors.New("--output is json or table")
		}
		a.began = true
		return f(cmd.Context(), args)
	}
}
