package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// ianaAnchors are the root's trust anchors (IANA, root-anchors.xml): KSK-2017 and KSK-2024.
var ianaAnchors = []string{
	"20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	"38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
}

// security is what DNSSEC makes of a zone (RFC 4035 4.3).
type security string

const (
	secure   security = "secure"   // the parent vouches for it, and all signatures down to there verify
	insecure security = "insecure" // somebody above provably does not vouch for it
	bogus    security = "bogus"    // something that must verify does not
	unknown  security = "unknown"  // nobody can tell
)

// trust is what is known of a zone from above: the DS records that its parent vouches with, or why there are none.
type trust struct {
	zone  string
	state security
	ds    []*dns.DS
	err   error // of bogus and unknown

	noAnchor bool // private roots that nobody has an anchor for
}

// trustOf follows the chain of trust from the anchor down to a zone's DS records. What the links of the chain rest on is asked for at once,
// and judged one after the other.
func (z *Zone) trustOf(ctx context.Context, d *delegation) trust {
	for at := d; at.parent != nil; at = at.parent {
		go func() { _, _, _ = z.anySigned(ctx, at.parent, at.zone, dns.TypeDS) }() // whoever asks again hears of the error
		go func() { _, _, _ = z.anySigned(ctx, at.parent, at.parent.zone, dns.TypeDNSKEY) }()
	}
	t, err := z.trusted.Do(ctx, d.zone, bound*deepest, func(ctx context.Context) trust { return z.findTrust(ctx, d) })
	if err != nil {
		return trust{zone: d.zone, state: unknown, err: err}
	}
	return t
}

func (z *Zone) findTrust(ctx context.Context, d *delegation) trust {
	if d.parent == nil {
		return z.anchor()
	}
	r, who, err := z.anySigned(ctx, d.parent, d.zone, dns.TypeDS)
	if err != nil {
		return trust{zone: d.zone, state: unknown, err: err}
	}
	parent := d.parent
	if between := signerOf(r); between != d.zone && between != parent.zone && within(between, parent.zone) && within(d.zone, between) {
		parent = &delegation{zone: between, names: d.parent.names, glue: d.parent.glue, parent: d.parent}
	}
	above := z.trustOf(ctx, parent)
	if above.noAnchor {
		return withoutAnchor(d.zone, r, above)
	}
	if above.state != secure {
		return trust{zone: d.zone, state: above.state, err: above.err}
	}
	keys := z.keysOf(ctx, parent, above)
	if keys.state != secure {
		return trust{zone: d.zone, state: keys.state, err: keys.err}
	}
	return readDS(d.zone, r, keys.keys, who, time.Now())
}

// signerOf is the zone that an answer comes from. Servers that have a zone and the one above it refer past the one between, as those of uk and
// co.uk do.
func signerOf(r *reply) string {
	for _, rr := range slices.Concat(r.Answer, r.Ns) {
		switch rr := rr.(type) {
		case *dns.RRSIG:
			return dns.CanonicalName(rr.SignerName)
		case *dns.SOA:
			return dns.CanonicalName(rr.Hdr.Name)
		}
	}
	return ""
}

// withoutAnchor is what can be said below private roots that have no anchor: a zone without a DS is not vouched for, one with a DS nobody can judge.
func withoutAnchor(zone string, r *reply, above trust) trust {
	if len(section(r.Answer, zone, dns.TypeDS)) > 0 {
		return trust{zone: zone, state: unknown, err: above.err}
	}
	return trust{zone: zone, state: insecure, err: above.err, noAnchor: true}
}

func (z *Zone) anchor() trust {
	texts := z.config.TrustAnchor
	if len(texts) == 0 && z.privateRoots {
		return trust{zone: ".", state: unknown, noAnchor: true, err: &probe.Unknown{Class: "not-configured", Want: "a trust anchor for the private roots", Got: "none", From: "dns.dnssec.trust_anchor",
			Fix: "name the DS data of the root's key"}}
	}
	if len(texts) == 0 {
		texts = ianaAnchors
	}
	t := trust{zone: ".", state: secure}
	for _, text := range texts {
		rr, err := dns.NewRR(". 0 IN DS " + text)
		ds, is := rr.(*dns.DS)
		if err != nil || !is {
			return trust{zone: ".", state: unknown, err: &probe.Unknown{Class: "not-configured", Want: "DS data of the root, such as \"20326 8 2 E06D44B8…\"", Got: text, From: "dns.dnssec.trust_anchor", Fix: "correct it", Err: err}}
		}
		t.ds = append(t.ds, ds)
	}
	return t
}

// readDS judges a parent's answer about a child's DS: the records, signed; or the proof that there are none (RFC 4035 5.2).
func readDS(zone string, r *reply, keys []*dns.DNSKEY, who string, now time.Time) trust {
	t := trust{zone: zone}
	records := section(r.Answer, zone, dns.TypeDS)
	if len(records) > 0 {
		if _, err := verified(records, r.Answer, keys, now); err != nil {
			t.state, t.err = bogus, badSignature("DS of "+plain(zone), err, who)
			return t
		}
		for _, rr := range records {
			t.ds = append(t.ds, rr.(*dns.DS))
		}
		t.state = secure
		if !slices.ContainsFunc(t.ds, supportedDS) { // no validator can use them: as if there were none
			t.state = insecure
		}
		return t
	}
	proof, err := proven(r, keys[0].Hdr.Name, keys, now)
	if err == nil {
		err = proof.NoDS(zone)
	}
	if err != nil {
		t.state, t.err = bogus, badSignature("the proof that "+plain(zone)+" has no DS", err, who)
		return t
	}
	t.state = insecure
	return t
}

func badSignature(what string, cause error, from string) error {
	return &probe.Unmet{Class: "dns.dnssec", Want: what + " to verify from the trust anchor", Got: cause.Error(), From: from,
		Fix: "resolvers that validate answer SERVFAIL: sign the zone again, or have the DS corrected at the registrar", Until: time.Time{}}
}

// supportedDS says whether validators know both the digest and the algorithm (RFC 9904, RFC 9905).
func supportedDS(ds *dns.DS) bool {
	return slices.Contains([]uint8{dns.SHA1, dns.SHA256, dns.SHA384}, ds.DigestType) &&
		slices.Contains([]uint8{dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519}, ds.Algorithm)
}

// keySet is a zone's DNSKEY RRset, as far as the DS records above vouch for it.
type keySet struct {
	state security
	keys  []*dns.DNSKEY
	sig   *dns.RRSIG // over the keys
	err   error
}

// keysOf takes a zone's keys from any of its servers. Ours are looked at on each server.
func (z *Zone) keysOf(ctx context.Context, d *delegation, above trust) keySet {
	r, who, err := z.anySigned(ctx, d, d.zone, dns.TypeDNSKEY)
	if err != nil {
		return keySet{state: unknown, err: err}
	}
	return readKeys(d.zone, r, above.ds, who, time.Now())
}

// readKeys finds a key that a DS record stands for and that signs the keys (RFC 4035 5.2).
func readKeys(zone string, r *reply, ds []*dns.DS, who string, now time.Time) keySet {
	rrset := section(r.Answer, zone, dns.TypeDNSKEY)
	if len(rrset) == 0 {
		return keySet{state: bogus, err: badSignature("DNSKEY of "+plain(zone), errors.New("no DNSKEY, though the parent has a DS"), who)}
	}
	var all, anchored []*dns.DNSKEY
	for _, rr := range rrset {
		key := rr.(*dns.DNSKEY)
		if key.Protocol != 3 || key.Flags&dns.ZONE == 0 {
			continue
		}
		all = append(all, key)
		if key.Flags&dns.REVOKE == 0 && slices.ContainsFunc(ds, func(d *dns.DS) bool { return standsFor(d, key) }) {
			anchored = append(anchored, key)
		}
	}
	if len(anchored) == 0 {
		return keySet{state: bogus, err: badSignature("DNSKEY of "+plain(zone), fmt.Errorf("no key that the DS %s stands for, among keys %s", dsTags(ds), keyTags(all)), who)}
	}
	sig, err := verified(rrset, r.Answer, anchored, now)
	if err != nil {
		return keySet{state: bogus, err: badSignature("DNSKEY of "+plain(zone), err, who)}
	}
	return keySet{state: secure, keys: all, sig: sig}
}

func standsFor(ds *dns.DS, key *dns.DNSKEY) bool {
	if !supportedDS(ds) || ds.KeyTag != key.KeyTag() || ds.Algorithm != key.Algorithm {
		return false
	}
	made := key.ToDS(ds.DigestType)
	return made != nil && strings.EqualFold(made.Digest, ds.Digest)
}

func dsTags(list []*dns.DS) string {
	var tags []string
	for _, ds := range list {
		tags = append(tags, fmt.Sprint(ds.KeyTag))
	}
	return strings.Join(sortedSet(tags), ", ")
}

func keyTags(list []*dns.DNSKEY) string {
	var tags []string
	for _, key := range list {
		tags = append(tags, fmt.Sprint(key.KeyTag()))
	}
	if len(tags) == 0 {
		return "(none)"
	}
	return strings.Join(sortedSet(tags), ", ")
}

// anySigned asks the servers of a zone, one after the other, until one answers.
func (z *Zone) anySigned(ctx context.Context, d *delegation, name string, qtype uint16) (*reply, string, error) {
	servers, err := z.serversOf(ctx, d, nil)
	if err != nil {
		return nil, "", err
	}
	var errs []error
	for _, s := range servers {
		r, err := z.content(ctx, question{server: s.addr, name: name, qtype: qtype, edns: true, do: true})
		if err == nil && (r.Rcode == dns.RcodeSuccess || r.Rcode == dns.RcodeNameError) {
			return r, s.String(), nil
		}
		if err == nil {
			err = fmt.Errorf("%s from %s", dns.RcodeToString[r.Rcode], s)
		}
		errs = append(errs, err)
	}
	return nil, "", &probe.Unknown{Class: "dns.unreachable", Want: dns.TypeToString[qtype] + " of " + plain(name), Got: worst(errs).Error(), From: "the servers of " + plain(d.zone),
		Fix: "see whether this machine reaches port 53 out there"}
}
