package access

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ErrAllowlist is returned for an entry that is neither an address nor a CIDR
// prefix.
var ErrAllowlist = errors.New("malformed allowlist entry")

// AddrSet is a set of IP addresses, built from addresses and CIDR prefixes of
// both families. The zero AddrSet is empty. An IPv4 address and its IPv4-mapped
// IPv6 form (RFC 4291, section 2.5.5.2) are the same member; a zone is not part
// of an address here.
type AddrSet struct {
	ranges []addrRange // sorted by first, disjoint and not touching
}

type addrRange struct{ first, last netip.Addr }

// ParseAddr reads one allowlist entry: "192.0.2.1", "2001:db8::1",
// "10.0.0.0/8". A prefix with bits set behind its length is refused, since it
// says two things; so is a zone.
func ParseAddr(entry string) (netip.Prefix, error) {
	if !strings.Contains(entry, "/") {
		addr, err := netip.ParseAddr(entry)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%w: %.64q is not an IP address", ErrAllowlist, entry)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(entry)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%w: %.64q is not an address or CIDR prefix", ErrAllowlist, entry)
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("%w: %q mixes IPv4-mapped and IPv6 addresses", ErrAllowlist, entry)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("%w: %q has bits beyond its length, did you mean %s?", ErrAllowlist, entry, p.Masked())
	}
	return p, nil
}

// CanonicalAllowlist parses entries and returns them in canonical text, sorted
// and without repetitions: a single address without its length.
func CanonicalAllowlist(entries []string) ([]string, error) {
	if len(entries) > MaxAllowlist {
		return nil, fmt.Errorf("%w: %d entries, at most %d", ErrAllowlist, len(entries), MaxAllowlist)
	}
	prefixes := make([]netip.Prefix, 0, len(entries))
	for _, entry := range entries {
		p, err := ParseAddr(entry)
		if err != nil {
			return nil, err
		}
		prefixes = append(prefixes, p)
	}
	slices.SortFunc(prefixes, comparePrefix)
	prefixes = slices.Compact(prefixes)
	var out []string
	for _, p := range prefixes {
		if p.IsSingleIP() {
			out = append(out, p.Addr().String())
		} else {
			out = append(out, p.String())
		}
	}
	return out, nil
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// NewAddrSet builds the set of entries, see [ParseAddr].
func NewAddrSet(entries []string) (AddrSet, error) {
	var set AddrSet
	for _, entry := range entries {
		p, err := ParseAddr(entry)
		if err != nil {
			return AddrSet{}, err
		}
		set.ranges = append(set.ranges, addrRange{first: p.Addr(), last: lastAddr(p)})
	}
	slices.SortFunc(set.ranges, func(a, b addrRange) int { return a.first.Compare(b.first) })
	set.ranges = merge(set.ranges)
	return set, nil
}

// merge joins sorted ranges that overlap or touch, in place.
func merge(sorted []addrRange) []addrRange {
	out := sorted[:0]
	for _, r := range sorted {
		if n := len(out); n > 0 && !touchesAfter(out[n-1].last, r.first) {
			if out[n-1].last.Less(r.last) {
				out[n-1].last = r.last
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// touchesAfter reports whether first begins a range of its own: it lies behind
// last with at least one address between them, or is of the other family.
func touchesAfter(last, first netip.Addr) bool {
	if last.BitLen() != first.BitLen() {
		return true
	}
	next := last.Next()
	return next.IsValid() && next.Less(first)
}

// lastAddr is the highest address of p.
func lastAddr(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	for i := range raw {
		bit := p.Bits() - 8*i
		switch {
		case bit <= 0:
			raw[i] = 0xff
		case bit < 8:
			raw[i] |= 0xff >> bit
		}
	}
	last, _ := netip.AddrFromSlice(raw)
	return last
}

// IsEmpty reports whether the set has no member.
func (s AddrSet) IsEmpty() bool { return len(s.ranges) == 0 }

// Contains reports whether addr is in the set. It allocates nothing and takes
// time logarithmic in the number of entries.
func (s AddrSet) Contains(addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	addr = addr.Unmap().WithZone("")
	low, high := 0, len(s.ranges)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if s.ranges[mid].first.Compare(addr) <= 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low > 0 && s.ranges[low-1].last.Compare(addr) >= 0
}

// Within reports whether every member of s is a member of outer, so that moving
// from outer to s only narrows. An empty allowlist means any address and is not
// what this compares: see [NarrowsAllowlist].
func (s AddrSet) Within(outer AddrSet) bool {
	i := 0
	for _, r := range s.ranges {
		for i < len(outer.ranges) && outer.ranges[i].last.Less(r.first) {
			i++
		}
		if i == len(outer.ranges) || r.first.Less(outer.ranges[i].first) || outer.ranges[i].last.Less(r.last) {
			return false
		}
	}
	return true
}

// NarrowsAllowlist and its counterpart compare two allowlists, where an empty
// one admits every address: narrows says that something admitted before no
// longer is, widens that something refused before now is.
func NarrowsAllowlist(before, after []string) (narrows, widens bool, err error) {
	from, err := NewAddrSet(before)
	if err != nil {
		return false, false, err
	}
	to, err := NewAddrSet(after)
	if err != nil {
		return false, false, err
	}
	switch {
	case from.IsEmpty() && to.IsEmpty():
		return false, false, nil
	case from.IsEmpty():
		return true, false, nil
	case to.IsEmpty():
		return false, true, nil
	}
	return !from.Within(to), !to.Within(from), nil
}
