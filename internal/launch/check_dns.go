package launch

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// launchNames are the names that the launch is about, with the key each stands under.
func (c checker) launchNames() [][2]string {
	names := [][2]string{{"dns.domain", string(c.DNS.Domain)}, {"dns.www.name", string(c.DNS.WWW.Name)}}
	if c.DNS.API.Enabled {
		names = append(names, [2]string{"dns.api.name", string(c.DNS.API.Name)})
	}
	return slices.DeleteFunc(names, func(n [2]string) bool { return n[1] == "" })
}

func (c checker) names() {
	for i, n := range c.launchNames() {
		key, name := n[0], Domain(n[1])
		if name.Wildcard() {
			c.bad(key, "want one name; got the wildcard %s", name)
			continue
		}
		if i > 0 && name == c.DNS.Domain {
			c.bad(key, "want another name than dns.domain; got the same")
		}
		if len(c.DNS.Records) > 0 && !slices.ContainsFunc(c.DNS.Records, func(r Record) bool { return r.Name == name }) {
			c.bad("dns.records", "want a record for %s (%s); got none; say what the name must answer", name, key)
		}
		if len(c.TLS.Names) > 0 && !slices.ContainsFunc(c.TLS.Names, func(d Domain) bool { return d.Covers(name) }) {
			c.bad("tls.names", "want a name or wildcard that covers %s (%s); got none", name, key)
		}
	}
}

func (c checker) records() {
	seen := map[Domain]bool{}
	for i, r := range c.DNS.Records {
		key := fmt.Sprintf("dns.records[%d]", i)
		if r.Name == "" {
			continue
		}
		if seen[r.Name] {
			c.bad(key+".name", "want each name once; got %s again; put all its answers into one record", r.Name)
		}
		seen[r.Name] = true
		if r.Name.Wildcard() || r.Target.Wildcard() {
			c.bad(key, "want names that can be asked for; got a wildcard")
		}
		if domain := c.DNS.Domain; domain != "" && r.Name != domain && !strings.HasSuffix(string(r.Name), "."+string(domain)) {
			c.bad(key+".name", "want a name in %s; got %s", domain, r.Name)
		}
		_, target := c.positions[key+".target"]
		switch addresses := len(r.A)+len(r.AAAA) > 0; {
		case !target && !addresses:
			c.bad(key, "want a, aaaa or target; got none for %s; say what the name must answer", r.Name)
		case target && addresses:
			c.bad(key, "want either addresses (a, aaaa) or target; got both for %s; keep what the zone says", r.Name)
		}
		c.old(key, r)
		for n, ip := range r.A {
			if ip.IsValid() && !ip.Is4() {
				c.bad(fmt.Sprintf("%s.a[%d]", key, n), "want an IPv4 address; got %s; IPv6 goes under aaaa", ip)
			}
		}
		for n, ip := range r.AAAA {
			if ip.IsValid() && !ip.Is6() {
				c.bad(fmt.Sprintf("%s.aaaa[%d]", key, n), "want an IPv6 address; got %s; IPv4 goes under a", ip)
			}
		}
	}
}

func (c checker) resolvers() {
	regions, seen := map[string]bool{}, map[DNSResolver]bool{}
	for i, r := range c.DNS.Resolvers {
		regions[r.Region] = true
		same := DNSResolver{Address: r.Address, Subnet: r.Subnet}
		if r.Address != "" && seen[same] {
			c.bad(fmt.Sprintf("dns.resolvers[%d].address", i), "want each resolver once; got %s again; a second answer of the same server proves nothing", r.Address)
		}
		seen[same] = true
	}
	if len(c.DNS.Resolvers) > 0 && c.DNS.Regions > len(regions) {
		c.bad("dns.regions", "want at most the %d regions of dns.resolvers; got %d; add resolvers of other regions", len(regions), c.DNS.Regions)
	}
}

// old refuses an answer that is both old and new: a resolver that gives it could be called neither stale nor current.
func (c checker) old(key string, r Record) {
	current := []string{string(r.Target)}
	for _, ip := range slices.Concat(r.A, r.AAAA) {
		current = append(current, ip.String())
	}
	for n, old := range r.Old {
		text := strings.ToLower(strings.TrimSuffix(old, "."))
		if address, err := netip.ParseAddr(text); err == nil {
			text = address.String()
		}
		if slices.Contains(current, text) {
			c.bad(fmt.Sprintf("%s.old[%d]", key, n), "want an answer that is no longer given; got %s, which is also the new one; leave out what does not change", quote(old))
		}
	}
}
