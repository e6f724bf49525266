package dnsprobe

import (
	"context"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

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

// atEachServer asks every server of the zone itself.
func (z *Zone) atEachServer(ctx context.Context, q question) ([]sighting, error) {
	return z.observe(ctx, func(ctx context.Context, s server) sighting { return z.at(ctx, z.apex, s, q) })
}

// observe gathers what look sees at every server of the zone. A name server that nobody can resolve is seen as broken.
func (z *Zone) observe(ctx context.Context, look func(context.Context, server) sighting) ([]sighting, error) {
	var mu sync.Mutex
	var all []sighting
	err := z.eachServer(ctx, func(ctx context.Context, m member) {
		seen := sighting{server: m.server, state: broken, err: m.err}
		if m.err == nil {
			seen = look(ctx, m.server)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, seen)
	})
	return sortSightings(all), err
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
