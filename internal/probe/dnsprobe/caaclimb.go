package dnsprobe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// climb is the way from a certificate's name to the CAA records that count for it (RFC 8659 3): the RRset at the name, at
// the end of its CNAMEs if there are any; where that is empty, the same at the name above the original one, up to the
// top-level domain.
type climb struct {
	name   string  // of the certificate
	levels []chain // the lowest first, as far up as it came to

	unverified []error // what of it validators do not accept
}

func (c climb) wildcard() bool { return strings.HasPrefix(c.name, "*.") }

// climb observes the way up. Within the zone all levels are asked at the same time; above it, where the servers are other
// people's, one after the other and no further than needed.
func (z *Zone) climb(ctx context.Context, name string) climb {
	c := climb{name: plain(dns.CanonicalName(name))}
	var above []string
	var all sync.WaitGroup
	names := upwards(dns.CanonicalName(strings.TrimPrefix(c.name, "*.")))
	for len(names) > len(c.levels) && within(names[len(c.levels)], z.apex) {
		c.levels = append(c.levels, chain{})
	}
	names, above = names[:len(c.levels)], names[len(c.levels):]
	for i, name := range names {
		all.Go(func() { c.levels[i] = z.follow(ctx, name, dns.TypeCAA) })
	}
	all.Wait()
	for _, name := range above {
		if !c.open() {
			break
		}
		c.levels = append(c.levels, z.follow(ctx, name, dns.TypeCAA))
	}
	return c
}

// verifiedClimb is the way up, with what DNSSEC makes of it.
func (z *Zone) verifiedClimb(ctx context.Context, name string) climb {
	c := z.climb(ctx, name)
	zones := map[string]*delegation{}
	questions := map[string][]nameType{}
	for _, level := range c.reached() {
		for _, l := range level.links {
			d, err := z.holding(ctx, l.name)
			if err != nil {
				c.unverified = append(c.unverified, err)
				continue
			}
			zones[d.zone], questions[d.zone] = d, append(questions[d.zone], nameType{l.name, dns.TypeCAA})
		}
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for zone, d := range zones {
		all.Go(func() {
			found := problems(z.trustedAnswers(ctx, d, questions[zone]))
			mu.Lock()
			defer mu.Unlock()
			c.unverified = append(c.unverified, found...)
		})
	}
	all.Wait()
	return c
}

// holding is the zone to ask about the CAA of a name: ours, which knows of those below itself, or another.
func (z *Zone) holding(ctx context.Context, name string) (*delegation, error) {
	if within(name, z.apex) {
		return z.delegation(ctx, nil)
	}
	d, _, err := z.holder(ctx, name, dns.TypeCAA, nil)
	return d, err
}

// upwards are a name and those above it, to the top-level domain: the root has no say (RFC 8659 3).
func upwards(name string) []string {
	var names []string
	for offset, end := 0, name == "."; !end; offset, end = dns.NextLabel(name, offset) {
		names = append(names, name[offset:])
	}
	return names
}

// reached are the levels that the way leads through: each but the last can be empty, at some server at least.
func (c climb) reached() []chain {
	for i, level := range c.levels {
		if !level.canBeEmpty() {
			return c.levels[:i+1]
		}
	}
	return c.levels
}

// open says that every level can be empty, which leaves the way open for every authority.
func (c climb) open() bool {
	reached := c.reached()
	return len(reached) == 0 || reached[len(reached)-1].canBeEmpty()
}

func (c *chain) canBeEmpty() bool {
	for _, l := range c.links {
		if slices.ContainsFunc(l.seen, func(s sighting) bool { return s.state == nodata || s.state == nxdomain }) {
			return true
		}
	}
	return false
}

// relevant are the RRsets that can be the relevant one. There are several where servers disagree: whoever asks another
// server sees another one. errs are what hides further ones.
func (c climb) relevant() (sets []caaSet, errs []error) {
	for _, level := range c.reached() {
		errs = append(errs, level.endless()...)
		for _, err := range level.errs {
			if others := (*theirs)(nil); errors.As(err, &others) { // an authority takes no server's SERVFAIL for a permission (BR 3.2.2.8)
				err = others.wrong
			}
			errs = append(errs, err)
		}
		for _, l := range level.links {
			errs = append(errs, failures(l.seen)...)
			for _, s := range l.seen {
				switch s.state {
				case found:
					sets = append(sets, caaSet{l.name, s.from(), s.caa(l.name)})
				case referred: // the other servers answer themselves
					errs = append(errs, &probe.Unmet{Class: "dns.lame", Want: "an answer to " + plain(l.name) + " CAA", Got: s.answer(), From: s.from(), Fix: "make all servers serve the same zones"})
				case alias, nodata, nxdomain, broken:
				}
			}
		}
	}
	return sets, errs
}

// endless says that a chain has no end that resolvers find.
func (c *chain) endless() []error {
	unmet := &probe.Unmet{Class: "dns.caa-lookup", Want: "an end to the CNAMEs of " + plain(c.name), From: c.path(), Fix: "point the CNAMEs to a name of its own; the authority cannot look up CAA otherwise"}
	switch {
	case c.loop != "":
		unmet.Got = "a CNAME that leads back to " + plain(c.loop)
	case c.long:
		unmet.Got = "more than 8 CNAMEs"
	default:
		return nil
	}
	return []error{unmet}
}

func (s sighting) caa(name string) []*dns.CAA {
	var all []*dns.CAA
	for _, rr := range section(s.reply.Answer, name, dns.TypeCAA) {
		if caa, is := rr.(*dns.CAA); is {
			all = append(all, caa)
		}
	}
	return all
}
