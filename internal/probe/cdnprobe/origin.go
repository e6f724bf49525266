package cdnprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// Origin is how the production origin is told from any other server.
type Origin struct {
	Header, Value string
	URL           string // as it is reached without the CDN; "" where it lets nobody in
}

// FromOrigin claims that what the CDN answers, out of its cache and anew, comes from the origin that names itself in a
// header as wanted. Equal content would prove nothing: staging has the same release. The status proves nothing here either:
// a page that wants a sign-in says where it comes from too.
func FromOrigin(web *httpprobe.Client, rawURL string, want Origin) probe.Claim {
	if want.Header == "" || want.Value == "" {
		return func(context.Context) (probe.Evidence, error) {
			return probe.Evidence{Target: rawURL}, &probe.Unknown{Class: "not-configured", Want: "a header in which the production origin names itself", Got: "none", From: "cdn.origin.header",
				Fix: "have the origin send one, such as X-Environment: production, and say so in cdn.origin: two origins with the same release answer the same"}
		}
	}
	return everywhere(web, "", rawURL, func(ctx context.Context, ip netip.Addr) []look {
		return []look{ask(ctx, web, rawURL, ip, nil), ask(ctx, web, fresh(rawURL), ip, nil)}
	}, func(looks []look) error { return judgeOrigin(looks, want) }, want.Header)
}

func judgeOrigin(looks []look, want Origin) error {
	for _, l := range looks {
		if l.err != nil {
			return l.err
		}
		wanted := fmt.Sprintf("the production origin, %s: %s", want.Header, want.Value)
		switch got := l.header.Values(want.Header); {
		case len(got) == 0 && l.status != http.StatusOK:
			return l.found()
		case len(got) == 0:
			return l.unknown("cdn.origin", wanted, "an answer without "+want.Header, "have the origin send it with every answer, and the CDN leave it in")
		case len(got) > 1 || strings.TrimSpace(got[0]) != want.Value:
			return l.unmet("cdn.origin", wanted, fmt.Sprintf("%q", strings.Join(got, ", ")), "point the CDN to the production origin, then purge what it has kept of the other")
		}
	}
	return nil
}

// SameAsOrigin claims that a static file is the same at every address of the CDN as at the origin itself, and that the origin
// names itself there as it does through the CDN.
func SameAsOrigin(web *httpprobe.Client, rawURL, originURL string, want Origin) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		a, err := web.Ask(ctx, originURL, nil, maxBody)
		direct := look{url: originURL, at: "the origin", err: err}
		if err == nil {
			direct.status, direct.header, direct.body = a.Status, a.Header, a.Body
		}
		if direct.err == nil && (direct.status == http.StatusForbidden || direct.status == http.StatusUnauthorized) {
			return probe.Evidence{Target: rawURL}, direct.unknown("cdn.origin-closed", "the origin's own answer", fmt.Sprint(direct.status),
				"leave cdn.origin.url out where the origin lets nobody but the CDN in")
		}
		err = direct.found()
		if err == nil {
			err = judgeOrigin([]look{direct}, want)
		}
		if err != nil {
			return probe.Evidence{Target: rawURL, Observed: evidence([]look{direct}, want.Header)}, err
		}
		return once(web, "", rawURL, func(l look) error { return judgeSame(l, direct) })(ctx)
	}
}

func judgeSame(l, direct look) error {
	if err := l.found(); err != nil {
		return err
	}
	if l.sum() != direct.sum() {
		return l.unmet("cdn.stale", "what the origin has at "+direct.url+", SHA-256 "+direct.sum(), fmt.Sprintf("%d bytes with SHA-256 %s", len(l.body), l.sum()),
			"purge it; where it stays, the CDN fetches from elsewhere")
	}
	return nil
}
