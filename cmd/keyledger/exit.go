package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
	"github.com/keyledger/keyledger/adapters/telemetry"
)

// Exit statuses.
const (
	exitDone    = 0
	exitFailed  = 1 // refused or failed
	exitUsage   = 2
	exitDamage  = 3 // evidence that the ledger or a copy of it is damaged
	exitPending = 4 // written, and not yet taken by every verifier
)

// exitError ends the program with a status of its own.
type exitError struct {
	status int
	err    error // nil: everything has been said
	hint   string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is the error of a command line that cannot be carried out as it stands.
func usageError(format string, args ...any) error {
	return &exitError{status: exitUsage, err: fmt.Errorf(format, args...)}
}

// wrongUsage turns an error of the command line's parser into one of ours.
func wrongUsage(err error, cmd *cobra.Command) error {
	return &exitError{status: exitUsage, err: err, hint: fmt.Sprintf("see %s --help", cmd.CommandPath())}
}

// report says what went wrong on stderr and returns the exit status.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	status, hint := exitFailed, ""
	own, isOwn := errors.AsType[*exitError](err)
	if isOwn {
		status, hint = own.status, own.hint
		if own.err == nil {
			return status
		}
	}
	// What stood on the command line may have been a key, where none belongs.
	_, _ = fmt.Fprintf(a.stderr, "keyledger: %s\n", printable(telemetry.Redact(err.Error())))
	if hint == "" {
		hint = a.hint(err)
	}
	if hint != "" {
		_, _ = fmt.Fprintf(a.stderr, "  %s\n", printable(telemetry.Redact(hint)))
	}
	if refused, ok := errors.AsType[*keyledger.Error](err); ok && refused.RequestID != "" {
		_, _ = fmt.Fprintf(a.stderr, "  request %s\n", printable(refused.RequestID))
	}
	return status
}

// hint says what to do next, where the error itself does not.
func (a *app) hint(err error) string {
	if refused, ok := errors.AsType[*keyledger.Error](err); ok {
		switch {
		case refused.Command != "":
			return "the change may have been written, as " + refused.Command + ": look for it in keyledger audit log before you repeat it"
		case refused.Status == http.StatusUnauthorized:
			return "the key that was presented came from " + a.keySource()
		case errors.Is(err, keyledger.ErrNotFound):
			return "list what this key can see with keyledger keys list, or keyledger account list"
		}
		return ""
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted; what was asked may still have been carried out"
	}
	if wire, ok := errors.AsType[*net.OpError](err); ok && wire.Op == "dial" {
		return "is keyledger serve running at " + a.globals.server + "? Another address goes into --server or KEYLEDGER_SERVER"
	}
	if errors.Is(err, keyledger.ErrNoAnswer) {
		return "no answer from " + a.globals.server + ": what was asked may have been carried out, so look before you ask again"
	}
	return ""
}

// printable keeps text from elsewhere from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
