package tlsprobe

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Lifetime is how long a certificate must last.
type Lifetime struct {
	Launch time.Time
	Days   int // it must last longer than this beyond the launch

	// Log is the file of certificates seen in earlier runs. Where it proves that renewal is automatic, DaysAutorenew is
	// enough. Empty: renewal counts as a person's work, whatever was seen.
	Log           string
	DaysAutorenew int
}

// OutlivesLaunch claims that the certificate on every address of name lasts longer than the wanted days beyond the
// launch. With a log, each verified certificate is written down when it is first seen, and renewal counts as proven
// automatic once the served certificate has replaced an earlier one in good time: while that one still had a quarter of
// its life or seven days.
func OutlivesLaunch(o *Observer, name string, want Lifetime) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: name, Source: "RFC 5280 4.1.2.5"}
		if want.Launch.IsZero() {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the instant of the launch", Got: "none"}
		}
		all, err := o.handshakes(ctx, name, name)
		if err != nil {
			return evidence, err
		}
		valid := eachChain(all, wanted{name: name, roots: o.Network.Roots, now: time.Now()})
		var earlier []sighting
		if want.Log != "" {
			earlier, err = remember(want.Log, name, trusted(all, valid))
			if err != nil {
				return evidence, err
			}
		}
		return evidence, probe.Worst(&evidence, eachLifetime(name, all, valid, want, earlier))
	}
}

// trusted are the leaves that verify: only those may ever prove a renewal.
func trusted(all []*handshake, valid []probe.AtAddress) []*x509.Certificate {
	var leaves []*x509.Certificate
	for i, h := range all {
		if valid[i].Err == nil {
			leaves = append(leaves, h.chain[0])
		}
	}
	return leaves
}

// eachLifetime judges the end of every address's leaf. A leaf that does not verify outlives nothing.
func eachLifetime(name string, all []*handshake, valid []probe.AtAddress, want Lifetime, earlier []sighting) []probe.AtAddress {
	results := make([]probe.AtAddress, len(all))
	for i, h := range all {
		results[i] = valid[i]
		if valid[i].Err == nil {
			results[i].Err = want.judge(name, h, earlier)
		}
	}
	return results
}

func (l Lifetime) judge(name string, h *handshake, earlier []sighting) error {
	leaf := h.chain[0]
	needed, renewal := l.Days, "renew it before the launch"
	if l.Log != "" {
		if renewed(leaf, earlier) {
			needed, renewal = l.DaysAutorenew, "its renewal has been automatic so far: see why it is late"
		} else {
			renewal += ", or let renewal prove itself: no certificate seen before this one was replaced by it in good time"
		}
	}
	must := l.Launch.Add(time.Duration(needed) * 24 * time.Hour)
	if leaf.NotAfter.After(must) {
		return nil
	}
	relation := days(leaf.NotAfter.Sub(l.Launch)) + " after the launch"
	if leaf.NotAfter.Before(l.Launch) {
		relation = days(l.Launch.Sub(leaf.NotAfter)) + " before the launch"
	}
	return &probe.Unmet{Class: "tls.expiry", Want: fmt.Sprintf("a certificate for %s that lasts more than %d days beyond the launch, after %s", name, needed, stamp(must)),
		Got: fmt.Sprintf("one (serial %x) that ends %s, %s", leaf.SerialNumber, stamp(leaf.NotAfter), relation), From: h.address, Fix: renewal}
}
