package dnsprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// gluelessMost is how many name servers without glue may need each other. Each can be one of many, so that the work grows
// by their number with each step.
const gluelessMost = 4

// gluelessQuestions is how many questions a claim may put for the addresses of name servers without glue. Thirteen that need thirteen others each
// need a few hundred; whoever delegates in cascades could have a claim ask hundreds of thousands of strangers.
const gluelessQuestions = 1000

// budget is what is left of them. It travels in the context, as questions are put many calls deep.
type budget struct {
	mu    sync.Mutex
	asked map[question]bool
	spent bool
}

type (
	budgetKey   struct{} // what a claim has
	gluelessKey struct{} // what counts now
)

// counted has all questions of the context count.
func counted(ctx context.Context) context.Context {
	if ctx.Value(gluelessKey{}) != nil {
		return ctx
	}
	b, ofClaim := ctx.Value(budgetKey{}).(*budget)
	if !ofClaim { // a look-up for another probe
		b = &budget{}
	}
	return context.WithValue(ctx, gluelessKey{}, b)
}

// afford says whether a question may be put. The same one again costs nothing.
func afford(ctx context.Context, q question) error {
	b, counts := ctx.Value(gluelessKey{}).(*budget)
	if !counts {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked[q] {
		return nil
	}
	if b.spent = b.spent || len(b.asked) == gluelessQuestions; b.spent {
		return cascade()
	}
	if b.asked == nil {
		b.asked = map[question]bool{}
	}
	b.asked[q] = true
	return nil
}

// exceeded says whether a question was not put.
func (b *budget) exceeded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent
}

func cascade() error {
	return &probe.Unknown{Class: "dns.cascade", Want: "the addresses of the name servers", Got: fmt.Sprintf("no end after %d questions: name servers without glue that need others without glue", gluelessQuestions),
		Fix: "give the name servers glue, or take some of them"}
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
	if slices.Contains(trail, name) || len(trail) == gluelessMost {
		return nil, &probe.Unmet{Class: "dns.loop", Want: "an address of name server " + plain(name), From: plain(d.zone),
			Got: "name servers without glue, one after the other: " + strings.Join(append(slices.Clone(trail), name), " needs "), Fix: "add glue for one of them"}
	}
	values, err := z.nameServerAddresses(counted(ctx), name, append(slices.Clone(trail), name))
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

// address is the address in an A or AAAA record.
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
