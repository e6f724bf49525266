package dnsprobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// Snapshot is the zone as it was before the change: what a rollback goes back to.
type Snapshot struct {
	path string
	rrs  []dns.RR
	err  error
}

// ReadSnapshot reads a zone file in RFC 1035 master format. Relative names belong to domain. A file that cannot be read
// is not an error here: the claims that need it say so.
func ReadSnapshot(path, domain string) *Snapshot {
	text, err := os.ReadFile(path)
	if err != nil {
		return &Snapshot{path: path, err: err}
	}
	s := parseSnapshot(text, domain)
	s.path = path
	return s
}

// parseSnapshot takes nothing on trust: no $INCLUDE, no class but IN, no name outside the zone, no
// record without a TTL, no RRset with two.
func parseSnapshot(text []byte, domain string) *Snapshot {
	s := &Snapshot{}
	apex := dns.CanonicalName(domain)
	ttls := map[string]uint32{}
	parser := dns.NewZoneParser(bytes.NewReader(text), apex, "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		h := rr.Header()
		h.Name = dns.CanonicalName(h.Name)
		key := h.Name + " " + dns.TypeToString[h.Rrtype]
		known, again := ttls[key]
		switch {
		case h.Class != dns.ClassINET:
			return &Snapshot{err: fmt.Errorf("%s is not of class IN", plain(h.Name))}
		case !within(h.Name, apex):
			return &Snapshot{err: fmt.Errorf("%s is not in %s", plain(h.Name), plain(apex))}
		case h.Ttl == 0: // what the parser makes of a missing one
			return &Snapshot{err: fmt.Errorf("%s has no TTL", key)}
		case again && known != h.Ttl:
			return &Snapshot{err: fmt.Errorf("%s has two TTLs, %d and %d", key, known, h.Ttl)}
		}
		ttls[key] = h.Ttl
		s.rrs = append(s.rrs, rr)
	}
	if err := parser.Err(); err != nil {
		return &Snapshot{err: err}
	}
	if len(s.rrs) == 0 {
		s.err = errors.New("no records in the file")
	}
	return s
}

// at are the addresses and CNAME targets that the snapshot has for a name, in plain form.
func (s *Snapshot) at(name string) (values []string) {
	for _, rr := range s.rrs {
		if rr.Header().Name != dns.CanonicalName(name) {
			continue
		}
		if addr, is := address(rr); is {
			values = append(values, addr.String())
		}
		if cname, is := rr.(*dns.CNAME); is {
			values = append(values, plain(dns.CanonicalName(cname.Target)))
		}
	}
	return sortedSet(values)
}

// longestTTL is how long an answer about a name's addresses could be cached before the change: the longest TTL of its
// A, AAAA and CNAME. False where there was none.
func (s *Snapshot) longestTTL(name string) (time.Duration, bool) {
	var ttl uint32
	known := false
	for _, rr := range s.rrs {
		h := rr.Header()
		if h.Name == dns.CanonicalName(name) && (h.Rrtype == dns.TypeA || h.Rrtype == dns.TypeAAAA || h.Rrtype == dns.TypeCNAME) {
			ttl, known = max(ttl, h.Ttl), true
		}
	}
	return seconds(ttl), known
}

// SnapshotHolds claims that the snapshot can be read and has, with TTLs, the old answer of every launch name that existed
// before the launch (RFC 1035 5; RBK-01).
func SnapshotHolds(z *Zone, snapshot *Snapshot, records ...Record) probe.Claim {
	return z.claim("RBK-01", "RFC 1035 5", snapshot.path, func(_ context.Context, evidence *probe.Evidence) error {
		evidence.Observed = snapshot.texts()
		return snapshotHolds(snapshot, records)
	})
}

func (s *Snapshot) texts() []string {
	texts := make([]string, len(s.rrs))
	for i, rr := range s.rrs {
		texts[i] = rr.String()
	}
	return texts
}

func snapshotHolds(snapshot *Snapshot, records []Record) error {
	if snapshot.err != nil {
		return &probe.Unmet{Class: "dns.snapshot", Want: "the zone as it was before the change, in master format", Got: snapshot.err.Error(), From: snapshot.path,
			Fix: "export the zone from the DNS provider and commit it as dns.rollback_file"}
	}
	if len(records) == 0 {
		return nothingGiven("launch records to find in the snapshot")
	}
	var errs []error
	for _, r := range records {
		if !r.New && len(snapshot.at(r.Name)) == 0 {
			errs = append(errs, &probe.Unmet{Class: "dns.snapshot", Want: "the old A, AAAA or CNAME of " + r.Name, Got: "none", From: snapshot.path,
				Fix: "add it to the snapshot, or mark the record as new"})
		}
	}
	return worst(errs)
}

// SnapshotPredates claims that the snapshot was taken before the change: it has each old answer that launch.yaml lists,
// and differs from the new answer unless the record's old answers say that it stays the same (RBK-02).
func SnapshotPredates(z *Zone, snapshot *Snapshot, records ...Record) probe.Claim {
	return z.claim("RBK-02", "runbook", snapshot.path, func(ctx context.Context, evidence *probe.Evidence) error {
		if err := snapshotHolds(snapshot, records); err != nil {
			return err
		}
		var errs []error
		observed := map[string]any{}
		for _, r := range records {
			var target []netip.Addr
			if r.Target != "" {
				var err error
				if target, err = z.Addresses(ctx, r.Target); err != nil {
					errs = append(errs, err)
					continue
				}
			}
			observed[r.Name] = map[string]any{"snapshot": snapshot.at(r.Name), "old": r.Old, "target_addresses": target}
			errs = append(errs, snapshotPredates(snapshot, r, target))
		}
		evidence.Observed = observed
		return worst(errs)
	})
}

func snapshotPredates(snapshot *Snapshot, r Record, target []netip.Addr) error {
	had := snapshot.at(r.Name)
	old := make([]string, len(r.Old))
	for i, o := range r.Old {
		old[i] = plain(strings.ToLower(o))
		if addr, err := netip.ParseAddr(o); err == nil { // otherwise it is a CNAME's target
			old[i] = addr.Unmap().String()
		}
	}
	if missing := without(old, had); len(missing) > 0 {
		return &probe.Unmet{Class: "dns.snapshot", Want: "the old answer of " + r.Name + ", " + strings.Join(old, ", "), Got: orNone(had), From: snapshot.path,
			Fix: "export the zone again from before the change, or correct the record's old answers"}
	}
	if len(had) == 0 || len(without(had, old)) == 0 { // new, or documented
		return nil
	}
	if slices.Equal(had, addressTexts(slices.Concat(r.A, r.AAAA))) || slices.Equal(had, []string{plain(dns.CanonicalName(r.Target))}) ||
		len(target) > 0 && len(without(had, addressTexts(target))) == 0 {
		return &probe.Unmet{Class: "dns.snapshot", Want: "an answer of " + r.Name + " from before the change", Got: "the new one, " + strings.Join(had, ", "), From: snapshot.path,
			Fix: "export the zone from before the change, or list the answer under old if it stays the same"}
	}
	return nil
}
