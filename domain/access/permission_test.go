package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/access"
)

func TestAPermissionIsLowerCaseWordsJoinedByColons(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{"read", true},
		{"onramp:create", true},
		{"a:b:c:d", true},
		{"with_under-score.and.dots:1", true},
		{"0", true},
		{"*", true},
		{"onramp:*", true},
		{"a:b:*", true},
		{strings.Repeat("x", access.MaxPermission), true},

		{"", false},
		{strings.Repeat("x", access.MaxPermission+1), false},
		{":", false},
		{"a:", false},
		{":a", false},
		{"a::b", false},
		{":*", false},
		{"*:a", false},
		{"a:*:b", false},
		{"**", false},
		{"onramp*", false},
		{"*onramp", false},
		{"a:b*", false},
		{"Read", false},
		{"read ", false},
		{" read", false},
		{"read,write", false},
		{"read\n", false},
		{"read\x00", false},
		{"läsen", false},
		{"re\xffad", false},
		{"a/b", false},
	} {
		got, err := access.ParsePermission(c.text)
		switch {
		case c.ok && (err != nil || got != c.text):
			t.Errorf("%q: got %q, %v; want it as it is", c.text, got, err)
		case !c.ok && (!errors.Is(err, access.ErrPermission) || got != ""):
			t.Errorf("%q: got %q, %v; want ErrPermission", c.text, got, err)
		}
	}
}

func TestOnePermissionCoversAnother(t *testing.T) {
	for _, c := range []struct {
		held, wanted string
		covers       bool
	}{
		{"read", "read", true},
		{"read", "write", false},
		{"read", "", false},
		{"", "read", false},

		{"*", "read", true},
		{"*", "onramp:create", true},
		{"*", "onramp:*", true},
		{"*", "*", true},
		{"read", "*", false},
		{"onramp:*", "*", false},

		{"onramp:*", "onramp:create", true},
		{"onramp:*", "onramp:a:b", true},
		{"onramp:*", "onramp:a:*", true},
		{"onramp:*", "onramp:*", true},
		{"onramp:*", "onramp", false},
		{"onramp:*", "onramp:", false},
		{"onramp:*", "onramps:create", false},
		{"onramp:*", "Onramp:create", false},
		{"onramp:create", "onramp:*", false},
		{"onramp:a:*", "onramp:*", false},
		{"onramp:create", "onramp:creates", false},
		{"onramp:creates", "onramp:create", false},
		{"onramp", "onramp:create", false},
	} {
		if got := access.Covers(c.held, c.wanted); got != c.covers {
			t.Errorf("holding %q for %q: %v, want %v", c.held, c.wanted, got, c.covers)
		}
	}
}

func TestHoldingIsCoveringByAnyAndHoldingAllIsCoveringEach(t *testing.T) {
	held := []string{"keys:manage", "onramp:*"}
	for _, c := range []struct {
		wanted []string
		all    bool
	}{
		{nil, true},
		{[]string{}, true},
		{[]string{"keys:manage"}, true},
		{[]string{"onramp:create", "keys:manage"}, true},
		{[]string{"onramp:create", "read"}, false},
		{[]string{"*"}, false},
		{[]string{""}, false},
	} {
		if got := access.HoldsAll(held, c.wanted); got != c.all {
			t.Errorf("%v: %v, want %v", c.wanted, got, c.all)
		}
	}
	if access.Holds(nil, "read") || access.Holds([]string{}, "read") {
		t.Error("holding nothing is enough")
	}
}

func TestCanonicalPermissionsAreSortedOnceEach(t *testing.T) {
	given := []string{"b", "a", "b", "c", "a"}
	before := slices.Clone(given)
	if diff := cmp.Diff([]string{"a", "b", "c"}, access.Canonical(given)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, given); diff != "" {
		t.Errorf("the argument has been changed:\n%s", diff)
	}
	if got := access.Canonical([]string{}); got != nil {
		t.Errorf("of none: %#v, want nil", got)
	}
}

func TestARightIsOneOfTheClosedList(t *testing.T) {
	for _, r := range access.Rights() {
		if got, err := access.ParseRight(string(r)); err != nil || got != r {
			t.Errorf("%q: %v, %v", r, got, err)
		}
	}
	for _, s := range []string{"", "Keys", "keys ", "root", "*"} {
		if _, err := access.ParseRight(s); !errors.Is(err, access.ErrRight) {
			t.Errorf("%q: %v, want ErrRight", s, err)
		}
	}
	changed := access.Rights()
	changed[0] = "nonsense"
	if access.Rights()[0] == "nonsense" {
		t.Error("the list of rights can be changed from outside")
	}
}
