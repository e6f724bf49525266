package dnsprobe

import (
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
}

// staleness is an old answer that may run out by itself.
type staleness struct {
	vantage vantage
	want    string
	links   []cached // that differ from every authoritative server
	at      time.Time
}

// first judges the first look. Either there is an end to it, err (nil: the resolver has the new answer), or the answer is
// stale and worth a second look.
func (j judgement) first(v vantage) (*staleness, error) {
	if err := j.noVerdict(v); err != nil {
		return nil, err
	}
	if err := j.wrong(v); err != nil {
		return nil, err
	}
	if j.isNew(v) {
		return nil, nil
	}
	unmet := &probe.Unmet{Class: "dns.not-converging", Want: j.words(), Got: v.say(), From: v.Resolver}
	for _, c := range j.want.chains {
		if len(c.blanks()) > 0 {
			unmet.Fix = "see first why the authoritative servers do not answer; without them nobody can say how long this lasts"
			if j.mayBeNew(v) {
				return nil, &probe.Unknown{Class: "dns.no-evidence", Want: unmet.Want, Got: unmet.Got, From: unmet.From,
					Fix: "see first why the authoritative servers do not answer; without them nobody can say whether this is the new answer", Err: j.want.err}
			}
			return nil, unmet
		}
	}
	stale := &staleness{vantage: v, want: j.words(), links: j.differing(v), at: v.Answers[0].At}
	if len(stale.links) == 0 {
		unmet.Class, unmet.Fix = "dns.mismatch", "correct the record at the DNS provider first: the resolver says what the authoritative servers say, or what they say only to it"
		return nil, unmet
	}
	for _, l := range stale.links {
		if !l.hasTTL {
			unmet.Fix = "ask the resolver's operator to flush the name: its answer has no TTL, so nobody can say how long it lasts"
			return nil, unmet
		}
	}
	return stale, nil
}

// noVerdict is no evidence, unless the other family shows the resolver to be wrong anyway.
func (j judgement) noVerdict(v vantage) error {
	return worst([]error{v.Answers[0].err, v.Answers[1].err})
}

// wrong finds what waiting does not mend: failures, stale answers by the resolver's own word, and answers of its own making.
func (j judgement) wrong(v vantage) error {
	for i, a := range v.Answers {
		unmet := &probe.Unmet{Class: "dns.not-converging", Want: j.words(), From: v.Resolver}
		switch {
		case a.Rcode == "SERVFAIL":
			unmet.Class, unmet.Got = "dns.servfail", strings.TrimSpace("SERVFAIL "+strings.Join(a.EDE, "; "))
			unmet.Fix = "see whether the zone answers and validates everywhere; the resolver could not resolve it"
			return unmet
		case a.stale:
			unmet.Got, unmet.Fix = "a stale answer by the resolver's own word ("+strings.Join(a.EDE, "; ")+")", "see why the resolver cannot reach the authoritative servers"
			return unmet
		case a.AA:
			unmet.Class, unmet.Got = "dns.hijacked", "an answer with authority (AA=1), from a zone of the resolver's own"
			unmet.Fix = "use a resolver without a split horizon, or correct its zone"
			return unmet
		}
		for _, addr := range a.values() {
			registry := special(addr, j.private)
			if registry != "" && !slices.Contains(addresses(j.want.chains[i].values()), addr) {
				unmet.Class, unmet.Got = "dns.hijacked", addr.String()+" ("+registry+"), which the zone does not serve"
				unmet.Fix = "somebody between this machine and the resolver answers in its place: use another resolver or network"
				return unmet
			}
		}
	}
	return nil
}

func (j judgement) words() string {
	r := j.want.record
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
func (j judgement) differing(v vantage) []cached {
	var differ []cached
	for i, a := range v.Answers {
		for _, c := range a.Chain {
			for _, l := range j.want.chains[i].links {
				same := func(s sighting) bool {
					return c.matches(s) && (len(c.Values) > 0 || (s.state == nxdomain) == (a.Rcode == "NXDOMAIN"))
				}
				if l.name == c.Name && !slices.ContainsFunc(l.seen, same) {
					differ = append(differ, c)
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

// ttl is the longest time that one of the old RRsets has left: each has to go. It is not the shortest of the chain,
// for a resolver can refetch a CNAME every minute and still have the old address behind it.
func (s staleness) ttl() time.Duration {
	var longest uint32
	for _, l := range s.links {
		longest = max(longest, l.TTL)
	}
	return seconds(longest)
}

// untilSecondLook is long enough to see the TTL fall, or a short one run out.
func (s staleness) untilSecondLook(atLeast time.Duration) time.Duration {
	const short = 5 * time.Second
	if ttl := s.ttl(); ttl <= short {
		return max(atLeast, ttl+time.Second)
	}
	return atLeast
}

func (s staleness) unmet() *probe.Unmet {
	names := make([]string, len(s.links))
	for i, l := range s.links {
		names[i] = fmt.Sprintf("%s %s for %d s more", plain(l.Name), l.Type, l.TTL)
	}
	return &probe.Unmet{Class: "dns.stale", Want: s.want, Got: "the old answer, " + s.vantage.say() + " (" + several(names) + ")", From: s.vantage.Resolver,
		Fix: "wait for the cache to run out", Until: s.at.Add(s.ttl())}
}

// second judges the second look: whether the old answer really runs out.
func (j judgement) second(s staleness, v vantage) error {
	if err := j.noVerdict(v); err != nil {
		return s.unmet()
	}
	if err := j.wrong(v); err != nil {
		return err
	}
	elapsed := v.Answers[0].At.Sub(s.at)
	if j.isNew(v) {
		if s.ttl() <= elapsed+time.Second {
			return nil
		}
		return s.unmet() // another cache of the same resolver has the new answer, the first one still the old
	}
	for _, now := range j.differing(v) {
		for _, before := range s.links {
			if before.Name != now.Name || before.Type != now.Type {
				continue
			}
			if left := seconds(before.TTL) - elapsed; seconds(now.TTL) > max(0, left)+time.Second || left <= -time.Second {
				unmet := s.unmet()
				unmet.Class, unmet.Until = "dns.not-converging", time.Time{}
				unmet.Got += fmt.Sprintf(", and %.0f s later %d s: its TTL does not run out", elapsed.Seconds(), now.TTL)
				unmet.Fix = "ask the resolver's operator to flush the name: it is pinned, refilled with old data or served stale"
				return unmet
			}
		}
	}
	return s.unmet()
}
