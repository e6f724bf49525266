package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// LowLongEnough claims that the low TTL of a launch name will have been in force for a whole old TTL when the launch
// changes the answer, so that no cache then holds one with the old TTL (RFC 1035 3.2.1; TTL-02). The old TTL is the
// snapshot's, the first sight of the low one is kept in Config.TTLLog, the instant is Config.Cutover.
func LowLongEnough(z *Zone, record Record, snapshot *Snapshot) probe.Claim {
	return z.claim("TTL-02", "RFC 1035 3.2.1", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		unset := &probe.Unknown{Class: "not-configured", Want: "a low TTL, the launch's instant and a file for first sights", Got: "not all of them", From: "launch.yaml",
			Fix: "set dns.low_ttl, schedule and dns.ttl_log"}
		if z.config.LowTTL <= 0 || z.config.Cutover.IsZero() {
			return unset
		}
		if snapshot.err != nil {
			return &probe.Unknown{Class: "dns.snapshot", Want: "the old TTLs", Got: snapshot.err.Error(), From: snapshot.path, Fix: "export the zone as it was before the change", Err: snapshot.err}
		}
		if _, known := snapshot.longestTTL(record.Name); !known && !record.New {
			return &probe.Unknown{Class: "dns.snapshot", Want: "the old TTL of " + record.Name, Got: "no A, AAAA or CNAME of it", From: snapshot.path,
				Fix: "add it to the snapshot, or mark the record as new"}
		}
		both := z.withTCP(ctx, record.Name)
		links := z.ownLinks(both)
		first, err := z.firstSights(links)
		if err != nil {
			return err
		}
		judged := slices.Clone(links)
		observed := map[string]any{}
		for i, l := range judged[:len(links)-1] {
			old, known := snapshot.longestTTL(l.name)
			observed[plain(l.name)+" "+l.qtype] = map[string]any{"old_ttl": old.Seconds(), "known": known, "low_since": first[i]}
			if known {
				judged[i].errs = lowLongEnough(l, z.config.LowTTL, old, first[i], z.config.Cutover)
			} else {
				judged[i].errs = []error{ttlAtMost(z.config.LowTTL, []ownLink{l})}
			}
		}
		evidence.Observed = observed
		err = lowJudged(judged, snapshot)
		var late *probe.Unmet
		if z.config.TTLLog == "" && errors.As(err, &late) && late.Class == "dns.ttl-late" {
			return unset // low now, and nobody knows since when
		}
		return err
	})
}

// lowLongEnough judges one RRset. first is when the TTL was first seen low, or zero while it is not.
func lowLongEnough(l ownLink, limit, old time.Duration, first, cutover time.Time) []error {
	if first.IsZero() {
		return []error{ttlAtMost(limit, []ownLink{l})}
	}
	safe := first.Add(old)
	if !safe.After(cutover) {
		return nil
	}
	return []error{&probe.Unmet{Class: "dns.ttl-late", Want: fmt.Sprintf("%s %s low for its old TTL of %s before %s", plain(l.name), l.qtype, inSeconds(old), cutover.UTC().Format(time.RFC3339)),
		Got: "low since " + first.UTC().Format(time.RFC3339), From: "the log of first sights", Fix: "move the launch to after that, or accept caches with the old answer until then", Until: safe}}
}

// lowJudged joins the links' findings. A name that the snapshot does not hold has no old TTL to wait out.
func lowJudged(judged []ownLink, snapshot *Snapshot) error {
	var errs []error
	inSnapshot := 0
	for _, l := range judged {
		errs = append(errs, l.errs...)
		if _, known := snapshot.longestTTL(l.name); known {
			inSnapshot++
		}
	}
	if err := worst(errs); err != nil || inSnapshot > 0 {
		return err
	}
	return &probe.NotApplicable{Why: "the name did not exist before the launch, so nothing of it is cached"}
}
