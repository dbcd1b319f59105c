package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Values of --output.
const (
	outputTable = "table"
	outputJSON  = "json"
)

func outputs() []string { return []string{outputTable, outputJSON} }

func (a *app) json() bool { return a.globals.output == outputJSON }

// person reports whether stdout is read by a person. A program gets the same
// columns separated by tabs, without a header, with absolute times.
func (a *app) person() bool { return a.terminal(a.stdout) }

// note says something on stderr that is not an error.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintln(a.stderr, printable(fmt.Sprintf(format, args...)))
}

// printJSON writes v as one document.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// printTable writes rows under a header.
func (a *app) printTable(header []string, rows [][]string) error {
	if !a.person() {
		return a.printLines(rows)
	}
	if len(rows) == 0 {
		a.note("none")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		if _, err := io.WriteString(w, cells(row)+"\n"); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// printLines writes rows as lines of cells with a tab between them.
func (a *app) printLines(rows [][]string) error {
	for _, row := range rows {
		if _, err := io.WriteString(a.stdout, cells(row)+"\n"); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	return nil
}

// detail is one line of a description.
type detail struct{ name, value string }

// printDetails writes a description, leaving out what is empty.
func (a *app) printDetails(details []detail) error {
	var rows [][]string
	for _, d := range details {
		if d.value != "" {
			rows = append(rows, []string{d.name, d.value})
		}
	}
	if !a.person() {
		return a.printLines(rows)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = io.WriteString(w, cells(row)+"\n") // into memory until Flush
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// cells joins the cells of a line. Nothing in a cell can end it early.
func cells(row []string) string {
	clean := make([]string, len(row))
	for i, cell := range row {
		clean[i] = strings.ReplaceAll(printable(cell), "\n", " ")
		if clean[i] == "" {
			clean[i] = "-"
		}
	}
	return strings.Join(clean, "\t")
}

// commas joins words for a cell.
func commas(words []string) string { return strings.Join(words, ",") }
