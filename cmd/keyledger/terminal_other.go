//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package main

import "os"

// isTerminal takes any character device for a terminal. A null device may be
// one; whoever is asked something there answers with its end, which is no.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// hideTyping does nothing here.
func hideTyping(any) (restore func()) { return func() {} }
