package httpprobe

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/getdrop/launchgate/internal/probe"
)

// NoMixedContent claims that a page, at every address, loads and sends nothing over plain HTTP: images, scripts, styles,
// frames, media, forms, refreshes, the base URL, style url() and @import, its Link and Refresh headers, and that its
// Content-Security-Policy allows no http: source (W3C Mixed Content). Links that a reader follows do not count. Style sheets and scripts are not fetched.
func NoMixedContent(c *Client, url string) probe.Claim {
	return c.everywhere("W3C Mixed Content", url, func(x *exchange) error {
		root, err := x.page()
		if err != nil {
			return err
		}
		found := append(mixed(root), inHeader(x.header)...)
		for _, policy := range x.header.Values("Content-Security-Policy") {
			found = append(found, inPolicy(policy)...)
		}
		if len(found) == 0 {
			return nil
		}
		shown := strings.Join(found[:min(len(found), 3)], ", ")
		if len(found) > 3 {
			shown += fmt.Sprintf(" and %d more", len(found)-3)
		}
		return x.unmet("http.mixed", "no http:// subresource", shown, "load it over https")
	})
}

// loads are the attributes that make a browser fetch or send something, whatever element they stand on, apart from href.
var loads = []string{"src", "srcset", "imagesrcset", "data", "poster", "action", "formaction", "background", "manifest", "codebase", "archive", "ping"}

// follows are the elements whose href is a link and loads nothing.
var follows = map[string]bool{"a": true, "area": true}

// fetches are the relations of a link element that make a browser fetch its href or connect to it.
var fetches = regexp.MustCompile(`(?i)^(stylesheet|manifest|import|preload|modulepreload|prefetch|preconnect|dns-prefetch|prerender|apple-touch-startup-image|.*icon.*)$`)

// styled finds http URLs in style text: url(http://…) and @import "http://…".
var styled = regexp.MustCompile(`(?i)(?:url\(\s*['"]?|@import\s+['"])\s*(http:[^'")\s]+)`)

// refreshed finds where a refresh leads, with "url=" before it or without (HTML 4.2.5.3).
var refreshed = regexp.MustCompile(`(?i)^[\s\d.]*[;,\s]\s*(?:url\s*=\s*)?['"]?\s*(http:[^'"\s]*)`)

func mixed(n *html.Node) []string {
	var found []string
	if n.Type == html.ElementNode {
		for _, a := range n.Attr {
			found = append(found, inAttribute(n, strings.ToLower(a.Key), a.Val)...)
		}
	}
	if n.Type == html.TextNode && n.Parent != nil && n.Parent.Data == "style" {
		found = append(found, inStyle("style", n.Data)...)
	}
	for child := range n.ChildNodes() {
		found = append(found, mixed(child)...)
	}
	return found
}

func inAttribute(n *html.Node, key, value string) []string {
	element := n.Data
	switch {
	case key == "style":
		return inStyle(element, value)
	case strings.HasSuffix(key, "srcset"):
		return inSet(element, value)
	case key == "http-equiv" || key == "content":
		return inMeta(n, key, value)
	case key == "srcdoc":
		inner, err := html.Parse(strings.NewReader(value))
		if err != nil {
			return nil // a strings.Reader does not fail
		}
		return mixed(inner)
	case key == "href" && (follows[element] || element == "link" && !fetched(n)):
		return nil
	case (key == "href" || slices.Contains(loads, key)) && plain(value):
		return []string{element + " " + strings.TrimSpace(value)}
	default:
		return nil
	}
}

func fetched(link *html.Node) bool {
	return slices.ContainsFunc(strings.Fields(attribute(link, "rel")), fetches.MatchString)
}

func inSet(element, value string) []string {
	var found []string
	for candidate := range strings.SplitSeq(value, ",") {
		if fields := strings.Fields(candidate); len(fields) > 0 && plain(fields[0]) {
			found = append(found, element+" "+fields[0])
		}
	}
	return found
}

func inStyle(element, text string) []string {
	var found []string
	for _, match := range styled.FindAllStringSubmatch(text, -1) {
		found = append(found, element+" "+match[1])
	}
	return found
}

// inMeta looks at <meta http-equiv=… content=…>, once, when it meets the content.
func inMeta(n *html.Node, key, value string) []string {
	if n.Data != "meta" || key != "content" {
		return nil
	}
	switch strings.ToLower(attribute(n, "http-equiv")) {
	case "refresh":
		if to := refreshed.FindStringSubmatch(value); to != nil {
			return []string{"meta refresh " + to[1]}
		}
	case "content-security-policy":
		return inPolicy(value)
	}
	return nil
}

// linked finds the links of a Link header (RFC 8288) to plain HTTP, with their parameters.
var linked = regexp.MustCompile(`(?i)<\s*(http:[^>]*)>([^<]*)`)

// related finds the relations of such a link.
var related = regexp.MustCompile(`(?i);\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))`)

// inHeader finds what the headers of a page have a browser fetch, or go to.
func inHeader(header http.Header) []string {
	var found []string
	for _, value := range header.Values("Link") {
		for _, link := range linked.FindAllStringSubmatch(value, -1) {
			if rel := related.FindStringSubmatch(link[2]); rel != nil && slices.ContainsFunc(strings.Fields(rel[1]+" "+rel[2]), fetches.MatchString) {
				found = append(found, "Link header "+link[1])
			}
		}
	}
	for _, value := range header.Values("Refresh") {
		if to := refreshed.FindStringSubmatch(value); to != nil {
			found = append(found, "Refresh header "+to[1])
		}
	}
	return found
}

// inPolicy finds sources of a Content-Security-Policy that allow plain HTTP.
func inPolicy(policy string) []string {
	var found []string
	for directive := range strings.SplitSeq(policy, ";") {
		fields := strings.Fields(directive)
		for i, source := range fields {
			if lower := strings.ToLower(source); i > 0 && plain(lower) && !strings.HasPrefix(strings.ToLower(fields[0]), "report-") {
				found = append(found, "Content-Security-Policy "+fields[0]+" "+source)
			}
		}
	}
	return found
}

// torn are the characters that browsers take out of a URL wherever they stand (WHATWG URL 4.4).
var torn = strings.NewReplacer("\t", "", "\n", "", "\r", "")

// plain says whether a URL is for plain HTTP. Browsers want no slashes behind the colon.
func plain(value string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(torn.Replace(value))), "http:")
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if strings.EqualFold(a.Key, key) {
			return a.Val
		}
	}
	return ""
}
