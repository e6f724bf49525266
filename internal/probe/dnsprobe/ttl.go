package dnsprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// TTLAtMost claims that a launch name's RRset, and each CNAME of the zone on the way to its addresses, has at most this
// TTL at every authoritative server (RFC 1035 3.2.1; TTL-01). A resolver's TTL says nothing: it counts down.
func TTLAtMost(z *Zone, record Record, limit time.Duration) probe.Claim {
	return z.claim("TTL-01", "RFC 1035 3.2.1", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		if limit <= 0 {
			return noLimit("dns.low_ttl")
		}
		both := z.withTCP(ctx, record.Name)
		evidence.Observed = observedChains(both[:])
		return ttlAtMost(limit, z.ownLinks(both))
	})
}

// withTCP is followBoth with what the servers say at the name itself over TCP, which can have a TTL of its own. Whether
// they answer there is for AnswersAgree to say.
func (z *Zone) withTCP(ctx context.Context, name string) [2]chain {
	var both [2]chain
	var tcp direct
	var wait sync.WaitGroup
	wait.Go(func() { both = z.followBoth(ctx, name) })
	wait.Go(func() { tcp, _ = z.direct(ctx, name, true, 0) }) // the same question over UDP has the same error
	wait.Wait()
	for i, seen := range [2][]sighting{tcp.v4, tcp.v6} {
		answered := slices.DeleteFunc(seen, func(s sighting) bool { return s.err != nil })
		both[i].links[0].seen = slices.Concat(both[i].links[0].seen, answered)
	}
	return both
}

func noLimit(key string) error {
	return &probe.Unknown{Class: "not-configured", Want: "a limit for the TTL", Got: "none", From: key, Fix: "set it, such as 300s"}
}

// ownLink is one RRset of the zone on the way from a launch name to its addresses.
type ownLink struct {
	name  string
	qtype string // as it is served: CNAME, A or AAAA
	seen  []sighting
	errs  []error
}

// ownLinks are the chains' links that lie in the zone, each RRset once. CNAMEs into other zones end there: their TTL is
// somebody else's. The last element carries what could not be seen.
func (z *Zone) ownLinks(both [2]chain) []ownLink {
	var links []ownLink
	var blanks ownLink
	at := map[[2]string]int{}
	for _, c := range both {
		blanks.errs = append(blanks.errs, c.errs...)
		for _, l := range c.links {
			if !within(l.name, z.apex) {
				continue
			}
			blanks.errs = append(blanks.errs, failures(l.seen)...)
			for _, s := range l.seen {
				if s.state != found && s.state != alias {
					continue
				}
				key := [2]string{l.name, "CNAME"}
				if s.state == found {
					key[1] = dns.TypeToString[c.qtype]
				}
				i, known := at[key]
				if !known {
					i = len(links)
					at[key] = i
					links = append(links, ownLink{name: key[0], qtype: key[1]})
				}
				links[i].seen = append(links[i].seen, s)
			}
		}
	}
	if len(links) == 0 && len(blanks.errs) == 0 {
		first := both[0].links[0]
		blanks.errs = append(blanks.errs, &probe.Unmet{Class: "dns.no-address", Want: "a record of " + plain(both[0].name) + " with a TTL", Got: first.seen[0].answer(),
			From: first.seen[0].from(), Fix: "create the record"})
	}
	return append(links, blanks)
}

func ttlAtMost(limit time.Duration, links []ownLink) error {
	var errs []error
	for _, l := range links {
		errs = append(errs, l.errs...)
		for _, s := range l.seen {
			if ttl := seconds(s.ttl); ttl > limit {
				errs = append(errs, &probe.Unmet{Class: "dns.ttl", Want: fmt.Sprintf("a TTL of at most %s for %s %s", inSeconds(limit), plain(l.name), l.qtype), Got: inSeconds(ttl),
					From: s.from(), Fix: "lower the TTL at the DNS provider, and wait out the old one"})
			}
		}
	}
	return worst(errs)
}

func seconds(ttl uint32) time.Duration { return time.Duration(ttl) * time.Second }

func inSeconds(d time.Duration) string { return fmt.Sprintf("%d s", int64(d/time.Second)) }

// TTLsAgree claims that every server gives a launch name's RRsets the same TTL (RFC 2181 5.2; TTL-04).
func TTLsAgree(z *Zone, record Record) probe.Claim {
	return z.claim("TTL-04", "RFC 2181 5.2", record.Name, func(ctx context.Context, evidence *probe.Evidence) error {
		both := z.withTCP(ctx, record.Name)
		evidence.Observed = observedChains(both[:])
		return ttlsAgree(z.ownLinks(both))
	})
}

func ttlsAgree(links []ownLink) error {
	var errs []error
	for _, l := range links {
		errs = append(errs, l.errs...)
		errs = append(errs, disagreement(l.seen, "dns.ttl", "the same TTL for "+plain(l.name)+" "+l.qtype+" at every server", "see which server is behind, and why",
			func(s sighting) string { return inSeconds(seconds(s.ttl)) }))
	}
	return worst(errs)
}

// NegativeTTLAtMost claims that a resolver remembers for at most limit that a name does not exist: the smaller of the
// SOA's TTL and its MINIMUM, at every server (RFC 2308 5, RFC 9077; TTL-03). It matters while a launch name is still to be
// created, and is not applicable otherwise.
func NegativeTTLAtMost(z *Zone, limit time.Duration, records ...Record) probe.Claim {
	return z.claim("TTL-03", "RFC 2308 5, RFC 9077", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		missing, err := z.stillToCreate(ctx, records)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			return &probe.NotApplicable{Why: "no launch name is still to be created"}
		}
		if limit <= 0 {
			return noLimit("dns.negative_ttl")
		}
		seen, err := z.everywhere(ctx, question{name: z.apex, qtype: dns.TypeSOA})
		evidence.Observed = map[string]any{"still_to_create": missing, "soa": seen}
		if err != nil {
			return err
		}
		return negativeTTLAtMost(limit, missing, seen)
	})
}

// stillToCreate are the names of new records that some server does not have yet.
func (z *Zone) stillToCreate(ctx context.Context, records []Record) ([]string, error) {
	var missing []string
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	for _, r := range records {
		if !r.New {
			continue
		}
		all.Go(func() {
			seen, err := z.direct(ctx, r.Name, false, 0)
			exists := err == nil && existsAtAll(seen)
			mu.Lock()
			defer mu.Unlock()
			if errs = append(errs, err); !exists {
				missing = append(missing, r.Name)
			}
		})
	}
	all.Wait()
	return sortedSet(missing), worst(errs)
}

func existsAtAll(d direct) bool {
	has := map[server]bool{}
	for _, s := range d.all() {
		has[s.server] = has[s.server] || s.state == found || s.state == alias
	}
	for _, exists := range has {
		if !exists {
			return false
		}
	}
	return len(has) > 0
}

func negativeTTLAtMost(limit time.Duration, missing []string, seen []sighting) error {
	errs := failures(seen)
	for _, s := range seen {
		soa := s.soa()
		if s.err == nil && soa == nil {
			errs = append(errs, &probe.Unmet{Class: "dns.ttl", Want: "an SOA record", Got: s.answer(), From: s.from(), Fix: "make the server serve the zone"})
		}
		if soa == nil {
			continue
		}
		if ttl := seconds(min(soa.Hdr.Ttl, soa.Minttl)); ttl > limit {
			errs = append(errs, &probe.Unmet{Class: "dns.negative-ttl", Want: "a negative TTL of at most " + inSeconds(limit) + " while " + strings.Join(missing, ", ") + " is still to be created",
				Got: fmt.Sprintf("%s (SOA TTL %d, MINIMUM %d)", inSeconds(ttl), soa.Hdr.Ttl, soa.Minttl), From: s.from(), Fix: "lower the SOA's MINIMUM, or create the name now"})
		}
	}
	return worst(errs)
}
