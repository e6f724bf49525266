package dnsprobe

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// server is one address of one name server.
type server struct {
	name string // canonical; empty for a resolver
	addr netip.AddrPort
}

func (s server) String() string {
	if s.name == "" {
		return s.addr.String()
	}
	if !s.addr.IsValid() {
		return plain(s.name)
	}
	return fmt.Sprintf("%s (%s)", plain(s.name), s.addr)
}

// state is what kind of answer a server gave.
type state string

const (
	found    state = "found"    // the RRset that was asked for
	alias    state = "cname"    // a CNAME in its place
	nodata   state = "nodata"   // the name exists, the type does not
	nxdomain state = "nxdomain" // the name does not exist
	referred state = "referral" // ask the servers of a zone below
	broken   state = "broken"   // no authoritative answer; err says why
)

// sighting is what one server said about one name and type.
type sighting struct {
	server server
	tcp    bool
	state  state
	values []string // RDATA in presentation form, lower case where it holds names, sorted
	ttl    uint32   // the RRset's
	target string   // where a CNAME leads, canonical
	below  *delegation
	err    error
	reply  *reply
}

func (s sighting) from() string {
	if s.tcp {
		return s.server.String() + " over TCP"
	}
	return s.server.String()
}

// answer is what a person calls the answer.
func (s sighting) answer() string {
	switch s.state {
	case found:
		return strings.Join(s.values, ", ")
	case alias:
		return "CNAME " + plain(s.target)
	case nodata:
		return "no such record"
	case nxdomain:
		return "NXDOMAIN"
	case referred:
		return "a referral to " + plain(s.below.zone)
	case broken:
		return s.err.Error()
	default:
		return string(s.state)
	}
}

// MarshalJSON writes a sighting into the evidence.
func (s sighting) MarshalJSON() ([]byte, error) {
	seen := struct {
		Server string `json:"server"`
		TCP    bool   `json:"tcp,omitempty"`
		State  state  `json:"state"`
		Answer string `json:"answer"`
		TTL    uint32 `json:"ttl,omitempty"`
	}{s.server.String(), s.tcp, s.state, s.answer(), s.ttl}
	return json.Marshal(seen)
}

// classify reads a server's reply about a name of the zone that the server should have, or one below it.
func classify(zone string, s server, q question, r *reply) sighting {
	seen := sighting{server: s, tcp: q.tcp, reply: r}
	if rrset := section(r.Answer, q.name, q.qtype); len(rrset) > 0 && r.Authoritative && r.Rcode == dns.RcodeSuccess {
		seen.state, seen.values, seen.ttl = found, rdata(rrset), longestTTL(rrset)
		return seen
	}
	// NXDOMAIN beside a CNAME is about the name at its end (RFC 6604 3).
	if cname := section(r.Answer, q.name, dns.TypeCNAME); len(cname) > 0 && r.Authoritative && (r.Rcode == dns.RcodeSuccess || r.Rcode == dns.RcodeNameError) {
		seen.state, seen.values, seen.ttl = alias, rdata(cname), longestTTL(cname)
		seen.target = dns.CanonicalName(cname[0].(*dns.CNAME).Target)
		if len(seen.values) > 1 {
			seen.state, seen.err = broken, &probe.Unmet{Class: "dns.cname", Want: "one CNAME at " + plain(q.name), Got: fmt.Sprintf("%d CNAMEs at one name, %s", len(seen.values), strings.Join(seen.values, ", ")),
				From: seen.from(), Fix: "take the others out of the zone (RFC 2181 10.1)"}
		}
		return seen
	}
	if dname := substitution(r.Answer, q.name); dname != nil && r.Authoritative && r.Rcode == dns.RcodeSuccess {
		seen.state, seen.target, seen.ttl = alias, substituted(q.name, dname), dname.Hdr.Ttl
		seen.values = []string{seen.target}
		return seen
	}
	if below := referral(zone, q.name, r); below != nil {
		seen.state, seen.below = referred, below
		return seen
	}
	switch {
	case r.Rcode == dns.RcodeSuccess && r.Authoritative:
		seen.state = nodata
	case r.Rcode == dns.RcodeNameError && r.Authoritative:
		seen.state = nxdomain
	default:
		seen.state, seen.err = broken, lame(seen, q)
	}
	return seen
}

// substitution is the DNAME above a name, of a server that leaves it to the resolver to make the CNAME of it (RFC 6672 3.4);
// nil where there is none.
func substitution(rrs []dns.RR, name string) *dns.DNAME {
	for _, rr := range rrs {
		owner := dns.CanonicalName(rr.Header().Name)
		if dname, is := rr.(*dns.DNAME); is && owner != "." && owner != name && within(name, owner) {
			return dname
		}
	}
	return nil
}

// substituted is where a DNAME leads a name below it (RFC 6672 2.2).
func substituted(name string, dname *dns.DNAME) string {
	below := strings.TrimSuffix(name, dns.CanonicalName(dname.Hdr.Name))
	return dns.CanonicalName(below + strings.TrimSuffix(dname.Target, "."))
}

func lame(seen sighting, q question) error {
	got := dns.RcodeToString[seen.reply.Rcode]
	if !seen.reply.Authoritative && seen.reply.Rcode == dns.RcodeSuccess {
		got = "an answer without authority (AA=0)"
	}
	return &probe.Unmet{Class: "dns.lame", Want: "an authoritative answer to " + q.String(), Got: got, From: seen.from(),
		Fix: "make the server serve the zone, or take it out of the delegation"}
}

// section picks the RRset of a name and type out of a message's section.
func section(rrs []dns.RR, name string, qtype uint16) []dns.RR {
	var picked []dns.RR
	for _, rr := range rrs {
		h := rr.Header()
		if h.Rrtype == qtype && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == name {
			picked = append(picked, rr)
		}
	}
	return picked
}

// rdata is an RRset's data as a sorted set. Names in it compare without regard to case (RFC 4343); text does not.
func rdata(rrset []dns.RR) []string {
	values := make([]string, len(rrset))
	for i, rr := range rrset {
		values[i] = strings.TrimPrefix(rr.String(), rr.Header().String())
		switch rr.(type) {
		case *dns.A, *dns.AAAA, *dns.CNAME, *dns.NS, *dns.MX, *dns.SOA, *dns.PTR, *dns.SRV:
			values[i] = strings.ToLower(values[i])
		}
	}
	return sortedSet(values)
}

// longestTTL is the RRset's TTL. They should all be the same (RFC 2181 5.2); where they are not, the longest counts.
func longestTTL(rrset []dns.RR) uint32 {
	var ttl uint32
	for _, rr := range rrset {
		ttl = max(ttl, rr.Header().Ttl)
	}
	return ttl
}

func sortSightings(all []sighting) []sighting {
	slices.SortFunc(all, func(a, b sighting) int {
		if c := strings.Compare(a.server.name, b.server.name); c != 0 {
			return c
		}
		if c := a.server.addr.Compare(b.server.addr); c != 0 {
			return c
		}
		return strings.Compare(a.from(), b.from())
	})
	return all
}

// failures are the errors of those servers that gave no authoritative answer.
func failures(all []sighting) []error {
	var errs []error
	for _, s := range all {
		if s.err != nil {
			errs = append(errs, s.err)
		}
	}
	return errs
}
