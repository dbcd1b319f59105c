package main

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyledger/keyledger/domain/scheme"
)

// TestTutorialRunsAsPrinted writes the scheme of docs/schemes.md into a file and
// types its session, command by command. What is printed below a command must
// come; "..." stands for anything.
func TestTutorialRunsAsPrinted(t *testing.T) {
	t.Parallel()
	page := schemesPage(t)
	_, tutorial, _ := strings.Cut(page, "## Tutorial")
	tutorial, _, _ = strings.Cut(tutorial, "## The document")
	document := blocks(tutorial, "yaml")
	if len(document) != 1 || strings.Count(document[0], "\n") >= 30 {
		t.Fatalf("the tutorial has %d schemes, want one of less than thirty lines", len(document))
	}
	dir, addr := quickDir(t), freeAddr(t)
	if err := os.WriteFile(filepath.Join(dir, "orchard.yaml"), []byte(document[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &session{dir: dir, addr: addr, env: append(processEnv(), "PATH="+binOf(t)+":"+os.Getenv("PATH"), "KEYLEDGER_SERVER=http://"+addr)}
	served := false
	for _, block := range blocks(tutorial, "console") {
		for _, step := range steps(block) {
			if args, isServe := strings.CutPrefix(step.command, "keyledger serve --data data --scheme orchard.yaml"); isServe && args == "" {
				served = true
				spawn(t, "serve", "--data", filepath.Join(dir, "data"), "--scheme", filepath.Join(dir, "orchard.yaml"), "--http", addr)
				continue
			}
			if got := s.run(t, step.command); !shows(got, step.output) {
				t.Fatalf("$ %s\n%s\nwant\n%s", step.command, got, step.output)
			}
		}
	}
	if !served || s.ran < 10 {
		t.Errorf("served %v, %d commands", served, s.ran)
	}
}

// TestTutorialCatches shows that another output than the printed one is noticed.
func TestTutorialCatches(t *testing.T) {
	for _, c := range []struct {
		got, want string
		ok        bool
	}{
		{"a\nb\nc\n", "a\nb\nc\n", true},
		{"a\nb\nc\n", "...\nb\n...\n", true},
		{"a\nb\nc\n", "a\n", false},
		{"a\nb\n", "...\nx\n...\n", false},
		{"", "", true},
		{"a\n", "", false},
		{"code  ok\n", "code  permission_denied\n", false},
		{"{1,2,3}\n", "{1,...\n", true},
	} {
		if shows(c.got, c.want) != c.ok {
			t.Errorf("%q as %q: %v", c.got, c.want, !c.ok)
		}
	}
}

// TestThePageTellsEveryFieldAndPreset keeps the reference whole.
func TestThePageTellsEveryFieldAndPreset(t *testing.T) {
	page := schemesPage(t)
	for _, name := range append(fieldNames(), scheme.Presets()...) {
		if !regexp.MustCompile("`[^`]*\\b" + name + "\\b[^`]*`").MatchString(page) {
			t.Errorf("docs/schemes.md does not tell of %s", name)
		}
	}
}

func fieldNames() []string {
	var out []string
	for _, t := range []reflect.Type{
		documentType(), reflect.TypeFor[scheme.Kind](), reflect.TypeFor[scheme.Presentation](), reflect.TypeFor[scheme.Policy](),
		reflect.TypeFor[scheme.Member](), reflect.TypeFor[scheme.Set](), reflect.TypeFor[scheme.Refused](), reflect.TypeFor[scheme.Endpoint](),
	} {
		out = slices.AppendSeq(out, maps.Keys(fieldsOf(t)))
	}
	return out
}

func schemesPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "schemes.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func blocks(text, language string) (out []string) {
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// step is a command and what is printed below it.
type step struct{ command, output string }

func steps(block string) (out []step) {
	for line := range strings.Lines(block) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			out = append(out, step{command: strings.TrimSpace(command)})
		} else if n := len(out); n > 0 {
			out[n-1].output += line
		}
	}
	return out
}

// shows reports whether got is as printed. The columns of a table are apart by a
// tab where no terminal is.
func shows(got, printed string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(printed), `\.\.\.`+"\n", "(?s:.*)")
	quoted = strings.ReplaceAll(quoted, `\.\.\.`, "(?s:.*)")
	quoted = regexp.MustCompile(` {2,}`).ReplaceAllString(quoted, `[ \t]+`)
	return regexp.MustCompile(`\A` + quoted + `\z`).MatchString(got)
}

// session is a shell that remembers what was exported.
type session struct {
	dir, addr, exported string
	env                 []string
	ran                 int
}

func (s *session) run(t *testing.T, command string) string {
	t.Helper()
	s.ran++
	if strings.HasPrefix(command, "export ") {
		s.exported += command + "\n"
		return ""
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", s.exported+strings.ReplaceAll(command, "127.0.0.1:8080", s.addr))
	shell.Dir, shell.Env = s.dir, s.env
	out, _ := shell.CombinedOutput() // a refusal is one of the steps
	return string(out)
}

// binOf is a folder in which this test binary is keyledger.
func binOf(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(bin, "keyledger")); err != nil {
		t.Fatal(err)
	}
	return bin
}
