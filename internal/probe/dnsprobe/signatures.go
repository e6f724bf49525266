package dnsprobe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// verified finds a signature over an RRset by one of the keys that is in force now (RFC 4035 5.3.1), or says why none will do.
func verified(rrset, beside []dns.RR, keys []*dns.DNSKEY, now time.Time) (*dns.RRSIG, error) {
	head := rrset[0].Header()
	var why []string
	for _, rr := range beside {
		sig, is := rr.(*dns.RRSIG)
		if !is || sig.TypeCovered != head.Rrtype || dns.CanonicalName(sig.Hdr.Name) != dns.CanonicalName(head.Name) {
			continue
		}
		err := verifiedBy(sig, rrset, keys, now)
		if err == nil {
			return sig, nil
		}
		why = append(why, err.Error())
	}
	what := fmt.Sprintf("%s %s", plain(dns.CanonicalName(head.Name)), dns.TypeToString[head.Rrtype])
	if len(why) == 0 {
		return nil, fmt.Errorf("no signature over %s", what)
	}
	return nil, fmt.Errorf("%s: %s", what, strings.Join(sortedSet(why), "; "))
}

func verifiedBy(sig *dns.RRSIG, rrset []dns.RR, keys []*dns.DNSKEY, now time.Time) error {
	found := false
	for _, key := range keys {
		if key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm || dns.CanonicalName(key.Hdr.Name) != dns.CanonicalName(sig.SignerName) || key.Flags&dns.REVOKE != 0 && sig.TypeCovered != dns.TypeDNSKEY {
			continue
		}
		found = true
		if sig.Verify(key, rrset) != nil {
			continue // another key can have the same tag
		}
		if !sig.ValidityPeriod(now) { // Verify does not look at the time
			return fmt.Errorf("a signature that is valid from %s to %s", stampOf(sig.Inception), stampOf(sig.Expiration))
		}
		return nil
	}
	if !found {
		return fmt.Errorf("a signature by key %d, which the zone does not have", sig.KeyTag)
	}
	return fmt.Errorf("a signature by key %d that does not verify", sig.KeyTag)
}

func stampOf(seconds uint32) string {
	text := dns.TimeToString(seconds)
	if at, err := time.Parse("20060102150405", text); err == nil {
		return at.Format(time.RFC3339)
	}
	return text
}

// denied proves that a name or type does not exist: the SOA and every NSEC or NSEC3 record that the proof rests on are signed, and they deny
// just that (RFC 4035 5.4, RFC 5155 8).
func denied(r *reply, name string, qtype uint16, keys []*dns.DNSKEY, now time.Time) error {
	proof := map[string][]dns.RR{}
	for _, rr := range r.Ns {
		switch rr.(type) {
		case *dns.NSEC, *dns.NSEC3:
			owner := dns.CanonicalName(rr.Header().Name)
			proof[owner] = append(proof[owner], rr)
		}
	}
	if len(proof) == 0 {
		return fmt.Errorf("no NSEC or NSEC3 record that denies %s %s", plain(name), dns.TypeToString[qtype])
	}
	var records []dns.RR
	for _, rrset := range proof {
		if _, err := verified(rrset, r.Ns, keys, now); err != nil {
			return err
		}
		records = append(records, rrset...)
	}
	if slices.ContainsFunc(records, func(rr dns.RR) bool { return denies(rr, name, qtype, r.Rcode) }) {
		return nil
	}
	return fmt.Errorf("NSEC records that do not deny %s %s", plain(name), dns.TypeToString[qtype])
}

// denies says whether one record denies the type at the name, or that the name exists.
func denies(rr dns.RR, name string, qtype uint16, rcode int) bool {
	switch n := rr.(type) {
	case *dns.NSEC:
		owner := dns.CanonicalName(n.Hdr.Name)
		if owner == name {
			return lacks(n.TypeBitMap, qtype)
		}
		// A name that exists only because there is one below it has no record of its own (an empty non-terminal).
		return precedes(owner, name) && (precedes(name, dns.CanonicalName(n.NextDomain)) || !precedes(owner, dns.CanonicalName(n.NextDomain)))
	case *dns.NSEC3:
		if n.Match(name) {
			return lacks(n.TypeBitMap, qtype)
		}
		const optOut = 1
		return n.Cover(name) && (rcode == dns.RcodeNameError || n.Flags&optOut != 0 || qtype == dns.TypeDS) ||
			rcode == dns.RcodeNameError && n.Cover(nextCloser(name, n))
	default:
		return false
	}
}

// nextCloser is the name one label longer than the closest encloser that an NSEC3 record could be about: the parents of a name that does not exist
// need not exist either (RFC 5155 8.3).
func nextCloser(name string, n *dns.NSEC3) string {
	zone := n.Hdr.Name[strings.IndexByte(n.Hdr.Name, '.')+1:]
	for at := name; dns.IsSubDomain(zone, at) && at != zone; {
		if n.Cover(at) {
			return at
		}
		next, end := dns.NextLabel(at, 0)
		if end {
			break
		}
		at = at[next:]
	}
	return name
}

func lacks(types []uint16, qtype uint16) bool {
	return !slices.Contains(types, qtype) && !slices.Contains(types, dns.TypeCNAME)
}

// precedes orders names as NSEC does (RFC 4034 6.1): label by label from the right.
func precedes(a, b string) bool {
	la, lb := dns.SplitDomainName(a), dns.SplitDomainName(b)
	for i := 1; i <= len(la) && i <= len(lb); i++ {
		if c := strings.Compare(la[len(la)-i], lb[len(lb)-i]); c != 0 {
			return c < 0
		}
	}
	return len(la) < len(lb)
}

// signed is what a reply of our zone proves: the signatures that hold it, or why it does not hold.
func (z *Zone) signed(r *reply, name string, qtype uint16, keys []*dns.DNSKEY, now time.Time) ([]*dns.RRSIG, error) {
	var sigs []*dns.RRSIG
	answered := false
	for _, rrset := range rrsets(r.Answer) {
		owner := dns.CanonicalName(rrset[0].Header().Name)
		if !within(owner, z.apex) {
			continue // a CNAME's target elsewhere is signed elsewhere
		}
		sig, err := verified(rrset, r.Answer, keys, now)
		if err != nil {
			return sigs, err
		}
		sigs, answered = append(sigs, sig), true
		if int(sig.Labels) < dns.CountLabel(owner) && !wildcardProven(r, owner, keys, now) {
			return sigs, fmt.Errorf("an answer out of a wildcard for %s, without the proof that the name itself does not exist", plain(owner))
		}
	}
	if answered {
		return sigs, nil
	}
	for _, rrset := range rrsets(r.Ns) {
		sig, err := verified(rrset, r.Ns, keys, now)
		if err != nil {
			return sigs, err
		}
		sigs = append(sigs, sig)
	}
	if len(sigs) == 0 {
		return nil, errors.New("an answer without any signature")
	}
	return sigs, denied(r, name, qtype, keys, now)
}

func wildcardProven(r *reply, owner string, keys []*dns.DNSKEY, now time.Time) bool {
	return denied(&reply{Msg: &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: dns.RcodeNameError}, Ns: r.Ns}}, owner, dns.TypeNone, keys, now) == nil
}

// rrsets groups a section's records, without the signatures.
func rrsets(rrs []dns.RR) [][]dns.RR {
	var groups [][]dns.RR
	for _, rr := range rrs {
		h := rr.Header()
		if h.Rrtype == dns.TypeRRSIG || h.Rrtype == dns.TypeOPT {
			continue
		}
		i := slices.IndexFunc(groups, func(g []dns.RR) bool {
			return g[0].Header().Rrtype == h.Rrtype && dns.CanonicalName(g[0].Header().Name) == dns.CanonicalName(h.Name)
		})
		if i < 0 {
			groups = append(groups, []dns.RR{rr})
		} else {
			groups[i] = append(groups[i], rr)
		}
	}
	return groups
}
