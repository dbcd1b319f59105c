package access_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keyledger/keyledger/domain/access"
)

func TestAnAllowlistEntryIsAnAddressOrAPrefix(t *testing.T) {
	for _, c := range []struct{ text, canonical string }{
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1/32", "192.0.2.1"},
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:db8::1", "2001:db8::1"},
		{"2001:DB8:0:0::1", "2001:db8::1"},
		{"2001:db8::1/128", "2001:db8::1"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"::/0", "::/0"},
		{"::", "::"},
		{"::1", "::1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::ffff:c000:201", "192.0.2.1"},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24"},
		{"::ffff:192.0.2.1/128", "192.0.2.1"},
		{"::ffff:0:0/96", "0.0.0.0/0"},
		{"::fffe:0:0/96", "::fffe:0:0/96"},
		{"::fffe:0:0/95", "::fffe:0:0/95"}, // holds no IPv4 address, see the next test

		{"", ""},
		{" ", ""},
		{"192.0.2.1 ", ""},
		{" 192.0.2.1", ""},
		{"192.0.2", ""},
		{"192.0.2.1.1", ""},
		{"192.0.2.256", ""},
		{"192.0.2.01", ""},
		{"0xc0.0.2.1", ""},
		{"3221225985", ""},
		{"192.0.2.1:80", ""},
		{"[2001:db8::1]", ""},
		{"2001:db8::1::2", ""},
		{"example.com", ""},
		{"*", ""},
		{"192.0.2.*", ""},
		{"192.0.2.1-192.0.2.9", ""},
		{"10.0.0.0/", ""},
		{"/8", ""},
		{"10.0.0.0/33", ""},
		{"10.0.0.0/-1", ""},
		{"10.0.0.0/08", ""},
		{"10.0.0.0/8/8", ""},
		{"10.0.0.0/255.0.0.0", ""},
		{"2001:db8::/129", ""},
		{"10.0.0.1/8", ""},
		{"10.128.0.0/8", ""},
		{"2001:db8::1/32", ""},
		{"::ffff:192.0.2.1/120", ""},
		{"::ffff:0:0/95", ""},
		{"::ffff:192.0.2.1/64", ""},
		{"fe80::1%eth0", ""},
		{"fe80::1%eth0/64", ""},
		{"::ffff:192.0.2.1%eth0", ""},
		{"192.0.2.1%eth0", ""},
		{"192.0.2.1\x00", ""},
	} {
		got, err := access.CanonicalAllowlist([]string{c.text})
		if c.canonical == "" {
			if !errors.Is(err, access.ErrAllowlist) {
				t.Errorf("%q: got %v, %v; want ErrAllowlist", c.text, got, err)
			}
			if _, err := access.NewAddrSet([]string{c.text}); !errors.Is(err, access.ErrAllowlist) {
				t.Errorf("set of %q: %v; want ErrAllowlist", c.text, err)
			}
			continue
		}
		if err != nil || len(got) != 1 || got[0] != c.canonical {
			t.Errorf("%q: got %v, %v; want %q", c.text, got, err, c.canonical)
		}
	}
}

func TestAPrefixWithBitsBeyondItsLengthNamesTheOneThatWasMeant(t *testing.T) {
	_, err := access.ParseAddr("10.1.2.3/8")
	if err == nil || !strings.Contains(err.Error(), "10.0.0.0/8") {
		t.Errorf("got %v, want a hint at 10.0.0.0/8", err)
	}
}

func TestACanonicalAllowlistIsSortedOnceEach(t *testing.T) {
	got, err := access.CanonicalAllowlist([]string{
		"2001:db8::/32", "10.0.0.0/8", "::ffff:10.0.0.1", "10.0.0.0/16", "2001:db8::", "10.0.0.1/32", "9.9.9.9", "10.0.0.0/8",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"9.9.9.9", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.1", "2001:db8::/32", "2001:db8::"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := access.CanonicalAllowlist(got)
	if diff := cmp.Diff(got, again); diff != "" || err != nil {
		t.Errorf("what is canonical is not: %v\n%s", err, diff)
	}
}

func TestAnAllowlistIsBounded(t *testing.T) {
	entries := make([]string, access.MaxAllowlist+1)
	for i := range entries {
		entries[i] = fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
	}
	if _, err := access.CanonicalAllowlist(entries[:access.MaxAllowlist]); err != nil {
		t.Errorf("%d entries: %v", access.MaxAllowlist, err)
	}
	if _, err := access.CanonicalAllowlist(entries); !errors.Is(err, access.ErrAllowlist) {
		t.Errorf("%d entries: %v, want ErrAllowlist", len(entries), err)
	}
}

func TestASetContainsWhatItsEntriesSay(t *testing.T) {
	for _, c := range []struct {
		entries string
		in, out string
	}{
		{"", "", "0.0.0.0 255.255.255.255 :: 10.0.0.1"},
		{"192.0.2.1", "192.0.2.1 ::ffff:192.0.2.1", "192.0.2.0 192.0.2.2 ::192.0.2.1 ::ffff:192.0.2.2"},
		{"::ffff:192.0.2.1", "192.0.2.1 ::ffff:192.0.2.1", "192.0.2.2"},
		{
			"10.0.0.0/8", "10.0.0.0 10.255.255.255 10.1.2.3 ::ffff:10.1.2.3",
			"9.255.255.255 11.0.0.0 ::a00:1 2001:db8::10.0.0.1",
		},
		{"10.0.0.128/25", "10.0.0.128 10.0.0.255", "10.0.0.127 10.0.1.0"},
		{"0.0.0.0/0", "0.0.0.0 255.255.255.255 ::ffff:8.8.8.8", ":: ::1 2001:db8::1"},
		{"::/0", ":: 2001:db8::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0 10.0.0.1 ::ffff:10.0.0.1"},
		{"::fffe:0:0/95", "::fffe:0:0 ::fffe:a00:1", "0.0.0.0 10.0.0.1 ::ffff:10.0.0.1"},
		{"2001:db8::/33", "2001:db8:: 2001:db8:7fff:ffff::", "2001:db8:8000:: 2001:db7:ffff::"},
		{"fe80::1", "fe80::1 fe80::1%eth0 fe80::1%25", "fe80::2%eth0"},
		{"255.255.255.255 ::", "255.255.255.255 ::", "255.255.255.254 ::1"},
		{"0.0.0.0 0.0.0.1 0.0.0.2/31", "0.0.0.0 0.0.0.1 0.0.0.2 0.0.0.3", "0.0.0.4"},
		{"10.0.0.0/8 10.1.0.0/16 10.0.0.1", "10.0.0.0 10.2.0.0 10.255.255.255", "11.0.0.0"},
		{"10.0.0.0/31 10.0.0.4/31", "10.0.0.0 10.0.0.1 10.0.0.4 10.0.0.5", "10.0.0.2 10.0.0.3 10.0.0.6"},
		{"10.0.0.1 10.0.0.3", "10.0.0.1 10.0.0.3", "10.0.0.0 10.0.0.2 10.0.0.4"},
		{"255.0.0.0/8 ::/8", "255.255.255.255 ::", "254.255.255.255 100::"},
	} {
		set := addrs(t, strings.Fields(c.entries)...)
		for _, a := range strings.Fields(c.in) {
			if !set.Contains(netip.MustParseAddr(a)) {
				t.Errorf("{%s} does not contain %s", c.entries, a)
			}
		}
		for _, a := range strings.Fields(c.out) {
			if set.Contains(netip.MustParseAddr(a)) {
				t.Errorf("{%s} contains %s", c.entries, a)
			}
		}
		if set.Contains(netip.Addr{}) {
			t.Errorf("{%s} contains no address at all", c.entries)
		}
	}
}

func addrs(t testing.TB, entries ...string) access.AddrSet {
	t.Helper()
	set, err := access.NewAddrSet(entries)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestTenThousandEntriesAreFoundOneByOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	entries, members := []string{}, map[netip.Addr]bool{}
	for len(members) < access.MaxAllowlist {
		var raw [4]byte
		v := random.Uint32N(1 << 16) // dense, so that neighbours merge
		raw[0], raw[1], raw[2] = 10, byte(v>>8), byte(v)
		a := netip.AddrFrom4(raw)
		if !members[a] {
			members[a] = true
			entries = append(entries, a.String())
		}
	}
	set := addrs(t, entries...)
	for v := range 1 << 16 {
		a := netip.AddrFrom4([4]byte{10, byte(v >> 8), byte(v)})
		if set.Contains(a) != members[a] {
			t.Fatalf("%s: %v, want %v", a, set.Contains(a), members[a])
		}
		if set.Contains(netip.AddrFrom16(a.As16())) != members[a] {
			t.Fatalf("%s in its mapped form differs", a)
		}
	}
}

func TestNarrowingAndWideningAnAllowlist(t *testing.T) {
	for _, c := range []struct {
		before, after   string
		narrows, widens bool
	}{
		{"", "", false, false},
		{"", "10.0.0.1", true, false},
		{"10.0.0.1", "", false, true},
		// A request of unknown address is refused by any list but the empty one.
		{"", "0.0.0.0/0 ::/0", true, false},
		{"0.0.0.0/0 ::/0", "", false, true},
		{"10.0.0.1", "10.0.0.1", false, false},
		{"10.0.0.1", "::ffff:10.0.0.1", false, false},
		{"10.0.0.1", "10.0.0.2", true, true},
		{"10.0.0.0/8", "10.0.0.0/16", true, false},
		{"10.0.0.0/16", "10.0.0.0/8", false, true},
		{"10.0.0.0/8", "10.0.0.0/9 10.128.0.0/9", false, false},
		{"10.0.0.0/9 10.128.0.0/9", "10.0.0.0/8", false, false},
		{"10.0.0.0/9", "10.128.0.0/9", true, true},
		{"10.0.0.0/8 2001:db8::/32", "10.0.0.0/8", true, false},
		{"10.0.0.0/8", "2001:db8::/32", true, true},
		{"10.0.0.0/8 11.0.0.0/8", "10.0.0.0/7", false, false},
		{"10.0.0.1 10.0.0.3", "10.0.0.0/30", false, true},
	} {
		narrows, widens, err := access.NarrowsAllowlist(strings.Fields(c.before), strings.Fields(c.after))
		if err != nil || narrows != c.narrows || widens != c.widens {
			t.Errorf("{%s} to {%s}: narrows %v, widens %v, %v; want %v, %v",
				c.before, c.after, narrows, widens, err, c.narrows, c.widens)
		}
	}
	for _, bad := range [][2][]string{{{"x"}, nil}, {nil, {"x"}}} {
		if _, _, err := access.NarrowsAllowlist(bad[0], bad[1]); !errors.Is(err, access.ErrAllowlist) {
			t.Errorf("%v: %v, want ErrAllowlist", bad, err)
		}
	}
}

func TestContainsDoesNotAllocate(t *testing.T) {
	set := addrs(t, "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "fe80::/10")
	for _, a := range []netip.Addr{
		netip.MustParseAddr("10.9.9.9"), netip.MustParseAddr("::ffff:192.0.2.1"),
		netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("fe80::1%eth0"),
		{},
	} {
		if n := testing.AllocsPerRun(100, func() { set.Contains(a) }); n != 0 {
			t.Errorf("%v: %v allocations", a, n)
		}
	}
}
