package dnsprobe

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// judgement is what a resolver's answers are judged by.
type judgement struct {
	want    expected
	private []netip.Prefix
	apex    string
	subnet  netip.Prefix // of the client that the answers are for, where they depend on it
}

// stale is an old RRset that a cache still has, and until when at most. The answer is from between sent and at.
type stale struct {
	cached
	sent, at, until time.Time
}

// sample judges one answer. Either there is an end to it, err (nil: it is the new answer), or old RRsets that may run out.
func (j judgement) sample(v vantage) ([]stale, error) {
	if err := j.wrong(v); err != nil {
		return nil, err
	}
	silence := worst([]error{v.Answers[0].err, v.Answers[1].err})
	switch {
	case isUnmet(silence):
		return nil, silence
	case silence == nil && j.isNew(v):
		return nil, nil
	}
	unmet := &probe.Unmet{Class: "dns.not-converging", Want: j.words(), Got: v.say(), From: v.Resolver}
	if j.blind() {
		unmet.Fix = "see first why the authoritative servers do not answer; without them nobody can say how long this lasts"
		if silence == nil && j.mayBeNew(v) {
			silence = &probe.Unknown{Class: "dns.no-evidence", Want: unmet.Want, Got: unmet.Got, From: unmet.From,
				Fix: "see first why the authoritative servers do not answer; without them nobody can say whether this is the new answer", Err: j.want.err}
		}
		return nil, cmp.Or(silence, error(unmet))
	}
	old := j.differing(v)
	switch {
	case len(old) == 0 && silence != nil:
		return nil, silence
	case len(old) == 0 && j.subnet.IsValid():
		unmet.Fix = "give the clients in " + j.subnet.String() + " the new answer at the DNS provider: the authoritative servers themselves still have the old one for them"
		return nil, unmet
	case len(old) == 0:
		unmet.Class, unmet.Fix = "dns.mismatch", "correct the record at the DNS provider first: the resolver says what the authoritative servers say, or what they say only to it"
		return nil, unmet
	case slices.ContainsFunc(old, func(s stale) bool { return !s.hasTTL }):
		unmet.Fix = "ask the resolver's operator to flush the name: its answer has no TTL, so nobody can say how long it lasts"
		return nil, unmet
	}
	return old, nil
}

// blind says whether a part of what the resolver should say is not known.
func (j judgement) blind() bool {
	return len(j.want.chains[0].blanks())+len(j.want.chains[1].blanks()) > 0
}

// wrong finds what waiting does not mend: failures, stale answers by the resolver's own word, and answers of its own making.
func (j judgement) wrong(v vantage) error {
	if err := j.unsound(v); err != nil {
		return err
	}
	for i, a := range v.Answers {
		unmet := &probe.Unmet{Class: "dns.hijacked", Want: j.words(), From: v.Resolver}
		if a.AA {
			unmet.Got = "an answer with authority (AA=1), from a zone of the resolver's own"
			unmet.Fix = "use a resolver without a split horizon, or correct its zone"
			return unmet
		}
		for _, addr := range a.values() {
			registry := special(addr, j.private)
			if registry != "" && !slices.Contains(addresses(j.want.chains[i].values()), addr) && !slices.Contains(j.want.record.Old, addr.String()) {
				unmet.Got = addr.String() + " (" + registry + "), which the zone does not serve"
				unmet.Fix = "somebody on the way to the authoritative servers answers in their place: use another resolver or network"
				return unmet
			}
		}
	}
	return nil
}

// unsound finds answers that the resolver could not get, or has kept for longer than it may.
func (j judgement) unsound(v vantage) error {
	for _, a := range v.Answers {
		unmet := &probe.Unmet{Class: "dns.not-converging", Want: j.words(), From: v.Resolver}
		switch {
		case a.Rcode == "SERVFAIL":
			unmet.Class, unmet.Got = "dns.servfail", strings.TrimSpace("SERVFAIL "+strings.Join(a.EDE, "; "))
			unmet.Fix = "see whether the zone answers and validates everywhere; the resolver could not resolve it"
			return unmet
		case a.stale:
			unmet.Got, unmet.Fix = "a stale answer by the resolver's own word ("+strings.Join(a.EDE, "; ")+")", "see why the resolver cannot reach the authoritative servers"
			return unmet
		}
	}
	return nil
}

func (j judgement) words() string { return j.want.record.words() }

// words are what a record must answer.
func (r Record) words() string {
	if r.Target != "" {
		return plain(r.Name) + " at " + plain(r.Target)
	}
	return fmt.Sprintf("%s A %s, AAAA %s", plain(r.Name), orNone(addressTexts(r.A)), orNone(addressTexts(r.AAAA)))
}

// isNew says whether the resolver has the new answer. A CNAME to a name of this very zone is not enough: behind it the
// resolver may still have the old address.
func (j judgement) isNew(v vantage) bool {
	if v.Answers[0].Rcode == "NXDOMAIN" || v.Answers[1].Rcode == "NXDOMAIN" { // which is about both families
		return false
	}
	r := j.want.record
	v4, v6 := v.Answers[0].values(), v.Answers[1].values()
	if r.Target == "" {
		return slices.Equal(addressTexts(v4), addressTexts(r.A)) && slices.Equal(addressTexts(v6), addressTexts(r.AAAA))
	}
	got := addressTexts(append(slices.Clone(v4), v6...))
	target := dns.CanonicalName(r.Target)
	extra := without(got, addressTexts(j.want.target))
	elsewhere := !within(target, j.apex) // a target elsewhere may answer each resolver differently
	for i, a := range v.Answers {
		if len(a.values()) == 0 && len(j.want.chains[i].values()) > 0 && (!elsewhere || !a.passes(target)) {
			return false // half an answer: the name has addresses of this family
		}
	}
	switch {
	case len(got) == 0 || slices.ContainsFunc(extra, func(v string) bool { return slices.Contains(r.Old, v) }):
		return false
	case j.want.err == nil && len(extra) == 0:
		return true
	default:
		return elsewhere && v.Answers[0].passes(target) && v.Answers[1].passes(target)
	}
}

// mayBeNew says whether nobody can tell: the resolver has an answer, it is none of the old ones, and the target's own
// addresses are not known.
func (j judgement) mayBeNew(v vantage) bool {
	got := addressTexts(slices.Concat(v.Answers[0].values(), v.Answers[1].values()))
	isOld := func(address string) bool { return slices.Contains(j.want.record.Old, address) }
	return j.want.err != nil && len(got) > 0 && !slices.ContainsFunc(got, isOld)
}

// differing are the RRsets on the resolver's way that no authoritative server has, on that way.
func (j judgement) differing(v vantage) []stale {
	var differ []stale
	for i, a := range v.Answers {
		for _, c := range a.Chain {
			for _, l := range j.want.chains[i].links {
				same := func(s sighting) bool {
					return c.matches(s) && (len(c.Values) > 0 || (s.state == nxdomain) == (a.Rcode == "NXDOMAIN"))
				}
				if l.name == c.Name && !slices.ContainsFunc(l.seen, same) {
					differ = append(differ, stale{c, a.sent, a.At, a.At.Add(seconds(c.TTL))})
				}
			}
		}
	}
	return differ
}

// matches says whether a server has the same as the cache.
func (c cached) matches(s sighting) bool {
	switch s.state {
	case found:
		return c.Type != "CNAME" && slices.Equal(s.values, c.Values)
	case alias:
		return c.Type == "CNAME" && slices.Equal(s.values, c.Values)
	case nodata, nxdomain:
		return len(c.Values) == 0
	case referred, broken:
		return false
	default:
		return false
	}
}
