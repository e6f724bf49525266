package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// AnswersUDP claims that each server answers over UDP (RFC 7766 5; TRN-01). What it answers is for other claims.
func AnswersUDP(z *Zone) probe.Claim {
	return z.claim("TRN-01", "RFC 7766 5", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		seen, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeSOA})
		evidence.Observed = seen
		if err != nil {
			return err
		}
		return answersUDP(seen)
	})
}

func answersUDP(seen []sighting) error {
	var errs []error
	for _, s := range seen {
		var silence *probe.Unknown
		if errors.As(s.err, &silence) && silence.Class == "dns.truncated" { // an answer over UDP, and none over TCP
			continue
		}
		errs = append(errs, blame(s.err, "dns.udp", "an answer over UDP", "let UDP port 53 through to the name server"))
	}
	return worst(onlySilence(errs))
}

// onlySilence drops the findings of servers that did answer, if wrongly.
func onlySilence(errs []error) []error {
	return slices.DeleteFunc(errs, func(err error) bool {
		var unmet *probe.Unmet
		return err == nil || errors.As(err, &unmet) && unmet.Class == "dns.lame"
	})
}

// AnswersTCP claims that each server answers over TCP, and the same as over UDP (RFC 7766 5, RFC 9210; TRN-02).
func AnswersTCP(z *Zone) probe.Claim {
	return z.claim("TRN-02", "RFC 7766 5, RFC 9210", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		udp, tcp, err := z.overBoth(ctx, z.apex, dns.TypeSOA)
		evidence.Observed = append(slices.Clone(udp), tcp...)
		if err != nil {
			return err
		}
		return answersTCP(udp, tcp)
	})
}

// overBoth asks every server over UDP and over TCP.
func (z *Zone) overBoth(ctx context.Context, name string, qtype uint16) (udp, tcp []sighting, err error) {
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() { udp, errs[0] = z.everywhere(ctx, question{name: name, qtype: qtype}) })
	both.Go(func() { tcp, errs[1] = z.everywhere(ctx, question{name: name, qtype: qtype, tcp: true}) })
	both.Wait()
	return udp, tcp, worst(errs[:])
}

func answersTCP(udp, tcp []sighting) error {
	over := map[server]sighting{}
	for _, s := range udp {
		over[s.server] = s
	}
	var errs []error
	for _, s := range tcp {
		if s.err != nil {
			errs = append(errs, blame(s.err, "dns.tcp", "an answer over TCP", "let TCP port 53 through to the name server, and make it listen there"))
			continue
		}
		if u := over[s.server]; u.err == nil && u.answer() != s.answer() {
			errs = append(errs, &probe.Unmet{Class: "dns.tcp", Want: "the same answer over TCP as over UDP, " + u.answer(), Got: s.answer(), From: s.from(),
				Fix: "make both transports lead to the same server"})
		}
	}
	return worst(nobodyOverTCP(tcp, onlySilence(errs)))
}

// nobodyOverTCP gives the servers the benefit of the doubt where every connection of this machine timed out: then the
// network between may be what blocks TCP port 53.
func nobodyOverTCP(tcp []sighting, errs []error) []error {
	for _, s := range tcp {
		var silence *probe.Unknown
		if !errors.As(s.err, &silence) || silence.Class != "timeout" {
			return errs
		}
	}
	if len(tcp) < 2 {
		return errs
	}
	return []error{&probe.Unknown{Class: "timeout", Want: "an answer over TCP", Got: "no answer from any server", From: "TCP port 53 of every server",
		Fix: "see whether this machine may connect to TCP port 53; if it may, the servers do not listen there"}}
}

// AnswersEDNS claims that each server answers a question with EDNS(0) by NOERROR and an OPT record of its own
// (RFC 6891; TRN-03).
func AnswersEDNS(z *Zone) probe.Claim {
	return z.claim("TRN-03", "RFC 6891", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		seen, bare, err := z.largeAndSmall(ctx, dns.TypeSOA)
		evidence.Observed = seen
		if err != nil {
			return err
		}
		return answersEDNS(seen, bare)
	})
}

// largeAndSmall asks every server for an RRset of the apex with EDNS, and for the SOA without.
func (z *Zone) largeAndSmall(ctx context.Context, qtype uint16) (large, small []sighting, err error) {
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() { large, errs[0] = z.rawAtEach(ctx, qtype) })
	both.Go(func() { small, errs[1] = z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeSOA}) })
	both.Wait()
	return large, small, worst(errs[:])
}

// rawAtEach asks every server for an RRset of the apex with EDNS and DO, and takes the reply over UDP as it comes.
func (z *Zone) rawAtEach(ctx context.Context, qtype uint16) ([]sighting, error) {
	return z.observe(ctx, func(ctx context.Context, s server) sighting { return z.raw(ctx, s, qtype, false) })
}

// raw asks one server about the apex. What the server declines to answer is lame, whatever its size.
func (z *Zone) raw(ctx context.Context, s server, qtype uint16, tcp bool) sighting {
	q := question{server: s.addr, tcp: tcp, name: z.apex, qtype: qtype, edns: true, do: true}
	r, err := z.ask(ctx, q)
	if err != nil {
		return sighting{server: s, tcp: tcp, state: broken, err: q.unanswered(s.String(), err)}
	}
	seen := sighting{server: s, tcp: tcp, state: state(dns.RcodeToString[r.Rcode]), reply: r}
	if r.Rcode == dns.RcodeRefused || r.Rcode == dns.RcodeServerFailure {
		seen.state, seen.err = broken, lame(seen, q)
	}
	return seen
}

func answersEDNS(edns, bare []sighting) error {
	plainly := map[server]bool{}
	for _, s := range bare {
		plainly[s.server] = s.reply != nil
	}
	var errs []error
	for _, s := range edns {
		unmet := &probe.Unmet{Class: "dns.edns", Want: "NOERROR and an OPT record to a question with EDNS", From: s.from(),
			Fix: "bring the name server, or the firewall before it, up to RFC 6891"}
		switch {
		case isUnmet(s.err):
			errs = append(errs, s.err)
		case s.err != nil && plainly[s.server]:
			unmet.Got = "no answer, though the question without EDNS is answered"
			errs = append(errs, blame(s.err, unmet.Class, unmet.Want, unmet.Fix))
			var blamed *probe.Unmet
			if errors.As(errs[len(errs)-1], &blamed) {
				blamed.Got = unmet.Got
			}
		case s.err != nil:
			errs = append(errs, s.err)
		case s.reply.Rcode != dns.RcodeSuccess:
			unmet.Got = dns.RcodeToString[s.reply.Rcode]
			errs = append(errs, unmet)
		case s.reply.IsEdns0() == nil:
			unmet.Got = "an answer without OPT"
			errs = append(errs, unmet)
		}
	}
	return worst(errs)
}

// largeTypes are the RRsets of the apex that are likely to be large.
var largeTypes = []uint16{dns.TypeSOA, dns.TypeTXT, dns.TypeDNSKEY}

// FitsOrTruncates claims that large RRsets of the apex (SOA with signatures, TXT, DNSKEY) arrive at a buffer size of 1232
// octets: whole, or truncated with TCP at work (RFC 9715, RFC 7766; TRN-04).
func FitsOrTruncates(z *Zone) probe.Claim {
	return z.claim("TRN-04", "RFC 9715, RFC 7766", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		observed := map[string][]sighting{}
		var errs []error
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, t := range largeTypes {
			all.Go(func() {
				raw, bare, err := z.largeAndSmall(ctx, t)
				judged := z.fitsOrTruncates(ctx, t, raw, bare)
				mu.Lock()
				defer mu.Unlock()
				observed[dns.TypeToString[t]] = raw
				errs = append(append(errs, err), judged...)
			})
		}
		all.Wait()
		evidence.Observed = observed
		return worst(errs)
	})
}

func (z *Zone) fitsOrTruncates(ctx context.Context, qtype uint16, raw, bare []sighting) []error {
	errs := make([]error, len(raw))
	var all sync.WaitGroup
	for i, s := range raw {
		all.Go(func() {
			var whole sighting
			if s.err == nil && s.reply.Truncated {
				whole = z.raw(ctx, s.server, qtype, true)
			}
			plainly := slices.ContainsFunc(bare, func(b sighting) bool { return b.server == s.server && b.reply != nil })
			errs[i] = fits(s, qtype, plainly, whole)
		})
	}
	all.Wait()
	return errs
}

// fits judges one answer of one server. plainly says that the server answers a small question; whole is what it says over
// TCP, where the answer is truncated.
func fits(s sighting, qtype uint16, plainly bool, whole sighting) error {
	want := fmt.Sprintf("%s within %d octets over UDP, or truncated with TCP at work", dns.TypeToString[qtype], bufferSize)
	const fix = "keep answers below 1232 octets, or set TC and answer on TCP port 53"
	switch {
	case s.err != nil && plainly:
		return blame(s.err, "dns.size", want, fix)
	case s.err != nil:
		return s.err
	case s.reply.Rcode != dns.RcodeSuccess:
		return &probe.Unmet{Class: "dns.size", Want: want, Got: dns.RcodeToString[s.reply.Rcode] + " to a question with EDNS", From: s.from(), Fix: "bring the name server, or the firewall before it, up to RFC 6891"}
	case s.reply.size > bufferSize:
		return &probe.Unmet{Class: "dns.size", Want: want, Got: fmt.Sprintf("%d octets", s.reply.size), From: s.from(), Fix: fix}
	case !s.reply.Truncated || isUnmet(whole.err):
		return whole.err
	case whole.err != nil:
		err := blame(whole.err, "dns.truncated", want, fix)
		var unmet *probe.Unmet
		if errors.As(err, &unmet) {
			unmet.Got = "a truncated answer, and over TCP " + unmet.Got
		}
		return err
	case whole.reply.Truncated:
		return &probe.Unmet{Class: "dns.truncated", Want: want, Got: "a truncated answer, and over TCP a truncated one too", From: s.from(), Fix: fix}
	default:
		return nil
	}
}
