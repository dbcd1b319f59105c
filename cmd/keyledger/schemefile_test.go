package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/scheme"
)

const acme = `scheme: acme
environments: {live: {production: true}, test: {}}
permissions:
  "things:read": {description: "Read <things> & more"}
kinds:
  key: {prefix: "acme_{environment}_", default: true, permissions: ["things:read"]}
presentations: [{header: X-API-Key}]
`

func TestPresetsLoadAsTheyAreWritten(t *testing.T) {
	for _, name := range scheme.Presets() {
		document, err := loadScheme(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s, err := scheme.Parse(document); err != nil || s.Name() != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemeIsTheSameInYAMLAndJSON also guards what JSON can say and YAML
// cannot: tabs between values, surrogate pairs in strings.
func TestSchemeIsTheSameInYAMLAndJSON(t *testing.T) {
	document, err := parseSchemeFile("acme.yaml", []byte(acme))
	if err != nil {
		t.Fatal(err)
	}
	want, err := scheme.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	var tabbed bytes.Buffer
	if err := json.Indent(&tabbed, document, "\t", "\t"); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"compact": string(document), "with tabs": tabbed.String(), "with Windows line ends": strings.ReplaceAll(acme, "\n", "\r\n"),
		"with a byte order mark": "\ufeff" + acme,
	} {
		got, err := parseSchemeFile("acme", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s, err := scheme.Parse(got); err != nil || !bytes.Equal(s.Canonical(), want.Canonical()) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	pair := strings.Replace(string(document), `"scheme":`, `"title": "\ud83d\ude00", "scheme":`, 1)
	got, err := parseSchemeFile("acme.json", []byte(pair))
	if s, perr := scheme.Parse(got); err != nil || perr != nil || s.Document().Title != "😀" {
		t.Errorf("with a surrogate pair: %v, %v", err, perr)
	}
}

// TestBlankListIsRefused: "permissions:" with nothing behind it would, as JSON
// null, admit the whole catalogue, and may have been meant as nothing.
func TestBlankListIsRefused(t *testing.T) {
	blank := strings.Replace(acme, `permissions: ["things:read"]`, `permissions: `, 1)
	_, err := parseSchemeFile("acme.yaml", []byte(blank))
	if wrong, ok := errors.AsType[*schemeFileError](err); !ok || wrong.Problems[0].Path != "kinds.key.permissions" || wrong.Problems[0].Line != 6 {
		t.Errorf("got %v", err)
	}
}

// TestAliasesAreNotExpanded: ten lines of them would stand for a billion values.
func TestAliasesAreNotExpanded(t *testing.T) {
	bomb := "scheme: &a [x]\nroles: &b [*a, *a, *a]\nkinds: *b\n"
	_, err := parseSchemeFile("bomb.yaml", []byte(bomb))
	wrong, ok := errors.AsType[*schemeFileError](err)
	if !ok || len(wrong.Problems) != 3 {
		t.Fatalf("got %v", err)
	}
	for i, p := range wrong.Problems {
		if p.Line != i+1 || !strings.Contains(p.What, "aliases are not read") {
			t.Errorf("problem %d: %+v", i, p)
		}
	}
}

func TestOversizeSchemeFileIsNotRead(t *testing.T) {
	_, err := readScheme("big", strings.NewReader(strings.Repeat("#", 2*maxSchemeFile)))
	if _, ok := errors.AsType[*schemeFileError](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestPresetGoesBeforeAFileOfItsName(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("web3pay", []byte("scheme: other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if document, err := loadScheme("web3pay"); err != nil || !bytes.Contains(document, []byte("onramp:create")) {
		t.Errorf("got %s, %v", document, err)
	}
	if _, err := loadScheme(filepath.Join(".", "web3pay") + "/"); err == nil {
		t.Error("a path was taken for a preset")
	}
	if _, err := loadScheme("./web3pay"); err == nil || !strings.Contains(err.Error(), "./web3pay:1: ") {
		t.Errorf("got %v, want the mistakes of the file", err)
	}
}

// FuzzSchemeFile asks that whatever text comes, the outcome is a document that
// package scheme takes, or mistakes that each say where; and that what package
// scheme takes as JSON comes out the same.
func FuzzSchemeFile(f *testing.F) {
	f.Add([]byte(acme))
	f.Add([]byte("scheme: a\nkinds: {k: {permissions: [a, *b]}}\n"))
	f.Add([]byte(`{"scheme": "a", "endpoints": [{"method": "GET", "path": "/a/{b}/**"}]}`))
	f.Add([]byte("a: &x {<<: *x}\n? [b]\n: !!binary aGk=\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		document, err := parseSchemeFile("file", text)
		direct, directErr := scheme.Parse(text)
		if err != nil {
			wrong, ok := errors.AsType[*schemeFileError](err)
			if !ok || len(wrong.Problems) == 0 {
				t.Fatalf("got %v", err)
			}
			for _, p := range wrong.Problems {
				if p.What == "" || p.Line < 0 || p.Line > 1+bytes.Count(text, []byte("\n"))+bytes.Count(text, []byte("\r")) {
					t.Errorf("problem %+v", p)
				}
			}
			return
		}
		s, err := scheme.Parse(document)
		if err != nil {
			t.Fatalf("%s: %v", document, err)
		}
		if directErr == nil && !bytes.Equal(s.Canonical(), direct.Canonical()) {
			t.Errorf("directly %s\nas a file %s", direct.Canonical(), s.Canonical())
		}
	})
}
