package scheme

import (
	"fmt"
	"regexp"
	"strings"
)

// Pattern finds the secrets of one kind in one environment in any text.
type Pattern struct {
	ID          string // "voltz-pair-live"
	Description string
	Exposure    string // of the kind: one made for clients is meant to be seen
	Prefix      string // what every such secret begins with
	Length      int    // of what follows the prefix: letters and digits
}

// Patterns lists what a secret scanner should look for: every key, and of pairs
// the secret half, since the public one is safe to show. In order of prefix.
func (s *Scheme) Patterns() []Pattern {
	var out []Pattern
	for _, p := range s.prefixes {
		if p.Pair && !p.Secret {
			continue
		}
		environment := p.Environment
		if !isName(environment) {
			environment = "any"
		}
		one := Pattern{
			ID:       strings.Join([]string{s.Name(), p.Kind, environment}, "-"),
			Exposure: ExposureServer, Prefix: p.Text, Length: LocatorLen + SecretLen + ChecksumLen,
		}
		what := "key"
		if p.Pair {
			one.Length, what = SecretLen, "secret half"
		}
		meant := ""
		if s.doc.Kinds[p.Kind].Exposure == ExposureClient {
			one.Exposure, meant = ExposureClient, "; this kind is made to be seen by users"
		}
		one.Description = fmt.Sprintf("%s %s of scheme %s, environment %s%s", p.Kind, what, s.Name(), environment, meant)
		out = append(out, one)
	}
	return out
}

// Body is the regular expression (RE2) of a secret where it stands alone.
func (p Pattern) Body() string {
	return fmt.Sprintf("%s[0-9A-Za-z]{%d}", regexp.QuoteMeta(p.Prefix), p.Length)
}

// Regexp is the regular expression (RE2, PCRE) of a secret in running text:
// nothing that could belong to it stands before or after.
func (p Pattern) Regexp() string { return `\b` + p.Body() + `\b` }
