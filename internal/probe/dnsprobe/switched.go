package dnsprobe

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// Unseen is what can be said of caches that nobody asked: none can have the old answer any more once it could be cached
// for its old TTL after the last server gave it up (propagation rule 5). A resolver may break its word (RFC 8767).
type Unseen struct {
	Switched        []saying  `json:"switched,omitempty"` // since when each server has the new answer, and the parent its delegation
	OldTTL          float64   `json:"old_ttl,omitempty"`  // s
	GuaranteedAfter time.Time `json:"guaranteed_after,omitzero"`
	Unknown         string    `json:"unknown,omitempty"` // why nobody can tell
}

// saying is what a server answers, and since when without a break, as far as the log of first sights and this look know.
type saying struct {
	ttlSight
	before *ttlSight // what it answered before, where the log knows
	known  bool      // it is in the log
}

// unseen works out from when on no cache can have the old answer of a record.
func (z *Zone) unseen(ctx context.Context, record Record, servers []Standing, snapshot *Snapshot) Unseen {
	old, err := z.oldTTL(ctx, record, snapshot)
	if err != nil {
		return Unseen{Unknown: err.Error()}
	}
	now := time.Now().UTC().Truncate(time.Second).Add(time.Second) // the log's instants must not lie before the switch
	var sights []ttlSight
	for _, s := range servers {
		sight := ttlSight{Name: plain(dns.CanonicalName(record.Name)), Type: "A AAAA", Seen: now, Server: s.Who, Answer: "another"}
		if s.Status == probe.Pass {
			sight.Answer = record.words()
		}
		if s.Status != probe.Blocked { // silence changes nothing
			sights = append(sights, sight)
		}
	}
	delegated, err := z.delegationSights(ctx, now)
	if err != nil {
		return Unseen{Unknown: err.Error()}
	}
	said, err := z.sayings(append(sights, delegated...))
	if err != nil {
		return Unseen{Unknown: err.Error()}
	}
	u := Unseen{Switched: said, OldTTL: old.Seconds()}
	for _, s := range said {
		if end := s.forgotten(old, snapshot); end.After(u.GuaranteedAfter) {
			u.GuaranteedAfter = end
		}
	}
	if slices.ContainsFunc(servers, func(s Standing) bool { return s.Status != probe.Pass }) {
		u.GuaranteedAfter, u.Unknown = time.Time{}, "not every server has the new answer"
	}
	return u
}

// forgotten is when no cache can have any more what a server answered before this. Whoever still has the old delegation
// can ask the old servers until it runs out, and then keep their answer for its old TTL.
func (s saying) forgotten(old time.Duration, snapshot *Snapshot) time.Time {
	var ttl time.Duration
	gone := false
	if s.before != nil {
		ttl, gone = seconds(max(s.before.TTL, s.TTL)), s.before.Answer != s.Answer
	}
	switch s.Type {
	case "NS":
		if servers := snapshot.nameServers(s.Name); len(without(rdata(servers), strings.Split(s.Answer, ", "))) > 0 {
			ttl, gone = max(ttl, seconds(s.TTL), seconds(longestTTL(servers))), true
		}
		ttl += old
	case "DS":
	default:
		ttl, gone = old, true
	}
	if !gone {
		return time.Time{}
	}
	return s.Seen.Add(ttl)
}

// nameServers are those that the zone had before the change.
func (s *Snapshot) nameServers(zone string) []dns.RR {
	if s == nil {
		return nil
	}
	return section(s.rrs, dns.CanonicalName(zone), dns.TypeNS)
}

// oldTTL is for how long the old answer of a record could be cached: the snapshot's TTL, and where a type or the whole name
// did not exist, that of its absence (RFC 2308 5).
func (z *Zone) oldTTL(ctx context.Context, record Record, snapshot *Snapshot) (time.Duration, error) {
	var ttl time.Duration
	known, complete := false, false
	if snapshot != nil && snapshot.err == nil {
		ttl, known = snapshot.longestTTL(record.Name)
		complete = snapshot.has(record.Name, dns.TypeCNAME) ||
			(snapshot.has(record.Name, dns.TypeA) || record.Target == "" && len(record.A) == 0) &&
				(snapshot.has(record.Name, dns.TypeAAAA) || record.Target == "" && len(record.AAAA) == 0)
	}
	if !known && !record.New {
		return 0, &probe.Unknown{Class: "dns.snapshot", Want: "the old TTL of " + record.Name, Got: "no snapshot with its old answer", From: "dns.rollback_file"}
	}
	if complete {
		return ttl, nil
	}
	absence, err := z.absenceTTL(ctx, snapshot)
	return max(ttl, absence), err
}

func (s *Snapshot) has(name string, rrtype uint16) bool {
	return len(section(s.rrs, dns.CanonicalName(name), rrtype)) > 0
}

// absenceTTL is for how long a resolver may remember that something does not exist, now or by the snapshot.
func (z *Zone) absenceTTL(ctx context.Context, snapshot *Snapshot) (time.Duration, error) {
	seen, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeSOA})
	if err != nil {
		return 0, err
	}
	var longest uint32
	known := false
	for _, s := range seen {
		if soa := s.soa(); soa != nil {
			longest, known = max(longest, min(soa.Hdr.Ttl, soa.Minttl)), true
		}
	}
	if snapshot != nil {
		for _, rr := range section(snapshot.rrs, z.apex, dns.TypeSOA) {
			soa := rr.(*dns.SOA)
			longest = max(longest, min(soa.Hdr.Ttl, soa.Minttl))
		}
	}
	if !known {
		return 0, worst(failures(seen))
	}
	return seconds(longest), nil
}

// delegationSights are the parent's NS and DS RRsets of the zone, as far as its servers agree.
func (z *Zone) delegationSights(ctx context.Context, now time.Time) ([]ttlSight, error) {
	types := []uint16{dns.TypeNS, dns.TypeDS}
	sights := make([]ttlSight, len(types))
	errs := make([]error, len(types))
	var both sync.WaitGroup
	for i, t := range types {
		both.Go(func() {
			var seen []sighting
			seen, errs[i] = z.askParent(ctx, t)
			sights[i] = ttlSight{Name: plain(z.apex), Type: dns.TypeToString[t], Seen: now, Server: "the parent"}
			var answers []string
			for _, s := range seen {
				if s.err == nil {
					rrset := section(slices.Concat(s.reply.Answer, s.reply.Ns), z.apex, t)
					answers = append(answers, orNone(rdata(rrset)))
					sights[i].TTL = max(sights[i].TTL, longestTTL(rrset))
				}
			}
			sights[i].Answer = strings.Join(sortedSet(answers), " or ")
			if len(answers) == 0 && errs[i] == nil {
				errs[i] = worst(failures(seen))
			}
		})
	}
	both.Wait()
	return sights, worst(errs)
}

// sayings puts what the servers answer now beside the log of first sights, and writes down what is new in it.
func (z *Zone) sayings(now []ttlSight) ([]saying, error) {
	ttlLogs.Lock()
	defer ttlLogs.Unlock()
	var added []ttlSight
	log, err := readTTLLog(z.config.TTLLog)
	if err != nil {
		return nil, ttlLogUnknown(z.config.TTLLog, err)
	}
	said := make([]saying, len(now))
	for i, s := range now {
		said[i] = saying{ttlSight: s}
		for n := range log {
			switch line := &log[n]; {
			case line.Name != s.Name || line.Type != s.Type || line.Server != s.Server:
			case line.Answer != s.Answer:
				said[i] = saying{ttlSight: s, before: line}
			case !said[i].known:
				said[i].ttlSight, said[i].known = *line, true
			}
		}
		if !said[i].known {
			added = append(added, s)
		}
	}
	if err := appendTTLLog(z.config.TTLLog, added); err != nil {
		return nil, ttlLogUnknown(z.config.TTLLog, err)
	}
	return said, nil
}
