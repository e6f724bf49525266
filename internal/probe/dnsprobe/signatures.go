package dnsprobe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe/dnsprobe/denial"
)

// verified finds a signature over an RRset by one of the keys that is in force now (RFC 4035 5.3.1), or says why none will do.
func verified(rrset, beside []dns.RR, keys []*dns.DNSKEY, now time.Time) (*dns.RRSIG, error) {
	rrset = canonicalSet(rrset)
	head := rrset[0].Header()
	var why []string
	var blind error
	for _, rr := range beside {
		sig, is := rr.(*dns.RRSIG)
		if !is || sig.TypeCovered != head.Rrtype || dns.CanonicalName(sig.Hdr.Name) != head.Name {
			continue
		}
		err := verifiedBy(sig, rrset, keys, now)
		if err == nil {
			return sig, nil
		}
		if errors.Is(err, errUnverifiable) {
			blind = err
		}
		why = append(why, err.Error())
	}
	what := fmt.Sprintf("%s %s", plain(head.Name), dns.TypeToString[head.Rrtype])
	switch {
	case blind != nil:
		return nil, fmt.Errorf("%s: %w", what, blind)
	case len(why) == 0:
		return nil, fmt.Errorf("no signature over %s", what)
	default:
		return nil, fmt.Errorf("%s: %s", what, strings.Join(sortedSet(why), "; "))
	}
}

// canonicalSet is an RRset whose owner names are written in one way: servers keep the letter case of the zone's file, and dns.RRSIG.Verify wants it the
// same throughout.
func canonicalSet(rrset []dns.RR) []dns.RR {
	all := make([]dns.RR, len(rrset))
	for i, rr := range rrset {
		if all[i] = rr; rr.Header().Name != dns.CanonicalName(rr.Header().Name) {
			all[i] = dns.Copy(rr)
			all[i].Header().Name = dns.CanonicalName(rr.Header().Name)
		}
	}
	return all
}

func verifiedBy(sig *dns.RRSIG, rrset []dns.RR, keys []*dns.DNSKEY, now time.Time) error {
	found := false
	for _, key := range keys {
		if key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm || dns.CanonicalName(key.Hdr.Name) != dns.CanonicalName(sig.SignerName) || key.Flags&dns.REVOKE != 0 && sig.TypeCovered != dns.TypeDNSKEY {
			continue
		}
		if !within(rrset[0].Header().Name, dns.CanonicalName(sig.SignerName)) { // Verify compares the ends as texts
			continue
		}
		found = true
		if what := beyondUs(key); what != "" {
			return fmt.Errorf("a signature by key %d (%s), %w", sig.KeyTag, what, errUnverifiable)
		}
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

// proven are the NSEC and NSEC3 records of a reply, each with a signature that verifies. One that a wildcard stood in for is none of the zone's.
func proven(r *reply, zone string, keys []*dns.DNSKEY, now time.Time) (denial.Proof, error) {
	var records []dns.RR
	for _, rrset := range rrsets(r.Ns) {
		switch rrset[0].(type) {
		case *dns.NSEC, *dns.NSEC3:
		default:
			continue
		}
		if !ofZone(rrset, r.Ns, zone) {
			continue
		}
		sig, err := verified(rrset, r.Ns, keys, now)
		if err != nil {
			return denial.Proof{}, err
		}
		if expanded(sig) {
			return denial.Proof{}, fmt.Errorf("an NSEC record at %s that was made for a wildcard", plain(dns.CanonicalName(sig.Hdr.Name)))
		}
		records = append(records, rrset...)
	}
	return denial.Of(zone, records), nil
}

// expanded says that the records which a signature is over came out of a wildcard (RFC 4034 3.1.3).
func expanded(sig *dns.RRSIG) bool {
	return int(sig.Labels) < dns.CountLabel(strings.TrimPrefix(sig.Hdr.Name, "*."))
}

// signed is what a reply of a zone's server proves: the signatures that hold it, or why it does not hold.
func signed(zone string, r *reply, q nameType, keys []*dns.DNSKEY, now time.Time) ([]*dns.RRSIG, error) {
	sigs, err := signedSection(zone, r.Answer, keys, now)
	if err != nil {
		return sigs, err
	}
	proof, err := proven(r, zone, keys, now)
	if err != nil {
		return sigs, err
	}
	for _, sig := range sigs {
		if expanded(sig) {
			if err := proof.NoCloser(sig.Hdr.Name, int(sig.Labels)); err != nil {
				return sigs, err
			}
		}
	}
	end := endOf(r.Answer, q)
	if len(section(r.Answer, end, q.qtype)) > 0 || !within(end, zone) || end != q.name && leftOpen(r, zone) || len(section(r.Answer, end, dns.TypeCNAME)) > 0 { // the last: a circle
		return sigs, nil
	}
	beside, err := signedSection(zone, r.Ns, keys, now)
	sigs = append(sigs, beside...)
	switch {
	case err != nil:
		return sigs, err
	case len(sigs) == 0:
		return nil, errors.New("an answer without any signature")
	case r.Rcode == dns.RcodeNameError:
		return sigs, proof.NoName(end)
	default:
		return sigs, proof.NoType(end, q.qtype)
	}
}

// signedSection verifies each RRset of the zone in a section. What a CNAME leads to elsewhere is signed elsewhere.
func signedSection(zone string, rrs []dns.RR, keys []*dns.DNSKEY, now time.Time) ([]*dns.RRSIG, error) {
	var sigs []*dns.RRSIG
	for _, rrset := range rrsets(rrs) {
		if !ofZone(rrset, rrs, zone) || substitutes(rrset, rrs) {
			continue
		}
		sig, err := verified(rrset, rrs, keys, now)
		if err != nil {
			return sigs, err
		}
		sigs = append(sigs, sig)
	}
	return sigs, nil
}

// substitutes says that a CNAME is made of a DNAME beside it, which is what is signed (RFC 6672 5.3.1).
func substitutes(rrset, beside []dns.RR) bool {
	cname, is := rrset[0].(*dns.CNAME)
	if !is {
		return false
	}
	owner := dns.CanonicalName(cname.Hdr.Name)
	dname := substitution(beside, owner)
	return dname != nil && substituted(owner, dname) == dns.CanonicalName(cname.Target)
}

// endOf is the name at the end of an answer's CNAMEs.
func endOf(answer []dns.RR, q nameType) string {
	end := q.name
	for range answer {
		if cname := section(answer, end, dns.TypeCNAME); len(cname) > 0 && q.qtype != dns.TypeCNAME {
			end = dns.CanonicalName(cname[0].(*dns.CNAME).Target)
		} else if dname := substitution(answer, end); dname != nil {
			end = substituted(end, dname)
		}
	}
	return end
}

// ofZone says that an RRset belongs to the zone, and not to one below on the same servers, which alone has signed it then.
func ofZone(rrset, beside []dns.RR, zone string) bool {
	owner := dns.CanonicalName(rrset[0].Header().Name)
	ours, below := false, false
	for _, rr := range beside {
		sig, is := rr.(*dns.RRSIG)
		if !is || sig.TypeCovered != rrset[0].Header().Rrtype || dns.CanonicalName(sig.Hdr.Name) != owner {
			continue
		}
		signer := dns.CanonicalName(sig.SignerName)
		ours, below = ours || signer == zone, below || signer != zone && within(signer, zone)
	}
	return within(owner, zone) && (ours || !below)
}

// leftOpen says that a server leaves the end of a CNAME to others: to those of a zone below, or to whoever asks again.
func leftOpen(r *reply, zone string) bool {
	return !slices.ContainsFunc(r.Ns, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeSOA && dns.CanonicalName(rr.Header().Name) == zone
	})
}

// continuation is the question that is left where a CNAME's end inside the zone is not answered with it.
func continuation(zone string, r *reply, q nameType) (nameType, bool) {
	end := endOf(r.Answer, q)
	if end == q.name || !within(end, zone) {
		return q, false
	}
	rrset := section(r.Answer, end, q.qtype)
	return nameType{end, q.qtype}, len(rrset) > 0 && !ofZone(rrset, r.Answer, zone) || len(rrset) == 0 && leftOpen(r, zone)
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
