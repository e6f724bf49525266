package dnsprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Propagation is where a record stands at one time: at the zone's servers, and at every vantage that Config names.
type Propagation struct {
	Servers  []Standing `json:"servers"`
	Vantages []Standing `json:"vantages"`
	Subnets  []Standing `json:"subnets,omitempty"` // what the zone's servers have for the clients in each client subnet
	Unseen   Unseen     `json:"unseen"`

	Err error `json:"-"` // why it has not propagated, or why nobody can tell; nil where it has
}

// Propagation looks at the zone's servers and at the resolvers, each of them with and without its client subnet. The
// snapshot, which may be nil, tells for how long the old answer could be cached.
func (z *Zone) Propagation(ctx context.Context, record Record, snapshot *Snapshot) Propagation {
	if err := record.check(); err != nil {
		return Propagation{Err: err}
	}
	vantages, subnets := z.vantages(), z.subnets()
	p := Propagation{Vantages: make([]Standing, len(vantages)), Subnets: make([]Standing, len(subnets))}
	var all sync.WaitGroup
	all.Go(func() {
		p.Servers = z.serversStand(ctx, record, question{name: record.Name})
		p.Unseen = z.unseen(ctx, record, p.Servers, snapshot)
	})
	for i, r := range vantages {
		all.Go(func() { p.Vantages[i] = z.standingOf(ctx, r, record) })
	}
	for i, subnet := range subnets {
		all.Go(func() { p.Subnets[i] = z.serversStandFor(ctx, record, subnet) })
	}
	all.Wait()
	p.dropEnds()
	p.Err = p.judge(z.config.Regions, func(s Standing) error { return s.Err })
	return p
}

// dropEnds takes the end from old answers that a server of the zone still gives somebody: a cache can fetch them again.
func (p *Propagation) dropEnds() {
	for i := range p.Vantages {
		v := &p.Vantages[i]
		old := slices.ContainsFunc(p.Servers, Standing.answersOld) ||
			slices.ContainsFunc(p.Subnets, func(s Standing) bool { return s.subnet == v.subnet && s.answersOld() })
		var unmet *probe.Unmet
		if old && errors.As(v.Err, &unmet) && !unmet.Until.IsZero() {
			endless := *unmet
			endless.Until, endless.Fix = time.Time{}, "first give every server of the zone the new answer: until then a cache can fetch the old one again"
			v.Err = &endless
			v.explain()
		}
	}
}

// answersOld says whether a server of the zone has another answer than the new one, rather than none.
func (s Standing) answersOld() bool {
	var unmet *probe.Unmet
	return errors.As(s.Err, &unmet) && unmet.Class != "dns.lame"
}

// judge sums up what was said: what is measured and wrong first, and what has no end before what has one; then whether
// the vantages that can be judged by are enough.
func (p Propagation) judge(regions int, of func(Standing) error) error {
	var endless, ending, unknown []error
	for _, s := range slices.Concat(p.Subnets, p.Vantages) {
		var unmet *probe.Unmet
		switch err := of(s); {
		case errors.As(err, &unmet) && unmet.Until.IsZero():
			endless = append(endless, err)
		case unmet != nil:
			ending = append(ending, err)
		}
	}
	for _, s := range p.Subnets {
		unknown = append(unknown, of(s))
	}
	return cmp.Or(worst(slices.Concat(endless, ending)), worst(unknown), regionsCovered(regions, p.Vantages))
}

// Propagated claims that every resolver that can be judged by has the new answer of a record, with and without the client
// subnets, and that these are enough to speak for the world: 80 % of all, and one in each region (PRO-02). Otherwise it
// tells apart: stale, with the time when the last cached RRset runs out in Until; not converging, because a TTL does not
// fall or a resolver serves something of its own; and no evidence, which is BLOCKED.
func Propagated(z *Zone, record Record, snapshot *Snapshot) probe.Claim {
	return z.claim("PRO-02", "RFC 8914, RFC 7871, RFC 8767", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		p := z.Propagation(ctx, record, snapshot)
		evidence.Observed = p
		if p.Err == nil {
			evidence.GuaranteedAfter = p.Unseen.GuaranteedAfter
		}
		return p.Err
	})
}

// OldRunsOut claims that what is still old somewhere has an end: no resolver keeps the old answer of a record pinned,
// refilled or served stale, and none serves something of its own (PRO-03).
func OldRunsOut(z *Zone, record Record) probe.Claim {
	return z.propagation("PRO-03", "propagation rule 4", record, func(s Standing) error {
		var unmet *probe.Unmet
		if errors.As(s.Err, &unmet) && (unmet.Class == "dns.servfail" || !unmet.Until.IsZero()) {
			return nil
		}
		return s.Err
	})
}

// PropagatedToSubnets claims that clients in each client subnet of the resolvers get the new answer of a record, from
// the resolvers and from the zone's own servers (RFC 7871; PRO-04).
func PropagatedToSubnets(z *Zone, record Record) probe.Claim {
	return z.claim("PRO-04", "RFC 7871", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		if len(z.subnets()) == 0 {
			return &probe.NotApplicable{Why: "no resolver is to be asked for the clients in a subnet"}
		}
		p := z.Propagation(ctx, record, nil)
		p.Vantages = slices.DeleteFunc(p.Vantages, func(s Standing) bool { return !s.subnet.IsValid() })
		evidence.Observed = map[string]any{"resolvers": p.Vantages, "servers": p.Subnets}
		if len(p.Vantages) == 0 {
			return p.Err
		}
		return p.judge(1, func(s Standing) error { return s.Err })
	})
}

// ResolversSound claims that no resolver answers a record with SERVFAIL, or with an answer that it calls stale itself
// (RFC 8914 extended errors 3 and 19, RFC 8767; PRO-05).
func ResolversSound(z *Zone, record Record) probe.Claim {
	return z.propagation("PRO-05", "RFC 8914, RFC 8767", record, func(s Standing) error {
		var errs []error
		for _, look := range s.Looks {
			for _, v := range look {
				errs = append(errs, s.judge.unsound(v))
			}
		}
		return worst(errs)
	})
}

// propagation is a claim about one side of where a record stands.
func (z *Zone) propagation(id, source string, record Record, of func(Standing) error) probe.Claim {
	return z.claim(id, source, record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		p := z.Propagation(ctx, record, nil)
		evidence.Observed = p.Vantages
		if len(p.Vantages) == 0 {
			return p.Err
		}
		return p.judge(z.config.Regions, of)
	})
}

// regionsCovered judges whether the vantages that can be judged by are enough.
func regionsCovered(want int, vantages []Standing) error {
	covered := map[string]bool{}
	var silent []string
	var reasons []error
	for _, v := range vantages {
		conclusive := v.Status != probe.Blocked
		covered[v.Region] = covered[v.Region] || conclusive
		if !conclusive {
			silent, reasons = append(silent, v.Who), append(reasons, v.Err)
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
	unknown := &probe.Unknown{Class: "dns.vantages", Want: fmt.Sprintf("answers from at least %d regions, from every region named, and from at least 80 %% of those asked", max(1, want)),
		From: several(silent), Fix: "name resolvers in more regions under dns.resolvers, or see why those do not answer this machine"}
	switch {
	case regions < max(1, want):
		unknown.Got = fmt.Sprintf("answers from %d region(s)", regions)
	case len(blank) > 0:
		unknown.Got = "no answer from " + several(blank)
	case 10*len(silent) > 2*len(vantages):
		unknown.Got = fmt.Sprintf("answers from %d of %d", len(vantages)-len(silent), len(vantages))
	default:
		return nil
	}
	var reason *probe.Unknown
	if errors.As(worst(reasons), &reason) {
		unknown.Got, unknown.Err = unknown.Got+" ("+reason.Got+")", reason
	}
	return unknown
}
