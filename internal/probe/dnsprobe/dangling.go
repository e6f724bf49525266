package dnsprobe

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// NothingDangles claims that no CNAME of a launch name, no mail exchanger and no name server leads to a name that does
// not exist, for whoever registers it takes over its part of the launch (REC-07).
func NothingDangles(z *Zone, records ...Record) probe.Claim {
	return z.claim("REC-07", "subdomain takeover practice", z.apex, func(ctx context.Context, evidence *probe.Evidence) error {
		t := &targets{zone: z, met: map[string]bool{}}
		t.all.Go(func() {
			names, err := z.nameServerNames(ctx)
			t.add(ctx, names, err)
		})
		t.all.Go(func() { t.mailExchangers(ctx) })
		for _, r := range records {
			t.all.Go(func() {
				c := z.follow(ctx, r.Name, dns.TypeA)
				for _, l := range c.links {
					t.add(ctx, aliases(l.seen))
				}
				t.add(ctx, nil, c.blanks()...)
			})
		}
		t.all.Wait()
		slices.SortFunc(t.ends, func(a, b end) int { return strings.Compare(a.Name, b.Name) })
		evidence.Observed = t.ends
		return worst(append(t.blanks, nothingDangles(t.ends)...))
	})
}

// targets gathers the names that records lead to, and looks at each as soon as it is known.
type targets struct {
	zone *Zone
	all  sync.WaitGroup

	mu     sync.Mutex
	met    map[string]bool
	ends   []end
	blanks []error // why some targets may be missing
}

func (t *targets) add(ctx context.Context, names []string, blanks ...error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blanks = append(t.blanks, blanks...)
	for _, name := range names {
		if t.met[name] {
			continue
		}
		t.met[name] = true
		t.all.Go(func() {
			e := t.zone.end(ctx, name)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.ends = append(t.ends, e)
		})
	}
}

func (t *targets) mailExchangers(ctx context.Context) {
	go t.zone.ahead(ctx, t.zone.apex, dns.TypeMX)
	mx, err := t.zone.everywhere(ctx, question{name: t.zone.apex, qtype: dns.TypeMX})
	var names []string
	for _, s := range mx {
		for _, v := range s.values {
			if _, host, _ := strings.Cut(v, " "); host != "." { // the null MX, RFC 7505
				names = append(names, host)
			}
		}
	}
	blanks := failures(mx)
	if len(blanks) < len(mx) { // one server's word is enough here
		blanks = nil
	}
	t.add(ctx, names, append(blanks, err)...)
}

// end is what a target comes to.
type end struct {
	Name   string     `json:"name"`
	Seen   []sighting `json:"seen,omitempty"`
	Failed string     `json:"failed,omitempty"`
	err    error
}

// end asks every server about a name of our own, and any server about one elsewhere.
func (z *Zone) end(ctx context.Context, name string) end {
	e := end{Name: plain(name)}
	if within(name, z.apex) {
		e.Seen, e.err = z.everywhere(ctx, question{name: name, qtype: dns.TypeA})
		if blanks := failures(e.Seen); len(blanks) == len(e.Seen) && e.err == nil {
			e.err = worst(blanks)
		}
	} else {
		var seen sighting
		if _, seen, e.err = z.holder(ctx, name, dns.TypeA, nil); e.err == nil {
			e.Seen = []sighting{seen}
		}
	}
	if e.err != nil {
		e.Failed = e.err.Error()
	}
	return e
}

func nothingDangles(ends []end) []error {
	var errs []error
	for _, e := range ends {
		errs = append(errs, e.err)
		for _, s := range e.Seen {
			if s.state == nxdomain {
				errs = append(errs, &probe.Unmet{Class: "dns.dangling", Want: e.Name + " to exist", Got: "NXDOMAIN", From: s.from(),
					Fix: "take the record that leads there out of the zone now, or create the name"})
			}
		}
	}
	return errs
}
