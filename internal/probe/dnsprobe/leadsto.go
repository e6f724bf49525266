package dnsprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// LeadsTo claims that a launch name answers what it must at every server: exactly its addresses, at the end of CNAMEs if
// there are any; or a CNAME to its target, or some of the target's own addresses (ALIAS, ANAME), with IPv4 among them where
// the target has it (CON-03).
func LeadsTo(z *Zone, record Record) probe.Claim {
	return z.claim("CON-03", "runbook", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		if err := record.check(); err != nil {
			return err
		}
		var seen direct
		var want expected
		var err error
		var both sync.WaitGroup
		both.Go(func() { seen, err = z.direct(ctx, record.Name, false, 0) })
		both.Go(func() { want = z.expect(ctx, record) })
		both.Wait()
		evidence.Observed = map[string]any{"answers": seen.all(), "target_addresses": want.target}
		if err != nil {
			return err
		}
		return leadsTo(want, seen)
	})
}

// check says whether the record says what it must answer.
func (r Record) check() error {
	exact := len(r.A)+len(r.AAAA) > 0
	if exact != (r.Target != "") && r.Name != "" {
		return nil
	}
	return &probe.Unknown{Class: "not-configured", Want: "a name with either addresses or a target", Got: fmt.Sprintf("%q with %d addresses and target %q", r.Name, len(r.A)+len(r.AAAA), r.Target),
		From: "dns.records", Fix: "give the record what it must answer"}
}

// expected is a record together with what has to be looked up to judge by it.
type expected struct {
	record Record
	chains [2]chain // of the name, to A and AAAA
	target []netip.Addr
	err    error // why the target's addresses are not known
}

func (z *Zone) expect(ctx context.Context, record Record) expected {
	return z.expectFor(ctx, record, netip.Prefix{})
}

// expectFor is what clients in a subnet are to be given.
func (z *Zone) expectFor(ctx context.Context, record Record, subnet netip.Prefix) expected {
	want := expected{record: record}
	var both sync.WaitGroup
	both.Go(func() { want.chains = z.followBothFor(ctx, record.Name, subnet) })
	if record.Target != "" {
		both.Go(func() { want.target, want.err = z.addressesFor(ctx, record.Target, subnet) })
	}
	both.Wait()
	return want
}

func leadsTo(want expected, seen direct) error {
	errs := failures(seen.all())
	v6 := map[server]sighting{}
	for _, s := range seen.v6 {
		v6[s.server] = s
	}
	for _, s4 := range seen.v4 {
		s6 := v6[s4.server]
		if s4.err != nil || s6.err != nil {
			continue
		}
		if want.record.Target != "" {
			errs = append(errs, want.leadsToTarget(s4, s6))
		} else {
			errs = append(errs, want.hasAddresses(s4, "A", want.record.A, want.chains[0]), want.hasAddresses(s6, "AAAA", want.record.AAAA, want.chains[1]))
		}
	}
	return worst(errs)
}

func (want expected) mismatch(what, got, from string) error {
	return &probe.Unmet{Class: "dns.mismatch", Want: plain(want.record.Name) + " " + what, Got: got, From: from,
		Fix: "correct the record at the DNS provider, or dns.records"}
}

// hasAddresses judges one server's answer against the exact set.
func (want expected) hasAddresses(s sighting, family string, exact []netip.Addr, c chain) error {
	values := s.values
	if s.state == alias {
		if blank := worst(c.blanks()); blank != nil {
			return blank
		}
		values = c.values()
	}
	texts := addressTexts(exact)
	if s.state != nxdomain && s.state != referred && slices.Equal(addressTexts(addresses(values)), texts) {
		return nil
	}
	got := s.answer()
	if s.state == alias {
		got += " with " + orNone(values)
	}
	return want.mismatch(family+" "+orNone(texts), got, s.from())
}

// leadsToTarget judges one server's answers against the target.
func (want expected) leadsToTarget(s4, s6 sighting) error {
	target := dns.CanonicalName(want.record.Target)
	what := "CNAME " + plain(target) + " or addresses of it"
	for i, s := range []sighting{s4, s6} {
		if s.state == alias && !want.chains[i].passes(s.target, target, longest) {
			return want.mismatch(what, s.answer(), s.from())
		}
	}
	if s4.state == alias && s6.state == alias {
		return nil
	}
	got := addresses(slices.Concat(s4.values, s6.values))
	if s4.state == alias || s6.state == alias || len(got) == 0 {
		return want.mismatch(what, s4.answer()+" for A, "+s6.answer()+" for AAAA", s4.from())
	}
	if want.err != nil {
		return want.err
	}
	if extra := without(addressTexts(got), addressTexts(want.target)); len(extra) > 0 {
		return want.mismatch(what+" ("+strings.Join(addressTexts(want.target), ", ")+")", strings.Join(extra, ", "), s4.from())
	}
	if len(s4.values) == 0 && slices.ContainsFunc(want.target, netip.Addr.Is4) { // that AAAA is missing is for AAAAParity to say
		return want.mismatch(what, s4.answer()+" for A, though "+plain(target)+" has IPv4 addresses", s4.from())
	}
	return nil
}

// passes says whether every way from name leads through target.
func (c *chain) passes(name, target string, depth int) bool {
	if name == target {
		return true
	}
	ways := 0
	for _, l := range c.links {
		if l.name != name {
			continue
		}
		for _, s := range l.seen {
			if s.err != nil {
				continue
			}
			if s.state != alias || depth == 0 || !c.passes(s.target, target, depth-1) {
				return false
			}
			ways++
		}
	}
	return ways > 0
}
