package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger/domain/scheme"
)

// patternFormats are what `scheme patterns` can write.
func patternFormats() []string { return []string{"gitleaks", "regex", "github"} }

func schemePatternsCommand(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "patterns [NAME|FILE ...]",
		Short: "Print secret-scanner patterns for every kind of key",
		Long: `Print patterns by which secret scanners find keys that have got into a repository,
a log or a page: one for every kind of key in every environment, and the secret half
of pairs. They are made of prefixes and lengths alone: where presets or files are
named no server is asked, and without a name it is every key system that the server
knows. keyledger's own kinds are always among them, the root key too.

  gitleaks   rules for the file .gitleaks.toml
  regex      a regular expression a line, for grep -P and hooks that refuse a commit
  github     a table to fill in under "Secret scanning, custom patterns" at GitHub`,
		Example: "  keyledger scheme patterns voltz lnpay > .gitleaks.toml\n" +
			"  git diff --cached | grep -Pf <(keyledger scheme patterns --format regex voltz)",
		Args: cobra.ArbitraryArgs, // each is the name of a preset or file, or refused
		RunE: a.action(func(ctx context.Context, args []string) error {
			if !slices.Contains(patternFormats(), format) {
				return usageError("--format is one of %s", strings.Join(patternFormats(), ", "))
			}
			patterns, err := a.patterns(ctx, args)
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(map[string]any{"patterns": describePatterns(patterns)})
			}
			_, err = fmt.Fprint(a.stdout, writePatterns(format, patterns))
			return err
		}),
	}
	cmd.Flags().StringVar(&format, "format", "gitleaks", strings.Join(patternFormats(), ", "))
	return cmd
}

// patterns are those of the named schemes, or of all that the server knows, and
// the built-in ones.
func (a *app) patterns(ctx context.Context, names []string) ([]scheme.Pattern, error) {
	var documents [][]byte
	for _, name := range names {
		document, err := loadScheme(name)
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	if len(names) == 0 {
		known, err := a.schemes(ctx, false)
		if err != nil {
			return nil, err
		}
		for _, s := range known {
			documents = append(documents, s.Document)
		}
	}
	var schemes []*scheme.Scheme
	var problems []error
	for _, document := range documents {
		s, err := scheme.Parse(document)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		schemes = append(schemes, s)
	}
	catalog, err := scheme.NewCatalog(schemes...)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	var out []scheme.Pattern
	for _, name := range catalog.Names() {
		s, _ := catalog.Scheme(name)
		out = append(out, s.Patterns()...)
	}
	return out, nil
}

// patternEntry is a pattern in JSON.
type patternEntry struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	Exposure    string `json:"exposure"`
	Regex       string `json:"regex"`
}

func describePatterns(patterns []scheme.Pattern) []patternEntry {
	out := make([]patternEntry, len(patterns))
	for i, p := range patterns {
		out[i] = patternEntry{p.ID, p.Description, p.Exposure, p.Regexp()}
	}
	return out
}

func writePatterns(format string, patterns []scheme.Pattern) string {
	var b strings.Builder
	switch format {
	case "gitleaks":
		b.WriteString("title = \"keyledger\"\n\n[extend]\nuseDefault = true\n")
		for _, p := range patterns {
			tag := "server-only"
			if p.Exposure == scheme.ExposureClient {
				tag = "client"
			}
			fmt.Fprintf(&b, "\n[[rules]]\nid = %q\ndescription = %q\nregex = '''%s'''\nkeywords = [%q]\ntags = [\"keyledger\", %q]\n",
				p.ID, p.Description, p.Regexp(), p.Prefix, tag)
		}
	case "regex":
		for _, p := range patterns {
			b.WriteString(p.Regexp() + "\n")
		}
	case "github":
		b.WriteString("| Pattern name | Secret format | Before secret | After secret |\n|---|---|---|---|\n")
		for _, p := range patterns {
			fmt.Fprintf(&b, "| %s | `%s` | `\\A\\|[^0-9A-Za-z_]` | `\\z\\|[^0-9A-Za-z_]` |\n", p.ID, p.Body())
		}
	}
	return b.String()
}
