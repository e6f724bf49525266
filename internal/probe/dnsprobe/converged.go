package dnsprobe

import (
	"context"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
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
				if err := probe.Wait(ctx, z.config.Repeat.Over/time.Duration(len(rounds)-1)); err != nil {
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
		standings := make([]Standing, len(z.config.Resolvers))
		var all sync.WaitGroup
		for i, r := range z.config.Resolvers {
			all.Go(func() {
				err := z.askResolver(ctx, r, z.apex, dns.TypeA, 0).err
				standings[i] = Standing{Who: r.String(), Region: r.Region, Status: probe.StatusOf(err), Err: err}
				standings[i].explain()
			})
		}
		all.Wait()
		evidence.Observed = standings
		return regionsCovered(z.config.Regions, standings)
	})
}
