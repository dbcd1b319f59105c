package scheme_test

import (
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/scheme"
)

func FuzzParseText(f *testing.F) {
	key := mint(f, scheme.Builtin(), "key", "live", 1).Secret.Reveal()
	pair := mint(f, build(f, sound()), "pair", "live", 1)
	for _, s := range []string{key, pair.Public.Reveal(), pair.Secret.Reveal(), key[1:], key + "0", "_", "", "a_b", strings.Repeat("_", 60)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := scheme.ParseText(text)
		if err != nil {
			if got != (scheme.Text{}) {
				t.Fatalf("%q: %+v beside an error", text, got)
			}
			return
		}
		body := got.Locator + got.Secret
		if !strings.HasPrefix(text, got.Prefix+body) || !strings.HasSuffix(got.Prefix, "_") || len(got.Prefix) > scheme.MaxPrefix {
			t.Fatalf("%q became %+v", text, got)
		}
		if strings.Trim(text[len(got.Prefix):], digits) != "" {
			t.Fatalf("%q has other characters than digits", text)
		}
		rest := text[len(got.Prefix)+len(body):]
		if (rest == "") != (got.Locator == "") || rest != "" && len(rest) != scheme.ChecksumLen {
			t.Fatalf("%q ends in %q", text, rest)
		}
	})
}

func FuzzParseDocument(f *testing.F) {
	f.Add(build(f, sound()).Canonical())
	f.Add(scheme.Builtin().Canonical())
	for _, name := range scheme.Presets() {
		f.Add(preset(f, name).Canonical())
	}
	f.Add([]byte(`{"scheme":"x","environments":{"_":{}},"kinds":{"k":{"prefix":"k_"}},"presentations":[{"basic":true}]}`))
	f.Add([]byte(`{"kinds":{"":{"environments":["x"]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := scheme.Parse(data)
		if err != nil {
			return
		}
		canonical := s.Canonical()
		again, err := scheme.Parse(canonical)
		if err != nil || string(again.Canonical()) != string(canonical) {
			t.Fatalf("%s is a scheme, its canonical form is not, or is another: %v", data, err)
		}
		if len(s.Prefixes()) == 0 {
			t.Fatalf("%s makes no keys", data)
		}
		for _, p := range s.Prefixes() {
			m, err := s.Mint(p.Kind, p.Environment, entropy(1))
			if err != nil {
				t.Fatalf("%s cannot make a key of %+v: %v", data, p, err)
			}
			text, err := scheme.ParseText(m.Secret.Reveal())
			if err != nil || !p.Pair && text.Prefix != p.Text {
				t.Fatalf("%s makes %q: %+v, %v", data, m.Secret.Reveal(), text, err)
			}
		}
	})
}
