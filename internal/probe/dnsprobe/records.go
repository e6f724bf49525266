package dnsprobe

import (
	"context"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// AAAAParity claims that either all the names have IPv6 addresses or none has (Internet.nl; REC-04). A launch that half
// of the names reach over IPv6 fails for some users only.
func AAAAParity(z *Zone, names []string) probe.Claim {
	return z.claim("REC-04", "Internet.nl IPv6 test", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		if len(names) == 0 {
			return nothingGiven("names to compare")
		}
		chains := make([]chain, len(names))
		var all sync.WaitGroup
		for i, name := range names {
			all.Go(func() { chains[i] = z.follow(ctx, name, dns.TypeAAAA) })
		}
		all.Wait()
		evidence.Observed = observedChains(chains)
		return aaaaParity(chains)
	})
}

func nothingGiven(what string) error {
	return &probe.Unknown{Class: "not-configured", Want: what, Got: "none", From: "dns.records", Fix: "name what the launch depends on"}
}

func aaaaParity(chains []chain) error {
	var with, lack []string
	var errs []error
	for _, c := range chains {
		errs = append(errs, c.blanks()...)
		if c.long {
			errs = append(errs, &probe.Unknown{Class: "dns.chain", Want: "the AAAA of " + plain(c.name), Got: "more than 8 CNAMEs, which nobody is to follow", From: c.path(), Fix: "shorten the chain"})
		}
		if len(c.values()) > 0 {
			with = append(with, plain(c.name))
		} else {
			lack = append(lack, plain(c.name))
		}
	}
	if err := worst(errs); err != nil {
		return err
	}
	if len(with) == 0 || len(lack) == 0 {
		return nil
	}
	return &probe.Unmet{Class: "dns.aaaa", Want: "AAAA for all launch names or for none", Got: "AAAA for " + several(with) + " and none for " + several(lack),
		From: "the authoritative servers", Fix: "give all names AAAA records, or none"}
}

// observedChains is the chains as evidence.
func observedChains(chains []chain) map[string]any {
	observed := map[string]any{}
	for _, c := range chains {
		seen := map[string][]sighting{}
		for _, l := range c.links {
			seen[plain(l.name)] = l.seen
		}
		observed[plain(c.name)+" "+dns.TypeToString[c.qtype]] = seen
	}
	return observed
}

// NoCNAMEAtApex claims that no server has a CNAME beside the SOA and NS of the apex (RFC 1034 3.6.2, RFC 2181 10.1;
// REC-05).
func NoCNAMEAtApex(z *Zone) probe.Claim {
	return z.claim("REC-05", "RFC 1034 3.6.2, RFC 2181 10.1", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		seen, err := z.direct(ctx, z.apex, false, 0)
		evidence.Observed = seen.all()
		if err != nil {
			return err
		}
		return noCNAMEAtApex(seen.all())
	})
}

func noCNAMEAtApex(seen []sighting) error {
	errs := failures(seen)
	for _, s := range seen {
		if s.state == alias {
			errs = append(errs, &probe.Unmet{Class: "dns.apex-cname", Want: "no CNAME at the apex", Got: s.answer(), From: s.from(),
				Fix: "use the provider's ALIAS or ANAME, or A and AAAA records"})
		}
	}
	return worst(errs)
}

// ChainEnds claims that a name leads to at least one address through at most 8 CNAMEs and no circle (RFC 1034 3.6.2;
// REC-06).
func ChainEnds(z *Zone, name string) probe.Claim {
	return z.claim("REC-06", "RFC 1034 3.6.2", name, func(ctx context.Context, evidence *probe.Evidence) error {
		both := z.followBoth(ctx, name)
		evidence.Observed = observedChains(both[:])
		return worst(append(halfGone(both), chainEnds(name, both)))
	})
}

// halfGone finds the servers that have a name for one family and deny it for the other: NXDOMAIN is about the whole name
// (RFC 8020), and whoever believes it sees none of its addresses.
func halfGone(both [2]chain) []error {
	var errs []error
	for i, c := range both {
		for _, l := range c.links {
			for _, s := range l.seen {
				if other := both[1-i].at(l.name, s.server); s.state == nxdomain && (other == found || other == alias) {
					family, there := dns.TypeToString[c.qtype], dns.TypeToString[both[1-i].qtype]
					errs = append(errs, &probe.Unmet{Class: "dns.no-address", Want: "NOERROR for " + plain(l.name) + " " + family, Got: "NXDOMAIN for " + family + ", though there is " + there, From: s.from(),
						Fix: "have the server answer NOERROR without records for a type that the name does not have"})
				}
			}
		}
	}
	return errs
}

// Explicit claims that a name's answer is its own and not a wildcard's, which would answer for any misspelt name alike:
// a random name beside it answers differently (RFC 4592; REC-08, a recommendation).
func Explicit(z *Zone, name string) probe.Claim {
	return z.claim("REC-08", "RFC 4592", name, func(ctx context.Context, evidence *probe.Evidence) error {
		name := dns.CanonicalName(name)
		if name == z.apex {
			return &probe.NotApplicable{Why: "no wildcard can answer for the apex"}
		}
		_, parent, _ := strings.Cut(name, ".")
		var own direct
		var random [2]sighting
		var errs [3]error
		var all sync.WaitGroup
		all.Go(func() { own, errs[0] = z.direct(ctx, name, false, 0) })
		for i, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
			all.Go(func() { _, random[i], errs[i+1] = z.holder(ctx, z.random+"."+parent, t, nil) })
		}
		all.Wait()
		evidence.Observed = map[string]any{"name": own.all(), "random": random}
		if err := worst(errs[:]); err != nil {
			return err
		}
		return worst(append(explicit(name, own.v4, random[0]), explicit(name, own.v6, random[1])...))
	})
}

func explicit(name string, own []sighting, random sighting) []error {
	errs := failures(own)
	for _, s := range own {
		if (s.state == found || s.state == alias) && random.state == s.state && random.answer() == s.answer() {
			errs = append(errs, &probe.Unmet{Class: "dns.wildcard", Want: "a record of its own for " + plain(name), Got: "the same answer as for a name that nobody created, " + s.answer(),
				From: s.from(), Fix: "create the record explicitly, so that it does not hang on the wildcard"})
		}
	}
	return errs
}
