package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/keyledger/keyledger"
)

// pageSize is how many things of a list are asked for at once.
const pageSize = 200

// listPages prints a list page by page as it arrives: as a table, or as one JSON
// document {"name": [...], "next_cursor": null}, whose cursor is not null where
// limit has cut the list short. Nothing is printed before the first page is there.
func listPages[T any](
	a *app, name string, limit int, header []string,
	fetch func(cursor string, size int) (items []T, next string, err error), row func(T) []string,
) error {
	if limit < 0 {
		return usageError("--limit: want 0 or more")
	}
	document := itemWriter{w: a.stdout}
	cursor, printed := "", 0
	for {
		size := pageSize
		if limit > 0 {
			size = min(size, limit-printed)
		}
		items, next, err := fetch(cursor, size)
		if err == nil && next != "" && next == cursor {
			err = fmt.Errorf("%w: a page that leads to itself", keyledger.ErrProtocol)
		}
		if err != nil {
			return err
		}
		if a.json() {
			err = document.add(name, anys(items))
		} else if len(items) > 0 || next == "" && printed == 0 {
			rows := make([][]string, len(items))
			for i, item := range items {
				rows[i] = row(item)
			}
			err = a.printTable(header, rows)
		}
		if err != nil {
			return err
		}
		printed, cursor = printed+len(items), next
		if cursor == "" || limit > 0 && printed >= limit {
			break
		}
	}
	if a.json() {
		return document.end(cursor)
	}
	if cursor != "" {
		a.note("there are more: use a greater --limit, or 0 for all of them")
	}
	return nil
}

func anys[T any](items []T) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out
}

// itemWriter writes a document of many items without holding them.
type itemWriter struct {
	w     io.Writer
	begun bool
	n     int
}

func (d *itemWriter) add(name string, items []any) error {
	var b bytes.Buffer
	if !d.begun {
		d.begun = true
		fmt.Fprintf(&b, "{%q: [", name)
	}
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, item := range items {
		if d.n++; d.n > 1 {
			b.WriteString(",")
		}
		b.WriteString("\n  ")
		if err := enc.Encode(item); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		b.Truncate(b.Len() - 1) // Encode ends in a newline
	}
	return d.write(b.Bytes())
}

func (d *itemWriter) end(cursor string) error {
	next := []byte("null")
	if cursor != "" {
		next, _ = json.Marshal(cursor) // a string always marshals
	}
	return d.write(fmt.Appendf(nil, "\n], \"next_cursor\": %s}\n", next))
}

func (d *itemWriter) write(b []byte) error {
	if _, err := d.w.Write(b); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
