package access_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyledger/keyledger/domain/access"
)

// The model of an address set is a list of prefixes, asked one by one. It is
// drawn from a small world, 64 IPv4 and 64 IPv6 addresses at the edges of their
// families, so that entries meet, touch and repeat, and all of it can be asked.

// world lists every address that the entries of [drawEntries] are made of, and a
// neighbour on each side.
func world() []netip.Addr {
	var all []netip.Addr
	for i := range byte(66) {
		all = append(all,
			netip.AddrFrom4([4]byte{0, 0, 0, i}), netip.AddrFrom4([4]byte{255, 255, 255, 190 + i}),
			netip.AddrFrom16([16]byte{15: i}), netip.AddrFrom16(filled(190+i)))
	}
	return all
}

func filled(last byte) (a [16]byte) {
	for i := range a {
		a[i] = 0xff
	}
	a[15] = last
	return a
}

func drawEntries(t *rapid.T, label string) []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		low := rapid.Byte().Draw(t, "last byte") % 64
		bits := rapid.IntRange(0, 6).Draw(t, "free bits")
		high := rapid.Bool().Draw(t, "high end")
		if high {
			low += 192
		}
		var a netip.Addr
		switch rapid.IntRange(0, 2).Draw(t, "form") {
		case 0:
			a = netip.AddrFrom4([4]byte{0, 0, 0, low})
			if high {
				a = netip.AddrFrom4([4]byte{255, 255, 255, low})
			}
		case 1:
			a = netip.AddrFrom16([16]byte{15: low})
			if high {
				a = netip.AddrFrom16(filled(low))
			}
		default: // IPv4 in its mapped form
			raw := [16]byte{10: 0xff, 11: 0xff, 15: low}
			if high {
				raw[12], raw[13], raw[14] = 0xff, 0xff, 0xff
			}
			a = netip.AddrFrom16(raw)
		}
		return netip.PrefixFrom(a, a.BitLen()-bits).Masked().String()
	}), 0, 8).Draw(t, label)
}

// modelContains asks the model.
func modelContains(t interface{ Fatal(...any) }, entries []string, a netip.Addr) bool {
	for _, e := range entries {
		p, err := access.ParseAddr(e)
		if err != nil {
			t.Fatal(err)
		}
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

func TestASetAgreesWithItsModel(t *testing.T) {
	all := world()
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t, "entries")
		set, err := access.NewAddrSet(entries)
		if err != nil {
			t.Fatal(err)
		}
		if set.IsEmpty() != (len(entries) == 0) {
			t.Fatalf("empty: %v of %d entries", set.IsEmpty(), len(entries))
		}
		for _, a := range all {
			want := modelContains(t, entries, a)
			if set.Contains(a) != want || set.Contains(netip.AddrFrom16(a.As16())) != want {
				t.Fatalf("%v contains %s: %v, its mapped form: %v, want %v",
					entries, a, set.Contains(a), set.Contains(netip.AddrFrom16(a.As16())), want)
			}
		}
	})
}

func TestOneSetIsWithinAnotherAsInTheModel(t *testing.T) {
	all := world()
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawEntries(t, "before"), drawEntries(t, "after")
		if rapid.Bool().Draw(t, "nested") { // else most pairs differ both ways
			after = append(after, before...)
		}
		from, err := access.NewAddrSet(before)
		if err != nil {
			t.Fatal(err)
		}
		to, err := access.NewAddrSet(after)
		if err != nil {
			t.Fatal(err)
		}
		lost := slices.ContainsFunc(all, func(a netip.Addr) bool { return modelContains(t, before, a) && !modelContains(t, after, a) })
		won := slices.ContainsFunc(all, func(a netip.Addr) bool { return !modelContains(t, before, a) && modelContains(t, after, a) })
		if from.Within(to) != !lost || to.Within(from) != !won {
			t.Fatalf("%v within %v: %v, want %v; the other way: %v, want %v", before, after, from.Within(to), !lost, to.Within(from), !won)
		}
		narrows, widens, err := access.NarrowsAllowlist(before, after)
		if err != nil {
			t.Fatal(err)
		}
		wantNarrows, wantWidens := lost, won
		switch { // an empty list admits every address, and requests without one
		case len(before) == 0 && len(after) == 0:
			wantNarrows, wantWidens = false, false
		case len(before) == 0:
			wantNarrows, wantWidens = true, false
		case len(after) == 0:
			wantNarrows, wantWidens = false, true
		}
		if narrows != wantNarrows || widens != wantWidens {
			t.Fatalf("%v to %v: narrows %v, widens %v; want %v, %v", before, after, narrows, widens, wantNarrows, wantWidens)
		}
	})
}

func TestACanonicalAllowlistIsTheSameSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t, "entries")
		canonical, err := access.CanonicalAllowlist(entries)
		if err != nil {
			t.Fatal(err)
		}
		narrows, widens, err := access.NarrowsAllowlist(entries, canonical)
		if err != nil || narrows || widens {
			t.Fatalf("%v became %v: narrows %v, widens %v, %v", entries, canonical, narrows, widens, err)
		}
		shuffled := rapid.Permutation(entries).Draw(t, "shuffled")
		again, err := access.CanonicalAllowlist(shuffled)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(canonical) {
			t.Fatalf("in another order: %v, %v, want %v", again, err, canonical)
		}
	})
}
