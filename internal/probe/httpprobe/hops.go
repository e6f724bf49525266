package httpprobe

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// judgeChain judges a whole chain that begins with plain HTTP.
func judgeChain(hops []*exchange, want *url.URL) error {
	first := hops[0]
	if first.err != nil {
		return first.err
	}
	if err := judgeRedirect(first, want); err != nil {
		if next, broken := first.location(); broken == nil && loops(hops) && next.String() == first.url.String() {
			return judgeEnd(hops)
		}
		return err
	}
	if err := judgeLeak(first, hops[len(hops)-1]); err != nil {
		return err
	}
	return judgeEnd(hops)
}

// judgeRedirect judges one redirect against the URL it must lead to.
func judgeRedirect(x *exchange, want *url.URL) error {
	wanted := "301 or 308 to " + want.String()
	next, err := x.location()
	got := ""
	if err == nil {
		got = fmt.Sprintf("%d to %s", x.status, next)
	}
	switch {
	case errors.Is(err, errNoRedirect):
		return x.unmet("http.no-redirect", wanted, fmt.Sprintf("%d %s without a redirect", x.status, http.StatusText(x.status)), "redirect instead of serving")
	case err != nil:
		return x.unmet("http.malformed", wanted, fmt.Sprintf("%d to %q", x.status, x.header.Values("Location")), "send one valid Location")
	case next.Scheme != "https":
		return x.unmet("http.downgrade", wanted, got+", which is not https", "redirect to https")
	case !strings.EqualFold(next.Hostname(), want.Hostname()), next.Port() != "" && next.Port() != "443", next.User != nil:
		return x.unmet("http.other-host", wanted, got+", another host", "redirect to "+want.Hostname()+" first: other hosts come after it")
	case next.EscapedPath() != want.EscapedPath() && (next.EscapedPath() != "" || want.EscapedPath() != "/"):
		return x.unmet("http.path-lost", wanted, got+", another path", "keep the path")
	case next.RawQuery != want.RawQuery:
		return x.unmet("http.query-lost", wanted, got+", another query", "keep the query")
	case x.status == http.StatusMovedPermanently || x.status == http.StatusPermanentRedirect:
		return nil
	case x.status == http.StatusFound || x.status == http.StatusSeeOther || x.status == http.StatusTemporaryRedirect:
		return x.unmet("http.temporary", wanted, got+", a temporary redirect", "answer 301 or 308")
	default:
		return x.unmet("http.redirect", wanted, got, "answer 301 or 308")
	}
}

// judgeLeak judges what a redirect says in clear besides where to go.
func judgeLeak(first, final *exchange) error {
	const want, fix = "a redirect over plain HTTP that gives nothing away", "send the redirect before the application sees the request"
	switch {
	case len(first.header.Values("Set-Cookie")) > 0:
		return first.unmet("http.leak", want, "a cookie in clear", fix)
	case len(first.body) > maxNote, len(final.body) >= minPage && bytes.Contains(first.body, final.body):
		return first.unmet("http.leak", want, fmt.Sprintf("%d bytes of page in clear", len(first.body)), fix)
	}
	return nil
}

// loops says whether the last hop leads back to an earlier one.
func loops(hops []*exchange) bool {
	next, err := hops[len(hops)-1].location()
	return err == nil && visited(hops, next)
}

// judgeEnd judges where a chain ends, and how long and how safe it is on the way.
func judgeEnd(hops []*exchange) error {
	if err := judgeHops(hops, maxHops); err != nil {
		return err
	}
	if last := hops[len(hops)-1]; last.status >= 500 {
		return last.unmet("http.status", "an answer below 500 at the end of the redirects", fmt.Sprintf("%d %s", last.status, http.StatusText(last.status)), "see the application's logs")
	}
	return nil
}

// judgeHops judges that a chain comes to an end, over https, after so many redirects at most.
func judgeHops(hops []*exchange, most int) error {
	last, redirects := hops[len(hops)-1], len(hops)-1
	for _, hop := range hops[1:] {
		if hop.url.Scheme != "https" {
			return hop.unmet("http.downgrade", "https all the way", "a redirect back to plain HTTP: "+trail(hops), "redirect to https only")
		}
	}
	_, err := last.location()
	if err == nil {
		redirects++ // follow went no further
	}
	switch {
	case last.err != nil:
		return last.err
	case loops(hops):
		return hops[0].unmet("http.loop", fmt.Sprintf("at most %d redirects to a page", most), "a loop: "+trail(hops)+" → "+last.header.Get("Location"), "see who redirects back: often a proxy that speaks plain HTTP to the application")
	case redirects > most:
		return hops[0].unmet("http.hops", fmt.Sprintf("at most %d redirects to a page", most), fmt.Sprintf("%d or more: %s", redirects, trail(hops)), "redirect straight to the page")
	case err != nil && !errors.Is(err, errNoRedirect):
		return last.unmet("http.malformed", "a redirect one can follow", fmt.Sprintf("Location %q", last.header.Values("Location")), "send one valid Location")
	default:
		return nil
	}
}

// trail is the chain for a message.
func trail(hops []*exchange) string {
	urls := make([]string, len(hops))
	for i, hop := range hops {
		urls[i] = hop.url.String()
	}
	return strings.Join(urls, " → ")
}
