package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/getdrop/launchgate/internal/probe"
)

// preloadRules is where the rules of the browsers' HSTS preload list stand. Its submission checks them by
// github.com/chromium/hstspreload, which is stricter than the page in places.
const preloadRules = "hstspreload.org, submission requirements"

const (
	// maxPreloadHops is how many redirects the submission follows, from http and from https: one more than RedirectsToHTTPS
	// allows, which is as far as follow goes.
	maxPreloadHops = maxHops + 1
	// preloadAge is the shortest max-age that is accepted.
	preloadAge = 31536000 * time.Second
)

// RegistrableDomain is the part of a name that was registered: a public suffix and one label. It is empty where the name
// is a public suffix itself, or no name.
func RegistrableDomain(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return ""
	}
	return domain
}

// Registrable claims that a domain is a registered one, a public suffix and one label: the preload list takes no subdomain
// and no public suffix.
func Registrable(domain string) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		registered := RegistrableDomain(domain)
		evidence := probe.Evidence{Target: domain, Source: preloadRules,
			Observed: map[string]string{"registered": registered, "suffixes": publicsuffix.List.String()}}
		unmet := &probe.Unmet{Class: "hsts.domain", Want: "a registered domain, because the preload list takes no other"}
		switch registered {
		case "": // before domain, which may be empty too
			unmet.Got, unmet.Fix = domain+", a public suffix or no domain name", "name the domain below it"
		case domain:
			return evidence, nil
		default:
			unmet.Got, unmet.Fix = domain+", a subdomain of "+registered, "submit "+registered+", which covers it"
		}
		return evidence, unmet
	}
}

// SendsPreloadHeader claims that the first answer to https://domain/, a redirect or not, carries at every address exactly
// one Strict-Transport-Security header that the preload list accepts: a max-age of at least 31536000 seconds in digits
// that need no reading, includeSubDomains and preload.
func SendsPreloadHeader(c *Client, domain string) probe.Claim {
	return c.everywhere(preloadRules, "https://"+domain+"/", judgePreloadHeader)
}

func judgePreloadHeader(x *exchange) error {
	want := HSTS{MaxAge: preloadAge, IncludeSubDomains: true, Preload: true}
	if err := judgeHSTS(x, want); err != nil {
		return err
	}
	if value := x.header.Get("Strict-Transport-Security"); !plainAge(value) {
		return x.unmet("hsts.malformed", "one header Strict-Transport-Security: "+want.String(),
			fmt.Sprintf("%q, whose max-age browsers understand and the preload list does not", value), "write max-age=, and digits without quotes or blanks")
	}
	return nil
}

var digits = regexp.MustCompile(`^max-age=([0-9]+)$`)

// plainAge says whether the submission can read the header's max-age. It cuts the value at each semicolon, also within
// quotes, and knows no quoted numbers and none that 64 bits do not hold.
func plainAge(value string) bool {
	for directive := range strings.SplitSeq(strings.ToLower(value), ";") {
		directive = strings.TrimSpace(directive)
		if !strings.HasPrefix(directive, "max-age") {
			continue
		}
		number := digits.FindStringSubmatch(directive)
		if number == nil {
			return false
		}
		if _, err := strconv.ParseUint(number[1], 10, 64); err != nil {
			return false
		}
	}
	return true
}

// PreloadableOverHTTP claims that the plain HTTP URL of a domain's root leads, at every address, to https on the same host
// before anywhere else, that the answer there carries a header that the preload list accepts, and that at most three
// redirects, all over https, lead to the end. An address with a closed port leads nowhere, and need not.
func PreloadableOverHTTP(c *Client, httpURL string) probe.Claim {
	return c.chains(preloadRules, httpURL, judgePreloadChain)
}

// judgePreloadChain judges a whole chain that begins with plain HTTP.
func judgePreloadChain(hops []*exchange) error {
	first := hops[0]
	switch {
	case closed(first):
		return &probe.NotApplicable{Why: "nothing listens for plain HTTP at " + first.at.String()}
	case first.err != nil:
		return first.err
	}
	if err := judgePreloadRedirect(first); err != nil {
		return err
	}
	if second := hops[1]; second.err == nil { //nolint:gosec // there is one, because the first leads to another URL
		if err := judgePreloadHeader(second); err != nil {
			return err
		}
	}
	return judgeHops(hops, maxPreloadHops)
}

// followed are the statuses that the submission, and browsers, take for a redirect.
var followed = []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect}

// judgePreloadRedirect judges where plain HTTP leads first. Only there does a browser learn the policy of the domain.
func judgePreloadRedirect(x *exchange) error {
	want := "a redirect to " + secure(x.url).String() + " before any other"
	next, err := x.location()
	switch {
	case errors.Is(err, errNoRedirect), err == nil && !slices.Contains(followed, x.status):
		return x.unmet("http.no-redirect", want, fmt.Sprintf("%d %s without a redirect", x.status, http.StatusText(x.status)), "redirect instead of serving")
	case err != nil:
		return x.unmet("http.malformed", want, fmt.Sprintf("%d to %q", x.status, x.header.Values("Location")), "send one valid Location")
	case next.Scheme != "https":
		return x.unmet("http.downgrade", want, fmt.Sprintf("%d to %s, which is not https", x.status, next), "redirect to https")
	case !strings.EqualFold(next.Hostname(), x.url.Hostname()):
		return x.unmet("http.other-host", want, fmt.Sprintf("%d to %s, another host", x.status, next), "redirect to "+x.url.Hostname()+" first: other hosts come after it")
	default:
		return nil
	}
}

// PreloadableRedirects claims that https://domain/ leads, at every address, through at most three redirects, all over
// https, to an answer.
func PreloadableRedirects(c *Client, domain string) probe.Claim {
	return c.chains(preloadRules, "https://"+domain+"/", func(hops []*exchange) error { return judgeHops(hops, maxPreloadHops) })
}

// ServesHTTPS claims that a name, where the DNS has addresses for it, answers over https with a certificate that is valid
// for it, at each of them: once the domain is preloaded, browsers reach no name below it otherwise.
func ServesHTTPS(c *Client, name string) probe.Claim {
	answers := c.everywhere(preloadRules, "https://"+name+"/", func(*exchange) error { return nil })
	return func(ctx context.Context) (probe.Evidence, error) {
		_, err := c.Resolver.Addresses(ctx, name)
		var unmet *probe.Unmet
		if errors.As(err, &unmet) && unmet.Class == "dns.no-address" {
			return probe.Evidence{Target: name, Source: preloadRules}, &probe.NotApplicable{Why: name + " has no address: " + unmet.Error()}
		}
		return answers(ctx)
	}
}
