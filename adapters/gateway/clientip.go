package gateway

import (
	"net/http"
	"net/netip"
	"strings"
)

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// peer is the address at the other end of the connection, invalid where it is no
// address.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// clientIP is the address that a request comes from: the peer's or, as long as
// trusted proxies stand in between, the right-most address of X-Forwarded-For
// that is not one of theirs. What stands further left was written by whoever
// liked to. Where a trusted proxy wrote something that is no address the result
// is invalid, which no allowlist admits.
func (g *Gate) clientIP(r *http.Request) netip.Addr {
	addr := peer(r)
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for n := 0; n < maxHops && g.trusts(addr) && len(hops) > 0; n++ {
		hop := strings.TrimSpace(hops[len(hops)-1])
		hops = hops[:len(hops)-1]
		if hop == "" && len(hops) == 0 {
			break // the header is not there, or ends here
		}
		addr = parseHop(hop)
	}
	return addr
}

func (g *Gate) trusts(addr netip.Addr) bool {
	for _, p := range g.config.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseHop reads an address with or without a port.
func parseHop(hop string) netip.Addr {
	if at, err := netip.ParseAddrPort(hop); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// fromThisMachine reports whether r comes from a program on this machine itself:
// a loopback peer that speaks for nobody else, and no browser, which would lend
// a foreign page its place.
func (g *Gate) fromThisMachine(r *http.Request) bool {
	for _, sign := range [...]string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via", "Origin"} {
		if len(r.Header[sign]) > 0 {
			return false
		}
	}
	return peer(r).IsLoopback()
}
