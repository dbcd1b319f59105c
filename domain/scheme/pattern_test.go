package scheme_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/keyledger/keyledger/domain/scheme"
)

// Every credential that any preset can make is found wherever it stands, by the
// pattern of its own kind and by no other; what only looks like one is not.
func TestPatternsFindWhatIsMintedAndNothingElse(t *testing.T) {
	var all []*scheme.Scheme
	for _, name := range scheme.Presets() {
		all = append(all, preset(t, name))
	}
	all = append(all, scheme.Builtin())
	found := map[string]*regexp.Regexp{}
	for _, s := range all {
		for _, p := range s.Patterns() {
			if found[p.ID] != nil {
				t.Errorf("two patterns %s", p.ID)
			}
			found[p.ID] = regexp.MustCompile(p.Regexp())
		}
	}
	matching := func(text string) (ids []string) {
		for id, pattern := range found {
			if pattern.MatchString(text) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	checked := 0
	for _, s := range all {
		for _, p := range s.Prefixes() {
			if p.Secret {
				continue
			}
			for seed := range uint64(20) {
				m := mint(t, s, p.Kind, p.Environment, seed)
				secret := m.Secret.Reveal()
				for _, text := range []string{
					secret, `key = "` + secret + `"`, "KEY=" + secret, "https://x.example/?k=" + secret + "&a=b", "curl -u x:" + secret + "\n",
				} {
					if ids := matching(text); len(ids) != 1 || !strings.HasPrefix(ids[0], s.Name()+"-"+p.Kind+"-") {
						t.Fatalf("%s in %s is found by %v", p.Kind, s.Name(), ids)
					}
				}
				for _, miss := range []string{
					secret[:len(secret)-1], secret + "x", secret + "_", "x" + secret, "_" + secret, strings.ToUpper(secret),
					strings.Replace(secret, "_", "-", 1), secret[:len(secret)-10] + " " + secret[len(secret)-10:], m.Prefix,
					m.Prefix + "…" + m.Last4, m.Public.Reveal(), p.Text + "your_api_key",
				} {
					if ids := matching(miss); len(ids) > 0 {
						t.Fatalf("%q is no secret, and is found by %v", miss, ids)
					}
				}
				checked++
			}
		}
	}
	if checked < 20*15 {
		t.Errorf("%d credentials", checked)
	}
}
