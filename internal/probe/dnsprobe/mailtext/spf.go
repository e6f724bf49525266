// Package mailtext reads the texts that say who may send mail in a domain's name: SPF, DKIM keys, DMARC, MTA-STS and TLS-RPT. It
// looks nothing up.
package mailtext

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// SPF is a record of the Sender Policy Framework (RFC 7208 4.6).
type SPF struct {
	Terms    []Mechanism // in their order
	Redirect string      // domain-spec; empty where there is none
}

// Mechanism is one mechanism of an SPF record with its qualifier.
type Mechanism struct {
	Qualifier byte   // '+', '-', '~' or '?'
	Name      string // "all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"
	Domain    string // domain-spec, perhaps with macros; empty where the current domain is meant
	Network   netip.Prefix
	Prefix4   int // of a and mx: 32 unless it is given
	Prefix6   int // 128 unless it is given
}

// Macro says whether a domain-spec depends on the message that is checked.
func Macro(domain string) bool { return strings.Contains(domain, "%") }

// LooksUp says whether the mechanism costs one of the ten look-ups (RFC 7208 4.6.4).
func (m Mechanism) LooksUp() bool {
	return m.Name != "all" && m.Name != "ip4" && m.Name != "ip6"
}

// IsSPF says whether a text is an SPF record of version 1: "v=spf1" alone or before a space (RFC 7208 4.5).
func IsSPF(text string) bool {
	const version = "v=spf1"
	return len(text) >= len(version) && strings.EqualFold(text[:len(version)], version) && (len(text) == len(version) || text[len(version)] == ' ')
}

var (
	modifier  = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_.-]*)=(.*)$`)
	allDigits = regexp.MustCompile(`^[0-9]+$`)
)

// ParseSPF reads a record for which IsSPF holds, strictly: what is not in the grammar is an error, as checkers give up on it
// (permerror).
func ParseSPF(text string) (SPF, error) {
	if !IsSPF(text) {
		return SPF{}, errors.New("it does not begin with v=spf1")
	}
	var spf SPF
	seen := map[string]bool{}
	for _, term := range strings.FieldsFunc(text[len("v=spf1"):], func(r rune) bool { return r == ' ' }) {
		if m := modifier.FindStringSubmatch(term); m != nil {
			name := strings.ToLower(m[1])
			if (name == "redirect" || name == "exp") && seen[name] {
				return SPF{}, fmt.Errorf("%s= stands twice", name)
			}
			seen[name] = true
			if err := spf.modify(name, m[2]); err != nil {
				return SPF{}, err
			}
			continue
		}
		mechanism, err := parseMechanism(term)
		if err != nil {
			return SPF{}, err
		}
		spf.Terms = append(spf.Terms, mechanism)
	}
	return spf, nil
}

func (spf *SPF) modify(name, value string) error {
	switch name {
	case "redirect", "exp":
		if err := checkDomain(value); err != nil {
			return fmt.Errorf("%s=: %w", name, err)
		}
		if name == "redirect" {
			spf.Redirect = value
		}
		return nil
	default: // unknown modifiers are passed over (RFC 7208 6)
		if _, err := checkMacros(value, "slodiphcrtv"); err != nil {
			return fmt.Errorf("%s= has a value that is no macro string: %w", name, err)
		}
		return nil
	}
}

func parseMechanism(term string) (Mechanism, error) {
	m := Mechanism{Qualifier: '+', Prefix4: 32, Prefix6: 128}
	if strings.IndexByte("+-~?", term[0]) >= 0 {
		m.Qualifier, term = term[0], term[1:]
	}
	end := strings.IndexAny(term, ":/")
	if end < 0 {
		end = len(term)
	}
	m.Name = strings.ToLower(term[:end])
	rest := term[end:]
	value, hasValue := strings.CutPrefix(rest, ":")
	var err error
	switch m.Name {
	case "all":
		if rest != "" {
			err = errors.New("all takes no value")
		}
	case "include", "exists":
		m.Domain = value
		err = checkDomain(value)
	case "ptr":
		m.Domain = value
		if hasValue {
			err = checkDomain(value)
		} else if rest != "" {
			err = errors.New("ptr takes no prefix length")
		}
	case "a", "mx":
		err = m.host(rest, hasValue)
	case "ip4", "ip6":
		m.Network, err = network(m.Name, value)
	default:
		return m, fmt.Errorf("%q is no mechanism", term)
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", term, err)
	}
	return m, nil
}

// host reads [ ":" domain-spec ] [ "/" n ] [ "//" n ].
func (m *Mechanism) host(rest string, hasValue bool) error {
	if hasValue {
		rest = rest[1:]
	}
	var err error
	if i := strings.LastIndex(rest, "//"); i >= 0 {
		if m.Prefix6, err = length(rest[i+2:], 128); err != nil {
			return err
		}
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '/'); i >= 0 && (!hasValue || allDigits.MatchString(rest[i+1:]) || i == 0) {
		if m.Prefix4, err = length(rest[i+1:], 32); err != nil {
			return err
		}
		rest = rest[:i]
	}
	m.Domain = rest
	if hasValue {
		return checkDomain(rest)
	}
	if rest != "" {
		return fmt.Errorf("%q is no prefix length", rest)
	}
	return nil
}

func length(digits string, most int) (int, error) {
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || n > most || !allDigits.MatchString(digits) || len(digits) > 1 && digits[0] == '0' {
		return 0, fmt.Errorf("%q is no prefix length", digits)
	}
	return n, nil
}

func network(name, value string) (netip.Prefix, error) {
	text, digits, hasLength := strings.Cut(value, "/")
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" || (name == "ip4") != address.Is4() {
		return netip.Prefix{}, fmt.Errorf("%q is no address of the kind", text)
	}
	bits := address.BitLen()
	if hasLength {
		if bits, err = length(digits, bits); err != nil {
			return netip.Prefix{}, err
		}
	}
	return netip.PrefixFrom(address, bits).Masked(), nil
}

// Reached are the terms that checkers come to: what follows all is never reached (RFC 7208 5.1).
func (spf SPF) Reached() []Mechanism {
	for i, m := range spf.Terms {
		if m.Name == "all" {
			return spf.Terms[:i+1]
		}
	}
	return spf.Terms
}

// RedirectReached is where the record redirects to; empty where all stands in the way (RFC 7208 6.1).
func (spf SPF) RedirectReached() string {
	if n := len(spf.Reached()); n > 0 && spf.Terms[n-1].Name == "all" {
		return ""
	}
	return spf.Redirect
}
