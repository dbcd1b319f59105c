package telemetry

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// NewLogger returns a logger that writes one JSON object a line. What looks
// like a credential of ours does not reach w, see [RedactAttr].
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: RedactAttr}))
}

// RedactAttr is the ReplaceAttr of every handler: a net under the rule that
// nobody logs a credential. It passes the message and every attribute through
// [Redact].
func RedactAttr(_ []string, a slog.Attr) slog.Attr {
	var text string
	found := false
	if a.Value.Kind() == slog.KindString {
		text = a.Value.String()
		found = looksSecret(text)
	} else if a.Value.Kind() == slog.KindAny {
		text, found = leaks(a.Value.Any())
	}
	if found {
		a.Value = slog.StringValue(Redact(text))
	}
	return a
}

// leaks reports whether one of the forms in which a handler may write v shows a
// credential, and that form.
func leaks(v any) (text string, leaks bool) {
	if err, ok := v.(error); ok {
		text = err.Error()
		return text, looksSecret(text)
	}
	if text = fmt.Sprintf("%+v", v); looksSecret(text) {
		return text, true
	}
	raw, err := json.Marshal(v)
	return string(raw), err == nil && looksSecret(string(raw))
}

// Redact replaces the secret part of whatever looks like a credential in text:
// the digits and letters after a prefix that ends in an underscore, where there
// are [minSecret] of them or more. The prefix stays. Ids of ours, which look
// alike and are shorter, stay whole.
func Redact(text string) string {
	var out strings.Builder
	rest := 0
	for begin, end := nextSecret(text, 0); begin >= 0; begin, end = nextSecret(text, end) {
		out.WriteString(text[rest:begin])
		out.WriteString("…")
		rest = end
	}
	if rest == 0 {
		return text
	}
	out.WriteString(text[rest:])
	return out.String()
}

func looksSecret(text string) bool {
	begin, _ := nextSecret(text, 0)
	return begin >= 0
}

// nextSecret finds the first run of base62 digits at or after from that may be
// secret; begin is -1 where there is none.
func nextSecret(text string, from int) (begin, end int) {
	for i := from; i < len(text); i++ {
		if !isBase62(text[i]) {
			continue
		}
		begin = i
		for i < len(text) && isBase62(text[i]) {
			i++
		}
		if i-begin >= minSecret && begin > 0 && text[begin-1] == '_' {
			return begin, i
		}
	}
	return -1, len(text)
}

func isBase62(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
