package keyledger_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/keyledger/keyledger"

// law says which package may import which. It states policy; it does not
// describe the code. Where the two disagree the code moves, or the design does
// first, in docs/decisions, with its reason.
//
// A package is named by its folder, the module root by ".". A unit is a package
// with everything below it.
type law struct {
	// layers, lowest first. A layer sees itself and the ranks below it; layers
	// that share a rank do not see one another. Go code stands nowhere else.
	layers [][]string
	// domain orders the units inside domain in the same way.
	domain [][]string
	// islands are trees whose units do not see one another and meet in a later
	// layer, each with the units that the whole tree may see.
	islands map[string][]string
	// stdOnly layers use the standard library, and nearStd: the packages that
	// the standard library itself is built from, as far as they do no I/O.
	stdOnly, nearStd []string
	// pure layers may not import impure, nor use the functions in calls.
	pure          []string
	impure, calls []ban
	// homes gives every third-party module the trees that may import it. A
	// module without a home is refused; golang.org/x/... needs one only if listed.
	homes []home
	// testOnly is what only tests and test support may import.
	testOnly []string
}

type ban struct{ name, instead string }

type home struct {
	module  string
	trees   []string
	instead string
}

func theLaw() law {
	const (
		given  = "take it as a field of the command"
		noIO   = "do the I/O in an adapter and pass in the result"
		noWait = "wait in the caller, bounded by its context"
	)
	return law{
		layers:  [][]string{{".", "events"}, {"domain"}, {"projections"}, {"adapters"}, {"cmd"}},
		domain:  [][]string{{"domain/access"}, {"domain/refusal", "domain/scheme"}, {"domain/apikey", "domain/account"}, {"domain/ledger"}},
		islands: map[string][]string{"projections": {"projections"}, "adapters": {"adapters/telemetry"}},
		stdOnly: []string{".", "events", "domain"},
		nearStd: []string{"golang.org/x/crypto/chacha20poly1305", "golang.org/x/crypto/cryptobyte", "golang.org/x/text/unicode/norm"},
		pure:    []string{"events", "domain"},
		impure: []ban{
			{module, "the client talks to the network; share types through events"},
			{"crypto/rand", "random bytes: " + given},
			{"math/rand", "random numbers: " + given},
			{"log", "return the error, its caller logs it"},
			{"net", "use net/netip for addresses; " + noIO},
			{"net/http", noIO},
			{"os", noIO},
			{"path/filepath", "use path; " + noIO},
			{"syscall", noIO},
		},
		calls: []ban{
			{"time.Now", given},
			{"time.Since", "subtract two given times"},
			{"time.Until", "subtract two given times"},
			{"time.Local", "times are UTC"},
			{"time.LoadLocation", "times are UTC"},
			{"time.Sleep", noWait},
			{"time.After", noWait},
			{"time.AfterFunc", noWait},
			{"time.Tick", noWait},
			{"time.NewTimer", noWait},
			{"time.NewTicker", noWait},
			{"fmt.Print", "return the text"},
			{"fmt.Printf", "return the text"},
			{"fmt.Println", "return the text"},
		},
		homes: []home{
			{"github.com/nats-io", []string{"adapters/jetstream"}, "use events.Log"},
			{"github.com/cockroachdb", []string{"projections"}, "ask a read model"},
			{"github.com/ThreeDotsLabs", []string{"adapters/reactor"}, "add a reaction there"},
			{"github.com/danielgtaylor/huma", []string{"adapters/httpapi"}, "use net/http"},
			{"github.com/prometheus", []string{"adapters/telemetry"}, "use the instruments of adapters/telemetry"},
			{"go.opentelemetry.io", []string{"adapters/telemetry"}, "use the instruments of adapters/telemetry"},
			{"google.golang.org", []string{"adapters/gateway"}, "gRPC is spoken there only"},
			{"github.com/envoyproxy", []string{"adapters/gateway"}, "Envoy is spoken there only"},
			{"golang.org/x/mod/sumdb", []string{"projections/audit", "cmd"}, "ask projections/audit for the proof"},
			{"github.com/spf13", []string{"cmd"}, "take a Config struct"},
			{"github.com/knadh/koanf", []string{"cmd"}, "take a Config struct"},
			{"github.com/lmittmann/tint", []string{"cmd"}, "take a *slog.Logger"},
			{"go.yaml.in/yaml", []string{"cmd"}, "take JSON; cmd turns YAML into it"},
		},
		testOnly: []string{
			"testing", "github.com/google/go-cmp", "pgregory.net/rapid", "github.com/anishathalye/porcupine",
			"github.com/rogpeppe/go-internal", "go.uber.org/goleak",
		},
	}
}

// rule names what a violation broke.
type rule string

const (
	ruleFolder  rule = "folder"  // Go code stands in the folders of the layout
	ruleOrder   rule = "order"   // imports go down the layers
	ruleSibling rule = "sibling" // read models and adapters do not meet one another
	ruleStdlib  rule = "stdlib"  // the core uses the standard library only
	rulePure    rule = "pure"    // the core does no I/O, reads no clock, draws no randomness
	ruleHome    rule = "home"    // a third-party module has one home
	ruleSupport rule = "support" // production code does not use test support
)

type violation struct {
	rule rule
	text string
}

// check reads every Go file under fsys and returns how many there were and
// what they break. It parses the files in this process: go test caches a result
// by the files that the test itself opened, so a go list run as a child would
// leave a stale "ok" standing after an import has changed.
func (l law) check(fsys fs.FS) (files int, found []violation, err error) {
	err = fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); file != "." && (name == "testdata" || name[0] == '.' || name[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(file) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		files++
		broken, err := l.checkFile(file, src)
		for _, v := range broken {
			found = append(found, violation{v.rule, file + ": " + v.text})
		}
		return err
	})
	return files, found, err
}

func (l law) checkFile(file string, src []byte) ([]violation, error) {
	pkg := path.Dir(file)
	if rank(l.layers, head(pkg, 1)) < 0 {
		return broke(ruleFolder, "%s is not a folder of the layout: put the package into a layer", head(pkg, 1)), nil
	}
	if head(pkg, 1) == "domain" && rank(l.domain, head(pkg, 2)) < 0 {
		return broke(ruleFolder, "%s has no place in the order of domain: give it one in the law", pkg), nil
	}
	if strings.HasSuffix(file, "_test.go") {
		return nil, nil // an external test package may import whatever proves the promise
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []violation
	for _, spec := range f.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		found = append(found, l.checkImport(pkg, imp)...)
		if slices.Contains(l.pure, head(pkg, 1)) && !isSupport(pkg) {
			found = append(found, l.checkCalls(f, spec, imp)...)
		}
	}
	return found, nil
}

// checkImport returns the first rule that package pkg breaks by importing imp.
func (l law) checkImport(pkg, imp string) []violation {
	layer, testing := head(pkg, 1), isSupport(pkg)
	if slices.Contains(l.pure, layer) && !testing {
		for _, b := range l.impure {
			// A ban covers what lies below it, save for our own module and for
			// net, whose netip, mail, url and textproto parts are pure.
			if imp == b.name || b.name != module && b.name != "net" && within(imp, b.name) {
				return broke(rulePure, "imports %s: %s", imp, b.instead)
			}
		}
	}
	if within(imp, module) {
		return l.checkOwn(pkg, path.Clean("./"+strings.TrimPrefix(imp, module)))
	}
	if in(l.testOnly, imp) {
		if testing {
			return nil
		}
		return broke(ruleSupport, "imports %s: move it to a test or to a ...test package", imp)
	}
	if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
		return nil // the standard library
	}
	if slices.Contains(l.stdOnly, layer) {
		if in(l.nearStd, imp) {
			return nil
		}
		return broke(ruleStdlib, "imports %s: use the standard library, or do this in projections, adapters or cmd", imp)
	}
	for _, h := range l.homes {
		if within(imp, h.module) {
			if slices.ContainsFunc(h.trees, func(tree string) bool { return within(pkg, tree) }) {
				return nil
			}
			return broke(ruleHome, "imports %s, at home in %s only: %s", imp, strings.Join(h.trees, " and "), h.instead)
		}
	}
	if within(imp, "golang.org/x") {
		return nil
	}
	return broke(ruleHome, "imports %s, which has no home: do without it, or give it one in the law", imp)
}

// checkOwn judges an import of another package of this module.
func (l law) checkOwn(pkg, imp string) []violation {
	if isSupport(imp) && !isSupport(pkg) {
		return broke(ruleSupport, "imports test support %s: import it from a _test.go file", imp)
	}
	from, to := head(pkg, 1), head(imp, 1)
	if from != to && rank(l.layers, to) >= rank(l.layers, from) {
		return broke(ruleOrder, "imports %s: layer %s may not see layer %s; pass it in from cmd, or move what both need down", imp, from, to)
	}
	from2, to2 := head(pkg, 2), head(imp, 2)
	if from != to || from2 == to2 {
		return nil
	}
	if from == "domain" && rank(l.domain, to2) >= rank(l.domain, from2) {
		return broke(ruleOrder, "imports %s: %s may not see it; move what both need down", imp, from2)
	}
	if open, ok := l.islands[from]; ok && !slices.Contains(open, to2) && !isSupport(imp) {
		return broke(ruleSibling, "imports its sibling %s: let the two meet in a later layer, through a function or an interface", imp)
	}
	return nil
}

// checkCalls finds banned functions of imp in f, called or passed on, whatever
// name the import goes by.
func (l law) checkCalls(f *ast.File, spec *ast.ImportSpec, imp string) (found []violation) {
	local := path.Base(imp)
	if spec.Name != nil {
		local = spec.Name.Name
	}
	banned := map[string]string{} // function -> what to do instead
	for _, b := range l.calls {
		if pkg, name, _ := strings.Cut(b.name, "."); pkg == imp {
			banned[name] = b.instead
		}
	}
	if len(banned) > 0 && local == "." {
		return broke(rulePure, "dot-imports %s, which hides its uses: import it by name", imp)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		instead, ok := banned[sel.Sel.Name]
		if x, isName := sel.X.(*ast.Ident); ok && isName && x.Name == local {
			found = append(found, broke(rulePure, "uses %s.%s: %s", imp, sel.Sel.Name, instead)...)
		}
		return true
	})
	return found
}

func broke(r rule, format string, args ...any) []violation {
	return []violation{{r, fmt.Sprintf(format, args...)}}
}

// within reports whether name is tree or lies below it.
func within(name, tree string) bool { return name == tree || strings.HasPrefix(name, tree+"/") }

func in(trees []string, name string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return within(name, tree) })
}

// head is the first n elements of a package's folder.
func head(pkg string, n int) string {
	part := strings.Split(pkg, "/")
	return strings.Join(part[:min(n, len(part))], "/")
}

func rank(order [][]string, unit string) int {
	return slices.IndexFunc(order, func(same []string) bool { return slices.Contains(same, unit) })
}

// isSupport reports whether pkg is test support by its name: eventstest,
// jetstreamtest.
func isSupport(pkg string) bool { return strings.HasSuffix(path.Base(pkg), "test") }

func TestImportLawHolds(t *testing.T) {
	gomod, err := os.ReadFile("go.mod")
	if err != nil || !strings.HasPrefix(string(gomod), "module "+module+"\n") {
		t.Fatalf("go.mod does not name module %s (%v)", module, err)
	}
	files, found, err := theLaw().check(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Errorf("read only %d Go files: the law was not put to the code", files)
	}
	for _, v := range found {
		t.Errorf("%s (%s)", v.text, v.rule)
	}
}
