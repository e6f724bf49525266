package dnsprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// delegation is a zone's servers as its parent names them.
type delegation struct {
	zone   string
	names  []string // of the name servers, canonical and sorted
	glue   map[string][]netip.Addr
	parent *delegation // nil for the root
}

const deepest = 10 // zones and CNAMEs that are followed one after the other

// referral reads the delegation out of a reply that leads to a zone below zone, on the way to name; nil if it is none.
// Glue counts only from a server that is above the name server's own name.
func referral(zone, name string, r *reply) *delegation {
	if r.Rcode != dns.RcodeSuccess || len(r.Answer) > 0 {
		return nil
	}
	d := &delegation{glue: map[string][]netip.Addr{}}
	for _, rr := range r.Ns {
		ns, is := rr.(*dns.NS)
		owner := dns.CanonicalName(rr.Header().Name)
		if !is || owner == zone || !within(owner, zone) || !within(name, owner) || d.zone != "" && d.zone != owner {
			continue
		}
		d.zone = owner
		d.names = append(d.names, dns.CanonicalName(ns.Ns))
	}
	if d.zone == "" {
		return nil
	}
	d.names = sortedSet(d.names)
	d.addGlue(zone, r.Extra)
	return d
}

func (d *delegation) addGlue(zone string, extra []dns.RR) {
	for _, rr := range extra {
		owner := dns.CanonicalName(rr.Header().Name)
		addr, is := address(rr)
		if is && within(owner, zone) && slices.Contains(d.names, owner) {
			d.glue[owner] = append(d.glue[owner], addr)
		}
	}
}

// delegation walks from the roots to the zone. The error is *probe.Unmet where the parent does not delegate it.
func (z *Zone) delegation(ctx context.Context, trail []string) (*delegation, error) {
	return z.delegationBy(ctx, trail, func(*delegation) {})
}

// delegationBy is delegation for somebody who wants to see each zone on the way as soon as it is known.
func (z *Zone) delegationBy(ctx context.Context, trail []string, by func(*delegation)) (*delegation, error) {
	d, seen, err := z.descendBy(ctx, z.roots(), z.apex, dns.TypeNS, trail, by)
	if err != nil {
		return nil, err
	}
	if d.zone == z.apex {
		return d, nil
	}
	unmet := &probe.Unmet{Class: "dns.no-zone", Want: "a delegation of " + plain(z.apex) + " in " + plain(d.zone), From: seen.server.String()}
	switch seen.state {
	case found: // parent and zone live on the same servers
		same := &delegation{zone: z.apex, names: seen.values, glue: map[string][]netip.Addr{}, parent: d}
		same.addGlue(d.zone, seen.reply.Extra)
		return same, nil
	case nxdomain:
		unmet.Got, unmet.Fix = "NXDOMAIN", "register the domain, or correct dns.domain"
	default:
		unmet.Got, unmet.Fix = seen.answer(), "set dns.domain to the zone's apex, or have the zone delegated"
	}
	return nil, unmet
}

// roots is where a walk begins. The addresses come from Config.Roots.
func (z *Zone) roots() *delegation { return &delegation{zone: ".", names: []string{"."}} }

// descend follows referrals from d until a server answers itself. It ends at the apex of our zone when that is the name.
func (z *Zone) descend(ctx context.Context, d *delegation, name string, qtype uint16, trail []string) (*delegation, sighting, error) {
	return z.descendBy(ctx, d, name, qtype, trail, func(*delegation) {})
}

func (z *Zone) descendBy(ctx context.Context, d *delegation, name string, qtype uint16, trail []string, by func(*delegation)) (*delegation, sighting, error) {
	// Referrals can be large. Below our apex the question is the same as the claims' own, which then costs nothing.
	q := question{name: name, qtype: qtype, edns: name == z.apex || !within(name, z.apex)}
	for range deepest {
		by(d)
		servers, err := z.serversOf(ctx, d, trail)
		if err != nil {
			return nil, sighting{}, err
		}
		seen, err := z.anyOf(ctx, d.zone, servers, q)
		if err != nil {
			if within(d.zone, z.apex) {
				return nil, sighting{}, err // our own servers, whose fault it is
			}
			return nil, sighting{}, unreachable(d, err)
		}
		if seen.state != referred {
			return d, seen, nil
		}
		seen.below.parent = d
		d = seen.below
		z.learn(d)
		if d.zone == z.apex && name == z.apex {
			return d, seen, nil
		}
	}
	return nil, sighting{}, &probe.Unmet{Class: "dns.loop", Want: "an answer to " + plain(name), Got: fmt.Sprintf("more than %d referrals", deepest), From: plain(d.zone)}
}

// unreachable says which zone's servers the walk could not get past. They are somebody else's: nobody can tell about ours, whatever these
// did wrong.
func unreachable(d *delegation, err error) error {
	whose := "the servers of " + plain(d.zone)
	if d.zone == "." {
		whose = "the root servers"
	}
	unknown := &probe.Unknown{Class: "dns.unreachable", Want: "an answer from " + whose, Got: err.Error(), From: whose, Fix: "see whether this machine reaches port 53 out there"}
	if unknown.Err = err; isUnmet(err) {
		unknown.Err = &theirs{err}
	}
	return unknown
}

// theirs is what somebody else's servers do wrong. It is measured, and no fault of the zone's.
type theirs struct{ wrong error }

func (t *theirs) Error() string { return t.wrong.Error() }

// holder finds the zone that holds a name.
func (z *Zone) holder(ctx context.Context, name string, qtype uint16, trail []string) (*delegation, sighting, error) {
	from := z.closest(name)
	if within(name, z.apex) {
		own, err := z.delegation(ctx, trail)
		if err != nil {
			return nil, sighting{}, err
		}
		from = own
	}
	return z.descend(ctx, from, name, qtype, trail)
}

// learn keeps a delegation, so that the next walk begins there.
func (z *Zone) learn(d *delegation) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.known[d.zone] == nil {
		z.known[d.zone] = d
	}
}

// closest is the known delegation closest to a name.
func (z *Zone) closest(name string) *delegation {
	z.mu.Lock()
	defer z.mu.Unlock()
	for offset, end := 0, false; !end; offset, end = dns.NextLabel(name, offset) {
		if d := z.known[name[offset:]]; d != nil {
			return d
		}
	}
	return z.roots()
}

// ZoneOf is the apex of the zone that holds a name, by delegation from the roots.
func (z *Zone) ZoneOf(ctx context.Context, name string) (string, error) {
	d, seen, err := z.descend(ctx, z.roots(), dns.CanonicalName(name), dns.TypeSOA, nil)
	if err != nil {
		return "", err
	}
	for _, rr := range slices.Concat(seen.reply.Answer, seen.reply.Ns) { // parent and zone can live on the same servers
		if soa, is := rr.(*dns.SOA); is && within(dns.CanonicalName(name), dns.CanonicalName(soa.Hdr.Name)) {
			return plain(dns.CanonicalName(soa.Hdr.Name)), nil
		}
	}
	return plain(d.zone), nil
}
