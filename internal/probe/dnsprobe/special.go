package dnsprobe

import (
	"context"
	"net/netip"

	"github.com/getdrop/launchgate/internal/probe"
)

// NoSpecialAddress claims that a name leads to no special-use address, such as one of a private network that leaked into
// the public zone (IANA special-purpose address registries; REC-09). Config.Private are allowed.
func NoSpecialAddress(z *Zone, name string) probe.Claim {
	return z.claim("REC-09", "RFC 6890, IANA special-purpose address registries", name, func(ctx context.Context, evidence *probe.Evidence) error {
		both := z.followBoth(ctx, name)
		evidence.Observed = observedChains(both[:])
		var errs []error
		for _, c := range both {
			errs = append(errs, c.blanks()...)
			errs = append(errs, z.noSpecialAddress(c)...)
		}
		if len(errs) == 0 && len(both[0].values())+len(both[1].values()) == 0 {
			return chainEnds(name, both)
		}
		return worst(errs)
	})
}

func (z *Zone) noSpecialAddress(c chain) []error {
	var errs []error
	for _, l := range c.links {
		for _, s := range l.seen {
			for _, addr := range addresses(s.values) {
				if registry := special(addr, z.config.Private); registry != "" && s.state == found {
					errs = append(errs, &probe.Unmet{Class: "dns.special-address", Want: "public addresses for " + plain(c.name), Got: addr.String() + " (" + registry + ")", From: s.from(),
						Fix: "publish the public address, or list the range in network.private"})
				}
			}
		}
	}
	return errs
}

// special names the registry entry that makes an address unfit for the public; "" for a public or allowed one.
func special(addr netip.Addr, allowed []netip.Prefix) string {
	addr = addr.Unmap()
	for _, p := range allowed {
		if p.Contains(addr) {
			return ""
		}
	}
	for _, r := range specialRanges {
		if r.prefix.Contains(addr) {
			return r.what
		}
	}
	if addr.Is6() && !globalUnicast.Contains(addr) {
		return "outside IPv6 global unicast 2000::/3"
	}
	return ""
}

var globalUnicast = netip.MustParsePrefix("2000::/3")

// specialRanges are the entries of the IANA IPv4 and IPv6 special-purpose address registries that are not globally
// reachable, and multicast. IPv6 outside 2000::/3 is special as a whole.
var specialRanges = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network, RFC 791"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private use, RFC 1918"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared address space, RFC 6598"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback, RFC 1122"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link local, RFC 3927"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private use, RFC 1918"},
	{netip.MustParsePrefix("192.0.0.0/24"), "IETF protocol assignments, RFC 6890"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("192.88.99.0/24"), "deprecated 6to4 relay, RFC 7526"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private use, RFC 1918"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking, RFC 2544"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast, RFC 5771"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved, RFC 1112"},
	{netip.MustParsePrefix("2001::/23"), "IETF protocol assignments, RFC 2928"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation, RFC 3849"},
	{netip.MustParsePrefix("2002::/16"), "6to4, RFC 3056"},
	{netip.MustParsePrefix("3fff::/20"), "documentation, RFC 9637"},
}
