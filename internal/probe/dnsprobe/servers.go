package dnsprobe

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// roll is the zone's servers as they become known: every address of the name servers that the parent names, and of those
// that only the zone itself names. It is called once for a zone, and read by every claim while it grows, so that the
// first servers are asked before the last one is known.
type roll struct {
	once sync.Once

	mu      sync.Mutex
	members []member
	met     map[netip.AddrPort]bool
	named   map[string]bool
	ended   bool
	err     error         // why there is no server at all
	news    chan struct{} // closed at each change
}

// member is a server, or a name server whose address nobody can tell.
type member struct {
	server server
	err    error
}

// eachServer calls observe for every member of the roll, at the same time. The error says why the zone has no servers.
func (z *Zone) eachServer(ctx context.Context, observe func(context.Context, member)) error {
	z.roll.once.Do(func() { go z.callRoll(context.WithoutCancel(ctx)) })
	var all sync.WaitGroup
	defer all.Wait()
	for next := 0; ; {
		members, news, ended, err := z.roll.since(next)
		next += len(members)
		for _, m := range members {
			all.Go(func() { observe(ctx, m) })
		}
		if ended {
			return err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *roll) since(next int) (members []member, news chan struct{}, ended bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members[next:], r.news, r.ended, r.err
}

// update changes the roll and wakes its readers.
func (r *roll) update(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.news)
	r.news = make(chan struct{})
}

func (z *Zone) callRoll(ctx context.Context) {
	d, err := z.delegation(ctx, nil)
	if err == nil {
		err = z.callNames(ctx, d)
	}
	z.roll.update(func() { z.roll.ended, z.roll.err = true, err })
}

func (z *Zone) callNames(ctx context.Context, d *delegation) error {
	call := &rollCall{zone: z, delegation: d}
	for _, name := range d.names {
		call.name(ctx, name)
	}
	call.all.Wait()
	if len(z.roll.met) > 0 {
		return nil
	}
	_, err := z.serversOf(ctx, d, nil)
	return err
}

// rollCall finds servers and follows up on each.
type rollCall struct {
	zone       *Zone
	delegation *delegation
	all        sync.WaitGroup
}

// name finds the addresses of a name server. A name without any is ServersResolve's finding, and nobody to ask.
func (c *rollCall) name(ctx context.Context, name string) {
	if !c.zone.roll.meetName(name) {
		return
	}
	c.all.Go(func() {
		servers, err := c.zone.serverNamed(ctx, c.delegation, name, nil)
		if err != nil && !isUnmet(err) {
			c.zone.roll.meet(member{server{name: name}, unresolved(name, err)})
		}
		for _, s := range servers {
			c.visit(ctx, s)
		}
	})
}

// visit asks a server which name servers it knows, and the addresses of those inside the zone: they can differ from the glue. Those that the parent
// names are asked about without waiting for the others.
func (c *rollCall) visit(ctx context.Context, s server) {
	if !c.zone.roll.meet(member{server: s}) {
		return
	}
	z := c.zone
	for _, name := range c.delegation.names {
		c.addresses(ctx, s, name)
	}
	c.all.Go(func() {
		for _, name := range z.at(ctx, z.apex, s, question{name: z.apex, qtype: dns.TypeNS}).values {
			c.name(ctx, name)
			if !slices.Contains(c.delegation.names, name) {
				c.addresses(ctx, s, name)
			}
		}
	})
}

// addresses visits a server at the addresses that another one knows for it.
func (c *rollCall) addresses(ctx context.Context, s server, name string) {
	if !within(name, c.zone.apex) {
		return
	}
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		c.all.Go(func() {
			for _, own := range on53(name, addresses(c.zone.at(ctx, c.zone.apex, s, question{name: name, qtype: t}).values)) {
				c.visit(ctx, own)
			}
		})
	}
}

// meet puts a member on the roll, unless its address is there already.
func (r *roll) meet(m member) (isNew bool) {
	r.update(func() {
		if m.server.addr.IsValid() {
			if r.met[m.server.addr] {
				return
			}
			r.met[m.server.addr] = true
		}
		r.members, isNew = append(r.members, m), true
	})
	return isNew
}

func (r *roll) meetName(name string) (isNew bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	isNew = !r.named[name]
	r.named[name] = true
	return isNew
}

// unresolved says that there is a name server whose addresses nobody can tell.
func unresolved(name string, cause error) error {
	return &probe.Unknown{Class: "dns.unresolved", Want: "an address of name server " + plain(name), Got: cause.Error(), From: plain(name),
		Fix: "see why the name server's own name does not resolve", Err: cause}
}
