package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/getdrop/launchgate/internal/probe"
)

const (
	// maxHops is how many redirects may lead from plain HTTP to the page: to https, and to the name without www.
	maxHops = 2
	// maxNote is how long a redirect's own body may be, in bytes: a server's note that the page has moved is shorter.
	maxNote = 1024
	// minPage is the shortest answer, in bytes, that is recognised when a redirect's body repeats it.
	minPage = 32
)

// RedirectsToHTTPS claims that plain HTTP leads to https and gives nothing away: at every address of the URL's host the
// first answer is 301 or 308 to https on the same host with the same path and query and without a page or a cookie in it
// (RFC 9110 15.4, HSTS preload rules), and at most two redirects lead to an answer that is no error of the server (below
// 500). An address whose plain HTTP port is closed gives nothing away either: there the https URL is judged alone, and
// AcceptsPlainHTTP says that the port is closed.
func RedirectsToHTTPS(c *Client, httpURL string) probe.Claim {
	return c.chains("RFC 9110 15.4", httpURL, func(hops []*exchange) error {
		if want := secure(hops[0].url); !closed(hops[0]) {
			return judgeChain(hops, want)
		}
		return judgeEnd(hops[1:])
	})
}

// AcceptsPlainHTTP claims that every address of the URL's host takes connections on the plain HTTP port: somebody who
// types the name without https:// sees an error otherwise. It is a recommendation, not a safety matter.
func AcceptsPlainHTTP(c *Client, httpURL string) probe.Claim {
	return c.eachAddress("", httpURL, func(x *exchange) error {
		switch {
		case closed(x):
			return x.unmet("http.port-closed", "plain HTTP that leads to https", "connection refused", "open the port for the redirect, or accept that a visitor without https:// sees an error")
		case probe.StatusOf(x.err) == probe.Blocked:
			return x.err
		default:
			return nil // what else goes wrong there is for RedirectsToHTTPS to say
		}
	})
}

// WWWRedirects claims that every address of www answers GET of its https URL, over TLS that is valid for www itself,
// with 301 or 308 to the same path and query on apex.
func WWWRedirects(c *Client, wwwURL, apex string) probe.Claim {
	return c.everywhere("RFC 9110 15.4", wwwURL, func(x *exchange) error {
		want := *x.url
		want.Host = apex
		return judgeRedirect(x, &want)
	})
}

// chains is a claim about where a URL leads from every address of its host, hop by hop. Where its port is closed the
// chain goes on with the https URL at the same address.
func (c *Client) chains(source, rawURL string, judge func(hops []*exchange) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: rawURL, Source: source}
		target, err := parse(rawURL)
		if err != nil {
			return evidence, err
		}
		all, err := c.getEverywhere(ctx, target)
		if err != nil {
			return evidence, err
		}
		results := make([]probe.AtAddress, len(all))
		var following sync.WaitGroup
		for i, first := range all {
			following.Go(func() {
				hops := c.follow(ctx, first)
				seen := make([]any, 0, len(hops))
				for _, hop := range hops {
					seen = append(seen, hop.answer())
				}
				results[i] = probe.AtAddress{Address: first.at.String(), Seen: seen, Err: judge(hops)}
			})
		}
		following.Wait()
		for _, r := range results {
			if hops, ok := r.Seen.([]any); ok && hops[0] == nil && r.Err == nil {
				evidence.Notes = append(evidence.Notes, r.Address+" takes no connection for plain HTTP")
			}
		}
		return evidence, probe.Worst(&evidence, results)
	}
}

// follow goes from the first answer hop by hop, one hop further than is allowed, so that the excess is seen.
func (c *Client) follow(ctx context.Context, first *exchange) []*exchange {
	hops := []*exchange{first}
	if closed(first) {
		hops = append(hops, c.get(ctx, secure(first.url), first.at.Addr()))
	}
	for range maxHops + 1 {
		last := hops[len(hops)-1]
		next, err := last.location()
		if err != nil || visited(hops, next) {
			return hops
		}
		ip := first.at.Addr()
		if !strings.EqualFold(next.Hostname(), first.url.Hostname()) {
			if ip, err = c.near(ctx, next.Hostname(), first.at.Addr()); err != nil {
				return append(hops, &exchange{url: next, err: err})
			}
		}
		hops = append(hops, c.get(ctx, next, ip))
	}
	return hops
}

// near picks the address of another host to go on with: the same one, else one of the same family, else the first.
func (c *Client) near(ctx context.Context, host string, same netip.Addr) (netip.Addr, error) {
	all, err := probe.EveryAddress(ctx, c.Resolver, host, func(_ context.Context, ip netip.Addr) netip.Addr { return ip })
	if err != nil {
		return netip.Addr{}, err
	}
	best := all[0]
	for _, ip := range all {
		if ip == same {
			return ip, nil
		}
		if ip.Is4() == same.Is4() && best.Is4() != same.Is4() {
			best = ip
		}
	}
	return best, nil
}

func closed(x *exchange) bool {
	var unmet *probe.Unmet
	return errors.As(x.err, &unmet) && unmet.Class == "refused"
}

func visited(hops []*exchange, next *url.URL) bool {
	for _, hop := range hops {
		if hop.url.String() == next.String() {
			return true
		}
	}
	return false
}

var errNoRedirect = errors.New("no redirect")

// location is where an answer leads.
func (x *exchange) location() (*url.URL, error) {
	switch {
	case x.err != nil:
		return nil, x.err
	case x.status < 300 || x.status > 399 || x.status == http.StatusNotModified || x.header.Get("Location") == "":
		return nil, errNoRedirect
	}
	all := x.header.Values("Location")
	for _, other := range all[1:] {
		if other != all[0] {
			return nil, fmt.Errorf("%d different Locations", len(all))
		}
	}
	next, err := x.url.Parse(all[0])
	if err != nil {
		return nil, err
	}
	next.Fragment = ""
	return next, nil
}

// secure is the same URL over https, on its default port.
func secure(target *url.URL) *url.URL {
	same := *target
	same.Scheme, same.Host = "https", target.Hostname()
	return &same
}
