// Package hsts reads the value of a Strict-Transport-Security header (RFC 6797 6.1). It is shared by the probes that judge the
// header and the one that grades by it.
package hsts

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Policy is a Strict-Transport-Security policy.
type Policy struct {
	MaxAge            time.Duration
	IncludeSubDomains bool
	Preload           bool
}

// String writes the policy as the header's value.
func (h Policy) String() string {
	s := fmt.Sprintf("max-age=%d", int64(h.MaxAge.Seconds()))
	if h.IncludeSubDomains {
		s += "; includeSubDomains"
	}
	if h.Preload {
		s += "; preload"
	}
	return s
}

// Parse reads the value of one Strict-Transport-Security header by the grammar of RFC 6797 6.1: directives in any
// order and any case, each at most once, values as token or quoted string, unknown ones passed over, max-age mandatory.
func Parse(value string) (Policy, error) {
	var h Policy
	seen := map[string]bool{}
	for rest, more := value, true; more; {
		var d directive
		var err error
		if d, rest, more, err = nextDirective(rest); err != nil {
			return Policy{}, err
		}
		if d.name == "" {
			continue
		}
		if seen[d.name] {
			return Policy{}, fmt.Errorf("directive %s stands twice", d.name)
		}
		seen[d.name] = true
		if err := h.apply(d); err != nil {
			return Policy{}, err
		}
	}
	if !seen["max-age"] {
		return Policy{}, errors.New("no max-age")
	}
	return h, nil
}

type directive struct {
	name     string // in lower case
	value    string // unquoted
	hasValue bool
}

func (h *Policy) apply(d directive) error {
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
