package httpprobe

import (
	"fmt"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe/hsts"
)

// HSTS is a Strict-Transport-Security policy.
type HSTS = hsts.Policy

// SendsHSTS claims that the answer to a GET of an https URL, whatever its status, carries exactly one
// Strict-Transport-Security header at every address, that it follows the grammar of RFC 6797 6.1, and that it promises
// at least the wanted policy.
func SendsHSTS(c *Client, url string, want HSTS) probe.Claim {
	return c.everywhere("RFC 6797 6.1, 7.1, 8.1", url, func(x *exchange) error { return judgeHSTS(x, want) })
}

func judgeHSTS(x *exchange, want HSTS) error {
	wanted := "one header Strict-Transport-Security: " + want.String()
	const fix = "set it once, at the outermost server, on every answer"
	values := x.header.Values("Strict-Transport-Security")
	switch len(values) {
	case 0:
		return x.unmet("hsts.missing", wanted, fmt.Sprintf("none on a %d answer", x.status), fix+", errors and redirects included")
	case 1:
	default:
		return x.unmet("hsts.duplicate", wanted, fmt.Sprintf("%d of them (%s), of which a browser obeys the first", len(values), strings.Join(values, " | ")), fix)
	}
	got, err := hsts.Parse(values[0])
	if err != nil {
		return x.unmet("hsts.malformed", wanted, fmt.Sprintf("%q, which browsers ignore: %v", values[0], err), fix)
	}
	switch {
	case got.MaxAge < want.MaxAge:
		return x.unmet("hsts.short", wanted, fmt.Sprintf("max-age=%d (%q)", int64(got.MaxAge.Seconds()), values[0]), "raise max-age")
	case want.IncludeSubDomains && !got.IncludeSubDomains:
		return x.unmet("hsts.subdomains", wanted, fmt.Sprintf("no includeSubDomains in %q", values[0]), "add includeSubDomains")
	case want.Preload && !got.Preload:
		return x.unmet("hsts.preload", wanted, fmt.Sprintf("no preload in %q", values[0]), "add preload")
	}
	return nil
}

// NoHSTSOverHTTP claims that the plain HTTP answer carries no Strict-Transport-Security header at any address: browsers
// ignore it there, so that it only hides that it is missing elsewhere (RFC 6797 7.2). An address with a closed port
// answers nothing.
func NoHSTSOverHTTP(c *Client, url string) probe.Claim {
	return c.eachAddress("RFC 6797 7.2", url, func(x *exchange) error {
		switch {
		case closed(x):
			return &probe.NotApplicable{Why: "nothing listens for plain HTTP at " + x.at.String()}
		case x.err != nil:
			return x.err
		}
		if values := x.header.Values("Strict-Transport-Security"); len(values) > 0 {
			return x.unmet("hsts.over-http", "no Strict-Transport-Security over plain HTTP", strings.Join(values, " | "), "send it over https only")
		}
		return nil
	})
}
