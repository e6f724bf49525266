package dnsprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// DelegationMatches claims that every name server in the parent's delegation is in the zone's own NS RRset, at every
// server of the parent and of the zone. One that only the zone names is noted (RFC 1034 4.2.2; DEL-01).
func DelegationMatches(z *Zone) probe.Claim {
	return z.claim("DEL-01", "RFC 1034 4.2.2", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		own, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeNS})
		if err != nil {
			return err
		}
		parents, err := z.atParent(ctx)
		if err != nil {
			return err
		}
		evidence.Observed = map[string]any{"parent": parents, "zone": own}
		evidence.Notes = onlyInZone(parents, own)
		return delegationMatches(parents, own)
	})
}

// atParent is what each server of the parent says about the zone's name servers.
func (z *Zone) atParent(ctx context.Context) ([]sighting, error) { return z.askParent(ctx, dns.TypeNS) }

// askParent asks each server of the parent about the zone.
func (z *Zone) askParent(ctx context.Context, qtype uint16) ([]sighting, error) {
	d, err := z.delegation(ctx, nil)
	if err != nil {
		return nil, err
	}
	servers, err := z.serversOf(ctx, d.parent, nil)
	if err != nil {
		return nil, err
	}
	seen := make([]sighting, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { seen[i] = z.at(ctx, d.parent.zone, s, question{name: z.apex, qtype: qtype, edns: true}) })
	}
	all.Wait()
	return sortSightings(seen), nil
}

// Delegated are the name servers that any server of the parent refers the world to, and which servers those are.
func (z *Zone) Delegated(ctx context.Context) (names []string, from string, err error) {
	parents, err := z.atParent(ctx)
	if err != nil {
		return nil, "", err
	}
	var who []string
	for _, parent := range parents {
		if parent.err != nil { // one answer of the parent is enough
			continue
		}
		names, who = append(names, parent.delegated()...), append(who, parent.from())
	}
	if len(who) == 0 {
		return nil, "", worst(failures(parents))
	}
	return sortedSet(names), several(who), nil
}

// delegated are the name servers that a parent's answer names; a parent on the zone's own servers answers itself.
func (s sighting) delegated() []string {
	if s.state == referred {
		return s.below.names
	}
	return s.values
}

func delegationMatches(parents, own []sighting) error {
	errs := failures(own)
	known := 0
	for _, parent := range parents {
		if parent.err != nil { // one answer of the parent is enough; see below
			continue
		}
		known++
		names := parent.delegated()
		if len(names) == 0 {
			errs = append(errs, &probe.Unmet{Class: "dns.delegation", Want: "a delegation to the zone's name servers", Got: parent.answer(), From: parent.from(),
				Fix: "have the registrar publish the delegation"})
		}
		for _, s := range own {
			if s.err == nil {
				errs = append(errs, delegationMatch(parent, names, s))
			}
		}
	}
	if known == 0 {
		errs = append(errs, failures(parents)...)
	}
	return worst(errs)
}

func delegationMatch(parent sighting, names []string, own sighting) error {
	extra := without(names, own.values)
	if own.state == found && len(extra) == 0 {
		return nil
	}
	got := own.answer()
	if own.state == found {
		got = "an NS RRset without " + strings.Join(extra, ", ")
	}
	return &probe.Unmet{Class: "dns.delegation", Want: "the parent's name servers, " + strings.Join(names, ", ") + ", in the zone", Got: got,
		From: own.from(), Fix: fmt.Sprintf("make the delegation (seen at %s) and the zone's NS records the same", parent.from())}
}

func onlyInZone(parents, own []sighting) []string {
	var notes []string
	for _, parent := range parents {
		for _, s := range own {
			if extra := without(s.values, parent.delegated()); len(extra) > 0 && parent.err == nil {
				notes = append(notes, "only the zone names "+strings.Join(extra, ", ")+", the parent does not")
			}
		}
	}
	return sortedSet(notes)
}

func without(values, known []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(known, v) })
}

// EnoughServers claims that the zone has at least two name servers at two different addresses (RFC 1034 4.1, RFC 2182;
// DEL-02).
func EnoughServers(z *Zone) probe.Claim {
	return z.claim("DEL-02", "RFC 1034 4.1, RFC 2182", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		own, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeNS})
		if err != nil {
			return err
		}
		d, err := z.delegation(ctx, nil)
		if err != nil {
			return err
		}
		evidence.Observed = own
		return enoughServers(d, own)
	})
}

func enoughServers(d *delegation, own []sighting) error {
	var addrs []string
	for _, s := range own {
		if s.server.addr.IsValid() {
			addrs = append(addrs, s.server.addr.Addr().String())
		}
	}
	addrs = sortedSet(addrs)
	if len(d.names) >= 2 && len(addrs) >= 2 {
		return nil
	}
	return &probe.Unmet{Class: "dns.servers", Want: "at least 2 name servers at 2 addresses",
		Got:  fmt.Sprintf("%d name server(s) at %d address(es): %s", len(d.names), len(addrs), strings.Join(addrs, ", ")),
		From: "the delegation of " + plain(d.zone), Fix: "add a second name server on another network"}
}

// ServersResolve claims that each name server's name has an address of its own and is no CNAME (RFC 2181 10.3; DEL-03). A
// name that does not exist is a takeover risk.
func ServersResolve(z *Zone) probe.Claim {
	return z.claim("DEL-03", "RFC 2181 10.3", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		names, err := z.nameServerNames(ctx)
		if err != nil {
			return err
		}
		found := make([][]string, len(names))
		errs := make([]error, len(names))
		var all sync.WaitGroup
		for i, name := range names {
			all.Go(func() { found[i], errs[i] = z.nameServerAddresses(ctx, name, nil) })
		}
		all.Wait()
		observed := map[string][]string{}
		for i, name := range names {
			observed[plain(name)] = found[i]
		}
		evidence.Observed = observed
		return worst(errs)
	})
}

// nameServerNames are the name servers that the parent or any of the zone's servers names.
func (z *Zone) nameServerNames(ctx context.Context) ([]string, error) {
	d, err := z.delegation(ctx, nil)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(d.names)
	own, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeNS})
	for _, s := range own {
		names = append(names, s.values...)
	}
	if len(own) == 0 && !isUnmet(err) { // without any server there is still the delegation to judge
		return names, err
	}
	return sortedSet(names), nil
}

// ServersAuthoritative claims that each server answers the zone's SOA with authority (RFC 1912 2.8, RFC 9499; DEL-05). Silence,
// REFUSED, SERVFAIL and an answer out of a cache are all lame.
func ServersAuthoritative(z *Zone) probe.Claim {
	return z.claim("DEL-05", "RFC 1912 2.8, RFC 9499", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		seen, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeSOA})
		evidence.Observed = seen
		if err != nil {
			return err
		}
		return serversAuthoritative(seen)
	})
}

func serversAuthoritative(seen []sighting) error {
	var errs []error
	for _, s := range seen {
		switch {
		case s.err != nil:
			errs = append(errs, blame(s.err, "dns.lame", "an authoritative answer to SOA", "make the server answer for the zone, or take it out of the delegation"))
		case s.state != found:
			errs = append(errs, &probe.Unmet{Class: "dns.lame", Want: "an authoritative answer to SOA", Got: s.answer(), From: s.from(),
				Fix: "make the server serve the zone, or take it out of the delegation"})
		}
	}
	return worst(errs)
}
