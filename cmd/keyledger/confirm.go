package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxTyped bounds what is read of a line that a person types, in bytes.
const maxTyped = 4 << 10

// confirm asks a person whether to go on with something that cannot be undone.
// Where nobody can be asked, --yes has to have been given.
func (a *app) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !a.terminal(a.stdin) {
		return usageError("this cannot be undone, and there is nobody to ask: add --yes")
	}
	said, err := a.ask(ctx, question+"\nThis cannot be undone. Type yes to go on: ")
	if err != nil || said != "yes" {
		return errors.New("not confirmed: nothing was changed")
	}
	return nil
}

// ask returns the line that a person types after a prompt. An interrupt ends the
// wait; what is typed after that is lost, as is the process soon.
func (a *app) ask(ctx context.Context, prompt string) (string, error) {
	_, _ = fmt.Fprint(a.stderr, printable(prompt))
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(io.LimitReader(a.stdin, maxTyped)).ReadString('\n')
		if errors.Is(err, io.EOF) && text != "" {
			err = nil
		}
		typed <- line{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(a.stderr)
		return "", ctx.Err()
	case l := <-typed:
		if l.err != nil {
			_, _ = fmt.Fprintln(a.stderr)
		}
		return l.text, l.err
	}
}
