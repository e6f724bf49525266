package dnsprobe

import (
	"context"
	"net/netip"
	"sync"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/miekg/dns"
)

// eachServer calls observe for every address of every name server, at the same time: those that the parent names at once, and
// those that only the zone itself names as soon as a server tells of them. A name server that nobody can resolve is
// observed too, as a gap.
func (z *Zone) eachServer(ctx context.Context, observe func(context.Context, server), gap func(server, error)) error {
	d, err := z.delegation(ctx, nil)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	met := map[netip.AddrPort]bool{}
	named := map[string]bool{}
	first := func(name string) bool {
		mu.Lock()
		defer mu.Unlock()
		known := named[name]
		named[name] = true
		return !known
	}
	var visit func(server)
	resolve := func(name string) {
		servers, err := z.serverNamed(ctx, d, name, nil)
		if err != nil && !isUnmet(err) { // a name that has no address is ServersResolve's finding, and nobody to ask
			gap(server{name: name}, err)
		}
		for _, s := range servers {
			visit(s)
		}
	}
	visit = func(s server) {
		mu.Lock()
		known := met[s.addr]
		met[s.addr] = true
		mu.Unlock()
		if known {
			return
		}
		all.Go(func() { observe(ctx, s) })
		all.Go(func() {
			for _, name := range z.nameServers(ctx, s) {
				if first(name) {
					all.Go(func() { resolve(name) })
				}
				if within(name, z.apex) {
					all.Go(func() { z.visitOwn(ctx, s, name, visit) })
				}
			}
		})
	}
	for _, name := range d.names {
		first(name)
		all.Go(func() { resolve(name) })
	}
	all.Wait()
	if len(met) == 0 {
		_, err = z.serversOf(ctx, d, nil)
	}
	return err
}

// nameServers are the names that one server gives for the zone's own NS RRset.
func (z *Zone) nameServers(ctx context.Context, s server) []string {
	return z.at(ctx, z.apex, s, question{name: z.apex, qtype: dns.TypeNS}).values
}

// visitOwn asks a server for the addresses of a name server inside the zone: they can differ from the glue.
func (z *Zone) visitOwn(ctx context.Context, s server, name string, visit func(server)) {
	var both sync.WaitGroup
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		both.Go(func() {
			for _, own := range on53(name, addresses(z.at(ctx, z.apex, s, question{name: name, qtype: t}).values)) {
				visit(own)
			}
		})
	}
	both.Wait()
}

// everywhere asks every server of the zone that holds the name.
func (z *Zone) everywhere(ctx context.Context, q question) ([]sighting, error) {
	q.name = dns.CanonicalName(q.name)
	if within(q.name, z.apex) {
		seen, err := z.atEachServer(ctx, q)
		if below := commonReferral(seen); err == nil && below != nil {
			return z.below(ctx, below, q)
		}
		return seen, err
	}
	q.edns = true
	d, _, err := z.holder(ctx, q.name, q.qtype, nil)
	if err != nil {
		return nil, err
	}
	return z.below(ctx, d, q)
}

func (z *Zone) atEachServer(ctx context.Context, q question) ([]sighting, error) {
	var mu sync.Mutex
	var all []sighting
	add := func(s sighting) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, s)
	}
	err := z.eachServer(ctx, func(ctx context.Context, s server) { add(z.at(ctx, z.apex, s, q)) }, func(s server, cause error) {
		add(sighting{server: s, tcp: q.tcp, state: broken, err: unresolved(s, cause)})
	})
	return sortSightings(all), err
}

// unresolved says that there is a name server whose addresses nobody can tell.
func unresolved(s server, cause error) error {
	return &probe.Unknown{Class: "dns.unresolved", Want: "an address of name server " + plain(s.name), Got: cause.Error(), From: s.String(),
		Fix: "see why the name server's own name does not resolve", Err: cause}
}

// below asks every server of a zone, and those of the zones below it that they refer to.
func (z *Zone) below(ctx context.Context, d *delegation, q question) ([]sighting, error) {
	for range deepest {
		servers, err := z.serversOf(ctx, d, nil)
		if err != nil {
			return nil, err
		}
		seen := make([]sighting, len(servers))
		var all sync.WaitGroup
		for i, s := range servers {
			all.Go(func() { seen[i] = z.at(ctx, d.zone, s, q) })
		}
		all.Wait()
		next := commonReferral(seen)
		if next == nil {
			return sortSightings(seen), nil
		}
		d = next
	}
	return nil, &probe.Unmet{Class: "dns.loop", Want: "an answer to " + q.String(), Got: "referrals without an end", From: plain(d.zone)}
}

// commonReferral is the zone below that the servers refer to, where none of them answers itself.
func commonReferral(seen []sighting) *delegation {
	var below *delegation
	for _, s := range seen {
		switch s.state {
		case referred:
			below = s.below
		case broken:
		case found, alias, nodata, nxdomain:
			return nil
		}
	}
	return below
}
