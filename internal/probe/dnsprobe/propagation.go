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

// Converged claims that the source itself is done: every address of every server, over UDP and TCP, gives the new answer
// for each record, as often as Config.Repeat says (PRO-01). While it is not, no cache can be expected to have it.
func Converged(z *Zone, records ...Record) probe.Claim {
	return z.claim("PRO-01", "RFC 1034 4.3.5", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		if len(records) == 0 {
			return nothingGiven("records that must have converged")
		}
		for _, r := range records {
			if err := r.check(); err != nil {
				return err
			}
		}
		rounds := make([]round, max(1, z.config.Repeat.Times))
		for i := range rounds {
			if i > 0 { // spread evenly over the time
				if err := wait(ctx, z.config.Repeat.Over/time.Duration(len(rounds)-1)); err != nil {
					return err
				}
			}
			rounds[i] = z.converge(ctx, records, i)
		}
		evidence.Observed = rounds
		var errs []error
		for _, r := range rounds {
			errs = append(errs, r.errs...)
		}
		return worst(errs)
	})
}

// round is one look at all servers.
type round struct {
	At      time.Time             `json:"at"`
	Answers map[string][]sighting `json:"answers"`
	Nodes   []string              `json:"nodes,omitempty"` // NSIDs: which nodes of anycast addresses answered
	errs    []error
}

func (z *Zone) converge(ctx context.Context, records []Record, number int) round {
	r := round{At: time.Now().UTC(), Answers: map[string][]sighting{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, record := range records {
		all.Go(func() {
			var udp, tcp direct
			var want expected
			var err error
			var both sync.WaitGroup
			both.Go(func() { udp, tcp, err = z.directBoth(ctx, record.Name, number) })
			both.Go(func() { want = z.expect(ctx, record) })
			both.Wait()
			mu.Lock()
			defer mu.Unlock()
			seen := append(udp.all(), tcp.all()...)
			r.Answers[record.Name] = seen
			r.Nodes = sortedSet(append(r.Nodes, nodes(seen)...))
			r.errs = append(r.errs, err, leadsTo(want, udp), leadsTo(want, tcp))
		})
	}
	all.Wait()
	return r
}

// nodes are the names that servers give themselves (NSID, RFC 5001).
func nodes(seen []sighting) []string {
	var ids []string
	for _, s := range seen {
		if s.reply == nil {
			continue
		}
		if id := option[*dns.EDNS0_NSID](s.reply); id != nil {
			ids = append(ids, s.server.String()+" nsid "+id.Nsid)
		}
	}
	return ids
}

// option finds an EDNS option in a reply; nil where there is none.
func option[T dns.EDNS0](r *reply) T {
	var none T
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if typed, is := o.(T); is {
				return typed
			}
		}
	}
	return none
}

// RegionsCovered claims that the resolvers that can be judged by are enough to speak for the world: they stand in
// Config.Regions regions, each region asked for has one that answers, and at least 80 % of all answer (PRO-02).
func RegionsCovered(z *Zone) probe.Claim {
	return z.claim("PRO-02", "propagation rule 2", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		answers := make([]bool, len(z.config.Resolvers))
		var all sync.WaitGroup
		for i, r := range z.config.Resolvers {
			all.Go(func() { answers[i] = z.askResolver(ctx, r, z.apex, dns.TypeA, 0).err == nil })
		}
		all.Wait()
		observed := map[string]bool{}
		for i, r := range z.config.Resolvers {
			observed[r.Region+" "+r.String()] = answers[i]
		}
		evidence.Observed = observed
		return regionsCovered(z.config.Regions, z.config.Resolvers, answers)
	})
}

func regionsCovered(want int, resolvers []Resolver, answers []bool) error {
	covered := map[string]bool{}
	var silent []string
	for i, r := range resolvers {
		covered[r.Region] = covered[r.Region] || answers[i]
		if !answers[i] {
			silent = append(silent, r.String())
		}
	}
	var blank []string
	regions := 0
	for region, has := range covered {
		if has {
			regions++
		} else {
			blank = append(blank, region)
		}
	}
	unknown := &probe.Unknown{Class: "dns.vantages", Want: fmt.Sprintf("answers from resolvers in at least %d regions, in every region named, and from at least 80 %% of them", max(1, want)),
		From: several(silent), Fix: "name resolvers in more regions under dns.resolvers, or see why those do not answer this machine"}
	switch {
	case regions < max(1, want):
		unknown.Got = fmt.Sprintf("answers from %d region(s)", regions)
	case len(blank) > 0:
		unknown.Got = "no answer from " + several(blank)
	case 10*len(silent) > 2*len(resolvers):
		unknown.Got = fmt.Sprintf("answers from %d of %d", len(resolvers)-len(silent), len(resolvers))
	default:
		return nil
	}
	return unknown
}

// PropagatedTo claims that a recursive resolver gives the new answer of a record (PRO-02 to PRO-05; RFC 8914, RFC 7871,
// RFC 8767). Otherwise it tells apart: stale, with the time when the cached RRset runs out in Until; not converging, because the TTL
// does not fall or the resolver serves something of its own; and no evidence, which is BLOCKED.
func PropagatedTo(z *Zone, record Record, resolver Resolver) probe.Claim {
	return z.claim("PRO-02", "RFC 8914, RFC 7871, RFC 8767", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		if err := record.check(); err != nil {
			return err
		}
		var want expected
		var first vantage
		var both sync.WaitGroup
		both.Go(func() { want = z.expect(ctx, record) })
		both.Go(func() { first = z.vantage(ctx, resolver, record.Name, 0) })
		both.Wait()
		judge := judgement{want: want, private: z.config.Private, apex: z.apex}
		stale, err := judge.first(first)
		evidence.Observed = []vantage{first}
		if stale == nil {
			return err
		}
		if err := wait(ctx, stale.untilSecondLook(z.again)); err != nil {
			return stale.unmet()
		}
		second := z.vantage(ctx, resolver, record.Name, 1)
		evidence.Observed = []vantage{first, second}
		return judge.second(*stale, second)
	})
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// vantage is what one resolver says about a name at one time.
type vantage struct {
	Resolver string       `json:"resolver"`
	Answers  [2]recursive `json:"answers"` // A, AAAA
}

// recursive is one answer of a resolver, or why there is none.
type recursive struct {
	Chain    []cached  `json:"chain"`
	Negative bool      `json:"negative,omitempty"` // the chain ends in nothing
	Rcode    string    `json:"rcode"`
	AA       bool      `json:"aa,omitempty"`
	EDE      []string  `json:"ede,omitempty"`
	Scope    uint8     `json:"ecs_scope,omitempty"` // above 0 the answer is for the client's subnet only
	At       time.Time `json:"at"`
	Error    string    `json:"error,omitempty"`
	stale    bool      // by its own word: EDE 3 or 19
	err      error
}

// cached is an RRset as a resolver has it. A negative entry has no values.
type cached struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Values []string `json:"values"`
	TTL    uint32   `json:"ttl"`
	hasTTL bool
}

func (z *Zone) vantage(ctx context.Context, r Resolver, name string, number int) vantage {
	v := vantage{Resolver: r.String()}
	var both sync.WaitGroup
	for i, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		both.Go(func() { v.Answers[i] = z.askResolver(ctx, r, name, t, number) })
	}
	both.Wait()
	return v
}

// askResolver asks a resolver to recurse. REFUSED and the like are no evidence: the resolver does not serve this machine.
func (z *Zone) askResolver(ctx context.Context, r Resolver, name string, qtype uint16, number int) recursive {
	q := question{server: r.Addr, name: dns.CanonicalName(name), qtype: qtype, recurse: true, edns: true, subnet: r.Subnet, round: number}
	answer, err := z.content(ctx, q)
	if err != nil {
		err = q.unanswered(r.String(), err)
		return recursive{err: err, Error: err.Error()}
	}
	switch answer.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError, dns.RcodeServerFailure:
		return readRecursive(q, answer)
	default:
		err := &probe.Unknown{Class: "dns.no-evidence", Want: "an answer to " + q.String(), Got: dns.RcodeToString[answer.Rcode], From: r.String(),
			Fix: "use a resolver that serves this machine"}
		return recursive{err: err, Error: err.Error()}
	}
}

func readRecursive(q question, r *reply) recursive {
	seen := recursive{Rcode: dns.RcodeToString[r.Rcode], AA: r.Authoritative, At: r.at}
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if ede, is := o.(*dns.EDNS0_EDE); is {
				seen.EDE = append(seen.EDE, strings.TrimSpace(fmt.Sprintf("%d %s %s", ede.InfoCode, dns.ExtendedErrorCodeToString[ede.InfoCode], ede.ExtraText)))
				seen.stale = seen.stale || ede.InfoCode == dns.ExtendedErrorCodeStaleAnswer || ede.InfoCode == dns.ExtendedErrorCodeStaleNXDOMAINAnswer
			}
		}
	}
	if subnet := option[*dns.EDNS0_SUBNET](r); subnet != nil {
		seen.Scope = subnet.SourceScope
	}
	name := q.name
	for range longest + 1 {
		if rrset := section(r.Answer, name, q.qtype); len(rrset) > 0 {
			seen.Chain = append(seen.Chain, cached{name, dns.TypeToString[q.qtype], rdata(rrset), longestTTL(rrset), true})
			return seen
		}
		cname := section(r.Answer, name, dns.TypeCNAME)
		if len(cname) == 0 {
			break
		}
		seen.Chain = append(seen.Chain, cached{name, "CNAME", rdata(cname), longestTTL(cname), true})
		name = dns.CanonicalName(cname[0].(*dns.CNAME).Target)
	}
	seen.Negative = true
	absent := cached{Name: name, Type: dns.TypeToString[q.qtype]}
	for _, rr := range r.Ns {
		if soa, is := rr.(*dns.SOA); is { // RFC 2308 5
			absent.TTL, absent.hasTTL = min(soa.Hdr.Ttl, soa.Minttl), true
		}
	}
	seen.Chain = append(seen.Chain, absent)
	return seen
}

// values are the addresses at the end.
func (r recursive) values() []netip.Addr {
	if r.Negative || len(r.Chain) == 0 {
		return nil
	}
	return addresses(r.Chain[len(r.Chain)-1].Values)
}

// passes says whether the answer comes by way of a name.
func (r recursive) passes(name string) bool {
	return slices.ContainsFunc(r.Chain, func(c cached) bool { return c.Name == name && c.Type != "CNAME" || slices.Contains(c.Values, name) })
}

func (v vantage) say() string {
	var parts []string
	for i, family := range []string{"A", "AAAA"} {
		a := v.Answers[i]
		text := orNone(addressTexts(a.values()))
		if a.Rcode != "NOERROR" {
			text = a.Rcode
		}
		parts = append(parts, family+" "+text)
	}
	return strings.Join(parts, ", ")
}
