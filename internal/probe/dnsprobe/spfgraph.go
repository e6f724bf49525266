package dnsprobe

import (
	"cmp"
	"context"
	"net/netip"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe/dnsprobe/mailtext"
)

// How far records are followed. Each record and each host costs one of the ten look-ups at least, so that what is left out is beyond the limit.
const (
	spfDeepest = mostLookUps + 1
	spfRecords = 40 // of all records together
	spfHosts   = 40 // of one record
)

// spfGraph is the SPF records that a domain's leads to, each looked up once, however often it is included.
type spfGraph struct {
	zone *Zone
	root string
	all  sync.WaitGroup

	mu    sync.Mutex
	nodes map[string]*spfNode // by domain, canonical
}

// spfNode is the SPF record of one domain.
type spfNode struct {
	name   string
	texts  []string // the SPF records there
	from   string
	err    error // nobody can tell
	record mailtext.SPF
	wrong  error     // why it cannot be read
	hosts  []spfHost // what each term finds
}

// spfHost is what the term a, mx or exists finds.
type spfHost struct {
	asked   bool
	answers int
	err     error // nobody can tell
}

// spfOf gathers a domain's record, and those that it includes or redirects to.
func (z *Zone) spfOf(ctx context.Context, domain string) *spfGraph {
	g := &spfGraph{zone: z, root: dns.CanonicalName(domain), nodes: map[string]*spfNode{}}
	g.visit(ctx, g.root, 0)
	g.all.Wait()
	return g
}

func (g *spfGraph) visit(ctx context.Context, domain string, depth int) {
	n := &spfNode{name: dns.CanonicalName(domain)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.nodes[n.name] != nil || depth > spfDeepest || len(g.nodes) == spfRecords {
		return
	}
	g.nodes[n.name] = n
	g.all.Go(func() {
		n.read(ctx, g.zone)
		for _, domain := range n.leadsTo() {
			g.visit(ctx, domain, depth+1)
		}
		n.find(ctx, g.zone)
	})
}

func (n *spfNode) read(ctx context.Context, z *Zone) {
	texts, from, err := z.texts(ctx, n.name)
	if n.from = from; err != nil && !noZone(err) {
		n.err = err
		return
	}
	for _, text := range texts {
		if mailtext.IsSPF(text) {
			n.texts = append(n.texts, text)
		}
	}
	if len(n.texts) == 1 {
		n.record, n.wrong = mailtext.ParseSPF(n.texts[0])
	}
}

// leadsTo are the domains whose records count too. What depends on the message nobody can follow beforehand.
func (n *spfNode) leadsTo() []string {
	var all []string
	for _, m := range n.record.Reached() {
		if m.Name == "include" && !mailtext.Macro(m.Domain) {
			all = append(all, m.Domain)
		}
	}
	if r := n.record.RedirectReached(); r != "" && !mailtext.Macro(r) {
		all = append(all, r)
	}
	return all
}

// find looks up what the terms name, at the same time.
func (n *spfNode) find(ctx context.Context, z *Zone) {
	terms := n.record.Reached()
	n.hosts = make([]spfHost, len(terms))
	var all sync.WaitGroup
	asked := 0
	for i, m := range terms {
		target := cmp.Or(m.Domain, n.name)
		if m.Name != "a" && m.Name != "mx" && m.Name != "exists" || mailtext.Macro(target) || asked == spfHosts {
			continue
		}
		asked++
		all.Go(func() { n.hosts[i] = z.spfHost(ctx, m.Name, dns.CanonicalName(target)) })
	}
	all.Wait()
}

func (z *Zone) spfHost(ctx context.Context, mechanism, target string) spfHost {
	var records []dns.RR
	var addresses []netip.Addr
	var err error
	switch mechanism {
	case "a":
		addresses, err = z.hostAddresses(ctx, target)
	case "mx":
		records, _, err = z.lookUp(ctx, target, dns.TypeMX)
	default: // exists: of A alone, whatever the sender's family (RFC 7208 5.7)
		records, _, err = z.lookUp(ctx, target, dns.TypeA)
	}
	if noZone(err) {
		err = nil
	}
	return spfHost{asked: true, answers: len(addresses) + len(records), err: err}
}
