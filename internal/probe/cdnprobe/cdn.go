// Package cdnprobe makes claims about a content delivery network, any one, by what it answers over HTTP at every address:
// which origin it fetches from, what it keeps and for how long, what it refuses, and how soon it forgets. It must import
// neither `testing` nor the gates. Paths, cookies and bodies of answers are no evidence.
package cdnprobe

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// maxBody is the largest answer that is read, in bytes.
const maxBody = 32 << 20

// look is one answer of one address.
type look struct {
	url    string
	at     string // "ip:port"
	asked  time.Time
	status int
	header http.Header
	body   []byte
	err    error // why there is no answer
}

// ask makes one GET at one address. Nothing is remembered: who looks at a cache has to ask again.
func ask(ctx context.Context, web *httpprobe.Client, rawURL string, ip netip.Addr, header http.Header) look {
	l := look{url: rawURL, at: netip.AddrPortFrom(ip, 443).String(), asked: time.Now()}
	a, err := web.AskAt(ctx, rawURL, ip, header, maxBody)
	if err != nil {
		l.err = err
		return l
	}
	l.status, l.header, l.body = a.Status, a.Header, a.Body
	return l
}

// seen is the evidence of a look: what is judged, and never a cookie or a body.
type seen struct {
	URL     string            `json:"url"`
	Asked   time.Time         `json:"asked"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Bytes   int               `json:"body_bytes"`
	SHA256  string            `json:"sha256"`
}

var shown = []string{"Cache-Control", "Content-Type", "Content-Encoding", "Age", "Date", "Expires", "Vary", "Cache-Status", "X-Cache", "X-Cache-Status", "X-Proxy-Cache", "CF-Cache-Status", "CDN-Cache", "X-Vercel-Cache", "X-Nextjs-Cache", "Via"}

// evidence shows looks, and of each the named header too.
func evidence(looks []look, also ...string) []seen {
	var all []seen
	for _, l := range looks {
		if l.err != nil {
			continue
		}
		s := seen{URL: l.url, Asked: l.asked.UTC(), Status: l.status, Bytes: len(l.body), SHA256: l.sum(), Headers: map[string]string{}}
		for _, name := range append(also, shown...) {
			if values := l.header.Values(name); name != "" && len(values) > 0 {
				s.Headers[name] = strings.Join(values, " | ")
			}
		}
		all = append(all, s)
	}
	return all
}

func (l look) sum() string {
	sum := sha256.Sum256(l.body)
	return hex.EncodeToString(sum[:])
}

// unmet is a failure of one answer, which names the URL and the address.
func (l look) unmet(class, want, got, fix string) error {
	return &probe.Unmet{Class: class, Want: want, Got: got, From: l.url + " at " + l.at, Fix: fix}
}

// unknown says that an answer tells nothing.
func (l look) unknown(class, want, got, fix string) error {
	return &probe.Unknown{Class: class, Want: want, Got: got, From: l.url + " at " + l.at, Fix: fix}
}

// found judges that an answer is what was asked for: anything else says nothing about caching.
func (l look) found() error {
	switch {
	case l.err != nil:
		return l.err
	case l.status != http.StatusOK:
		return l.unmet("cdn.status", "200", fmt.Sprintf("%d %s", l.status, http.StatusText(l.status)), "see the CDN's origin and its logs, or name a path that answers with 200")
	}
	return nil
}

// everywhere is a claim about what all addresses of a URL's host show to the same questions.
func everywhere(web *httpprobe.Client, source, rawURL string, observe func(context.Context, netip.Addr) []look, judge func([]look) error, also ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: rawURL, Source: source}
		target, err := url.Parse(rawURL)
		if err != nil || target.Hostname() == "" {
			return e, &probe.Unknown{Class: "not-configured", Want: "an https URL", Got: rawURL}
		}
		results, err := probe.EveryAddress(ctx, web.Resolver, target.Hostname(), func(ctx context.Context, ip netip.Addr) probe.AtAddress {
			looks := observe(ctx, ip)
			return probe.AtAddress{Address: netip.AddrPortFrom(ip, 443).String(), Seen: evidence(looks, also...), Err: judge(looks)}
		})
		if err != nil {
			return e, err
		}
		return e, probe.Worst(&e, results)
	}
}

// fresh is the URL with a query that no cache has seen.
func fresh(rawURL string) string {
	separator := "?"
	if strings.Contains(rawURL, "?") {
		separator = "&"
	}
	return rawURL + separator + "launchgate=" + rand.Text()
}
