package fetch

import (
	"net/netip"
	"slices"
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// The networks that hold no page of the world: the special-purpose registries of IANA (RFC 6890 and what was added), and
// the addresses at which clouds keep their secrets for whoever asks from inside.
var (
	reserved4 = prefixes(
		"0.0.0.0/8",        // this network (RFC 791)
		"10.0.0.0/8",       // private (RFC 1918)
		"100.64.0.0/10",    // between a provider and its customers (RFC 6598); Alibaba's metadata
		"127.0.0.0/8",      // loopback (RFC 1122)
		"168.63.129.16/32", // Azure's inner services, at a public address
		"169.254.0.0/16",   // link-local (RFC 3927); metadata of most clouds
		"172.16.0.0/12",    // private (RFC 1918)
		"192.0.0.0/24",     // protocol assignments (RFC 6890); Oracle's metadata
		"192.0.2.0/24",     // documentation (RFC 5737)
		"192.31.196.0/24",  // AS112 (RFC 7535)
		"192.52.193.0/24",  // AMT (RFC 7450)
		"192.88.99.0/24",   // relays of 6to4 (RFC 7526)
		"192.168.0.0/16",   // private (RFC 1918)
		"192.175.48.0/24",  // AS112 (RFC 7534)
		"198.18.0.0/15",    // benchmarks (RFC 2544)
		"198.51.100.0/24",  // documentation (RFC 5737)
		"203.0.113.0/24",   // documentation (RFC 5737)
		"224.0.0.0/4",      // multicast (RFC 5771)
		"240.0.0.0/4",      // reserved, and broadcast (RFC 1112, RFC 919)
	)
	// Of IPv6 only global unicast is spoken to at all: unspecified, loopback, IPv4-compatible (::/96), local NAT64
	// (64:ff9b:1::/48), discard, segment routing, ULA, link- and site-local and multicast lie outside of it.
	global6   = netip.MustParsePrefix("2000::/3")
	reserved6 = prefixes(
		"2001::/23",         // protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID
		"2001:db8::/32",     // documentation (RFC 3849)
		"2002::/16",         // 6to4 (RFC 3056), which carries an IPv4 address and no page (RFC 7526)
		"2620:4f:8000::/48", // AS112 (RFC 7534)
		"3fff::/20",         // documentation (RFC 9637)
	)
	// nat64 is how a network without IPv4 reaches the IPv4 address in the last four bytes (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

func within(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// public says that an address may hold a page of the world.
func public(a netip.Addr) bool {
	a = a.Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
	switch {
	case a.Zone() != "":
		return false
	case a.Is4():
		return !within(reserved4, a)
	case nat64.Contains(a):
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return global6.Contains(a) && !within(reserved6, a)
}

// admits says that an address may be connected to: those of the house's own networks never, those that were allowed in
// the configuration always, and of all others the public ones.
func (f *Fetcher) admits(a netip.Addr) bool {
	a = a.Unmap()
	if within(f.o.Refuse, a) {
		return false
	}
	return within(f.o.Allow, a) || public(a)
}
