package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/keyledger/keyledger/domain/scheme"
)

// maxSchemeFile bounds a scheme file, in bytes. YAML with comments may take more
// than the JSON it stands for, which package scheme bounds itself.
const maxSchemeFile = 1 << 20

// schemeProblem is one mistake in a scheme file.
type schemeProblem struct {
	Line int    `json:"line,omitempty"` // from 1; 0 where the text cannot be read, and What says it
	Path string `json:"path,omitempty"` // "kinds.key.prefix"
	What string `json:"problem"`
}

// schemeFileError is every mistake found in a scheme file.
type schemeFileError struct {
	File     string
	Problems []schemeProblem
}

// Error has a line for each mistake, "FILE:LINE: path: problem".
func (e *schemeFileError) Error() string { return strings.Join(e.lines(), "\n") }

func (e *schemeFileError) lines() []string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		at := e.File
		if p.Line > 0 {
			at += ":" + strconv.Itoa(p.Line)
		}
		lines[i] = at + ": " + strings.TrimPrefix(p.Path+": "+p.What, ": ")
	}
	return lines
}

// loadScheme returns the document of a preset, or of a file in YAML or JSON, as
// JSON that scheme.Parse takes. On mistakes in a file it is a schemeFileError.
func loadScheme(nameOrFile string) ([]byte, error) {
	if preset, ok := presetNamed(nameOrFile); ok {
		return parseSchemeFile(nameOrFile, preset)
	}
	f, err := os.Open(nameOrFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q is neither a file nor one of the presets %s", nameOrFile, strings.Join(scheme.Presets(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("scheme file: %w", err)
	}
	defer func() { _ = f.Close() }()
	return readScheme(nameOrFile, f)
}

// presetNamed returns the YAML of a preset. A path is never the name of one.
func presetNamed(name string) ([]byte, bool) {
	if !slices.Contains(scheme.Presets(), name) {
		return nil, false
	}
	return scheme.Preset(name)
}

func readScheme(file string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSchemeFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("scheme file: %w", err)
	case len(text) > maxSchemeFile:
		return nil, &schemeFileError{file, []schemeProblem{{Line: 1, What: fmt.Sprintf("more than %d bytes", maxSchemeFile)}}}
	}
	return parseSchemeFile(file, text)
}

// parseSchemeFile checks a document, first its form and then what it says, and
// returns it as JSON.
func parseSchemeFile(file string, text []byte) ([]byte, error) {
	root, problem := parseTree(text)
	if problem != nil {
		return nil, &schemeFileError{file, []schemeProblem{*problem}}
	}
	form := formChecker{}
	form.check(root, documentType(), "")
	if len(form.problems) > 0 {
		return nil, newSchemeFileError(file, form.problems)
	}
	document, err := json.Marshal(treeValue(root))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if _, err := scheme.Parse(document); err != nil {
		problems, ok := errors.AsType[scheme.Problems](err)
		if !ok {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		var found []schemeProblem
		for _, p := range problems {
			found = append(found, schemeProblem{find(root, p.Path).Line, p.Path, p.What})
		}
		return nil, newSchemeFileError(file, found)
	}
	return document, nil
}

// newSchemeFileError puts the mistakes in the order of the file, each once.
func newSchemeFileError(file string, problems []schemeProblem) error {
	slices.SortStableFunc(problems, func(a, b schemeProblem) int { return a.Line - b.Line })
	return &schemeFileError{file, slices.Compact(problems)}
}

// parseTree reads YAML or JSON, without giving values a type.
func parseTree(text []byte) (*yaml.Node, *schemeProblem) {
	if !json.Valid(text) {
		return parseYAML(text)
	}
	// YAML forbids tabs where JSON allows them. Within its strings JSON has none,
	// so that neither the meaning nor a line changes.
	root, problem := parseYAML(bytes.ReplaceAll(text, []byte("\t"), []byte(" ")))
	if problem == nil {
		return root, nil
	}
	// What is left of the difference is in the escapes of strings. Written anew
	// they go, and the lines with them.
	var value any
	if json.Unmarshal(text, &value) != nil {
		return nil, problem
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, problem
	}
	return parseYAML(text)
}

func parseYAML(text []byte) (*yaml.Node, *schemeProblem) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	switch err := dec.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, &schemeProblem{Line: 1, What: "nothing there"}
	case err != nil:
		return nil, &schemeProblem{What: err.Error()}
	}
	switch err := dec.Decode(&more); {
	case err == nil:
		return nil, &schemeProblem{Line: more.Line, What: "a second document begins here: use a file for each"}
	case !errors.Is(err, io.EOF):
		return nil, &schemeProblem{What: err.Error()}
	}
	return document.Content[0], nil
}

// treeValue is what a checked tree says, as encoding/json writes it.
func treeValue(n *yaml.Node) any {
	switch {
	case n.Kind == yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = treeValue(n.Content[i+1])
		}
		return m
	case n.Kind == yaml.SequenceNode:
		s := make([]any, len(n.Content))
		for i, item := range n.Content {
			s[i] = treeValue(item)
		}
		return s
	case n.Tag == tagBool:
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
	case n.Tag == tagNull:
		return nil
	default:
		return n.Value
	}
}
