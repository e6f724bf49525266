package dnsprobe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// ofTrust claims something where the parent vouches for the zone. Where it provably does not, there is nothing to judge.
func (z *Zone) ofTrust(id, source string, judge func(ctx context.Context, evidence *probe.Evidence, d *delegation, t trust) error) probe.Claim {
	return z.claim(id, source, z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		d, t, err := z.delegationAndTrust(ctx)
		if err != nil {
			return err
		}
		switch t.state {
		case insecure:
			return &probe.NotApplicable{Why: "the parent provably does not vouch for " + plain(z.apex)}
		case bogus, unknown:
			return t.err
		case secure:
		}
		return judge(ctx, evidence, d, t)
	})
}

// SignedAsPlanned claims that the parent vouches for the zone with DS records that validators can use exactly where it is planned (RFC 4035 5.2; SEC-04).
func SignedAsPlanned(z *Zone, signed bool) probe.Claim {
	return z.claim("SEC-04", "RFC 4035 5.2", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		_, t, err := z.delegationAndTrust(ctx)
		if err != nil {
			return err
		}
		evidence.Observed = map[string]any{"state": t.state, "ds": dsTags(t.ds)}
		switch {
		case t.state == bogus || t.state == unknown:
			return t.err
		case signed && t.state == insecure:
			return &probe.Unmet{Class: "dns.dnssec", Want: "a DS of " + plain(z.apex) + " that validators can use", Got: "none", From: "the parent, " + plain(t.zone),
				Fix: "give the DS to the registrar, or set dns.dnssec.signed to false"}
		case !signed && t.state == secure:
			return &probe.Unmet{Class: "dns.dnssec", Want: "no DS of " + plain(z.apex) + ", because dns.dnssec.signed is false", Got: "DS with key " + dsTags(t.ds), From: "the parent",
				Fix: "set dns.dnssec.signed to true, so that the signatures are judged too, or have the DS taken out"}
		default:
			return nil
		}
	})
}

// KeysMatchDS claims that at each server one of the DS records stands for a key that signs the keys, and that all servers publish the same keys; those
// of several providers need not, each with a key of its own for the keys (RFC 4035 2.2, 5.2, RFC 8901 2.1.2; SEC-01).
func KeysMatchDS(z *Zone) probe.Claim {
	return z.ofTrust("SEC-01", "RFC 4035 5.2", func(ctx context.Context, evidence *probe.Evidence, d *delegation, t trust) error {
		answers, err := z.signedAnswers(ctx, d, t, nil)
		evidence.Observed = answers
		errs := append(problems(answers), err)
		if z.config.Providers <= 1 {
			errs = append(errs, sameKeys(z.apex, answers))
		}
		return worst(errs)
	})
}

// SignaturesVerify claims that at each server the launch's RRsets, and those of the zone itself, mail and CAA, verify with keys that the parent
// vouches for, that every server publishes, and are in force now; what does not exist is denied by signed records (RFC 4035 5.3.1, 5.4; SEC-02). Names in a
// zone below are judged there.
func SignaturesVerify(z *Zone, records ...Record) probe.Claim {
	return z.ofTrust("SEC-02", "RFC 4035 5.3.1, 5.4", func(ctx context.Context, evidence *probe.Evidence, d *delegation, t trust) error {
		answers, err := z.signedAnswers(ctx, d, t, z.signedQuestions(records))
		evidence.Observed = answers
		return worst(append(problems(answers), err))
	})
}

// SignaturesOutlive claims that no signature of the zone ends before the launch window's end and the longest TTL after it, unless the zone is
// signed while it is asked, or again at least every Config.Resign (RFC 6781 4.4.2; SEC-03).
func SignaturesOutlive(z *Zone, records ...Record) probe.Claim {
	return z.ofTrust("SEC-03", "RFC 6781 4.4.2", func(ctx context.Context, evidence *probe.Evidence, d *delegation, t trust) error {
		if z.config.WindowEnd.IsZero() {
			return &probe.Unknown{Class: "not-configured", Want: "the end of the launch window", Got: "none", From: "launch.yaml", Fix: "set schedule.window"}
		}
		answers, err := z.signedAnswers(ctx, d, t, z.signedQuestions(records))
		evidence.Observed = answers
		if err := worst(append(problems(answers), err)); err != nil {
			return err
		}
		var errs []error
		for _, a := range answers {
			if late := z.outlives(a); late != nil && !z.signsOnline(ctx, a) {
				errs = append(errs, late)
			}
		}
		return worst(errs)
	})
}

// outlives judges the signatures of one answer. That they are renewed is believed while the last renewal is no longer ago than the interval, and
// the hour by which signers put the inception back.
func (z *Zone) outlives(a signedAnswer) error {
	for _, sig := range a.sigs {
		ends, begins := time.Unix(int64(sig.Expiration), 0).UTC(), time.Unix(int64(sig.Inception), 0).UTC()
		margin := seconds(sig.OrigTtl)
		needed := z.config.WindowEnd.Add(margin)
		if ends.After(needed) || z.config.Resign > 0 && ends.Sub(begins) > z.config.Resign+margin && time.Since(begins) < z.config.Resign+time.Hour {
			continue
		}
		return &probe.Unmet{Class: "dns.signature-ends", Want: "signatures that outlive the launch window and a TTL, until " + needed.UTC().Format(time.RFC3339),
			Got: fmt.Sprintf("one over %s that ends %s", a.What, ends.Format(time.RFC3339)), From: a.Server, Fix: "sign the zone again before the launch, or say in dns.dnssec.resign how often that happens by itself"}
	}
	return nil
}

// signsOnline says whether a server signs while it is asked: then a later signature begins later.
func (z *Zone) signsOnline(ctx context.Context, a signedAnswer) bool {
	if probe.Wait(ctx, z.again) != nil {
		return false
	}
	r, err := z.content(ctx, question{server: a.server.addr, name: a.question.name, qtype: a.question.qtype, edns: true, do: true, round: 1})
	if err != nil {
		return false
	}
	again, err := signed(a.zone, r, a.question, a.keys, time.Now())
	if err != nil || len(again) == 0 || len(a.sigs) == 0 {
		return false
	}
	earliest := func(sigs []*dns.RRSIG) uint32 {
		return slices.MinFunc(sigs, func(x, y *dns.RRSIG) int { return int(int64(x.Inception) - int64(y.Inception)) }).Inception
	}
	return earliest(again) > earliest(a.sigs)
}

// ModernAlgorithms claims that neither the DS records nor the keys and signatures at any server rest on SHA-1, MD5, DSA or GOST (RFC 9904, RFC 9905; SEC-05, a
// recommendation).
func ModernAlgorithms(z *Zone) probe.Claim {
	return z.ofTrust("SEC-05", "RFC 9904, RFC 9905", func(ctx context.Context, evidence *probe.Evidence, d *delegation, t trust) error {
		if err := modern(rrs(t.ds), "the parent"); err != nil {
			return err
		}
		answers, err := z.signedAnswers(ctx, d, t, []nameType{{z.apex, dns.TypeSOA}})
		evidence.Observed = answers
		errs := []error{err}
		for _, a := range answers {
			if a.reply == nil {
				errs = append(errs, a.err)
			} else {
				errs = append(errs, modern(a.reply.Answer, a.Server))
			}
		}
		return worst(errs)
	})
}

// modern judges the algorithms of DS, DNSKEY and RRSIG records.
func modern(records []dns.RR, from string) error {
	unmet := &probe.Unmet{Class: "dns.dnssec-algorithm", Want: "a DS with SHA-256 or SHA-384, and keys without SHA-1, MD5, DSA or GOST", From: from, Fix: "roll over to algorithm 13 or 15 and a DS with SHA-256"}
	digests := map[uint8]bool{}
	for _, rr := range records {
		var algorithm uint8
		switch rr := rr.(type) {
		case *dns.DS:
			algorithm, digests[rr.DigestType] = rr.Algorithm, true
		case *dns.DNSKEY:
			algorithm = rr.Algorithm
		case *dns.RRSIG:
			algorithm = rr.Algorithm
		default:
			continue
		}
		if slices.Contains(outdated, algorithm) {
			unmet.Got = fmt.Sprintf("algorithm %s of a %s", algorithmName(algorithm), dns.TypeToString[rr.Header().Rrtype])
			return unmet
		}
	}
	if len(digests) > 0 && !digests[dns.SHA256] && !digests[dns.SHA384] {
		unmet.Got = "no DS with SHA-256 or SHA-384"
		return unmet
	}
	return nil
}

func rrs(list []*dns.DS) []dns.RR {
	all := make([]dns.RR, len(list))
	for i, ds := range list {
		all[i] = ds
	}
	return all
}

// VouchedFor claims that a zone that is signed has a DS at its parent, without which nobody looks at the signatures (RFC 4035 5.2; SEC-06, a
// recommendation).
func VouchedFor(z *Zone) probe.Claim {
	return z.claim("SEC-06", "RFC 4035 5.2", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		d, t, err := z.delegationAndTrust(ctx)
		if err != nil {
			return err
		}
		replies, err := z.allSigned(ctx, d, z.apex, dns.TypeDNSKEY)
		if err != nil {
			return err
		}
		var keys []dns.RR
		for _, a := range replies {
			keys = append(keys, section(a.reply.Answer, z.apex, dns.TypeDNSKEY)...)
		}
		evidence.Observed = rdata(keys)
		if len(keys) == 0 {
			return &probe.NotApplicable{Why: plain(z.apex) + " is not signed"}
		}
		if t.state == insecure {
			return &probe.Unmet{Class: "dns.dnssec", Want: "a DS of the signed zone " + plain(z.apex) + " at its parent", Got: "none", From: "the parent", Fix: "give the DS to the registrar"}
		}
		if t.state == secure {
			return nil
		}
		return t.err
	})
}

// PlainNSEC3 claims that NSEC3, where the zone uses it, has no further iterations and no salt (RFC 9276 3.1; SEC-07, a recommendation).
func PlainNSEC3(z *Zone) probe.Claim {
	return z.ofTrust("SEC-07", "RFC 9276 3.1", func(ctx context.Context, evidence *probe.Evidence, d *delegation, _ trust) error {
		replies, err := z.allSigned(ctx, d, z.apex, dns.TypeNSEC3PARAM)
		if err != nil {
			return err
		}
		var parameters []dns.RR
		var errs []error
		for _, a := range replies {
			here := section(a.reply.Answer, z.apex, dns.TypeNSEC3PARAM)
			parameters = append(parameters, here...)
			errs = append(errs, plainNSEC3(here, a.who))
		}
		evidence.Observed = rdata(parameters)
		if len(parameters) == 0 {
			return &probe.NotApplicable{Why: "the zone does not use NSEC3"}
		}
		return worst(errs)
	})
}

func plainNSEC3(parameters []dns.RR, from string) error {
	for _, rr := range parameters {
		if p := rr.(*dns.NSEC3PARAM); p.Iterations > 0 || p.SaltLength > 0 {
			return &probe.Unmet{Class: "dns.nsec3", Want: "NSEC3 with 0 iterations and no salt", Got: fmt.Sprintf("%d iterations, salt %q", p.Iterations, p.Salt), From: from, Fix: "set both to nothing: resolvers may treat more as unsigned"}
		}
	}
	return nil
}
