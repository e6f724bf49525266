package cdnprobe

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

const (
	caching = "RFC 9111 5.1, RFC 9211 2"
	// attempts are how often a file is asked for until it comes out of the cache: an address may have several servers behind it.
	attempts = 6
	// ripe is how long a copy lies until its age, in whole seconds, or its date gives it away.
	ripe = 2100 * time.Millisecond
)

// Cached claims that the CDN keeps a URL: at every address it answers with its own copy after a few requests, as
// Cache-Status, X-Cache or the like or an Age above 0 says, and the copy sets no cookie, which everybody would get.
func Cached(web *httpprobe.Client, rawURL string) probe.Claim {
	return everywhere(web, caching, rawURL, func(ctx context.Context, ip netip.Addr) []look { return untilStored(ctx, web, rawURL, ip) }, judgeCached)
}

// untilStored asks until the answer comes out of the cache. The first time does not count as proof: somebody else may have
// asked before, and the copy may be about to run out.
func untilStored(ctx context.Context, web *httpprobe.Client, rawURL string, ip netip.Addr) []look {
	var looks []look
	for i := range attempts {
		if i > 1 && probe.Wait(ctx, ripe/2) != nil {
			break
		}
		l := ask(ctx, web, rawURL, ip, nil)
		looks = append(looks, l)
		if from, _ := source(l.header); l.found() != nil || i > 0 && from == stored {
			break
		}
	}
	return looks
}

func judgeCached(looks []look) error {
	for _, l := range looks {
		if err := l.found(); err != nil {
			return err
		}
	}
	last := looks[len(looks)-1]
	from, why := source(last.header)
	switch {
	case from == stored && len(last.header.Values("Set-Cookie")) > 0:
		return last.unmet("cdn.cookie", "a copy for everybody", "one with a cookie in it, which everybody gets", "have the origin set no cookie here, or the CDN strip it")
	case from == stored:
		return nil
	case from == unsaid:
		return last.unknown("cdn.unsaid", "an answer out of the CDN's cache", "no header that says where it came from, and no Age", "have the CDN send Cache-Status or X-Cache")
	}
	return last.unmet("cdn.not-cached", "an answer out of the CDN's cache", fmt.Sprintf("%s after %d requests", why, len(looks)),
		"have the origin send Cache-Control: public with a max-age, and the CDN keep this path")
}

// Uncached claims that the CDN keeps nothing of a URL: asked at once and again after two seconds, every address answers
// anew each time, as a header says or as the answers differ.
func Uncached(web *httpprobe.Client, rawURL string) probe.Claim {
	return everywhere(web, caching, rawURL, func(ctx context.Context, ip netip.Addr) []look {
		looks := []look{ask(ctx, web, rawURL, ip, nil), ask(ctx, web, rawURL, ip, nil)}
		if err := probe.Wait(ctx, ripe); err != nil {
			return append(looks, look{url: rawURL, at: looks[0].at, err: &probe.Unknown{Class: "timeout", Want: "another look", Got: "no time for it", Err: err}})
		}
		return append(looks, ask(ctx, web, rawURL, ip, nil))
	}, judgeUncached)
}

func judgeUncached(looks []look) error {
	const want, fix = "an answer that the origin made for this request", "have the origin send Cache-Control: no-store, and the CDN keep nothing of this path"
	for _, l := range looks {
		if err := l.found(); err != nil {
			return err
		}
	}
	said := false
	for _, l := range looks {
		switch from, why := source(l.header); from {
		case stored:
			return l.unmet("cdn.cached", want, "one out of a cache: "+why, fix)
		case fetched:
			said = true
		case unsaid:
		}
	}
	if err := readable(looks); err != nil {
		return err
	}
	first, last := looks[0], looks[len(looks)-1]
	before, err := http.ParseTime(first.header.Get("Date"))
	after, err2 := http.ParseTime(last.header.Get("Date"))
	switch {
	case said:
		return nil
	case err == nil && err2 == nil && !after.After(before):
		return last.unmet("cdn.cached", want, fmt.Sprintf("one of %s, %.0f s later again", first.header.Get("Date"), last.asked.Sub(first.asked).Seconds()), fix)
	case slices.ContainsFunc(looks[:len(looks)-1], func(l look) bool { return bytes.Equal(l.body, last.body) }):
		// That there is no Age says nothing: nginx sends none with its copies, and a Date of its own. Nor does it that the first differs: two
		// requests that find nothing kept are both answered anew, and one of the answers is kept.
		return last.unknown("cdn.unsaid", want, "the same answer twice, and no header that says where it came from", "have the CDN send Cache-Status or X-Cache, or name a path whose answer changes")
	}
	return nil
}

// readable judges that each Age can be read, where nothing may be kept: who sends another is a cache, and what it kept nobody knows.
func readable(looks []look) error {
	for _, l := range looks {
		if _, err := l.age(); err != nil {
			return l.unknown("cdn.age", "an Age in seconds, or none", fmt.Sprintf("%q", l.header.Get("Age")), "see which cache on the way sends it")
		}
	}
	return nil
}
