package cdnprobe

import (
	"context"
	"fmt"
	"mime"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// assetsAtOnce bounds the files that are asked for from one address at a time.
const assetsAtOnce = 8

// sample is what the evidence of many files holds for one address.
type sample struct {
	Files    int      `json:"files"`
	Red      int      `json:"red"`
	Problems []string `json:"problems,omitempty"` // the first few
}

// AssetsKept claims that every fingerprinted file of the build's manifest is there at every address of the CDN: 200, a type
// that fits its name, exactly the content that was built, and a Cache-Control that lets browsers keep it for maxAge at least
// and never ask again (max-age, immutable: RFC 8246).
func AssetsKept(web *httpprobe.Client, host string, manifest Manifest, maxAge time.Duration) probe.Claim {
	return everyFile(web, "RFC 9111 5.2.2.1, RFC 8246 2", host, manifest, func(l look, a asset) error { return judgeAsset(l, a, maxAge) })
}

// AssetsServed claims that every fingerprinted file of the build's manifest comes through the CDN at every address of it: 200, a type that fits its
// name, exactly the content that was built, and a header that a cache on the way has set.
func AssetsServed(web *httpprobe.Client, host string, manifest Manifest) probe.Claim {
	return everyFile(web, "RFC 9110 7.6.3, RFC 9111 5.1, RFC 9211 2", host, manifest, judgeServed)
}

// everyFile judges each file of the manifest at each address.
func everyFile(web *httpprobe.Client, source, host string, manifest Manifest, judge func(look, asset) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: host, Source: source}
		all, err := manifest.assets()
		if err != nil {
			return e, err
		}
		results, err := probe.EveryAddress(ctx, web.Resolver, host, func(ctx context.Context, ip netip.Addr) probe.AtAddress {
			errs := make([]error, len(all))
			slots, each := make(chan struct{}, assetsAtOnce), sync.WaitGroup{}
			for i, a := range all {
				slots <- struct{}{}
				each.Go(func() {
					defer func() { <-slots }()
					errs[i] = judge(ask(ctx, web, "https://"+host+a.path, ip, nil), a)
				})
			}
			each.Wait()
			s, worst := summary(errs)
			return probe.AtAddress{Address: netip.AddrPortFrom(ip, 443).String(), Seen: s, Err: worst}
		})
		if err != nil {
			return e, err
		}
		return e, probe.Worst(&e, results)
	}
}

// summary counts, and picks the error that decides: what is wrong before what nobody can tell.
func summary(errs []error) (sample, error) {
	const shownProblems = 20
	s, worst := sample{Files: len(errs)}, error(nil)
	for _, err := range errs {
		if err == nil {
			continue
		}
		s.Red++
		if len(s.Problems) < shownProblems {
			s.Problems = append(s.Problems, err.Error())
		}
		if worst == nil || probe.StatusOf(worst) == probe.Blocked && probe.StatusOf(err) == probe.Fail {
			worst = err
		}
	}
	return s, worst
}

// fingerprint finds what can be a hash in a path: eight letters and digits or more. Words have neither digits nor capitals
// in the middle.
var (
	token       = regexp.MustCompile(`[A-Za-z0-9_-]{8,}`)
	fingerprint = regexp.MustCompile(`[0-9]|[a-z][A-Z]|[A-Z]{2}`)
)

func fingerprinted(path string) bool {
	return slices.ContainsFunc(token.FindAllString(path, -1), fingerprint.MatchString)
}

func judgeAsset(l look, a asset, maxAge time.Duration) error {
	if err := l.file(); err != nil {
		return err
	}
	all := directives(l.header)
	age, ok := seconds(all, "max-age")
	want := fmt.Sprintf("Cache-Control: public, max-age=%.0f, immutable", maxAge.Seconds())
	switch {
	case !fingerprinted(a.path):
		return l.unmet("asset.unhashed", "a fingerprint in the name of each file of cdn.assets.manifest", a.path, "move it to cdn.assets.unhashed: whoever has kept it for a year never sees another one")
	case l.sum() != a.sum:
		return l.otherThan(a)
	case has(all, "no-store") || has(all, "no-cache") || has(all, "private") || !ok || age < maxAge:
		return l.unmet("asset.age", want, cacheControl(l.header), "have the origin send it for fingerprinted files")
	case !has(all, "immutable"):
		return l.unmet("asset.immutable", want, cacheControl(l.header), "add immutable: browsers ask again without it")
	}
	return nil
}

// otherThan is the failure of an answer that is not the file that was built.
func (l look) otherThan(a asset) error {
	got := "other content, SHA-256 " + l.sum()
	if encoding := l.header.Get("Content-Encoding"); encoding != "" {
		got += " in Content-Encoding " + encoding + ", which was not asked for"
	}
	return l.unmet("asset.content", "the file as it was built, SHA-256 "+a.sum, got, "bring the build out to the origin, then purge this file")
}

func judgeServed(l look, a asset) error {
	if err := l.file(); err != nil {
		return err
	}
	if l.sum() != a.sum {
		return l.otherThan(a)
	}
	if from, _ := source(l.header); from == unsaid && l.header.Get("Via") == "" && l.header.Get("Age") == "" {
		return l.unknown("cdn.unsaid", "a file that came through the CDN", "no header that a cache on the way sets", "point the name at the CDN, or have the CDN send Via, Cache-Status or X-Cache")
	}
	return nil
}

// NotKept claims that a static file without a fingerprint is there at every address, and that nobody may keep it for longer
// than most: a new one is not seen before.
func NotKept(web *httpprobe.Client, rawURL string, most time.Duration) probe.Claim {
	return once(web, "RFC 9111 5.2.2.1, 5.3", rawURL, func(l look) error { return judgeUnhashed(l, most) })
}

func judgeUnhashed(l look, most time.Duration) error {
	if err := l.file(); err != nil {
		return err
	}
	age, why := longest(l.header)
	want := fmt.Sprintf("a file without a fingerprint kept for %s at most", most)
	switch {
	case age > most:
		return l.unmet("asset.unhashed", want, why, "put a fingerprint into its name, or send a shorter max-age")
	case has(directives(l.header), "immutable"):
		return l.unmet("asset.unhashed", want, cacheControl(l.header), "leave immutable out")
	}
	return nil
}

// AskedAgain claims that nobody keeps an HTML page without asking the origin again: at every address it says no-store or
// no-cache, or max-age=0 with must-revalidate, which is the same.
func AskedAgain(web *httpprobe.Client, rawURL string) probe.Claim {
	return once(web, "RFC 9111 5.2.2.4, 5.2.2.5", rawURL, judgeHTML)
}

func judgeHTML(l look) error {
	if err := l.found(); err != nil {
		return err
	}
	const want, fix = "Cache-Control: no-cache or no-store", "have the origin send it for HTML: a kept page asks for files of a build that is gone"
	if !isHTML(l) {
		return l.unmet("html.type", "an HTML page", fmt.Sprintf("Content-Type %q", l.header.Get("Content-Type")), "correct cdn.assets.html or the page")
	}
	all := directives(l.header)
	if has(all, "no-store") || has(all, "no-cache") && all["no-cache"] == "" { // no-cache="field" is about that field alone
		return nil
	}
	age, ok := seconds(all, "max-age")
	shared, has2 := seconds(all, "s-maxage")
	if ok && age == 0 && (!has2 || shared == 0) && (has(all, "must-revalidate") || has(all, "proxy-revalidate") && has(all, "private")) {
		return nil
	}
	return l.unmet("html.age", want, cacheControl(l.header), fix)
}

// once is a claim about one answer of each address.
func once(web *httpprobe.Client, source, rawURL string, judge func(look) error) probe.Claim {
	return everywhere(web, source, rawURL, func(ctx context.Context, ip netip.Addr) []look { return []look{ask(ctx, web, rawURL, ip, nil)} },
		func(looks []look) error { return judge(looks[0]) })
}

// types are what files are by their names; browsers refuse scripts and styles of another type.
var types = map[string][]string{
	".js": {"text/javascript", "application/javascript", "application/x-javascript"}, ".mjs": {"text/javascript", "application/javascript"},
	".css": {"text/css"}, ".svg": {"image/svg+xml"}, ".png": {"image/png"}, ".jpg": {"image/jpeg"}, ".webp": {"image/webp"}, ".avif": {"image/avif"},
	".woff2": {"font/woff2", "application/font-woff2"}, ".wasm": {"application/wasm"}, ".html": {"text/html"},
}

// file judges that an answer is the static file that its name promises, and not the page that some origins send for
// whatever they do not have.
func (l look) file() error {
	if err := l.found(); err != nil {
		return err
	}
	name, _, _ := strings.Cut(l.url, "?")
	extension := strings.ToLower(path.Ext(name))
	kind, _, _ := mime.ParseMediaType(l.header.Get("Content-Type")) // what does not parse is no type
	known, ok := types[extension]
	switch {
	case isHTML(l) && extension != ".html":
		return l.unmet("asset.soft-404", "the file", "200 with an HTML page", "have the origin answer 404 for files that are not there, and bring the file out")
	case ok && !slices.Contains(known, kind):
		return l.unmet("asset.type", "Content-Type "+known[0], fmt.Sprintf("%q", l.header.Get("Content-Type")), "correct the origin's types: browsers refuse to load it")
	}
	return nil
}

// isHTML goes by type and by content: a page is one under any type.
func isHTML(l look) bool {
	kind, _, _ := mime.ParseMediaType(l.header.Get("Content-Type"))
	start := strings.ToLower(strings.TrimSpace(string(l.body[:min(len(l.body), 100)])))
	return kind == "text/html" || kind == "application/xhtml+xml" || strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}
