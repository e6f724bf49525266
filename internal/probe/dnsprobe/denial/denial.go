// Package denial judges what the NSEC and NSEC3 records of an answer prove that a zone does not have (RFC 4035 5.4, RFC 5155 8, RFC 6840 4).
// Their signatures are the caller's business. It asks nobody, and must not import anything of launchgate.
package denial

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// MostIterations is how many further iterations of NSEC3 every validator still follows. Above it, from 50 or 150 on, they take the zone for
// unsigned or for broken, each as it likes (RFC 9276 3.2).
const MostIterations = 50

// ErrUndecided is wrapped where validators do not agree on what the records are worth.
var ErrUndecided = errors.New("validators do not agree")

// Proof is the records of one answer that deny something.
type Proof struct {
	zone  string
	nsec  []*dns.NSEC
	nsec3 []*dns.NSEC3
}

// Of picks those of the records that are the zone's own.
func Of(zone string, records []dns.RR) Proof {
	p := Proof{zone: dns.CanonicalName(zone)}
	for _, rr := range records {
		owner := dns.CanonicalName(rr.Header().Name)
		switch rr := rr.(type) {
		case *dns.NSEC:
			if dns.IsSubDomain(p.zone, owner) {
				p.nsec = append(p.nsec, rr)
			}
		case *dns.NSEC3:
			if owner != p.zone && parent(owner) == p.zone && rr.Hash == dns.SHA1 && rr.Flags&^optOut == 0 { // others are to be ignored (RFC 5155 8.1, 8.2)
				p.nsec3 = append(p.nsec3, rr)
			}
		}
	}
	return p
}

// NoType is nil where the records prove that the name has no record of the type, and no CNAME in its place.
func (p Proof) NoType(name string, qtype uint16) error {
	name = dns.CanonicalName(name)
	return p.judge(name, "the absence of "+dns.TypeToString[qtype], func() bool { return p.nsecNoType(name, qtype) }, func() bool { return p.nsec3NoType(name, qtype) })
}

// NoName is nil where they prove that there is nothing at the name or below it, and no wildcard that stands in for it.
func (p Proof) NoName(name string) error {
	name = dns.CanonicalName(name)
	return p.judge(name, "that the name does not exist, nor a wildcard for it", func() bool { return p.nsecNoName(name) }, func() bool { return p.nsec3NoName(name) })
}

// NoDS is nil where they prove that the zone delegates to the name without vouching for it (RFC 4035 5.2, RFC 5155 8.9, RFC 6840 4.4).
func (p Proof) NoDS(cut string) error {
	cut = dns.CanonicalName(cut)
	return p.judge(cut, "a delegation without a DS", func() bool {
		return slices.ContainsFunc(p.nsec, func(n *dns.NSEC) bool { return at(n, cut) && unsigned(n.TypeBitMap) })
	}, func() bool {
		if n := p.match(cut); n != nil {
			return unsigned(n.TypeBitMap)
		}
		return p.optedOut(cut)
	})
}

// NoCloser is nil where they prove that nothing stands closer to the name than the wildcard that a signature with this number of labels was made
// for (RFC 4035 5.3.4, RFC 5155 8.8).
func (p Proof) NoCloser(name string, labels int) error {
	name = dns.CanonicalName(name)
	encloser := above(name, dns.CountLabel(name)-labels)
	return p.judge(name, "that the name itself does not exist, though the answer is a wildcard's", func() bool {
		found, ok := p.nsecEncloser(name)
		return ok && dns.CountLabel(found) <= labels
	}, func() bool {
		return p.covering(longer(name, encloser)) != nil
	})
}

func (p Proof) judge(name, what string, byNSEC, byNSEC3 func() bool) error {
	if err := p.usable(); err != nil {
		return err
	}
	if dns.IsSubDomain(p.zone, name) && (len(p.nsec) > 0 && byNSEC() || len(p.nsec3) > 0 && byNSEC3()) {
		return nil
	}
	if len(p.nsec)+len(p.nsec3) == 0 {
		return fmt.Errorf("no NSEC or NSEC3 record that proves, of %s, %s", name, what)
	}
	return fmt.Errorf("NSEC records that do not prove, of %s, %s", name, what)
}

// usable judges the parameters, which must be the same for all records of an answer (RFC 5155 8.2).
func (p Proof) usable() error {
	for _, n := range p.nsec3 {
		if n.Iterations > MostIterations {
			return fmt.Errorf("NSEC3 with %d iterations, and above %d %w whether that is signed, unsigned or broken", n.Iterations, MostIterations, ErrUndecided)
		}
		if n.Iterations != p.nsec3[0].Iterations || !strings.EqualFold(n.Salt, p.nsec3[0].Salt) {
			return errors.New("NSEC3 records with different parameters in one answer")
		}
	}
	return nil
}

// lacks says that the types at a name are without the one that was looked for. Above a cut the parent speaks of DS only, and the child of all else
// (RFC 6840 4.1, 4.4).
func lacks(types []uint16, qtype uint16) bool {
	if slices.Contains(types, qtype) || slices.Contains(types, dns.TypeCNAME) {
		return false
	}
	if qtype == dns.TypeDS {
		return !slices.Contains(types, dns.TypeSOA)
	}
	return !delegates(types)
}

// unsigned says that the types are those of a delegation without a DS, seen from the parent.
func unsigned(types []uint16) bool { return delegates(types) && !slices.Contains(types, dns.TypeDS) }

func delegates(types []uint16) bool {
	return slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeSOA)
}

// leadsAway says that what is below a name with these types is another zone's to deny (RFC 6840 4.1).
func leadsAway(types []uint16) bool {
	return delegates(types) || slices.Contains(types, dns.TypeDNAME)
}

func wildcard(encloser string) string {
	if encloser == "." {
		return "*."
	}
	return "*." + encloser
}

// above is the name without its first labels.
func above(name string, labels int) string {
	for range labels {
		name = parent(name)
	}
	return name
}

func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}

// longer is the name one label longer than its encloser.
func longer(name, encloser string) string {
	return above(name, dns.CountLabel(name)-dns.CountLabel(encloser)-1)
}
