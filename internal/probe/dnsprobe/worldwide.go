package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/globalping"
)

// Globalping says where in the world probes of globalping.io look launch names up.
type Globalping struct {
	Network   *probe.Network                        // how the service itself is reached
	Locations []string                              // countries or cities
	Probes    int                                   // in each
	Token     func(context.Context) (string, error) // nil: the limit for everybody
}

// PropagatedWorldwide claims that the resolvers of globalping.io's probes have the new answer of a record: every probe that
// can tell, 80 % of all, and one in each location of Config.Globalping (PRO-02). They are judged as resolvers are. A probe
// that is offline, or failed by its own fault, is no evidence; one whose network answers in the DNS's place is a failure.
func PropagatedWorldwide(z *Zone, record Record) probe.Claim {
	return z.claim("PRO-02", "propagation rule 2, globalping.io API v1", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		locations := z.config.Globalping.Locations
		if err := record.check(); err != nil {
			return err
		}
		if len(locations) == 0 {
			return &probe.Unknown{Class: "not-configured", Want: "locations of probes", Got: "none", From: "dns.globalping.locations", Fix: "name countries or cities"}
		}
		at := make([][]Standing, len(locations))
		var all sync.WaitGroup
		for i, location := range locations {
			all.Go(func() { at[i] = z.standingsIn(ctx, location, record) })
		}
		all.Wait()
		p := Propagation{Vantages: slices.Concat(at...)}
		for _, v := range p.Vantages {
			logAsked(ctx, v.Who)
		}
		evidence.Observed = p.Vantages
		return p.judge(len(locations), func(s Standing) error { return s.Err })
	})
}

// standingsIn is where the probes in a location stand. Where one of them has an old answer, all of them look again.
func (z *Zone) standingsIn(ctx context.Context, location string, record Record) []Standing {
	var want expected
	var first measured
	var both sync.WaitGroup
	both.Go(func() { want = z.expect(ctx, record) })
	both.Go(func() {
		first = z.measure(ctx, globalping.Query{Name: plain(dns.CanonicalName(record.Name)), Location: location, Probes: z.config.Globalping.Probes})
	})
	both.Wait()
	if len(first.vantages) == 0 {
		s := Standing{Who: "globalping probes in " + location, Region: location, Status: probe.Blocked, Err: first.err}
		s.explain()
		return []Standing{s}
	}
	j := judgement{want: want, private: z.config.Private, apex: z.apex}
	olds := make([]*staleness, len(first.vantages))
	errs := make([]error, len(first.vantages))
	pause := time.Duration(0)
	for i, v := range first.vantages {
		if olds[i], errs[i] = j.look(samples{v}); olds[i] != nil {
			pause = max(pause, olds[i].untilNextLook(z.again))
		}
	}
	var second measured
	if pause > 0 && probe.Wait(ctx, pause) == nil {
		second = z.measure(ctx, globalping.Query{Name: plain(dns.CanonicalName(record.Name)), Like: first.id})
	}
	all := make([]Standing, len(first.vantages))
	for i, v := range first.vantages {
		looks := []samples{{v}}
		if old := olds[i]; old != nil {
			errs[i] = old.unmet()
			if len(second.vantages) == len(all) && second.vantages[i].Resolver == v.Resolver { // another resolver of the probe proves nothing
				looks = append(looks, samples{second.vantages[i]})
				if old, errs[i] = j.again(old, looks[1]); old != nil {
					errs[i] = old.unmet() // there are several caches, and this one lasts longer
				}
			}
		}
		all[i] = j.standing(v.Resolver, location, looks, errs[i])
	}
	return all
}

// measured is what probes saw of a name, A and AAAA.
type measured struct {
	id       string // of the measurement of A
	vantages []vantage
	err      error // why there are none
}

// measure has probes look up A, and the same probes AAAA.
func (z *Zone) measure(ctx context.Context, q globalping.Query) measured {
	var ids [2]string
	var sent [2]time.Time
	for i, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		var err error
		q.Type, sent[i] = dns.TypeToString[t], time.Now()
		if ids[i], err = z.globalping.Start(ctx, q); err != nil {
			return measured{err: err}
		}
		if q.Like == "" {
			q.Like = ids[0]
		}
	}
	var families [2]*globalping.Measurement
	var errs [2]error
	var both sync.WaitGroup
	for i, id := range ids {
		both.Go(func() { families[i], errs[i] = z.globalping.Await(ctx, id) })
	}
	both.Wait()
	if err := worst(errs[:]); err != nil {
		return measured{err: err}
	}
	m := measured{id: ids[0]}
	for n, result := range families[0].Results {
		v := vantage{Resolver: probeName(result)}
		for i, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
			families[i].Sent = sent[i]
			v.Answers[i] = lookedUp(question{name: dns.CanonicalName(q.Name), qtype: t}, v.Resolver, families[i], n, result.Probe)
		}
		m.vantages = append(m.vantages, v)
	}
	if len(m.vantages) == 0 {
		m.err = &probe.Unknown{Class: "dns.no-evidence", Want: "answers to " + q.Name, Got: "a measurement without a probe", From: globalping.Base}
	}
	return m
}

func probeName(r globalping.Result) string {
	name := fmt.Sprintf("globalping probe in %s, %s (AS%d %s)", r.Probe.City, r.Probe.Country, r.Probe.ASN, r.Probe.Network)
	if r.Lookup.Resolver != "" {
		name += " asking " + r.Lookup.Resolver
	}
	return name
}

// lookedUp reads one probe's result as a resolver's answer.
func lookedUp(q question, who string, m *globalping.Measurement, n int, at globalping.Probe) recursive {
	none := func(err error) recursive { return recursive{err: err, Error: err.Error()} }
	no := &probe.Unknown{Class: "dns.no-evidence", Want: "an answer to " + q.String(), From: who, Fix: "see what the probe says, or ask again for other probes"}
	if n >= len(m.Results) || m.Results[n].Probe != at {
		no.Got = "no result of this probe"
		return none(no)
	}
	switch l := m.Results[n].Lookup; {
	case l.Status == globalping.Failed && l.FailureSource == "target":
		return none(&probe.Unmet{Class: "dns.servfail", Want: no.Want, Got: "a look-up that failed by the name's own fault", From: who, Fix: "see whether the zone answers and validates everywhere"})
	case l.Status != globalping.Finished || l.StatusCode == nil:
		no.Got = strings.TrimSpace("a look-up that ended as " + l.Status + " " + l.FailureSource)
		return none(no)
	case *l.StatusCode != dns.RcodeSuccess && *l.StatusCode != dns.RcodeNameError && *l.StatusCode != dns.RcodeServerFailure:
		no.Got = rcodeText(*l.StatusCode)
		return none(no)
	default:
		answer, err := message(l)
		if err != nil {
			no.Got, no.Err = "an answer that cannot be read", err
			return none(no)
		}
		return readRecursive(q, &reply{Msg: answer, sent: m.Sent, at: m.Received})
	}
}

func rcodeText(code int) string {
	if text, known := dns.RcodeToString[code]; known {
		return text
	}
	return fmt.Sprintf("RCODE %d", code)
}

var errNoRecord = errors.New("not a resource record")

// message is a look-up as the DNS message that it was, as far as the service tells.
func message(l globalping.Lookup) (*dns.Msg, error) {
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: *l.StatusCode, RecursionAvailable: true}}
	for _, a := range l.Answers {
		header := dns.RR_Header{Name: dns.CanonicalName(a.Name), Class: dns.ClassINET, Ttl: uint32(min(max(a.TTL, 0), 1<<31-1))} //nolint:gosec // RFC 2181 8: 31 bits
		header.Rrtype = dns.StringToType[a.Type]
		ip := net.ParseIP(a.Value)
		switch {
		case header.Rrtype == dns.TypeA && ip.To4() != nil:
			m.Answer = append(m.Answer, &dns.A{Hdr: header, A: ip})
		case header.Rrtype == dns.TypeAAAA && ip != nil && ip.To4() == nil:
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: header, AAAA: ip})
		case header.Rrtype == dns.TypeCNAME && a.Value != "":
			m.Answer = append(m.Answer, &dns.CNAME{Hdr: header, Target: dns.CanonicalName(a.Value)})
		case header.Rrtype == dns.TypeA, header.Rrtype == dns.TypeAAAA, header.Rrtype == dns.TypeCNAME, a.Name == "":
			return nil, fmt.Errorf("%w: %q", errNoRecord, a.Value)
		}
	}
	return m, nil
}
