package httpprobe

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/html"

	"github.com/getdrop/launchgate/internal/probe"
)

// maxScript bounds one script, in bytes.
const maxScript = 8 << 20

// BundleSays claims that the scripts of a page say one thing: everywhere that pattern matches in them its first group is want, and
// it matches somewhere. Variables such as NEXT_PUBLIC_… are written into the scripts when they are built, so that the
// environment of the running service proves nothing about them. Scripts that other scripts load later are not looked at.
func BundleSays(c *Client, pageURL string, pattern *regexp.Regexp, want string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: pageURL, Source: "the scripts that the page loads"}
		target, err := parse(pageURL)
		if err != nil {
			return evidence, err
		}
		if pattern == nil || pattern.NumSubexp() < 1 || want == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a pattern with a group, and what it must match", Got: "none"}
		}
		all, err := probe.EveryAddress(ctx, c.Resolver, target.Hostname(), func(ctx context.Context, ip netip.Addr) probe.AtAddress {
			a := probe.AtAddress{Address: netip.AddrPortFrom(ip, port(target)).String()}
			said, scripts, err := c.bundle(ctx, target, ip, pattern)
			a.Seen = map[string]any{"scripts": scripts, "says": slices.Sorted(maps.Keys(said))}
			if a.Err = err; err == nil {
				a.Err = judgeBundle(said, scripts, pattern.String(), want, pageURL+" at "+a.Address)
			}
			return a
		})
		if err != nil {
			return evidence, err
		}
		return evidence, probe.Worst(&evidence, all)
	}
}

func judgeBundle(said map[string]string, scripts int, pattern, want, from string) error {
	wanted := fmt.Sprintf("scripts in which %s is %q", pattern, want)
	if len(said) == 0 {
		return &probe.Unmet{Class: "bundle.silent", Want: wanted, Got: fmt.Sprintf("no match in %d scripts", scripts), From: from,
			Fix: "correct the pattern in web.bundle, or have the build write the value into a script of this page"}
	}
	for _, value := range slices.Sorted(maps.Keys(said)) {
		if value != want {
			return &probe.Unmet{Class: "bundle.value", Want: wanted, Got: fmt.Sprintf("%q in %s", value, said[value]), From: from, Fix: "build again with the variables of production, and deploy"}
		}
	}
	return nil
}

// bundle is what the pattern's group matches in the scripts of a page, and in which script.
func (c *Client) bundle(ctx context.Context, page *url.URL, ip netip.Addr, pattern *regexp.Regexp) (said map[string]string, scripts int, err error) {
	x := c.get(ctx, page, ip)
	if x.err != nil {
		return nil, 0, x.err
	}
	root, err := x.page()
	if err != nil {
		return nil, 0, err
	}
	texts, err := c.scripts(ctx, page, ip, root)
	said = map[string]string{}
	for where, text := range texts {
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			said[m[1]] = where
		}
	}
	return said, len(texts), err
}

// scripts are the texts of a page's scripts, by URL or "inline n". One that cannot be read is an error: it could say anything.
func (c *Client) scripts(ctx context.Context, page *url.URL, ip netip.Addr, root *html.Node) (map[string]string, error) {
	texts := map[string]string{}
	var sources []*url.URL
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "script" {
			continue
		}
		src := strings.TrimSpace(attribute(n, "src"))
		if src == "" {
			if n.FirstChild != nil {
				texts[fmt.Sprintf("inline %d", len(texts)+1)] = n.FirstChild.Data
			}
			continue
		}
		to, err := page.Parse(src)
		if err != nil {
			return texts, &probe.Unmet{Class: "bundle.script", Want: "scripts that can be loaded", Got: src, From: page.String(), Fix: "mend the script's address"}
		}
		sources = append(sources, to)
	}
	var mu sync.Mutex
	var failed error
	var group sync.WaitGroup
	for _, src := range sources {
		group.Go(func() {
			text, err := c.script(ctx, src, page, ip)
			mu.Lock()
			defer mu.Unlock()
			if texts[src.String()] = text; err != nil {
				failed = err
			}
		})
	}
	group.Wait()
	return texts, failed
}

func (c *Client) script(ctx context.Context, src, page *url.URL, ip netip.Addr) (string, error) {
	ask := func() (*Answer, error) { return c.Ask(ctx, src.String(), nil, maxScript) }
	if src.Host == page.Host {
		ask = func() (*Answer, error) { return c.AskAt(ctx, src.String(), ip, nil, maxScript) }
	}
	answer, err := ask()
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK {
		return "", &probe.Unmet{Class: "bundle.script", Want: "every script of the page", Got: fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status)), From: src.String(),
			Fix: "see whether the build and the page belong together"}
	}
	return string(answer.Body), nil
}
