package httpprobe

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// SecurityHeaders claims that a page carries, at every address, a Content-Security-Policy that is enforced and
// X-Content-Type-Options: nosniff, and that each of its cookies is Secure, HttpOnly and SameSite=Lax or Strict
// (W3C CSP 3, Fetch standard, RFC 6265bis). Only the names of cookies are kept.
func SecurityHeaders(c *Client, url string) probe.Claim {
	return c.everywhere("W3C CSP 3, Fetch nosniff, RFC 6265bis 5.6", url, func(x *exchange) error {
		if _, err := x.page(); err != nil {
			return err
		}
		missing := append(missingHeaders(x.header), looseCookies(x.header)...)
		if len(missing) == 0 {
			return nil
		}
		return x.unmet("http.headers", "Content-Security-Policy, X-Content-Type-Options: nosniff, and cookies with Secure, HttpOnly and SameSite", strings.Join(missing, ", "),
			"set them for every page")
	})
}

func missingHeaders(header http.Header) []string {
	var missing []string
	if strings.Trim(strings.Join(header.Values("Content-Security-Policy"), ""), "\t ,;") == "" { // without a directive it enforces nothing
		got := "no Content-Security-Policy"
		if header.Get("Content-Security-Policy-Report-Only") != "" {
			got += " but one that only reports"
		}
		missing = append(missing, got)
	}
	if values := header.Values("X-Content-Type-Options"); len(values) != 1 || !strings.EqualFold(strings.TrimSpace(values[0]), "nosniff") {
		missing = append(missing, fmt.Sprintf("X-Content-Type-Options %q", strings.Join(values, ", ")))
	}
	return missing
}

func looseCookies(header http.Header) []string {
	var loose []string
	for _, line := range header.Values("Set-Cookie") {
		cookie, err := http.ParseSetCookie(line)
		if err != nil {
			loose = append(loose, "a cookie that does not parse")
			continue
		}
		var without []string
		if !cookie.Secure {
			without = append(without, "Secure")
		}
		if !cookie.HttpOnly {
			without = append(without, "HttpOnly")
		}
		if cookie.SameSite != http.SameSiteLaxMode && cookie.SameSite != http.SameSiteStrictMode {
			without = append(without, "SameSite")
		}
		if len(without) > 0 {
			loose = append(loose, fmt.Sprintf("cookie %s without %s", cookie.Name, strings.Join(without, ", ")))
		}
	}
	return loose
}
