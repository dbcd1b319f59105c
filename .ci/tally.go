// Command tally reads the output of go test -json and prints what a person
// wants of it: a line for each package, all that was said by whatever failed,
// the reason of whatever was skipped, and the count. It fails where a test
// failed, where one was skipped that is not named among its arguments
// ("package.TestName"), and where no test ran at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string // empty where the event is about the whole package
	Output  string
}

type test struct{ pkg, name string }

type tally struct {
	allowed                 []string
	said                    map[test][]string // what each test said so far
	passed, failed, skipped int
	refused                 int // skipped without being allowed to
}

func main() {
	t := tally{allowed: os.Args[1:], said: map[test][]string{}}
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if line == "" && err != nil {
			break
		}
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			fmt.Print(line) // the go command itself speaks
			continue
		}
		t.add(e)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.refused > 0 {
		fmt.Printf("%d of the skipped may not be: install what they need, or name them in .ci/run with a reason\n", t.refused)
	}
	if t.refused > 0 || t.failed > 0 || t.passed == 0 {
		os.Exit(1)
	}
}

func (t *tally) add(e event) {
	at := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
	case "output":
		t.said[at] = append(t.said[at], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.finish(e)
			return
		}
		t.count(e, strings.Join(t.said[at], ""))
		delete(t.said, at)
	}
}

func (t *tally) count(e event, said string) {
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
		fmt.Print(said)
	case "skip":
		t.skipped++
		name := e.Package + "." + e.Test
		if !slices.Contains(t.allowed, name) {
			t.refused++
		}
		fmt.Printf("skipped: %s\n%s", name, said)
	}
}

// finish prints the result of a package: its last line or, where it failed, all
// it said, and all that was said by tests it took down with it.
func (t *tally) finish(e event) {
	whole := test{pkg: e.Package}
	lines := t.said[whole]
	if e.Action == "fail" {
		for at, said := range t.said {
			if at.pkg == e.Package && at != whole {
				fmt.Print(strings.Join(said, ""))
				delete(t.said, at)
			}
		}
	} else if len(lines) > 1 {
		lines = lines[len(lines)-1:]
	}
	fmt.Print(strings.Join(lines, ""))
	delete(t.said, whole)
}
