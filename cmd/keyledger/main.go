// Command keyledger runs an event-sourced ledger of API keys, and is its command
// line. Each role has a file of its own; this one only starts it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return newApp().execute(ctx, os.Args[1:])
}
