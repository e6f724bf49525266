package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

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
	ds = usable(ds)
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
		err = badSignature("DNSKEY of "+plain(zone), err, who)
		return keySet{state: stateOf(err), err: err}
	}
	return keySet{state: secure, keys: all, sig: sig}
}

func standsFor(ds *dns.DS, key *dns.DNSKEY) bool {
	if ds.KeyTag != key.KeyTag() || ds.Algorithm != key.Algorithm {
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
