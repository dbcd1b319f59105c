package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/keyledger/keyledger"
)

// trailFlags are those that select events.
type trailFlags struct {
	filter      keyledger.EventFilter
	environment string
}

func (t *trailFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&t.filter.Key, "key", "", "the life of one key")
	flags.StringVar(&t.filter.Account, "account", "", "of one account")
	flags.StringVar(&t.filter.Actor, "actor", "", "asked for by one key, or by system:NAME")
	flags.StringSliceVar(&t.filter.Types, "type", nil, "of these types: key.revoked,key.rotated")
	flags.StringVar(&t.environment, "environment", "", "of one environment; \"_\" is what belongs to none")
}

// resolve makes the filter ready to be sent: types may be given short.
func (t *trailFlags) resolve() keyledger.EventFilter {
	filter := t.filter
	filter.Types = make([]string, len(t.filter.Types))
	for i, name := range t.filter.Types {
		filter.Types[i] = longType(name)
	}
	return filter
}

// matches decides what the server does not.
func (t *trailFlags) matches(e keyledger.Event) bool {
	return t.environment == "" || e.Environment == t.environment
}

// longType is the full type of an event that may be given short: "key.revoked"
// is the first version of it.
func longType(name string) string {
	if strings.HasPrefix(name, "keyledger.") {
		return name
	}
	return "keyledger." + name + ".v1"
}

// shortType drops what every type has: "keyledger.key.revoked.v1" is
// "key.revoked". A later version keeps its number.
func shortType(name string) string {
	return strings.TrimSuffix(strings.TrimPrefix(name, "keyledger."), ".v1")
}

// printEvent writes the stored bytes of an event as one line.
func (a *app) printEvent(e keyledger.Event) error {
	if _, err := io.WriteString(a.stdout, string(e.Payload)+"\n"); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func eventHeader() []string {
	return []string{"SEQ", "TIME", "EVENT", "ACCOUNT", "ENV", "SUBJECT", "BY", "WHAT"}
}

func (a *app) eventRow(e keyledger.Event) []string {
	return []string{
		strconv.FormatUint(e.Sequence, 10), stamp(&e.Time), shortType(e.Type), e.Account, e.Environment, e.Subject, e.Actor, summary(e),
	}
}

// maxSummary bounds the words about an event in a table, in characters.
const maxSummary = 120

// summary is what an event says, in the order of its names: values that fit on a
// line, and of a credential how it is recognised.
func summary(e keyledger.Event) string {
	var data map[string]any
	if json.Unmarshal(e.Data, &data) != nil {
		return ""
	}
	var words []string
	if e.Reason != "" {
		words = append(words, "reason="+e.Reason)
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if text := summaryOf(data[name]); text != "" {
			words = append(words, name+"="+text)
		}
	}
	text := []rune(strings.Join(words, " "))
	if len(text) > maxSummary {
		return string(text[:maxSummary-1]) + "…"
	}
	return string(text)
}

func summaryOf(value any) string {
	switch v := value.(type) {
	case string:
		if strings.ContainsAny(v, " =") {
			return strconv.Quote(v)
		}
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			words[i] = fmt.Sprint(item)
		}
		return "[" + strings.Join(words, ",") + "]"
	case map[string]any:
		if prefix, ok := v["prefix"].(string); ok {
			return fmt.Sprintf("%s…%v", prefix, v["last4"])
		}
		return ""
	default:
		return ""
	}
}
