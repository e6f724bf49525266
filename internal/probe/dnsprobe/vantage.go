package dnsprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// perLook is how many questions each look puts to a resolver at a time. Behind one address there can be many caches, and
// n questions miss a stale share f of them with the probability (1-f)^n.
const perLook = 8

// samples are what one resolver says in one look.
type samples []vantage

// vantage is what one resolver says about a name at one time.
type vantage struct {
	Resolver string       `json:"resolver"`
	Answers  [2]recursive `json:"answers"` // A, AAAA
}

// recursive is one answer of a resolver, or why there is none.
type recursive struct {
	Chain    []cached  `json:"chain"`
	Negative bool      `json:"negative,omitempty"` // the chain ends in nothing
	Rcode    string    `json:"rcode"`
	AA       bool      `json:"aa,omitempty"`
	EDE      []string  `json:"ede,omitempty"`
	Scope    uint8     `json:"ecs_scope,omitempty"` // above 0 the answer is for the client's subnet only
	At       time.Time `json:"at"`
	Error    string    `json:"error,omitempty"`
	sent     time.Time // the answer is from between then and At
	stale    bool      // by its own word: EDE 3 or 19
	err      error
}

// cached is an RRset as a resolver has it. A negative entry has no values.
type cached struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Values []string `json:"values"`
	TTL    uint32   `json:"ttl"`
	hasTTL bool
}

// vantages are the resolvers as they are asked: each without a client subnet, and with those that are configured for it.
func (z *Zone) vantages() []Resolver {
	var all []Resolver
	for _, r := range z.config.Resolvers {
		without := r
		without.Subnet = netip.Prefix{}
		for _, v := range []Resolver{without, r} {
			if !slices.ContainsFunc(all, func(known Resolver) bool { return known.Addr == v.Addr && known.Subnet == v.Subnet }) {
				all = append(all, v)
			}
		}
	}
	return all
}

// look asks a resolver for a name's addresses, several times at once.
func (z *Zone) look(ctx context.Context, r Resolver, name string, number int) samples {
	s := make(samples, perLook)
	var all sync.WaitGroup
	for i := range s {
		s[i].Resolver = r.String()
		for family, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
			all.Go(func() { s[i].Answers[family] = z.askResolver(ctx, r, name, t, number*perLook+i) })
		}
	}
	all.Wait()
	return s
}

// at is when the last of the answers came.
func (s samples) at() time.Time {
	var last time.Time
	for _, v := range s {
		for _, a := range v.Answers {
			if a.At.After(last) {
				last = a.At
			}
		}
	}
	return last
}

// MarshalJSON writes samples into the evidence, each answer once.
func (s samples) MarshalJSON() ([]byte, error) {
	known := map[string]bool{}
	var distinct []vantage
	for _, v := range s {
		key := fmt.Sprint(v.say(), v.Answers[0].Chain, v.Answers[1].Chain, v.Answers[0].err, v.Answers[1].err)
		if !known[key] {
			known[key] = true
			distinct = append(distinct, v)
		}
	}
	return json.Marshal(distinct)
}

// askResolver asks a resolver to recurse. REFUSED and the like are no evidence: the resolver does not serve this machine.
func (z *Zone) askResolver(ctx context.Context, r Resolver, name string, qtype uint16, number int) recursive {
	q := question{server: r.Addr, name: dns.CanonicalName(name), qtype: qtype, recurse: true, edns: true, subnet: r.Subnet, round: number}
	answer, err := z.content(ctx, q)
	if err != nil {
		err = q.unanswered(r.String(), err)
		return recursive{err: err, Error: err.Error()}
	}
	got := dns.RcodeToString[answer.Rcode]
	switch {
	case answer.Rcode == dns.RcodeSuccess && len(answer.Answer) == 0 && !answer.RecursionAvailable && !answer.Authoritative:
		got = "a server that does not recurse"
	case answer.Rcode == dns.RcodeSuccess, answer.Rcode == dns.RcodeNameError, answer.Rcode == dns.RcodeServerFailure:
		return readRecursive(q, answer)
	}
	err = &probe.Unknown{Class: "dns.no-evidence", Want: "an answer to " + q.String(), Got: got, From: r.String(), Fix: "use a resolver that serves this machine"}
	return recursive{err: err, Error: err.Error()}
}

func readRecursive(q question, r *reply) recursive {
	seen := recursive{Rcode: dns.RcodeToString[r.Rcode], AA: r.Authoritative, At: r.at, sent: r.sent}
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if ede, is := o.(*dns.EDNS0_EDE); is {
				seen.EDE = append(seen.EDE, strings.TrimSpace(fmt.Sprintf("%d %s %s", ede.InfoCode, dns.ExtendedErrorCodeToString[ede.InfoCode], ede.ExtraText)))
				seen.stale = seen.stale || ede.InfoCode == dns.ExtendedErrorCodeStaleAnswer || ede.InfoCode == dns.ExtendedErrorCodeStaleNXDOMAINAnswer
			}
		}
	}
	if subnet := option[*dns.EDNS0_SUBNET](r); subnet != nil {
		seen.Scope = subnet.SourceScope
	}
	name := q.name
	for range len(r.Answer) + 1 {
		if rrset := section(r.Answer, name, q.qtype); len(rrset) > 0 {
			seen.Chain = append(seen.Chain, cached{name, dns.TypeToString[q.qtype], rdata(rrset), longestTTL(rrset), true})
			return seen
		}
		cname := section(r.Answer, name, dns.TypeCNAME)
		if len(cname) == 0 {
			break
		}
		seen.Chain = append(seen.Chain, cached{name, "CNAME", rdata(cname), longestTTL(cname), true})
		name = dns.CanonicalName(cname[0].(*dns.CNAME).Target)
	}
	seen.Negative = true
	absent := cached{Name: name, Type: dns.TypeToString[q.qtype]}
	for _, rr := range r.Ns {
		if soa, is := rr.(*dns.SOA); is { // RFC 2308 5
			absent.TTL, absent.hasTTL = min(soa.Hdr.Ttl, soa.Minttl), true
		}
	}
	seen.Chain = append(seen.Chain, absent)
	return seen
}

// values are the addresses at the end.
func (r recursive) values() []netip.Addr {
	if r.Negative || len(r.Chain) == 0 {
		return nil
	}
	return addresses(r.Chain[len(r.Chain)-1].Values)
}

// passes says whether the answer comes by way of a name.
func (r recursive) passes(name string) bool {
	return slices.ContainsFunc(r.Chain, func(c cached) bool { return c.Name == name && c.Type != "CNAME" || slices.Contains(c.Values, name) })
}

func (v vantage) say() string {
	var parts []string
	for i, family := range []string{"A", "AAAA"} {
		a := v.Answers[i]
		text := orNone(addressTexts(a.values()))
		switch {
		case a.err != nil:
			text = "no answer"
		case a.Rcode != "NOERROR":
			text = a.Rcode
		}
		parts = append(parts, family+" "+text)
	}
	return strings.Join(parts, ", ")
}
