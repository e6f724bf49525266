package denial

import (
	"slices"

	"github.com/miekg/dns"
)

const optOut = 1

// nsec3NoType finds the record that matches the name (RFC 5155 8.5, 8.6); or the proof that the name does not exist and that the wildcard for it lacks the
// type (8.7). What is below a span that opts out has no record of its own.
func (p Proof) nsec3NoType(name string, qtype uint16) bool {
	if n := p.match(name); n != nil {
		return lacks(n.TypeBitMap, qtype)
	}
	encloser, covering := p.nsec3Encloser(name)
	if covering == nil {
		return false
	}
	if n := p.match(wildcard(encloser)); n != nil {
		return lacks(n.TypeBitMap, qtype)
	}
	return covering.Flags&optOut != 0
}

// nsec3NoName finds the closest encloser, and that neither the next closer name nor the wildcard below it exists (RFC 5155 8.4).
func (p Proof) nsec3NoName(name string) bool {
	encloser, covering := p.nsec3Encloser(name)
	return covering != nil && p.covering(wildcard(encloser)) != nil
}

func (p Proof) optedOut(name string) bool {
	_, covering := p.nsec3Encloser(name)
	return covering != nil && covering.Flags&optOut != 0
}

// nsec3Encloser finds the closest name above that exists, and the record that covers the next closer one, nil without both (RFC 5155 8.3).
func (p Proof) nsec3Encloser(name string) (encloser string, covering *dns.NSEC3) {
	for at := name; at != p.zone; {
		next := at
		at = parent(at)
		if n := p.match(at); n != nil {
			if leadsAway(n.TypeBitMap) || p.match(name) != nil {
				return "", nil
			}
			return at, p.covering(next)
		}
	}
	return "", nil
}

func (p Proof) match(name string) *dns.NSEC3 {
	if i := slices.IndexFunc(p.nsec3, func(n *dns.NSEC3) bool { return n.Match(name) }); i >= 0 {
		return p.nsec3[i]
	}
	return nil
}

// covering is a record that leaves out the name. dns.NSEC3.Cover says so of the record's own name too.
func (p Proof) covering(name string) *dns.NSEC3 {
	if i := slices.IndexFunc(p.nsec3, func(n *dns.NSEC3) bool { return n.Cover(name) && !n.Match(name) }); i >= 0 {
		return p.nsec3[i]
	}
	return nil
}
