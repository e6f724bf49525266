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
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/denial"
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

// delegationAndTrust are what the parent says of the zone, and whether that can be trusted. On the way down each zone is asked for its keys and for the DS of
// the next name below, where the next zone usually is: the walk and the chain of trust then take the same time.
func (z *Zone) delegationAndTrust(ctx context.Context) (*delegation, trust, error) {
	d, err := z.delegationBy(ctx, nil, func(at *delegation) {
		if at.zone == z.apex {
			return
		}
		next := above(z.apex, dns.CountLabel(z.apex)-dns.CountLabel(at.zone)-1)
		go func() { _, _ = z.dsReplies(ctx, &delegation{zone: next, parent: at}) }() // whoever asks again hears of the error
		go func() { _, _, _ = z.anySigned(ctx, at, at.zone, dns.TypeDNSKEY) }()
	})
	if err != nil {
		return nil, trust{}, err
	}
	return d, z.trustOf(ctx, d), nil
}

// above is a name without its first labels.
func above(name string, labels int) string {
	for range labels {
		next, _ := dns.NextLabel(name, 0)
		name = name[next:]
	}
	return name
}

// trustOf follows the chain of trust from the anchor down to a zone's DS records. What the links of the chain rest on is asked for at once,
// and judged one after the other.
func (z *Zone) trustOf(ctx context.Context, d *delegation) trust {
	for at := d; at.parent != nil; at = at.parent {
		go func() { _, _ = z.dsReplies(ctx, at) }() // whoever asks again hears of the error
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
	replies, err := z.dsReplies(ctx, d)
	if err != nil {
		return trust{zone: d.zone, state: unknown, err: err}
	}
	parent := d.parent
	if between := signerOf(replies[0].reply); between != d.zone && between != parent.zone && within(between, parent.zone) && within(d.zone, between) {
		parent = d.parent.sharedWith(between)
	}
	above := z.trustOf(ctx, parent)
	if above.noAnchor {
		keys := z.ownKeys(ctx, parent)
		return agreed(d.zone, replies, func(_ string, r *reply) trust { return withoutAnchor(d.zone, r, above, keys) })
	}
	if above.state != secure {
		return trust{zone: d.zone, state: above.state, err: above.err}
	}
	keys := z.keysOf(ctx, parent, above)
	if keys.state != secure {
		return trust{zone: d.zone, state: keys.state, err: keys.err}
	}
	now := time.Now()
	return agreed(d.zone, replies, func(who string, r *reply) trust { return readDS(d.zone, r, keys.keys, who, now) })
}

// dsReplies are what the servers of the parent answer about a zone's DS: of ours each one, because resolvers ask any of them; of those above us, one.
func (z *Zone) dsReplies(ctx context.Context, d *delegation) ([]answered, error) {
	if within(d.zone, z.apex) {
		replies, err := z.allSigned(ctx, d.parent, d.zone, dns.TypeDS)
		return ownWord(replies, d.parent.zone, d.zone), err
	}
	r, who, err := z.anySigned(ctx, d.parent, d.zone, dns.TypeDS)
	return []answered{{who, r}}, err
}

// ownWord leaves out the servers that refer to others, while there are some that answer: not each server of a zone has the one between too, and very old
// ones refer to the zone itself.
func ownWord(replies []answered, parent, zone string) []answered {
	own := slices.DeleteFunc(slices.Clone(replies), func(a answered) bool { return referral(parent, zone, a.reply) != nil })
	if len(own) == 0 {
		return replies
	}
	return own
}

// agreed is what all servers of a parent say about a DS. Where they do not all say the same, it depends on the resolver whether it can be verified.
func agreed(zone string, replies []answered, read func(who string, r *reply) trust) trust {
	from := map[string][]string{}
	var first trust
	for i, a := range replies {
		t := read(a.who, a.reply)
		if t.state == bogus || t.state == unknown {
			return t
		}
		if i == 0 {
			first = t
		}
		said := "no DS"
		if len(t.ds) > 0 {
			said = "DS " + strings.Join(dsData(t.ds), ", ")
		}
		from[said] = append(from[said], a.who)
	}
	if len(from) == 1 {
		return first
	}
	var groups []string
	for said, who := range from {
		groups = append(groups, said+" from "+several(who))
	}
	return trust{zone: zone, state: bogus, err: &probe.Unmet{Class: "dns.dnssec", Want: "the same DS of " + plain(zone) + " from every server of the parent", Got: strings.Join(sortedSet(groups), "; "), From: "the parent",
		Fix: "wait for the parent's servers to take over the change, or ask the registry why they do not"}}
}

func dsData(list []*dns.DS) []string {
	var all []string
	for _, ds := range list {
		all = append(all, fmt.Sprintf("%d %d %d %.8s…", ds.KeyTag, ds.Algorithm, ds.DigestType, strings.ToUpper(ds.Digest)))
	}
	return sortedSet(all)
}

// sharedWith is a zone below on the same servers, which therefore never refer to it.
func (d *delegation) sharedWith(below string) *delegation {
	return &delegation{zone: below, names: d.names, glue: d.glue, parent: d}
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

// withoutAnchor is what can be said below private roots that have no anchor. A zone with a DS nobody can judge. One without is not vouched for where
// nothing above is signed either, or where the keys of the zone above, whoever vouches for them, deny the DS.
func withoutAnchor(zone string, r *reply, above trust, keys keySet) trust {
	t := trust{zone: zone, state: unknown, err: above.err, noAnchor: true}
	switch {
	case len(section(r.Answer, zone, dns.TypeDS)) > 0:
	case above.state == insecure || keys.state == insecure && above.zone == ".":
		t.state = insecure
	case keys.state == secure && readDS(zone, r, keys.keys, "", time.Now()).state == insecure:
		t.state = insecure
	}
	return t
}

// ownKeys are a zone's keys that sign the keys, whoever vouches for them; insecure where it has none.
func (z *Zone) ownKeys(ctx context.Context, d *delegation) keySet {
	r, who, err := z.anySigned(ctx, d, d.zone, dns.TypeDNSKEY)
	if err != nil {
		return keySet{state: unknown, err: err}
	}
	var ds []*dns.DS
	for _, rr := range section(r.Answer, d.zone, dns.TypeDNSKEY) {
		if made := rr.(*dns.DNSKEY).ToDS(dns.SHA256); made != nil {
			ds = append(ds, made)
		}
	}
	if len(ds) == 0 {
		return keySet{state: insecure}
	}
	return readKeys(d.zone, r, ds, who, time.Now())
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
			return t.failed(badSignature("DS of "+plain(zone), err, who))
		}
		for _, rr := range records {
			t.ds = append(t.ds, rr.(*dns.DS))
		}
		t.state = secure
		if len(usable(t.ds)) == 0 { // no validator can use them: as if there were none
			t.state = insecure
		}
		if t.state == insecure && slices.ContainsFunc(t.ds, func(d *dns.DS) bool { return d.Algorithm == dns.ED448 }) { // most can
			return t.failed(badSignature("DNSKEY of "+plain(zone), fmt.Errorf("a DS for Ed448, %w", errUnverifiable), who))
		}
		return t
	}
	proof, err := proven(r, keys[0].Hdr.Name, keys, now)
	if err == nil {
		err = proof.NoDS(zone)
	}
	if err != nil {
		return t.failed(badSignature("the proof that "+plain(zone)+" has no DS", err, who))
	}
	t.state = insecure
	return t
}

// failed is trust that cannot be given, because of an error of badSignature.
func (t trust) failed(err error) trust {
	t.state, t.err = stateOf(err), err
	return t
}

// stateOf is what an error of badSignature makes of a zone.
func stateOf(err error) security {
	if isUnmet(err) {
		return bogus
	}
	return unknown
}

// badSignature says what does not verify; or that nobody can tell, where validators do not agree, or this one cannot.
func badSignature(what string, cause error, from string) error {
	want := what + " to verify from the trust anchor"
	if errors.Is(cause, errUnverifiable) || errors.Is(cause, denial.ErrUndecided) {
		return &probe.Unknown{Class: "dns.dnssec-unverifiable", Want: want, Got: cause.Error(), From: from, Fix: "change to what every validator knows: algorithm 13, and NSEC or NSEC3 without iterations", Err: cause}
	}
	return &probe.Unmet{Class: "dns.dnssec", Want: want, Got: cause.Error(), From: from,
		Fix: "resolvers that validate answer SERVFAIL: sign the zone again, or have the DS corrected at the registrar"}
}

// usable are the DS records that validators go by: with a digest and an algorithm that they know (RFC 9904, RFC 9905), and SHA-1 only where there is
// nothing better (RFC 4509 3).
func usable(list []*dns.DS) []*dns.DS {
	weak := func(ds *dns.DS) bool { return ds.DigestType == dns.SHA1 }
	supported := slices.DeleteFunc(slices.Clone(list), func(ds *dns.DS) bool {
		return !slices.Contains([]uint8{dns.SHA1, dns.SHA256, dns.SHA384}, ds.DigestType) || !slices.Contains(verifiable, ds.Algorithm)
	})
	if slices.ContainsFunc(supported, func(ds *dns.DS) bool { return !weak(ds) }) {
		supported = slices.DeleteFunc(supported, weak)
	}
	return supported
}
