package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger/domain/scheme"
)

func schemeCommand(a *app) *cobra.Command {
	return family("scheme", "Look at key systems, and check your own",
		schemeListCommand(a), schemeShowCommand(a), schemeCheckCommand(a), schemePatternsCommand(a))
}

func schemeListCommand(a *app) *cobra.Command {
	var presets bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the key systems that a server knows, or those that come with this program",
		Example: "  keyledger scheme list --presets\n  keyledger scheme list",
		Args:    positional(),
		RunE: a.action(func(ctx context.Context, _ []string) error {
			entries, err := a.schemes(ctx, presets)
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(map[string]any{"schemes": entries})
			}
			var rows [][]string
			for _, e := range entries {
				s, err := scheme.Parse(e.Document)
				if err != nil {
					rows = append(rows, []string{e.Name, fmt.Sprint(e.Version), "cannot be read by this version", "", ""})
					continue
				}
				d := s.Document()
				rows = append(rows, []string{
					e.Name, fmt.Sprint(e.Version), d.Title, sortedKeys(d.Environments), sortedKeys(d.Kinds),
				})
			}
			return a.printTable([]string{"NAME", "VERSION", "TITLE", "ENVIRONMENTS", "KINDS"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&presets, "presets", false, "those that come with this program; asks no server")
	return cmd
}

// schemeEntry is a key system and its document.
type schemeEntry struct {
	Name     string          `json:"name"`
	Version  int             `json:"version"` // 0: not on a ledger
	Document json.RawMessage `json:"document"`
}

func (a *app) schemes(ctx context.Context, presets bool) ([]schemeEntry, error) {
	entries := []schemeEntry{}
	if presets {
		for _, name := range scheme.Presets() {
			document, err := loadScheme(name)
			if err != nil {
				return nil, err
			}
			entries = append(entries, schemeEntry{Name: name, Document: document})
		}
		return entries, nil
	}
	c, err := a.connect()
	if err != nil {
		return nil, err
	}
	known, err := c.Schemes(ctx)
	for _, s := range known {
		entries = append(entries, schemeEntry{s.Name, s.Version, s.Document})
	}
	return entries, err
}

func schemeShowCommand(a *app) *cobra.Command {
	var preset bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a key system",
		Long: `Print a key system that a server knows. With --preset it is one that comes with
this program, as it was written: a start for your own.`,
		Example: "  keyledger scheme show web3pay --preset > mine.yaml\n  keyledger scheme show web3pay --output json",
		Args:    positional("NAME"),
		RunE: a.action(func(ctx context.Context, args []string) error {
			if preset {
				return a.showPreset(args[0])
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			s, err := c.Scheme(ctx, args[0])
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(schemeEntry{s.Name, s.Version, s.Document})
			}
			return a.printScheme(s.Version, s.Document)
		}),
	}
	cmd.Flags().BoolVar(&preset, "preset", false, "one that comes with this program, in YAML; asks no server")
	return cmd
}

func (a *app) showPreset(name string) error {
	text, ok := presetNamed(name)
	if !ok {
		return fmt.Errorf("no preset %q: there is %s", name, strings.Join(scheme.Presets(), ", "))
	}
	if a.json() {
		document, err := loadScheme(name)
		if err != nil {
			return err
		}
		return a.printJSON(schemeEntry{Name: name, Document: document})
	}
	if _, err := a.stdout.Write(text); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// printScheme says what a document says, a line for each thing.
func (a *app) printScheme(version int, document []byte) error {
	s, err := scheme.Parse(document)
	if err != nil {
		return fmt.Errorf("this version of keyledger cannot read the scheme; print it with --output json: %w", err)
	}
	d := s.Document()
	details := []detail{
		{"scheme", d.Scheme}, {"title", d.Title}, {"version", fmt.Sprint(version)}, {"environments", sortedKeys(d.Environments)},
	}
	for _, p := range s.Prefixes() {
		details = append(details, detail{"prefix", fmt.Sprintf("%s is kind %s in %s", p.Text, p.Kind, p.Environment)})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Permissions)) {
		details = append(details, detail{"permission", strings.TrimSuffix(name+": "+d.Permissions[name].Description, ": ")})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Roles)) {
		details = append(details, detail{"role", name + ": " + commas(d.Roles[name].Permissions)})
	}
	for _, e := range d.Endpoints {
		who := ""
		if len(e.Kinds) > 0 {
			who = ", from " + combinations(e.Kinds)
		}
		details = append(details, detail{"endpoint", fmt.Sprintf("%s %s needs %s%s", e.Method, e.Path, orNone(e.Permissions), who)})
	}
	for _, p := range d.Presentations {
		details = append(details, detail{"presented by", describePresentation(p)})
	}
	for _, r := range d.Refused {
		details = append(details, detail{"refused", "Authorization: " + r.Authorization})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Sets)) {
		details = append(details, detail{"issued together", name + ": " + commas(d.Sets[name].Kinds)})
	}
	members := s.Members()
	for _, name := range slices.Sorted(maps.Keys(members)) {
		m := members[name]
		details = append(details, detail{"member", fmt.Sprintf("%s: permissions %s; manages %s", name, orNone(m.Permissions), orNone(m.Rights))})
	}
	return a.printDetails(details)
}

func describePresentation(p scheme.Presentation) string {
	how := "header " + p.Header
	switch {
	case p.Basic:
		how = "HTTP Basic"
	case p.Path:
		how = "a segment of the path"
	}
	if len(p.Kinds) > 0 {
		how += ": " + commas(p.Kinds)
	}
	if p.With != nil {
		how += " with header " + p.With.Header + ": " + commas(p.With.Kinds)
	}
	return how
}

// combinations is "sak, or pak and waka".
func combinations(kinds [][]string) string {
	each := make([]string, len(kinds))
	for i, together := range kinds {
		each[i] = strings.Join(together, " and ")
	}
	return strings.Join(each, ", or ")
}

func schemeCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a scheme file and show every mistake with its line",
		Long: `Check a scheme file, in YAML or JSON, and show every mistake with its line. "-" is
standard input. Nothing is sent anywhere.`,
		Example: "  keyledger scheme check mine.yaml",
		Args:    positional("FILE"),
		RunE:    a.action(func(_ context.Context, args []string) error { return a.checkScheme(args[0]) }),
	}
}

func (a *app) checkScheme(file string) error {
	var document []byte
	var err error
	if file == "-" {
		file = "standard input"
		document, err = readScheme(file, a.stdin)
	} else {
		document, err = loadScheme(file)
	}
	wrong, isWrong := errors.AsType[*schemeFileError](err)
	if err != nil && !isWrong {
		return err
	}
	if a.json() {
		found := []schemeProblem{}
		if isWrong {
			found = wrong.Problems
		}
		err = a.printJSON(map[string]any{"file": file, "valid": !isWrong, "problems": found})
	} else if isWrong {
		_, err = io.WriteString(a.stdout, printable(wrong.Error())+"\n")
	} else {
		err = a.describeScheme(file, document)
	}
	if err == nil && isWrong {
		return &exitError{status: exitFailed} // what is wrong has been said
	}
	return err
}

func (a *app) describeScheme(file string, document []byte) error {
	s, err := scheme.Parse(document)
	if err != nil {
		return err
	}
	d := s.Document()
	_, err = fmt.Fprintf(a.stdout, "%s: scheme %s is in order: environments %s; kinds %s; %d permissions; %d endpoints\n",
		file, s.Name(), sortedKeys(d.Environments), sortedKeys(d.Kinds), len(d.Permissions), len(d.Endpoints))
	return err
}

func sortedKeys[V any](m map[string]V) string { return commas(slices.Sorted(maps.Keys(m))) }
