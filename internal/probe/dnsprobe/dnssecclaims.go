package dnsprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// signedAnswer is one signed answer of one server of our zone.
type signedAnswer struct {
	Server  string   `json:"server"`
	What    string   `json:"what"`
	Keys    []string `json:"keys,omitempty"`
	Expires string   `json:"earliest_expiration,omitempty"`
	Problem string   `json:"problem,omitempty"`

	server server
	name   string
	qtype  uint16
	keys   []*dns.DNSKEY
	sigs   []*dns.RRSIG
	err    error
}

// ofTrust claims something where the parent vouches for the zone. Where it provably does not, there is nothing to judge.
func (z *Zone) ofTrust(id, source string, judge func(ctx context.Context, evidence *probe.Evidence, t trust) error) probe.Claim {
	return z.claim(id, source, z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		d, err := z.delegation(ctx, nil)
		if err != nil {
			return err
		}
		t := z.trustOf(ctx, d)
		switch t.state {
		case insecure:
			return &probe.NotApplicable{Why: "the parent provably does not vouch for " + plain(z.apex)}
		case bogus, unknown:
			return t.err
		case secure:
		}
		return judge(ctx, evidence, t)
	})
}

// SignedAsPlanned claims that the parent vouches for the zone with DS records that validators can use exactly where it is planned (RFC 4035 5.2; SEC-04).
func SignedAsPlanned(z *Zone, signed bool) probe.Claim {
	return z.claim("SEC-04", "RFC 4035 5.2", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		d, err := z.delegation(ctx, nil)
		if err != nil {
			return err
		}
		t := z.trustOf(ctx, d)
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

// KeysMatchDS claims that at each server one of the DS records stands for a key that signs the keys (RFC 4035 5.2; SEC-01).
func KeysMatchDS(z *Zone) probe.Claim {
	return z.ofTrust("SEC-01", "RFC 4035 5.2", func(ctx context.Context, evidence *probe.Evidence, t trust) error {
		answers, err := z.signedAnswers(ctx, t, nil)
		evidence.Observed = answers
		return worst(append(problems(answers), err))
	})
}

// SignaturesVerify claims that at each server the launch's RRsets, and those of the zone itself, mail and CAA, verify with keys that the parent
// vouches for and are in force now; what does not exist is denied by signed records (RFC 4035 5.3.1, 5.4; SEC-02).
func SignaturesVerify(z *Zone, records ...Record) probe.Claim {
	return z.ofTrust("SEC-02", "RFC 4035 5.3.1, 5.4", func(ctx context.Context, evidence *probe.Evidence, t trust) error {
		answers, err := z.signedAnswers(ctx, t, z.signedQuestions(records))
		evidence.Observed = answers
		return worst(append(problems(answers), err))
	})
}

// SignaturesOutlive claims that no signature of the zone ends before the launch window's end and the longest TTL after it, unless the zone is
// signed while it is asked, or again at least every Config.Resign (RFC 6781 4.4.2; SEC-03).
func SignaturesOutlive(z *Zone, records ...Record) probe.Claim {
	return z.ofTrust("SEC-03", "RFC 6781 4.4.2", func(ctx context.Context, evidence *probe.Evidence, t trust) error {
		if z.config.WindowEnd.IsZero() {
			return &probe.Unknown{Class: "not-configured", Want: "the end of the launch window", Got: "none", From: "launch.yaml", Fix: "set schedule.window"}
		}
		answers, err := z.signedAnswers(ctx, t, z.signedQuestions(records))
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
	r, err := z.content(ctx, question{server: a.server.addr, name: a.name, qtype: a.qtype, edns: true, do: true, round: 1})
	if err != nil {
		return false
	}
	again, err := signed(z.apex, r, nameType{a.name, a.qtype}, a.keys, time.Now())
	if err != nil || len(again) == 0 || len(a.sigs) == 0 {
		return false
	}
	earliest := func(sigs []*dns.RRSIG) uint32 {
		return slices.MinFunc(sigs, func(x, y *dns.RRSIG) int { return int(int64(x.Inception) - int64(y.Inception)) }).Inception
	}
	return earliest(again) > earliest(a.sigs)
}

type nameType struct {
	name  string
	qtype uint16
}

// signedQuestions are the RRsets that must verify.
func (z *Zone) signedQuestions(records []Record) []nameType {
	var all []nameType
	for _, t := range []uint16{dns.TypeSOA, dns.TypeNS, dns.TypeMX, dns.TypeTXT, dns.TypeCAA} {
		all = append(all, nameType{z.apex, t})
	}
	for _, r := range records {
		if name := dns.CanonicalName(r.Name); within(name, z.apex) {
			all = append(all, nameType{name, dns.TypeA}, nameType{name, dns.TypeAAAA})
		}
	}
	return all
}

// signedAnswers asks every server for its keys and for the questions, and verifies all of it.
func (z *Zone) signedAnswers(ctx context.Context, t trust, questions []nameType) ([]signedAnswer, error) {
	var mu sync.Mutex
	var all []signedAnswer
	keep := func(a signedAnswer) {
		if a.err != nil {
			a.Problem = a.err.Error()
		}
		if first := earliestEnd(a.sigs); first != nil {
			a.Expires = stampOf(first.Expiration)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, a)
	}
	err := z.eachServer(ctx, func(ctx context.Context, m member) {
		a := signedAnswer{Server: m.server.String(), What: plain(z.apex) + " DNSKEY", server: m.server, err: m.err}
		if m.err != nil {
			keep(a)
			return
		}
		for _, q := range questions { // at once; they are judged once the keys are known
			go func() { _, _ = z.signedReply(ctx, m.server, q.name, q.qtype) }() // whoever asks again hears of the error
		}
		r, err := z.signedReply(ctx, m.server, z.apex, dns.TypeDNSKEY)
		if err != nil {
			a.err = err
			keep(a)
			return
		}
		keys := readKeys(z.apex, r, t.ds, m.server.String(), time.Now())
		a.err, a.Keys = keys.err, []string{keyTags(keys.keys)}
		if a.name, a.qtype, a.keys = z.apex, dns.TypeDNSKEY, keys.keys; keys.sig != nil {
			a.sigs = []*dns.RRSIG{keys.sig} // which must outlive the launch as the others must
		}
		keep(a)
		if keys.state != secure {
			return
		}
		var each sync.WaitGroup
		for _, q := range questions {
			each.Go(func() { keep(z.signedAnswer(ctx, m.server, q, keys.keys)) })
		}
		each.Wait()
	})
	slices.SortFunc(all, func(a, b signedAnswer) int { return strings.Compare(a.Server+a.What, b.Server+b.What) })
	return all, err
}

func earliestEnd(sigs []*dns.RRSIG) *dns.RRSIG {
	if len(sigs) == 0 {
		return nil
	}
	return slices.MinFunc(sigs, func(x, y *dns.RRSIG) int { return int(int64(x.Expiration) - int64(y.Expiration)) })
}

func (z *Zone) signedAnswer(ctx context.Context, s server, q nameType, keys []*dns.DNSKEY) signedAnswer {
	a := signedAnswer{Server: s.String(), What: plain(q.name) + " " + dns.TypeToString[q.qtype], server: s, name: q.name, qtype: q.qtype, keys: keys}
	r, err := z.signedReply(ctx, s, q.name, q.qtype)
	if err != nil {
		a.err = err
		return a
	}
	if below := referral(z.apex, q.name, r); below != nil {
		a.err = &probe.Unknown{Class: "dns.child-zone", Want: "signatures over " + a.What, Got: "a referral to the zone " + plain(below.zone), From: s.String(), Fix: "judge that zone by itself: launchgate probe dns " + plain(below.zone)}
		return a
	}
	if a.sigs, err = signed(z.apex, r, q, keys, time.Now()); err != nil {
		a.err = badSignature(a.What, err, s.String())
	}
	return a
}

func problems(answers []signedAnswer) []error {
	var errs []error
	for _, a := range answers {
		errs = append(errs, a.err)
	}
	return errs
}

// ModernAlgorithms claims that neither the DS records nor the keys rest on SHA-1, MD5, DSA or GOST (RFC 9904, RFC 9905; SEC-05, a recommendation).
func ModernAlgorithms(z *Zone) probe.Claim {
	return z.ofTrust("SEC-05", "RFC 9904, RFC 9905", func(_ context.Context, _ *probe.Evidence, t trust) error {
		unmet := &probe.Unmet{Class: "dns.dnssec-algorithm", Want: "a DS with SHA-256 or SHA-384, and keys without SHA-1, MD5, DSA or GOST", From: "the parent", Fix: "roll over to algorithm 13 or 15 and a DS with SHA-256"}
		if !slices.ContainsFunc(t.ds, func(d *dns.DS) bool { return d.DigestType == dns.SHA256 || d.DigestType == dns.SHA384 }) {
			unmet.Got = "no DS with SHA-256 or SHA-384"
			return unmet
		}
		for _, d := range t.ds {
			if slices.Contains(outdated, d.Algorithm) {
				unmet.Got = "algorithm " + algorithmName(d.Algorithm)
				return unmet
			}
		}
		return nil
	})
}

// VouchedFor claims that a zone that is signed has a DS at its parent, without which nobody looks at the signatures (RFC 4035 5.2; SEC-06, a
// recommendation).
func VouchedFor(z *Zone) probe.Claim {
	return z.claim("SEC-06", "RFC 4035 5.2", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		d, err := z.delegation(ctx, nil)
		if err != nil {
			return err
		}
		r, who, err := z.anySigned(ctx, d, z.apex, dns.TypeDNSKEY)
		if err != nil {
			return err
		}
		keys := section(r.Answer, z.apex, dns.TypeDNSKEY)
		evidence.Observed = rdata(keys)
		if len(keys) == 0 {
			return &probe.NotApplicable{Why: plain(z.apex) + " is not signed"}
		}
		t := z.trustOf(ctx, d)
		if t.state == insecure {
			return &probe.Unmet{Class: "dns.dnssec", Want: "a DS of the signed zone " + plain(z.apex) + " at its parent", Got: "none", From: who, Fix: "give the DS to the registrar"}
		}
		if t.state == secure {
			return nil
		}
		return t.err
	})
}

// PlainNSEC3 claims that NSEC3, where the zone uses it, has no further iterations and no salt (RFC 9276 3.1; SEC-07, a recommendation).
func PlainNSEC3(z *Zone) probe.Claim {
	return z.ofTrust("SEC-07", "RFC 9276 3.1", func(ctx context.Context, evidence *probe.Evidence, _ trust) error {
		d, err := z.delegation(ctx, nil)
		if err != nil {
			return err
		}
		r, who, err := z.anySigned(ctx, d, z.apex, dns.TypeNSEC3PARAM)
		if err != nil {
			return err
		}
		parameters := section(r.Answer, z.apex, dns.TypeNSEC3PARAM)
		if len(parameters) == 0 {
			return &probe.NotApplicable{Why: "the zone does not use NSEC3"}
		}
		evidence.Observed = rdata(parameters)
		for _, rr := range parameters {
			p := rr.(*dns.NSEC3PARAM)
			if p.Iterations > 0 || p.SaltLength > 0 {
				return &probe.Unmet{Class: "dns.nsec3", Want: "NSEC3 with 0 iterations and no salt", Got: fmt.Sprintf("%d iterations, salt %q", p.Iterations, p.Salt), From: who, Fix: "set both to nothing: resolvers may treat more as unsigned"}
			}
		}
		return nil
	})
}
