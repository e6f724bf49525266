package dnsprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/miekg/dns"
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

func address(rr dns.RR) (netip.Addr, bool) {
	var addr netip.Addr
	var ok bool
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok = netip.AddrFromSlice(rr.A)
	case *dns.AAAA:
		addr, ok = netip.AddrFromSlice(rr.AAAA)
	}
	return addr.Unmap(), ok
}

// addresses are the addresses that found sightings hold.
func addresses(values []string) []netip.Addr {
	var all []netip.Addr
	for _, v := range values {
		if addr, err := netip.ParseAddr(v); err == nil { // anything else is not an address, and not wanted here
			all = append(all, addr)
		}
	}
	return all
}

// delegation walks from the roots to the zone. The error is *probe.Unmet where the parent does not delegate it.
func (z *Zone) delegation(ctx context.Context, trail []string) (*delegation, error) {
	d, seen, err := z.descend(ctx, z.roots(), z.apex, dns.TypeNS, trail)
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

func (z *Zone) roots() *delegation {
	d := &delegation{zone: ".", names: []string{"."}, glue: map[string][]netip.Addr{}}
	for _, root := range z.config.Roots {
		d.glue["."] = append(d.glue["."], root.Addr())
	}
	return d
}

// descend follows referrals from d until a server answers itself. It ends at the apex of our zone when that is the name.
func (z *Zone) descend(ctx context.Context, d *delegation, name string, qtype uint16, trail []string) (*delegation, sighting, error) {
	// Referrals can be large. Below our apex the question is the same as the claims' own, which then costs nothing.
	q := question{name: name, qtype: qtype, edns: name == z.apex || !within(name, z.apex)}
	for range deepest {
		servers, err := z.serversOf(ctx, d, trail)
		if err != nil {
			return nil, sighting{}, err
		}
		seen, err := z.anyOf(ctx, d.zone, servers, q)
		if err != nil {
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

// unreachable says which zone's servers the walk could not get past. They are a parent's: nobody can tell about ours.
func unreachable(d *delegation, err error) error {
	whose := "the servers of " + plain(d.zone)
	if d.zone == "." {
		whose = "the root servers"
	}
	return &probe.Unknown{Class: "dns.unreachable", Want: "an answer from " + whose, Got: err.Error(), From: whose,
		Fix: "see whether this machine reaches port 53 out there", Err: err}
}

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

// serversOf are the addresses of a delegation's servers. Names that do not resolve are passed over while one does.
func (z *Zone) serversOf(ctx context.Context, d *delegation, trail []string) ([]server, error) {
	found := make([][]server, len(d.names))
	errs := make([]error, len(d.names))
	var all sync.WaitGroup
	for i, name := range d.names {
		all.Go(func() { found[i], errs[i] = z.serverNamed(ctx, d, name, trail) })
	}
	all.Wait()
	servers := slices.Concat(found...)
	if len(servers) == 0 {
		return nil, worst(errs)
	}
	return servers, nil
}

// serverNamed finds the addresses of one name server: its glue, or else what its own zone says.
func (z *Zone) serverNamed(ctx context.Context, d *delegation, name string, trail []string) ([]server, error) {
	if d.zone == "." {
		return onPorts(name, z.config.Roots), nil
	}
	if glue := d.glue[name]; len(glue) > 0 {
		return on53(name, glue), nil
	}
	if slices.Contains(trail, name) || len(trail) > deepest {
		return nil, &probe.Unmet{Class: "dns.loop", Want: "an address of name server " + plain(name), From: plain(d.zone),
			Got: "a circle: " + strings.Join(append(trail, name), " needs "), Fix: "add glue for one of them"}
	}
	values, err := z.nameServerAddresses(ctx, name, append(slices.Clone(trail), name))
	return on53(name, addresses(values)), err
}

// nameServerAddresses asks any server of the name's zone for its A and AAAA. A CNAME is not followed (RFC 2181 10.3).
func (z *Zone) nameServerAddresses(ctx context.Context, name string, trail []string) ([]string, error) {
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	seen := make([]sighting, len(types))
	errs := make([]error, len(types))
	var both sync.WaitGroup
	for i, t := range types {
		both.Go(func() { _, seen[i], errs[i] = z.holder(ctx, name, t, trail) })
	}
	both.Wait()
	if err := worst(errs); err != nil {
		return nil, err
	}
	return addressesOfNameServer(name, seen)
}

// addressesOfNameServer judges what a name server's name leads to (DEL-03).
func addressesOfNameServer(name string, seen []sighting) ([]string, error) {
	var values []string
	unmet := &probe.Unmet{Class: "dns.name-server", Want: "an address of name server " + plain(name)}
	for _, s := range seen {
		unmet.From = s.server.String()
		switch s.state {
		case found:
			values = append(values, s.values...)
		case alias:
			unmet.Got, unmet.Fix = "CNAME "+plain(s.target), "give the name server's name addresses of its own (RFC 2181 10.3)"
			return nil, unmet
		case nxdomain:
			unmet.Got, unmet.Fix = "NXDOMAIN", "take the name out of the delegation now: whoever registers it can answer for the zone"
			return nil, unmet
		case nodata, referred, broken:
		}
	}
	if len(values) == 0 {
		unmet.Got, unmet.Fix = "neither A nor AAAA", "give it an address, or take it out of the delegation"
		return nil, unmet
	}
	return values, nil
}

func on53(name string, addrs []netip.Addr) []server {
	ports := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		ports[i] = netip.AddrPortFrom(a, 53)
	}
	return onPorts(name, ports)
}

func onPorts(name string, addrs []netip.AddrPort) []server {
	servers := make([]server, len(addrs))
	for i, a := range addrs {
		servers[i] = server{name, a}
	}
	return servers
}

// anyOf asks two of the servers, and more of them the longer nobody gives a usable answer.
func (z *Zone) anyOf(ctx context.Context, zone string, servers []server, q question) (sighting, error) {
	const impatience = 300 * time.Millisecond
	answers := make(chan sighting, len(servers))
	var errs []error
	started, ended, batch := 0, 0, 2
	more := time.NewTimer(0)
	defer more.Stop()
	for ended < len(servers) {
		select {
		case <-more.C:
			for ; started < min(len(servers), batch); started++ {
				go func(s server) { answers <- z.at(ctx, zone, s, q) }(servers[started])
			}
			batch *= 3
			more.Reset(impatience)
		case s := <-answers:
			ended++
			if s.err == nil {
				return s, nil
			}
			errs = append(errs, s.err)
			if ended == started {
				more.Reset(0)
			}
		}
	}
	return sighting{}, worst(errs)
}

// at asks one server.
func (z *Zone) at(ctx context.Context, zone string, s server, q question) sighting {
	q.server = s.addr
	r, err := z.content(ctx, q)
	if err != nil {
		return sighting{server: s, tcp: q.tcp, state: broken, err: q.unanswered(s.String(), err)}
	}
	return classify(zone, s, q, r)
}

func addressTexts(addrs []netip.Addr) []string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.Unmap().String()
	}
	return sortedSet(texts)
}
