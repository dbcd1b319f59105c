package scheme

import (
	"strings"
	"testing"
)

// TestNoSchemeTakesAHeaderThatHTTPUses keeps a scheme from claiming a header
// that every request has: whatever stands in it would be taken for a credential.
func TestNoSchemeTakesAHeaderThatHTTPUses(t *testing.T) {
	for _, header := range []string{
		"Accept", "User-Agent", "Content-Type", "Content-Encoding", "Host", "X-Real-IP", "X-Forwarded-Uri", "Range", "Via", "traceparent",
	} {
		_, err := New(Document{
			Scheme: "x", Environments: map[string]Environment{"live": {}}, Kinds: map[string]Kind{"k": {Prefix: "x_"}},
			Presentations: []Presentation{{Header: header}},
		})
		if err == nil {
			t.Errorf("%s can be a presentation", header)
		}
	}
}

func TestTextThatHoldsASecretIsRecognised(t *testing.T) {
	for _, s := range []*Scheme{Builtin()} {
		for _, p := range s.Prefixes() {
			m, err := s.Mint(p.Kind, p.Environment, Entropy{1, 2, 3})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{m.Secret.Reveal(), "see " + m.Secret.Reveal() + ".", "x" + m.Secret.Reveal()[1:]} {
				if !HoldsSecret(text) {
					t.Errorf("a key of kind %s is not recognised", p.Kind)
				}
			}
		}
	}
	for _, text := range []string{
		"", "checkout, production", "key_01m81bb86vfhd9x5enstj2skz3", "team_payments_and_refunds_of_the_north",
		strings.Repeat("a", 64), "_" + strings.Repeat("a", SecretLen-1),
	} {
		if HoldsSecret(text) {
			t.Errorf("%q is taken for a secret", text)
		}
	}
}
