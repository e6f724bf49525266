package httpprobe

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// HSTS is a Strict-Transport-Security policy.
type HSTS struct {
	MaxAge            time.Duration
	IncludeSubDomains bool
	Preload           bool
}

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
	got, err := ParseHSTS(values[0])
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

// String writes the policy as the header's value.
func (h HSTS) String() string {
	s := fmt.Sprintf("max-age=%d", int64(h.MaxAge.Seconds()))
	if h.IncludeSubDomains {
		s += "; includeSubDomains"
	}
	if h.Preload {
		s += "; preload"
	}
	return s
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

// ParseHSTS reads the value of one Strict-Transport-Security header by the grammar of RFC 6797 6.1: directives in any
// order and any case, each at most once, values as token or quoted string, unknown ones passed over, max-age mandatory.
func ParseHSTS(value string) (HSTS, error) {
	var h HSTS
	seen := map[string]bool{}
	for rest, more := value, true; more; {
		var d directive
		var err error
		if d, rest, more, err = nextDirective(rest); err != nil {
			return HSTS{}, err
		}
		if d.name == "" {
			continue
		}
		if seen[d.name] {
			return HSTS{}, fmt.Errorf("directive %s stands twice", d.name)
		}
		seen[d.name] = true
		if err := h.apply(d); err != nil {
			return HSTS{}, err
		}
	}
	if !seen["max-age"] {
		return HSTS{}, errors.New("no max-age")
	}
	return h, nil
}

type directive struct {
	name     string // in lower case
	value    string // unquoted
	hasValue bool
}

func (h *HSTS) apply(d directive) error {
	switch d.name {
	case "max-age":
		age, err := seconds(d.value)
		if err != nil {
			return err
		}
		h.MaxAge = age
	case "includesubdomains":
		h.IncludeSubDomains = true
	case "preload":
		h.Preload = true
	default:
		return nil
	}
	if d.name != "max-age" && d.hasValue {
		return fmt.Errorf("directive %s takes no value", d.name)
	}
	return nil
}

// seconds reads 1*DIGIT. What does not fit a duration is as good as for ever.
func seconds(digits string) (time.Duration, error) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("max-age %q is no number of seconds", digits)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64/int64(time.Second) {
		return math.MaxInt64, nil
	}
	return time.Duration(n) * time.Second, nil
}

// nextDirective cuts one directive off: [ name [ "=" value ] ] up to ";" or the end.
func nextDirective(s string) (d directive, rest string, more bool, err error) {
	s = strings.TrimLeft(s, " \t")
	name := s[:tokenLength(s)]
	s = strings.TrimLeft(s[len(name):], " \t")
	d.name = strings.ToLower(name)
	if strings.HasPrefix(s, "=") && name != "" {
		d.hasValue = true
		if d.value, s, err = directiveValue(strings.TrimLeft(s[1:], " \t")); err != nil {
			return directive{}, "", false, err
		}
		s = strings.TrimLeft(s, " \t")
	}
	if s == "" {
		return d, "", false, nil
	}
	if s[0] != ';' {
		return directive{}, "", false, fmt.Errorf("unexpected %q", s)
	}
	return d, s[1:], true, nil
}

// directiveValue reads a token or a quoted string (RFC 2616 2.2).
func directiveValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		n := tokenLength(s)
		if n == 0 {
			return "", "", errors.New("a value is missing after =")
		}
		return s[:n], s[n:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			i++
			if i == len(s) {
				return "", "", errors.New("a quoted string without an end")
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("a quoted string without an end")
}

// tokenLength is how many bytes at the start of s belong to a token (RFC 2616 2.2).
func tokenLength(s string) int {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return i
		}
	}
	return len(s)
}
