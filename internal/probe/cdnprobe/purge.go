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
	// inARow are the answers with new content in a row that an address must give: several servers can be behind it.
	inARow = 3
)

// canary is what one address showed before and after the purge.
type canary struct {
	ip            netip.Addr
	before, after []look
	took          time.Duration // from the end of the purge to the first of the new answers that stayed
}

// Purges claims that the purge works: the CDN keeps the canary at every address, and within a time after the purge has ended
// every address has other content. The origin writes the canary anew at each request. A canary that is not kept, or that
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
			return canary{ip: ip, before: untilStored(ctx, web, rawURL, ip)}
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
		if err := purge.Run(ctx); err != nil {
			return e, err
		}
		ended := time.Now()
		after, err := probe.EveryAddress(ctx, known(found), target.Hostname(), func(ctx context.Context, ip netip.Addr) canary {
			for _, c := range found {
				if c.ip == ip {
					return renewed(ctx, web, rawURL, c, ended, purge.Within)
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

// judgeKept judges that a canary is kept, and for longer than the purge may take.
func judgeKept(looks []look, within time.Duration) error {
	const want, fix = "a canary that the CDN keeps for longer than cdn.purge.within", "have the origin send it with Cache-Control: public, max-age=86400"
	last := looks[len(looks)-1]
	if last.err != nil {
		return last.err
	}
	if err := judgeCached(looks); err != nil {
		return last.unknown("purge.canary", want, err.Error(), fix)
	}
	life, ok := seconds(directives(last.header), "s-maxage")
	if !ok {
		life, ok = seconds(directives(last.header), "max-age")
	}
	age, err := strconv.Atoi(strings.TrimSpace(last.header.Get("Age")))
	if last.header.Get("Age") == "" {
		age, err = 0, nil
	}
	if left := life - time.Duration(age)*time.Second; !ok || err != nil || left <= within+time.Minute {
		return last.unknown("purge.canary", want, fmt.Sprintf("%s at the age of %s s, which may run out by itself", cacheControl(last.header), last.header.Get("Age")), fix)
	}
	return nil
}

// renewed looks until the canary is another one, time and again, or until the time is up.
func renewed(ctx context.Context, web *httpprobe.Client, rawURL string, c canary, ended time.Time, within time.Duration) canary {
	old, since := c.before[len(c.before)-1], time.Time{}
	for {
		l := ask(ctx, web, rawURL, c.ip, nil)
		c.after = append(c.after, l)
		if !l.isNew(old) {
			c.after, since = c.after[len(c.after)-1:], time.Time{}
		} else if since.IsZero() {
			since = l.asked
		}
		if len(c.after) > inARow {
			c.after = c.after[len(c.after)-inARow:]
		}
		if c.purged(old) {
			c.took = since.Sub(ended)
			return c
		}
		if late := !l.isNew(old) && time.Since(ended) > within; late || probe.Wait(ctx, every) != nil {
			return c
		}
	}
}

func (l look) isNew(old look) bool { return l.found() == nil && !bytes.Equal(l.body, old.body) }

func (c canary) purged(old look) bool {
	for _, l := range c.after {
		if !l.isNew(old) {
			return false
		}
	}
	return len(c.after) == inARow
}

func judgePurged(c canary, within time.Duration) error {
	old, last := c.before[len(c.before)-1], c.after[len(c.after)-1]
	want := fmt.Sprintf("other content than before the purge within %s", within)
	switch {
	case c.purged(old) && c.took > within:
		return last.unmet("purge.slow", want, fmt.Sprintf("it after %.0f s", c.took.Seconds()), "see the CDN's purges")
	case c.purged(old):
		return nil
	case last.found() != nil:
		return last.found()
	case last.isNew(old): // the deadline came first
		return last.unknown("timeout", want, "too few looks", "")
	default:
		return last.unmet("purge.stale", want, "the same content", "correct cdn.purge.command: it ended with 0, and purged something else or nothing; or have the origin write the canary anew at each request")
	}
}
