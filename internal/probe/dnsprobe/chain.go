package dnsprobe

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// longest is the number of CNAMEs in a row that resolvers can be relied on to follow.
const longest = 8

// link is one name on the way to the addresses, and what every server of its zone says there.
type link struct {
	name string
	seen []sighting
}

// chain is the way from a name to the data of one type, through CNAMEs and across zones. Where servers disagree it
// holds every branch.
type chain struct {
	name   string
	qtype  uint16
	subnet netip.Prefix // of the client that it is for (RFC 7871); not valid: for everybody
	links  []link
	loop   string // the name at which a CNAME comes round again
	long   bool   // more than `longest` CNAMEs
	errs   []error
}

// follow observes the chain of a name.
func (z *Zone) follow(ctx context.Context, name string, qtype uint16) chain {
	return z.followFor(ctx, name, qtype, netip.Prefix{})
}

// followFor is follow for clients in a subnet.
func (z *Zone) followFor(ctx context.Context, name string, qtype uint16, subnet netip.Prefix) chain {
	c := chain{name: dns.CanonicalName(name), qtype: qtype, subnet: subnet}
	known := map[string]bool{c.name: true}
	level := []string{c.name}
	for depth := 0; len(level) > 0; depth++ {
		if depth > longest {
			c.long = true
			return c
		}
		var next []string
		for _, l := range z.linksOf(ctx, &c, level) {
			c.links = append(c.links, l)
			for _, target := range aliases(l.seen) {
				if c.loop == "" && c.leadsBack(l.name, target) { // among links that close no circle yet
					c.loop = target
				}
				if !known[target] {
					known[target] = true
					next = append(next, target)
				}
			}
		}
		level = next
	}
	return c
}

func (z *Zone) linksOf(ctx context.Context, c *chain, names []string) []link {
	links := make([]link, len(names))
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			links[i].name = name
			links[i].seen, errs[i] = z.everywhere(ctx, question{name: name, qtype: c.qtype, edns: c.subnet.IsValid(), subnet: c.subnet})
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			c.errs = append(c.errs, err)
		}
	}
	return links
}

// leadsBack says whether a CNAME from name to target closes a circle: whether target is on the way to name.
func (c *chain) leadsBack(name, target string) bool {
	if name == target {
		return true
	}
	for _, l := range c.links {
		if slices.Contains(aliases(l.seen), name) && c.leadsBack(l.name, target) {
			return true
		}
	}
	return false
}

func aliases(seen []sighting) []string {
	var all []string
	for _, s := range seen {
		if s.state == alias {
			all = append(all, s.target)
		}
	}
	return sortedSet(all)
}

// values is the union of the data at the chain's ends.
func (c *chain) values() []string {
	var all []string
	for _, l := range c.links {
		for _, s := range l.seen {
			if s.state == found {
				all = append(all, s.values...)
			}
		}
	}
	return sortedSet(all)
}

// at is what a server says about one name of the chain.
func (c *chain) at(name string, at server) state {
	for _, l := range c.links {
		for _, s := range l.seen {
			if l.name == name && s.server == at {
				return s.state
			}
		}
	}
	return ""
}

// blanks are the reasons why a part of the chain could not be seen: a link that no server answers for. One that some
// servers answer for is judged by AnswersAgree.
func (c *chain) blanks() []error {
	blanks := slices.Clone(c.errs)
	for _, l := range c.links {
		if errs := failures(l.seen); len(errs) > 0 && len(errs) == len(l.seen) {
			blanks = append(blanks, errs...)
		}
	}
	return blanks
}

// path is the chain in words.
func (c *chain) path() string {
	names := make([]string, len(c.links))
	for i, l := range c.links {
		names[i] = plain(l.name)
	}
	return strings.Join(names, " -> ")
}

// followBoth observes the chains to IPv4 and IPv6 addresses.
func (z *Zone) followBoth(ctx context.Context, name string) [2]chain {
	return z.followBothFor(ctx, name, netip.Prefix{})
}

func (z *Zone) followBothFor(ctx context.Context, name string, subnet netip.Prefix) [2]chain {
	var both [2]chain
	var wait sync.WaitGroup
	for i, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		wait.Go(func() { both[i] = z.followFor(ctx, name, t, subnet) })
	}
	wait.Wait()
	return both
}

// Addresses are all addresses of a name, IPv4 and IPv6, from its authoritative servers; CNAMEs are followed across
// zones, and where servers disagree the answer is the union. No address is an error, and so is a family that nobody
// answers for.
func (z *Zone) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	return z.addressesFor(ctx, name, netip.Prefix{})
}

func (z *Zone) addressesFor(ctx context.Context, name string, subnet netip.Prefix) ([]netip.Addr, error) {
	both := z.followBothFor(ctx, name, subnet)
	if err := chainEnds(name, both); err != nil {
		return nil, err
	}
	return addresses(slices.Concat(both[0].values(), both[1].values())), nil
}

// chainEnds judges that a name leads to addresses (REC-06).
func chainEnds(name string, both [2]chain) error {
	var errs []error
	unmet := &probe.Unmet{Want: "a chain of at most 8 CNAMEs from " + plain(dns.CanonicalName(name)) + " to an address"}
	for _, c := range both {
		unmet.From = c.path()
		switch {
		case c.loop != "":
			unmet.Class, unmet.Got, unmet.Fix = "dns.loop", "a CNAME that leads back to "+plain(c.loop), "point one of the CNAMEs elsewhere"
			return unmet
		case c.long:
			unmet.Class, unmet.Got, unmet.Fix = "dns.chain", "more than 8 CNAMEs", "shorten the chain"
			return unmet
		}
		errs = append(errs, c.blanks()...)
	}
	if err := worst(errs); err != nil {
		return err
	}
	if len(both[0].values())+len(both[1].values()) == 0 {
		last := both[0].links[len(both[0].links)-1]
		said := last.seen[slices.IndexFunc(last.seen, func(s sighting) bool { return s.err == nil })] // else it were a blank
		unmet.Class, unmet.Got, unmet.From = "dns.no-address", said.answer(), said.from()
		unmet.Fix = "create an A or AAAA record for " + plain(last.name)
		return unmet
	}
	return nil
}
