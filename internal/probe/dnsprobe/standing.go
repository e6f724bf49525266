package dnsprobe

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Standing is where one server, resolver or probe stands with a record: whether it has the new answer, and otherwise what
// it has and until when.
type Standing struct {
	Who     string       `json:"who"`
	Region  string       `json:"region,omitempty"`
	Status  probe.Status `json:"status"` // PASS: it has the new answer; BLOCKED: it is no evidence
	Says    string       `json:"says,omitempty"`
	Problem string       `json:"problem,omitempty"`
	Until   time.Time    `json:"until,omitzero"` // when the old answer has run out; zero where nobody can say, or where it is new
	Looks   []samples    `json:"looks,omitempty"`

	Err    error `json:"-"`
	judge  judgement
	subnet netip.Prefix // of the clients that it speaks for
}

// standing is a vantage's with the looks that were taken and what the last of them said.
func (j judgement) standing(who, region string, looks []samples, err error) Standing {
	s := Standing{Who: who, Region: region, Status: probe.StatusOf(err), Looks: looks, Err: err, judge: j}
	if last := looks[len(looks)-1]; len(last) > 0 {
		s.Says = last[0].say()
	}
	s.explain()
	return s
}

// explain puts into words what the error says.
func (s *Standing) explain() {
	var unmet *probe.Unmet
	if errors.As(s.Err, &unmet) {
		s.Says, s.Until = unmet.Got, unmet.Until
	}
	if s.Err != nil {
		s.Problem = s.Err.Error()
	}
}

// standingOf asks a resolver, and again while it has an old answer, to see whether that runs out.
func (z *Zone) standingOf(ctx context.Context, r Resolver, record Record) Standing {
	var looks []samples
	var everybody, subnet expected
	var all sync.WaitGroup
	all.Go(func() { looks = append(looks, z.look(ctx, r, record.Name, 0)) })
	all.Go(func() { everybody = z.expect(ctx, record) })
	if r.Subnet.IsValid() {
		all.Go(func() { subnet = z.expectFor(ctx, record, r.Subnet) })
	}
	all.Wait()
	j := judgement{want: everybody, private: z.config.Private, apex: z.apex}
	if r.Subnet.IsValid() && looks[0].depends() {
		j.want, j.subnet = subnet, r.Subnet
	}
	old, err := j.look(looks[0])
	for old != nil {
		if waited := probe.Wait(ctx, old.untilNextLook(z.again)); waited != nil {
			err = old.unmet()
			break
		}
		looks = append(looks, z.look(ctx, r, record.Name, len(looks)))
		old, err = j.again(old, looks[len(looks)-1])
	}
	s := j.standing(r.String(), r.Region, looks, err)
	s.subnet = r.Subnet
	return s
}

// depends says whether the answer is for the client's subnet only: a scope above 0 (RFC 7871 7.2.1).
func (s samples) depends() bool {
	for _, v := range s {
		if v.Answers[0].Scope > 0 || v.Answers[1].Scope > 0 {
			return true
		}
	}
	return false
}

// subnets are the client subnets that the resolvers are to be asked with.
func (z *Zone) subnets() []netip.Prefix {
	var all []netip.Prefix
	for _, r := range z.config.Resolvers {
		if r.Subnet.IsValid() && !slices.Contains(all, r.Subnet) {
			all = append(all, r.Subnet)
		}
	}
	return all
}

// serversStandFor is where the zone's servers stand, all in all, for the clients in a subnet.
func (z *Zone) serversStandFor(ctx context.Context, record Record, subnet netip.Prefix) Standing {
	all := z.serversStand(ctx, record, question{name: record.Name, edns: true, subnet: subnet})
	s := Standing{Who: "the zone's servers for clients in " + subnet.String(), subnet: subnet}
	var errs []error
	for _, server := range all {
		errs = append(errs, server.Err)
		s.Says = server.Says
	}
	s.Err = worst(errs)
	var unmet *probe.Unmet
	if errors.As(s.Err, &unmet) {
		unmet.Class = "dns.not-converging"
		unmet.From, unmet.Fix = unmet.From+" for clients in "+subnet.String(), "give the clients there the new answer at the DNS provider too"
	}
	s.Status = probe.StatusOf(s.Err)
	s.explain()
	return s
}

// serversStand is where each server of the zone stands, by its answers to a question. What it has wrong lasts until somebody
// corrects it.
func (z *Zone) serversStand(ctx context.Context, record Record, q question) []Standing {
	var seen direct
	var want expected
	var err error
	var both sync.WaitGroup
	both.Go(func() { seen, err = z.bothFamilies(ctx, q) })
	both.Go(func() { want = z.expectFor(ctx, record, q.subnet) })
	both.Wait()
	if len(seen.v4) == 0 {
		s := Standing{Who: plain(z.apex), Status: probe.StatusOf(err), Err: err}
		s.explain()
		return []Standing{s}
	}
	v6 := map[server]sighting{}
	for _, s := range seen.v6 {
		v6[s.server] = s
	}
	all := make([]Standing, len(seen.v4))
	for i, s4 := range seen.v4 {
		s6 := v6[s4.server]
		err := leadsTo(want, direct{v4: []sighting{s4}, v6: []sighting{s6}})
		all[i] = Standing{Who: s4.server.String(), Status: probe.StatusOf(err), Says: "A " + s4.answer() + ", AAAA " + s6.answer(), Err: err}
		all[i].explain()
	}
	return all
}
