package keyledger_test

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// source is a Go file that imports what is listed, with body below.
func source(body string, imports ...string) *fstest.MapFile {
	var b strings.Builder
	b.WriteString("package p\n")
	for _, imp := range imports {
		if !strings.Contains(imp, `"`) {
			imp = fmt.Sprintf("%q", imp)
		}
		fmt.Fprintf(&b, "import %s\n", imp)
	}
	b.WriteString(body)
	return &fstest.MapFile{Data: []byte(b.String())}
}

func own(pkg string) string { return path.Join(module, pkg) }

// TestImportLawAllows guards the planted violations below against a checker
// that refuses everything.
func TestImportLawAllows(t *testing.T) {
	tree := fstest.MapFS{
		"client.go":        source("", "net/http", "crypto/rand"),
		"client_test.go":   source("", own("adapters/jetstream"), own("events/eventstest"), "github.com/google/go-cmp/cmp"),
		"events/event.go":  source("var _ = time.Second", "time", "golang.org/x/crypto/cryptobyte", "net/netip", "net/url"),
		"events/l_test.go": source("var _ = time.Now", "time", "os", own("adapters/jetstream")),
		"events/eventstest/log.go": source("var _ = time.Now", "time", "os", "testing", own("events"),
			"pgregory.net/rapid"),
		"domain/access/check.go":     source("", own("events"), "crypto/sha256"),
		"domain/scheme/presets/p.go": source("", "embed"),
		"domain/scheme/scheme.go":    source("", own("domain/scheme/presets"), own("domain/access")),
		"domain/apikey/key.go":       source("", own("domain/access"), own("domain/scheme")),
		"domain/ledger/l.go":         source("", own("domain/apikey"), own("domain/account"), "context"),
		"projections/runner.go":      source("", own("events"), "github.com/cockroachdb/pebble/v2", "os"),
		"projections/lookup/l.go":    source("", own("projections"), own("domain/access"), "golang.org/x/sys/unix"),
		"projections/audit/tree.go":  source("", "golang.org/x/mod/sumdb/tlog"),
		"adapters/telemetry/t.go":    source("", "github.com/prometheus/client_golang/prometheus"),
		"adapters/jetstream/log.go":  source("", own("adapters/telemetry"), "github.com/nats-io/nats.go", "golang.org/x/mod/semver"),
		"adapters/jetstream/jetstreamtest/b.go": source("", "testing", own("adapters/jetstream"), own("events/eventstest"),
			"github.com/nats-io/nats-server/v2/server"),
		"adapters/httpapi/api.go":      source("", own("projections/directory"), own("domain/ledger"), module, own("adapters/telemetry")),
		"adapters/httpapi/api_test.go": source("", own("adapters/jetstream/jetstreamtest")),
		"cmd/keyledger/main.go": source("", own("adapters/httpapi"), own("projections"), own("events"), module,
			"github.com/spf13/cobra", "golang.org/x/mod/sumdb/note", "os"),
	}
	lawful := len(tree)
	// What the go command does not build is not read either.
	tree["events/testdata/broken.go"] = source("not Go")
	tree[".ci/tool.go"] = source("", "example.com/anything")
	tree["_scratch/tool.go"] = source("", "example.com/anything")
	tree["README.md"] = source("not Go")

	files, found, err := theLaw().check(tree)
	if err != nil {
		t.Fatal(err)
	}
	if files != lawful {
		t.Errorf("read %d files, want %d", files, lawful)
	}
	for _, v := range found {
		t.Errorf("%s (%s)", v.text, v.rule)
	}
}

type plant struct {
	breaks  rule
	file    string
	imports []string
	body    string
}

// TestImportLawCatches plants one violation at a time, and wants it reported
// once, under its own rule.
func TestImportLawCatches(t *testing.T) {
	l := theLaw()
	plants := []plant{
		{ruleFolder, "internal/x/x.go", nil, ""},
		{ruleFolder, "test/e2e/e2e_test.go", nil, ""},
		{ruleFolder, "domain/domain.go", nil, ""},
		{ruleFolder, "domain/wallet/w.go", nil, ""},

		{ruleOrder, "client.go", []string{own("events")}, ""},
		{ruleOrder, "client.go", []string{own("domain/access")}, ""},
		{ruleOrder, "events/e.go", []string{own("domain/access")}, ""},
		{ruleOrder, "events/eventstest/e.go", []string{own("domain/apikey")}, ""},
		{ruleOrder, "domain/ledger/l.go", []string{own("projections/directory")}, ""},
		{ruleOrder, "projections/lookup/l.go", []string{own("adapters/jetstream")}, ""},
		{ruleOrder, "adapters/httpapi/h.go", []string{own("cmd/keyledger")}, ""},
		{ruleOrder, "domain/access/a.go", []string{own("domain/scheme")}, ""},
		{ruleOrder, "domain/scheme/s.go", []string{own("domain/apikey")}, ""},
		{ruleOrder, "domain/scheme/s.go", []string{own("domain/refusal")}, ""},
		{ruleOrder, "domain/apikey/k.go", []string{own("domain/account")}, ""},
		{ruleOrder, "domain/account/a.go", []string{own("domain/apikey")}, ""},
		{ruleOrder, "domain/account/a.go", []string{own("domain/ledger")}, ""},

		{ruleSibling, "projections/lookup/l.go", []string{own("projections/directory")}, ""},
		{ruleSibling, "projections/runner.go", []string{own("projections/audit")}, ""},
		{ruleSibling, "adapters/httpapi/h.go", []string{own("adapters/jetstream")}, ""},
		{ruleSibling, "adapters/telemetry/t.go", []string{own("adapters/httpapi")}, ""},

		{ruleStdlib, "client.go", []string{"github.com/nats-io/nats.go"}, ""},
		{ruleStdlib, "events/e.go", []string{"github.com/oklog/ulid"}, ""},
		{ruleStdlib, "events/eventstest/e.go", []string{"github.com/nats-io/nats.go"}, ""},
		{ruleStdlib, "domain/access/a.go", []string{"github.com/cockroachdb/pebble/v2"}, ""},
		{ruleStdlib, "domain/access/a.go", []string{"golang.org/x/net/http2"}, ""},
		{ruleStdlib, "domain/access/a.go", []string{"golang.org/x/sys/unix"}, ""},

		{rulePure, "domain/ledger/l.go", []string{module}, ""},
		{rulePure, "domain/ledger/l.go", []string{"log/slog"}, ""},
		{rulePure, "domain/access/a.go", []string{"math/rand/v2"}, ""},
		{rulePure, "domain/access/a.go", []string{"os/exec"}, ""},
		{rulePure, "domain/apikey/k.go", []string{`clock "time"`}, "var now = clock.Now()"},
		{rulePure, "domain/apikey/k.go", []string{`. "time"`}, "var now = Now()"},

		{ruleHome, "adapters/console/c.go", []string{"github.com/gorilla/mux"}, ""},
		{ruleHome, "cmd/keyledger/m.go", []string{"github.com/nats-io/nats.go"}, ""},
		{ruleHome, "projections/lookup/l.go", []string{"golang.org/x/mod/sumdb/tlog"}, ""},

		{ruleSupport, "cmd/keyledger/m.go", []string{own("events/eventstest")}, ""},
		{ruleSupport, "adapters/jetstream/j.go", []string{own("adapters/jetstream/jetstreamtest")}, ""},
		{ruleSupport, "domain/access/a.go", []string{"testing"}, ""},
	}
	for _, dir := range []string{"events", "domain/ledger"} {
		for _, b := range l.impure {
			plants = append(plants, plant{rulePure, dir + "/x.go", []string{b.name}, ""})
		}
		for _, b := range l.calls {
			pkg, _, _ := strings.Cut(b.name, ".")
			plants = append(plants, plant{rulePure, dir + "/x.go", []string{pkg}, "var _ = " + b.name})
		}
	}
	for _, h := range l.homes {
		plants = append(plants, plant{ruleHome, "adapters/console/c.go", []string{h.module + "/x"}, ""})
	}
	for _, m := range l.testOnly {
		plants = append(plants, plant{ruleSupport, "adapters/console/c.go", []string{m}, ""})
	}
	for _, p := range plants {
		t.Run(fmt.Sprintf("%s/%s/%s", p.breaks, p.file, strings.Join(p.imports, "+")), func(t *testing.T) {
			_, found, err := l.check(fstest.MapFS{p.file: source(p.body, p.imports...)})
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 || found[0].rule != p.breaks || !strings.HasPrefix(found[0].text, p.file+": ") {
				t.Fatalf("got %v, want one violation of rule %q", found, p.breaks)
			}
			if _, instead, ok := strings.Cut(found[0].text[len(p.file)+2:], ": "); !ok || instead == "" {
				t.Errorf("%q does not say what to do instead", found[0].text)
			}
		})
	}
}

// TestImportLawReadsOnlyGo guards against a file that the checker cannot read
// passing as one without imports.
func TestImportLawReadsOnlyGo(t *testing.T) {
	if _, _, err := theLaw().check(fstest.MapFS{"events/e.go": source("not Go")}); err == nil {
		t.Error("a file that does not parse was taken as lawful")
	}
}
