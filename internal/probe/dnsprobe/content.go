package dnsprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// SerialsAgree claims that every server has the same version of the zone, by the serial of its SOA (RFC 1035 3.3.13;
// CON-01). It does not apply where several independent providers serve the zone: their serials have nothing in common.
func SerialsAgree(z *Zone) probe.Claim {
	return z.claim("CON-01", "RFC 1035 3.3.13, RFC 1982", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		if z.config.Providers > 1 {
			return &probe.NotApplicable{Why: fmt.Sprintf("%d independent providers serve the zone, each with serials of its own", z.config.Providers)}
		}
		seen, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeSOA})
		evidence.Observed = seen
		if err != nil {
			return err
		}
		return serialsAgree(seen)
	})
}

func serialsAgree(seen []sighting) error {
	var newest uint32
	first := true
	for _, s := range seen {
		if soa := s.soa(); soa != nil && (first || newer(soa.Serial, newest)) {
			newest, first = soa.Serial, false
		}
	}
	errs := failures(seen)
	for _, s := range seen {
		soa := s.soa()
		switch {
		case s.err != nil:
		case soa == nil:
			errs = append(errs, &probe.Unmet{Class: "dns.serial", Want: "an SOA record", Got: s.answer(), From: s.from(), Fix: "make the server serve the zone"})
		case soa.Serial != newest:
			errs = append(errs, &probe.Unmet{Class: "dns.serial", Want: fmt.Sprintf("SOA serial %d, the newest", newest), Got: fmt.Sprintf("%d", soa.Serial), From: s.from(),
				Fix: "see why the server does not take over the zone (NOTIFY, transfer)"})
		}
	}
	return worst(errs)
}

// newer compares serials, which go round (RFC 1982 3.2).
func newer(serial, than uint32) bool { return serial != than && serial-than < 1<<31 }

func (s sighting) soa() *dns.SOA {
	if s.state != found {
		return nil
	}
	for _, rr := range s.reply.Answer {
		if soa, is := rr.(*dns.SOA); is {
			return soa
		}
	}
	return nil
}

// direct is what every server says at a launch name itself: A and AAAA, over one transport, in one round.
type direct struct{ v4, v6 []sighting }

func (d direct) all() []sighting { return slices.Concat(d.v4, d.v6) }

// direct asks every server for a name's A and AAAA.
func (z *Zone) direct(ctx context.Context, name string, tcp bool, round int) (direct, error) {
	q := question{name: name, tcp: tcp, round: round}
	if round > 0 && !tcp {
		q.edns, q.nsid = true, true // who answers can differ from round to round, and NSID tells
	}
	return z.bothFamilies(ctx, q)
}

// bothFamilies puts a question to every server, once for A and once for AAAA.
func (z *Zone) bothFamilies(ctx context.Context, q question) (direct, error) {
	var d direct
	var errs [2]error
	var both sync.WaitGroup
	ask := func(qtype uint16, seen *[]sighting, err *error) {
		q := q
		q.qtype = qtype
		*seen, *err = z.everywhere(ctx, q)
	}
	both.Go(func() { ask(dns.TypeA, &d.v4, &errs[0]) })
	both.Go(func() { ask(dns.TypeAAAA, &d.v6, &errs[1]) })
	both.Wait()
	return d, worst(errs[:])
}

// AnswersAgree claims that every server gives the same A and AAAA for a launch name, over UDP and over TCP, and the same
// for each further name of the zone that its CNAMEs lead to, but the apex, which is a launch name itself (RFC 2181 5;
// CON-02). Equal serials prove nothing.
func AnswersAgree(z *Zone, record Record) probe.Claim {
	return z.claim("CON-02", "RFC 2181 5", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		udp, tcp, err := z.directBoth(ctx, record.Name, 0)
		evidence.Observed = append(udp.all(), tcp.all()...)
		if err != nil {
			return err
		}
		errs := []error{answersAgree(record.Name, udp, tcp)}
		for _, c := range z.followBoth(ctx, record.Name) {
			for _, l := range c.links[1:] {
				if within(l.name, z.apex) && l.name != z.apex {
					errs = append(errs, agree(l.seen, l.name, c.qtype))
				}
			}
		}
		return worst(errs)
	})
}

func (z *Zone) directBoth(ctx context.Context, name string, round int) (udp, tcp direct, err error) {
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() { udp, errs[0] = z.direct(ctx, name, false, round) })
	both.Go(func() { tcp, errs[1] = z.direct(ctx, name, true, round) })
	both.Wait()
	return udp, tcp, worst(errs[:])
}

func answersAgree(name string, udp, tcp direct) error {
	v4 := slices.Concat(udp.v4, tcp.v4)
	v6 := slices.Concat(udp.v6, tcp.v6)
	return worst([]error{agree(v4, name, dns.TypeA), agree(v6, name, dns.TypeAAAA)})
}

func agree(seen []sighting, name string, qtype uint16) error {
	want := "the same " + dns.TypeToString[qtype] + " for " + plain(name) + " from every server, over UDP and TCP"
	return worst(append([]error{disagreement(seen, "dns.disagreement", want, "see which server is behind, and why", sighting.answer)}, failures(seen)...))
}

// disagreement says who differs, where the servers that answer do not all say the same.
func disagreement(seen []sighting, class, want, fix string, say func(sighting) string) error {
	from := map[string][]string{}
	for _, s := range seen {
		if s.err == nil {
			from[say(s)] = append(from[say(s)], s.from())
		}
	}
	if len(from) < 2 {
		return nil
	}
	var groups []string
	for what, who := range from {
		groups = append(groups, what+" from "+several(who))
	}
	return &probe.Unmet{Class: class, Want: want, Got: strings.Join(sortedSet(groups), "; "), Fix: fix}
}

// MXIs claims that every server names exactly these mail exchangers, written "10 mail.example.com". With none wanted
// the zone must have no MX or the null MX (RFC 7505; CON-03).
func MXIs(z *Zone, want []string) probe.Claim {
	return z.claim("CON-03", "runbook, RFC 7505", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		seen, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeMX})
		evidence.Observed = seen
		if err != nil {
			return err
		}
		return mxIs(want, seen)
	})
}

func mxIs(want []string, seen []sighting) error {
	same := func(mx string) string {
		return strings.ToLower(strings.Join(strings.Fields(strings.TrimSuffix(mx, ".")), " "))
	}
	var texts []string
	for _, w := range want {
		texts = append(texts, same(w))
	}
	texts = sortedSet(texts)
	errs := failures(seen)
	for _, s := range seen {
		var got []string
		for _, v := range s.values {
			if len(texts) > 0 || v != "0 ." {
				got = append(got, same(v))
			}
		}
		if s.err == nil && (s.state != found && s.state != nodata || !slices.Equal(sortedSet(got), texts)) {
			errs = append(errs, &probe.Unmet{Class: "dns.mx", Want: "MX " + orNone(texts), Got: s.answer(), From: s.from(), Fix: "put the MX records back, or correct dns.mx"})
		}
	}
	return worst(errs)
}
