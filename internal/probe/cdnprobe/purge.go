package cdnprobe

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// Purge is how a canary is taken out of the CDN.
type Purge struct {
	Run    func(context.Context) error // nil where nothing is configured
	Within time.Duration
}

const (
	// every is how long is waited between two looks.
	every = 500 * time.Millisecond
	// inARow are the answers in a row that must be the same old copy before the purge, and other content after it. Several
	// servers can be behind an address, and one that never had the canary has other content without any purge.
	inARow = 5
)

// canary is what one address showed before and after the purge.
type canary struct {
	ip            netip.Addr
	before, after []look
	renewed       bool
	took          time.Duration // from the beginning of the purge to the first of the new answers that stayed
}

// Purges claims that the purge works: the CDN keeps the canary at every address, and within a time after the purge has begun
// every address has other content, fetched since. The origin writes the canary anew at each request. A canary that is not kept, or that
// would have run out by itself, proves nothing.
func Purges(web *httpprobe.Client, rawURL string, purge Purge) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: rawURL, Source: "RFC 9111 4.2"}
		target, err := url.Parse(rawURL)
		if purge.Run == nil || err != nil {
			return e, &probe.Unknown{Class: "not-configured", Want: "a canary and the command that purges it", Got: "none", From: "cdn.purge",
				Fix: "name an object that is there for nothing else, and the command that takes it out of the CDN"}
		}
		found, err := probe.EveryAddress(ctx, web.Resolver, target.Hostname(), func(ctx context.Context, ip netip.Addr) canary {
			return canary{ip: ip, before: again(ctx, web, rawURL, ip)}
		})
		if err != nil {
			return e, err
		}
		results := make([]probe.AtAddress, len(found))
		for i, c := range found {
			results[i] = c.result(judgeKept(c.before, purge.Within))
		}
		if err := probe.Worst(&e, results); err != nil {
			return e, err
		}
		began := time.Now()
		if err := purge.Run(ctx); err != nil {
			return e, err
		}
		after, err := probe.EveryAddress(ctx, known(found), target.Hostname(), func(ctx context.Context, ip netip.Addr) canary {
			for _, c := range found {
				if c.ip == ip {
					return renewed(ctx, web, rawURL, c, began, purge.Within)
				}
			}
			panic("an address that was not looked at before")
		})
		if err != nil {
			return e, err
		}
		for i, c := range after {
			results[i] = c.result(judgePurged(c, purge.Within))
		}
		e.Asked = nil
		return e, probe.Worst(&e, results)
	}
}

// known are the addresses that were looked at before the purge: the same ones are looked at after it.
type known []canary

func (k known) Addresses(context.Context, string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, c := range k {
		all = append(all, c.ip)
	}
	return all, nil
}

func (c canary) result(err error) probe.AtAddress {
	return probe.AtAddress{Address: netip.AddrPortFrom(c.ip, 443).String(), Err: err,
		Seen: map[string]any{"before": evidence(c.before), "after": evidence(c.after), "took_s": c.took.Seconds()}}
}

// judgeKept judges that a canary is kept, as one copy, and for longer than the purge may take.
func judgeKept(looks []look, within time.Duration) error {
	const want, fix = "one copy of a canary, kept for longer than cdn.purge.within", "have the origin send it with Cache-Control: public, max-age=86400"
	last := looks[len(looks)-1]
	for _, l := range looks[max(0, len(looks)-inARow):] {
		switch from, why := source(l.header); {
		case l.err != nil:
			return l.err
		case l.found() != nil:
			return l.found()
		case from != stored:
			return l.unknown("purge.canary", want, "an answer that is no copy: "+why, fix)
		case !bytes.Equal(l.body, last.body):
			return l.unknown("purge.canary", want, "copies that differ", "see whether several servers behind the address keep copies of their own")
		}
	}
	life, ok := seconds(directives(last.header), "s-maxage")
	if !ok {
		life, ok = seconds(directives(last.header), "max-age")
	}
	age, err := last.age()
	if !ok || err != nil || life-age <= within+time.Minute {
		return last.unknown("purge.canary", want, fmt.Sprintf("%s at the age of %s, which may run out by itself", cacheControl(last.header), age), fix)
	}
	return nil
}

// again looks at the canary until it is kept, and then some more times.
func again(ctx context.Context, web *httpprobe.Client, rawURL string, ip netip.Addr) []look {
	looks := untilStored(ctx, web, rawURL, ip)
	for range inARow - 1 {
		looks = append(looks, ask(ctx, web, rawURL, ip, nil))
	}
	return looks
}

// renewed looks until the canary is another one, time and again, or until the time is up.
func renewed(ctx context.Context, web *httpprobe.Client, rawURL string, c canary, began time.Time, within time.Duration) canary {
	old, since := c.before[len(c.before)-1], time.Time{}
	for {
		l := ask(ctx, web, rawURL, c.ip, nil)
		other := l.replaces(old, began)
		switch {
		case !other:
			c.after, since = nil, time.Time{}
		case since.IsZero():
			since = l.asked
		}
		c.after = append(c.after, l)
		if c.renewed = other && len(c.after) >= inARow; c.renewed {
			c.took = since.Sub(began)
			return c
		}
		if late := time.Since(began) > within; !other && (late || probe.Wait(ctx, every) != nil) || ctx.Err() != nil {
			return c
		}
	}
}

// replaces says whether an answer is other content than the old one, and was fetched since: an older copy is other content too.
func (l look) replaces(old look, began time.Time) bool {
	age, err := l.age()
	return l.found() == nil && !bytes.Equal(l.body, old.body) && err == nil && age <= time.Since(began)+time.Second
}

// age is how long a copy has been kept, as it says; 0 where it says nothing.
func (l look) age() (time.Duration, error) {
	text := strings.TrimSpace(l.header.Get("Age"))
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	return time.Duration(n) * time.Second, err
}

func judgePurged(c canary, within time.Duration) error {
	last := c.after[len(c.after)-1]
	want := fmt.Sprintf("other content than before the purge within %s", within)
	switch {
	case c.renewed && c.took > within:
		return last.unmet("purge.slow", want, fmt.Sprintf("it after %.0f s", c.took.Seconds()), "see the CDN's purges")
	case c.renewed:
		return nil
	case last.found() != nil:
		return last.found()
	case len(c.after) > 1: // the deadline came first
		return last.unknown("timeout", want, "too few looks", "try again")
	default:
		return last.unmet("purge.stale", want, "a copy from before it", "correct cdn.purge.command: it ended with 0, and purged something else or nothing; or have the origin write the canary anew at each request")
	}
}
