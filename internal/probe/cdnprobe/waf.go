package cdnprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// attack is an attempt that does no harm, and the same question asked honestly. Both go to the same path in the same
// parameter, so that nothing but the rule tells them apart: an origin that refuses what it does not have proves no WAF.
type attack struct{ name, parameter, honest, hostile string }

var attacks = []attack{
	{"SQL injection", "id", "1", "1' OR '1'='1"},
	{"path traversal", "file", "readme.txt", "/../../../../etc/passwd"},
	{"cross-site scripting", "q", "script", "<script>alert(1)</script>"},
}

// Refuses claims that the WAF in front of a URL refuses attacks, with the given status and at every address, and answers the
// same questions asked honestly with 200. Rules in Count mode let attacks through.
func Refuses(web *httpprobe.Client, rawURL string, status int) probe.Claim {
	if rawURL == "" {
		return func(context.Context) (probe.Evidence, error) {
			return probe.Evidence{}, &probe.Unknown{Class: "not-configured", Want: "a path to try attacks at", Got: "none", From: "cdn.waf.path",
				Fix: "name one that answers with 200, whatever its query"}
		}
	}
	return everywhere(web, "OWASP Core Rule Set, AWSManagedRulesCommonRuleSet", rawURL, func(ctx context.Context, ip netip.Addr) []look {
		var looks []look
		for _, a := range attacks {
			for _, value := range []string{a.honest, a.hostile} {
				looks = append(looks, ask(ctx, web, fresh(rawURL)+"&"+url.Values{a.parameter: {value}}.Encode(), ip, nil))
			}
		}
		return looks
	}, func(looks []look) error { return judgeWAF(looks, status) })
}

// judgeWAF judges pairs of looks: the honest question and the attack. That an attack comes through prevails.
func judgeWAF(looks []look, status int) error {
	for i, a := range attacks {
		l := looks[2*i+1]
		if l.err == nil && l.status < 400 {
			return l.unmet("waf.open", fmt.Sprintf("%s refused with %d", a.name, status), fmt.Sprintf("%d %s: it came through", l.status, http.StatusText(l.status)),
				"attach the WAF to the CDN, and set its rules from Count to Block")
		}
	}
	for i, a := range attacks {
		honest, hostile := looks[2*i], looks[2*i+1]
		switch {
		case honest.err != nil:
			return honest.err
		case honest.status == status:
			return honest.unmet("waf.closed", "200 for an honest question", fmt.Sprintf("%d, as for an attack", honest.status), "see which rule refuses it")
		case honest.found() != nil:
			return honest.found()
		case hostile.err != nil:
			return hostile.err
		case hostile.status == http.StatusTooManyRequests:
			return hostile.unknown("waf.limit", fmt.Sprintf("%s refused with %d", a.name, status), "429: a limit was reached before the rule was", "try again later")
		case hostile.status != status:
			return hostile.unmet("waf.status", fmt.Sprintf("%s refused with %d", a.name, status), fmt.Sprintf("%d %s", hostile.status, http.StatusText(hostile.status)),
				"see who answers so: the WAF (then correct cdn.waf.status) or the application")
		}
	}
	return nil
}
