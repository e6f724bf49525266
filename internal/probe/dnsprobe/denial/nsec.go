package denial

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

func at(n *dns.NSEC, name string) bool { return dns.CanonicalName(n.Hdr.Name) == name }

// nsecNoType finds the record at the name; or one that leaps over it to a name below, which makes it an empty non-terminal; or the proof that the name
// does not exist and that the wildcard for it lacks the type (RFC 4035 5.4).
func (p Proof) nsecNoType(name string, qtype uint16) bool {
	if p.nsecLacks(name, qtype) {
		return true
	}
	encloser, ok := p.nsecEncloser(name)
	return ok && p.nsecLacks(wildcard(encloser), qtype)
}

func (p Proof) nsecLacks(name string, qtype uint16) bool {
	return slices.ContainsFunc(p.nsec, func(n *dns.NSEC) bool {
		return at(n, name) && lacks(n.TypeBitMap, qtype) || leaps(n, name, p.zone) && emptyAbove(n, name)
	})
}

func (p Proof) nsecNoName(name string) bool {
	encloser, ok := p.nsecEncloser(name)
	return ok && p.nsecCovers(wildcard(encloser))
}

func (p Proof) nsecCovers(name string) bool {
	return slices.ContainsFunc(p.nsec, func(n *dns.NSEC) bool { return leaps(n, name, p.zone) && !emptyAbove(n, name) })
}

// nsecEncloser is the closest name above one that does not exist: the two names that the record stands between exist, and everything above them.
func (p Proof) nsecEncloser(name string) (encloser string, ok bool) {
	for _, n := range p.nsec {
		if !leaps(n, name, p.zone) || emptyAbove(n, name) {
			continue
		}
		labels := max(dns.CompareDomainName(name, n.Hdr.Name), dns.CompareDomainName(name, n.NextDomain))
		return above(name, dns.CountLabel(name)-labels), true
	}
	return "", false
}

// leaps says that the record leaves out the name, and that it is the one to say so.
func leaps(n *dns.NSEC, name, zone string) bool {
	owner, next := dns.CanonicalName(n.Hdr.Name), dns.CanonicalName(n.NextDomain)
	if owner == name || dns.IsSubDomain(owner, name) && leadsAway(n.TypeBitMap) || !dns.IsSubDomain(zone, next) {
		return false
	}
	return precedes(owner, name) && (precedes(name, next) || next == zone)
}

// emptyAbove says that a name which is left out is above the next one, and so exists, without any record.
func emptyAbove(n *dns.NSEC, name string) bool {
	return dns.IsSubDomain(name, dns.CanonicalName(n.NextDomain))
}

// precedes orders names as NSEC does (RFC 4034 6.1): label by label from the right, as octets.
func precedes(a, b string) bool {
	la, lb := labels(a), labels(b)
	for i := 1; i <= len(la) && i <= len(lb); i++ {
		if c := strings.Compare(la[len(la)-i], lb[len(lb)-i]); c != 0 {
			return c < 0
		}
	}
	return len(la) < len(lb)
}

// labels are a name's labels as they are on the wire, where "\000" is one octet.
func labels(name string) []string {
	wire := make([]byte, 256)
	n, err := dns.PackDomainName(name, wire, 0, nil, false)
	if err != nil {
		return dns.SplitDomainName(name)
	}
	var all []string
	for at := 0; at < n && wire[at] > 0; at += 1 + int(wire[at]) {
		all = append(all, string(wire[at+1:at+1+int(wire[at])]))
	}
	return all
}
