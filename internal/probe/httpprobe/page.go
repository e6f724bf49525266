package httpprobe

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Shows claims that a page is there for people at every address: 200, text/html, and the text in what a reader sees, not
// in the head, a comment, a script or a hidden element. White space does not count.
func Shows(c *Client, url, text string) probe.Claim {
	return c.everywhere("", url, func(x *exchange) error {
		if strings.TrimSpace(text) == "" {
			return &probe.Unknown{Class: "not-configured", Want: "a text that the page must show", Got: "none"}
		}
		root, err := x.page()
		if err != nil {
			return err
		}
		wanted, seen := spaced(text), spaced(visible(root))
		if strings.Contains(dense(seen), dense(wanted)) {
			return nil
		}
		shown := redact.String(seen) // before it is cut: half a secret would not be known any more
		return x.unmet("page.text", fmt.Sprintf("a page that shows %q", wanted), fmt.Sprintf("%d characters of text without it, beginning %q", len(seen), shown[:cutAt(shown, 60)]),
			"see whether this is the right page, and that it is rendered by the server")
	})
}

// page is the answer's HTML.
func (x *exchange) page() (*html.Node, error) {
	const want = "200 with a page (text/html)"
	kind, _, err := mime.ParseMediaType(x.header.Get("Content-Type"))
	switch {
	case x.status != http.StatusOK:
		got := fmt.Sprintf("%d %s", x.status, http.StatusText(x.status))
		if location := x.header.Get("Location"); location != "" {
			got += " to " + location
		}
		return nil, x.unmet("http.status", want, got, "see the application's logs")
	case err != nil || kind != "text/html":
		return nil, x.unmet("http.type", want, fmt.Sprintf("content type %q", x.header.Get("Content-Type")), "serve the page as text/html")
	}
	body, class, problem := x.text()
	switch {
	case problem != "":
		return nil, x.unmet(class, want, problem, "serve a page that can be read, of at most 1 MiB, in UTF-8")
	case len(bytes.TrimSpace(body)) == 0:
		return nil, x.unmet("http.empty", want, "an empty page", "see the application's logs")
	}
	// Without scripting, so that what stands in <noscript> is looked at too.
	root, err := html.ParseWithOptions(bytes.NewReader(body), html.ParseOptionEnableScripting(false))
	if err != nil {
		return nil, x.unmet("http.malformed", want, err.Error(), "serve HTML")
	}
	return root, nil
}

// text is the body as a reader gets it, or the class and the words of what keeps one from reading it.
func (x *exchange) text() (body []byte, class, problem string) {
	body, cut := x.body, x.cut
	switch coding := strings.ToLower(x.header.Get("Content-Encoding")); {
	case cut, coding == "", coding == "identity":
	case coding == "gzip": // what some stores have no other way
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(unpacked, MaxBody+1))
		}
		if err != nil {
			return nil, "http.malformed", err.Error()
		}
		cut = len(body) > MaxBody
	default:
		return nil, "http.coding", fmt.Sprintf("content coding %q, though none was asked for", coding)
	}
	switch {
	case cut:
		return nil, "http.size", fmt.Sprintf("more than %d bytes", MaxBody)
	case bytes.IndexByte(body, 0) >= 0:
		return nil, "http.charset", "a body that is no text in UTF-8 or the like"
	}
	return body, "", ""
}

// unseen are the elements whose content a browser with scripts does not show.
var unseen = map[string]bool{"head": true, "script": true, "style": true, "template": true, "noscript": true, "iframe": true, "noembed": true,
	"noframes": true, "datalist": true, "audio": true, "video": true, "canvas": true}

// undisplayed finds the inline style that takes an element off the page.
var undisplayed = regexp.MustCompile(`(?i)(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)`)

// visible is the text of a page's body that a reader sees, as far as the page itself says. Style sheets are not read.
func visible(n *html.Node) string {
	if n.Type == html.ElementNode && (unseen[n.Data] || has(n, "hidden") || n.Data == "dialog" && !has(n, "open") || undisplayed.MatchString(attribute(n, "style"))) {
		return ""
	}
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for child := range n.ChildNodes() {
		b.WriteString(visible(child))
		b.WriteByte(' ')
	}
	return b.String()
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return strings.EqualFold(a.Key, key) })
}

func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// dense leaves white space out: where the text of one element ends and the next begins, a page may have none.
func dense(s string) string { return strings.ReplaceAll(s, " ", "") }

// cutAt is the end of the last whole character within the first most bytes.
func cutAt(s string, most int) int {
	if len(s) <= most {
		return len(s)
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return most
}
