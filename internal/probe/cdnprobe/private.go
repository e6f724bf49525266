package cdnprobe

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// Session is a test account and how one recognises its pages.
type Session struct {
	Header     string // Cookie or Authorization
	Credential func(context.Context) (string, error)
	Sees       string
}

// Private claims that a page of one person reaches nobody else: at every address the account sees its own page, and whoever
// asks right afterwards without a credential, or with one that is nobody's, does not see it and gets nothing out of a
// cache. The URL is tried as it is, with a query that no cache has seen, and with the name of a style sheet behind it: an
// application that takes that for the page, behind a CDN that goes by names, gives the page to everybody (web cache deception).
func Private(web *httpprobe.Client, rawURL string, session Session) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		want := "a test account that signs in to " + rawURL
		if session.Credential == nil || session.Sees == "" {
			return probe.Evidence{Target: rawURL}, &probe.Unknown{Class: "not-configured", Want: want, Got: "none", From: "cdn.session"}
		}
		credential, err := session.Credential(ctx)
		if err != nil {
			return probe.Evidence{Target: rawURL}, &probe.Unknown{Class: "not-configured", Want: want, Got: err.Error(), From: "cdn.session.credential", Err: err}
		}
		return everywhere(web, "RFC 9111 3, 3.5", rawURL, func(ctx context.Context, ip netip.Addr) []look {
			var looks []look
			for _, u := range []string{rawURL, fresh(rawURL), strings.TrimSuffix(rawURL, "/") + "/" + rand.Text() + ".css"} {
				for _, who := range []string{credential, "", nobodys(session.Header, credential)} {
					header := http.Header{}
					if who != "" {
						header.Set(session.Header, who)
					}
					looks = append(looks, ask(ctx, web, u, ip, header), ask(ctx, web, u, ip, header))
				}
			}
			return looks
		}, func(looks []look) error { return judgePrivate(looks, session.Sees) })(ctx)
	}
}

// judgePrivate judges looks in sixes: two of the account, two of nobody, two with a credential that is nobody's. A leak
// prevails over everything else, and is all that counts for the third six, whose URL is none of the application's.
func judgePrivate(looks []look, sees string) error {
	const want, fix = "a page for this person alone", "have the origin send Cache-Control: private, no-store, and the CDN keep nothing of this path"
	own := func(l look) bool { return l.err == nil && bytes.Contains(l.body, []byte(sees)) }
	for i, l := range looks {
		if mine := i%6 < 2; !mine && own(l) {
			who := "somebody without a credential"
			if i%6 > 3 {
				who = "somebody with another credential"
			}
			return l.unmet("cdn.leak", want, "the test account's page shown to "+who, fix+"; purge it now")
		}
	}
	for _, l := range looks {
		if l.err != nil {
			return l.err
		}
	}
	looks = looks[:min(len(looks), 12)]
	for _, l := range looks {
		if from, why := source(l.header); from == stored {
			return l.unmet("cdn.cached", want, "an answer out of a cache: "+why, fix)
		}
	}
	if err := readable(looks); err != nil {
		return err
	}
	for i, l := range looks {
		if i%6 < 2 && (l.status != http.StatusOK || !own(l)) {
			return l.unknown("cdn.session", "200 with the text of cdn.session.sees for the test account", fmt.Sprintf("%d %s without it", l.status, http.StatusText(l.status)),
				"renew cdn.session.credential, or correct cdn.session.sees")
		}
	}
	return nil
}

// nobodys is a credential of the same form that nobody was given: a cache that looks only whether there is one, or what it
// is called, gives itself away.
func nobodys(header, credential string) string {
	other := func(value string) string { return strings.Repeat(rand.Text(), 1+len(value)/26)[:max(8, len(value))] }
	if header != "Cookie" {
		scheme, value, ok := strings.Cut(credential, " ")
		if !ok {
			return other(credential)
		}
		return scheme + " " + other(value)
	}
	var cookies []string
	for cookie := range strings.SplitSeq(credential, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(cookie), "=")
		cookies = append(cookies, name+"="+other(value))
	}
	return strings.Join(cookies, "; ")
}
