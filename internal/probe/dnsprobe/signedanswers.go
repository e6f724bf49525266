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

// signedAnswer is one signed answer of one server.
type signedAnswer struct {
	Server  string   `json:"server"`
	What    string   `json:"what"`
	Keys    []string `json:"keys,omitempty"`
	Expires string   `json:"earliest_expiration,omitempty"`
	Zone    string   `json:"unsigned_zone,omitempty"` // that has nothing to verify
	Problem string   `json:"problem,omitempty"`

	server   server
	zone     string
	question nameType
	reply    *reply
	keys     []*dns.DNSKEY
	sigs     []*dns.RRSIG
	err      error
	below    *delegation // the zone that the answer is of
}

type nameType struct {
	name  string
	qtype uint16
}

func (q nameType) String() string { return plain(q.name) + " " + dns.TypeToString[q.qtype] }

// signedQuestions are the RRsets that must verify, and a name that does not exist.
func (z *Zone) signedQuestions(records []Record) []nameType {
	mail := z.mail()
	all := []nameType{{z.apex, dns.TypeSOA}, {z.apex, dns.TypeNS}, {z.random + "." + z.apex, dns.TypeA}, {"_dmarc." + dns.CanonicalName(mail.Domain), dns.TypeTXT}}
	for _, selector := range mail.Selectors {
		all = append(all, nameType{dns.CanonicalName(selector + "._domainkey." + mail.Domain), dns.TypeTXT})
	}
	for _, name := range []string{z.apex, dns.CanonicalName(mail.Domain), dns.CanonicalName(mail.ReturnPath)} {
		all = append(all, nameType{name, dns.TypeMX}, nameType{name, dns.TypeTXT})
	}
	caa := slices.Clone(z.certificateNames())
	for _, r := range records {
		name := dns.CanonicalName(r.Name)
		caa = append(caa, name)
		all = append(all, nameType{name, dns.TypeA}, nameType{name, dns.TypeAAAA})
	}
	for _, name := range append(caa, z.apex) {
		all = append(all, nameType{dns.CanonicalName(strings.TrimPrefix(name, "*.")), dns.TypeCAA})
	}
	var ours []nameType
	for _, q := range all {
		if within(q.name, z.apex) && !slices.Contains(ours, q) {
			ours = append(ours, q)
		}
	}
	return ours
}

// shown is what one server has of what is to be verified.
type shown struct {
	server  server
	err     error // nobody can tell its address
	replies []*reply
	errs    []error
}

// signedAnswers asks every server of a zone for its keys and for the questions, and verifies all of it; what is in a zone below, with the keys of that.
func (z *Zone) signedAnswers(ctx context.Context, d *delegation, t trust, questions []nameType) ([]signedAnswer, error) {
	asked := append([]nameType{{d.zone, dns.TypeDNSKEY}}, questions...)
	seen, err := z.show(ctx, d, asked)
	answers := verifyAll(d, t, seen, asked, time.Now())
	for range longest {
		more := continuations(answers, asked)
		if len(more) == 0 {
			break
		}
		asked = append(asked, more...) // what was asked before costs nothing
		seen, err = z.show(ctx, d, asked)
		answers = verifyAll(d, t, seen, asked, time.Now())
	}
	z.findBelow(ctx, d, answers)
	answers = append(answers, z.signedBelow(ctx, answers)...)
	answers = slices.DeleteFunc(answers, func(a signedAnswer) bool { return a.below != nil })
	for i, a := range answers {
		if a.err != nil {
			answers[i].Problem = a.err.Error()
		}
		if first := earliestEnd(a.sigs); first != nil {
			answers[i].Expires = stampOf(first.Expiration)
		}
	}
	slices.SortFunc(answers, func(a, b signedAnswer) int { return strings.Compare(a.Server+a.What, b.Server+b.What) })
	return answers, err
}

// continuations are the further questions that answers lead to within their zone.
func continuations(answers []signedAnswer, asked []nameType) []nameType {
	var all []nameType
	for _, a := range answers {
		if a.err != nil || a.below != nil {
			continue
		}
		if q, open := continuation(a.zone, a.reply, a.question); open && !slices.Contains(asked, q) && !slices.Contains(all, q) {
			all = append(all, q)
		}
	}
	return all
}

// show asks every server of a zone everything at once.
func (z *Zone) show(ctx context.Context, d *delegation, questions []nameType) ([]shown, error) {
	var mu sync.Mutex
	var seen []shown
	ask := func(ctx context.Context, m member) {
		s := shown{server: m.server, err: m.err, replies: make([]*reply, len(questions)), errs: make([]error, len(questions))}
		var all sync.WaitGroup
		for i, q := range questions {
			if m.err == nil {
				all.Go(func() { s.replies[i], s.errs[i] = z.signedReply(ctx, m.server, q.name, q.qtype) })
			}
		}
		all.Wait()
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, s)
	}
	if d.zone == z.apex {
		err := z.eachServer(ctx, ask)
		return seen, err
	}
	servers, err := z.serversOf(ctx, d, nil)
	var all sync.WaitGroup
	for _, s := range servers {
		all.Go(func() { ask(ctx, member{server: s}) })
	}
	all.Wait()
	return seen, err
}

// published is a set of keys and who has it.
type published struct {
	keys []*dns.DNSKEY
	who  []string
}

// verifyAll judges what the servers have shown: the keys first, by the DS, and then each answer. A resolver can have the answer from one server and the
// keys from another: each must verify with the keys of all.
func verifyAll(d *delegation, t trust, seen []shown, questions []nameType, now time.Time) []signedAnswer {
	var all []signedAnswer
	sets := map[string]*published{}
	var safe []shown
	for _, s := range seen {
		a := signedAnswer{Server: s.server.String(), What: questions[0].String(), server: s.server, zone: d.zone, question: questions[0], reply: s.replies[0], err: worst([]error{s.err, s.errs[0]})}
		if a.err == nil {
			set := readKeys(d.zone, a.reply, t.ds, a.Server, now)
			a.err, a.Keys, a.keys = set.err, []string{keyTags(set.keys)}, set.keys
			if set.state == secure {
				a.sigs = []*dns.RRSIG{set.sig} // which must outlive the launch as the others must
				text := strings.Join(keyData(a), "\n")
				if sets[text] == nil {
					sets[text] = &published{keys: set.keys}
				}
				sets[text].who = append(sets[text].who, a.Server)
				safe = append(safe, s)
			}
		}
		all = append(all, a)
	}
	for _, s := range safe {
		for i, q := range questions[1:] {
			a := signedAnswer{Server: s.server.String(), What: q.String(), server: s.server, zone: d.zone, question: q, reply: s.replies[i+1], err: s.errs[i+1]}
			if a.err == nil {
				a.verify(d, sets, now)
			}
			all = append(all, a)
		}
	}
	return all
}

func keyData(a signedAnswer) []string { return rdata(section(a.reply.Answer, a.zone, dns.TypeDNSKEY)) }

func (a *signedAnswer) verify(d *delegation, sets map[string]*published, now time.Time) {
	if a.below = below(d, a.question, a.reply); a.below != nil {
		return
	}
	for _, set := range sets {
		sigs, err := signed(d.zone, a.reply, a.question, set.keys, now)
		if err != nil && len(sets) > 1 {
			err = fmt.Errorf("%w, with the keys %s of %s", err, keyTags(set.keys), several(set.who))
		}
		if slices.Contains(set.who, a.Server) { // who is asked again about the signatures, if anybody is
			a.keys, a.sigs = set.keys, sigs
		}
		if err != nil {
			a.err = worst([]error{a.err, badSignature(a.What, err, a.Server)})
		}
	}
}

// below is the zone below that an answer is of, or leads to; nil where it is the zone's own.
func below(d *delegation, q nameType, r *reply) *delegation {
	if referred := referral(d.zone, q.name, r); referred != nil {
		referred.parent = d
		return referred
	}
	signer := ""
	for _, rr := range slices.Concat(r.Answer, r.Ns) {
		switch rr := rr.(type) {
		case *dns.RRSIG:
			if dns.CanonicalName(rr.Hdr.Name) == q.name {
				signer = dns.CanonicalName(rr.SignerName)
			}
		case *dns.SOA:
			if len(r.Answer) == 0 || dns.CanonicalName(rr.Hdr.Name) == q.name {
				signer = dns.CanonicalName(rr.Hdr.Name)
			}
		}
	}
	if signer == d.zone || !within(signer, d.zone) || !within(q.name, signer) {
		return nil
	}
	return d.sharedWith(signer)
}

// findBelow looks for the zone of answers that have no signature at all: it can be one below, without signatures, on the same servers.
func (z *Zone) findBelow(ctx context.Context, d *delegation, answers []signedAnswer) {
	var all sync.WaitGroup
	for i := range answers {
		a := &answers[i]
		if a.err == nil || a.reply == nil || a.question.name == d.zone || slices.ContainsFunc(a.reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }) {
			continue
		}
		all.Go(func() {
			if r, err := z.signedReply(ctx, a.server, a.question.name, dns.TypeSOA); err == nil {
				a.below = below(d, nameType{a.question.name, dns.TypeSOA}, r)
			}
		})
	}
	all.Wait()
}

// signedBelow verifies the answers that are of zones below.
func (z *Zone) signedBelow(ctx context.Context, answers []signedAnswer) []signedAnswer {
	zones := map[string]*delegation{}
	questions := map[string][]nameType{}
	for _, a := range answers {
		if a.below == nil {
			continue
		}
		if zone := a.below.zone; !slices.Contains(questions[zone], a.question) {
			questions[zone] = append(questions[zone], a.question)
			zones[zone] = a.below
		}
	}
	var mu sync.Mutex
	var all []signedAnswer
	var each sync.WaitGroup
	for zone, d := range zones {
		each.Go(func() {
			found := z.trustedAnswers(ctx, d, questions[zone])
			mu.Lock()
			defer mu.Unlock()
			all = append(all, found...)
		})
	}
	each.Wait()
	return all
}

// trustedAnswers verifies the answers of any zone, as far as it is vouched for.
func (z *Zone) trustedAnswers(ctx context.Context, d *delegation, questions []nameType) []signedAnswer {
	t := z.trustOf(ctx, d)
	of := signedAnswer{What: plain(d.zone), zone: d.zone, err: t.err}
	switch t.state {
	case insecure:
		of.Zone, of.err = plain(d.zone), nil
		return []signedAnswer{of}
	case bogus, unknown:
		return []signedAnswer{of}
	case secure:
	}
	answers, err := z.signedAnswers(ctx, d, t, questions)
	if err != nil {
		of.err = err
		answers = append(answers, of)
	}
	return answers
}

// sameKeys says who publishes which keys, where not all servers publish the same.
func sameKeys(zone string, answers []signedAnswer) error {
	from := map[string][]string{}
	tags := map[string]string{}
	for _, a := range answers {
		if a.zone == zone && a.question.qtype == dns.TypeDNSKEY && a.reply != nil {
			text := strings.Join(keyData(a), "\n")
			from[text] = append(from[text], a.Server)
			tags[text] = strings.Join(a.Keys, ", ")
		}
	}
	if len(from) < 2 {
		return nil
	}
	var groups []string
	for text, who := range from {
		groups = append(groups, tags[text]+" from "+several(who))
	}
	return &probe.Unmet{Class: "dns.dnssec-keys", Want: "the same DNSKEY of " + plain(zone) + " from every server", Got: "keys " + strings.Join(sortedSet(groups), "; "), From: plain(zone),
		Fix: "see which server is behind, and why: resolvers take the keys from one server and the signatures from another"}
}

func earliestEnd(sigs []*dns.RRSIG) *dns.RRSIG {
	if len(sigs) == 0 {
		return nil
	}
	return slices.MinFunc(sigs, func(x, y *dns.RRSIG) int { return int(int64(x.Expiration) - int64(y.Expiration)) })
}

func problems(answers []signedAnswer) []error {
	var errs []error
	for _, a := range answers {
		errs = append(errs, a.err)
	}
	return errs
}
