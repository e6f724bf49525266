package mailtext

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tags reads a tag-list (RFC 6376 3.2): name=value, by semicolons, each name once. White space around names and values does not count.
func tags(text string) (map[string]string, []string, error) {
	list, order := map[string]string{}, []string{}
	parts := strings.Split(text, ";")
	for i, part := range parts {
		part = strings.Trim(part, " \t\r\n")
		if part == "" {
			if i == len(parts)-1 && i > 0 {
				continue
			}
			return nil, nil, errors.New("an empty tag")
		}
		name, value, found := strings.Cut(part, "=")
		name, value = strings.TrimRight(name, " \t\r\n"), strings.TrimLeft(value, " \t\r\n")
		if !found || !tagName.MatchString(name) {
			return nil, nil, fmt.Errorf("%q is not tag=value", part)
		}
		if _, twice := list[name]; twice {
			return nil, nil, fmt.Errorf("tag %s stands twice", name)
		}
		list[name] = value
		order = append(order, name)
	}
	return list, order, nil
}

var (
	tagName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	spaces  = regexp.MustCompile(`[ \t\r\n]+`)
)

// DKIM is a DKIM key record (RFC 6376 3.6.1).
type DKIM struct {
	Revoked bool // p is empty
	Kind    string
	Bits    int // of an RSA key
	Testing bool
}

// ParseDKIM reads a key record. What a verifier would take for no key is an error.
func ParseDKIM(text string) (DKIM, error) {
	list, order, err := tags(text)
	if err != nil {
		return DKIM{}, err
	}
	d := DKIM{Kind: "rsa"}
	if v, given := list["v"]; given && (v != "DKIM1" || order[0] != "v") {
		return DKIM{}, errors.New("v must be DKIM1 and stand first")
	}
	if kind, given := list["k"]; given {
		d.Kind = strings.ToLower(kind)
	}
	if hashes, given := list["h"]; given && !slices.ContainsFunc(strings.Split(hashes, ":"), func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), "sha256") }) {
		return DKIM{}, fmt.Errorf("h=%s leaves SHA-256 out, the only hash that counts (RFC 8301)", hashes)
	}
	if services, given := list["s"]; given && !slices.ContainsFunc(strings.Split(services, ":"), func(s string) bool { s = strings.TrimSpace(s); return s == "*" || strings.EqualFold(s, "email") }) {
		return DKIM{}, fmt.Errorf("s=%s leaves e-mail out", services)
	}
	d.Testing = slices.ContainsFunc(strings.Split(list["t"], ":"), func(f string) bool { return strings.TrimSpace(f) == "y" })
	p, given := list["p"]
	switch p = spaces.ReplaceAllString(p, ""); {
	case !given:
		return DKIM{}, errors.New("no p")
	case p == "":
		d.Revoked = true
		return d, nil
	}
	key, err := base64.StdEncoding.DecodeString(p)
	if err != nil {
		return DKIM{}, errors.New("p is no base64")
	}
	switch d.Kind {
	case "rsa":
		d.Bits, err = rsaBits(key)
		return d, err
	case "ed25519":
		if len(key) != 32 {
			return DKIM{}, fmt.Errorf("an Ed25519 key of %d bytes", len(key))
		}
		return d, nil
	default:
		return DKIM{}, fmt.Errorf("k=%s is no kind of key that verifiers know", d.Kind)
	}
}

// rsaBits reads a SubjectPublicKeyInfo, or a bare RSAPublicKey, as verifiers do (RFC 6376 erratum 3017).
func rsaBits(der []byte) (int, error) {
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		if r, ok := key.(*rsa.PublicKey); ok {
			return r.N.BitLen(), nil
		}
		return 0, errors.New("p is a key of another kind than k says")
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		return 0, errors.New("p is no RSA key")
	}
	return key.N.BitLen(), nil
}

// DMARC is a DMARC policy record (RFC 9989).
type DMARC struct {
	Policy      string // p: none, quarantine or reject
	Subdomains  string // sp, or p
	NonExistent string // np, or sp, or p
	Testing     bool   // t=y: one step weaker
	Percent     int    // pct of RFC 7489, 100 where it is not given
	StrictSPF   bool   // aspf=s
	StrictDKIM  bool   // adkim=s
	PSD         string // "y", "n" or "u"
	Reports     []string
}

// IsDMARC says whether a text is a DMARC record: v=DMARC1 stands first, in these letters (RFC 9989 4.7).
func IsDMARC(text string) bool { return isVersion(text, "DMARC1") }

func isVersion(text, version string) bool {
	first, _, _ := strings.Cut(text, ";")
	name, value, found := strings.Cut(first, "=")
	return found && strings.TrimSpace(name) == "v" && strings.TrimSpace(value) == version
}

// ParseDMARC reads a record for which IsDMARC holds. One with an error counts as one of p=none: receivers do so where a policy is missing or is
// none and reports are wanted, and do nothing at all where they are not (RFC 9989 4.10.1).
func ParseDMARC(text string) (DMARC, error) {
	d := DMARC{Policy: "none", Subdomains: "none", NonExistent: "none", Percent: 100, PSD: "u"}
	list, _, err := tags(text)
	if err != nil {
		return d, err
	}
	d.Testing = strings.EqualFold(list["t"], "y")
	d.StrictSPF, d.StrictDKIM = strings.EqualFold(list["aspf"], "s"), strings.EqualFold(list["adkim"], "s")
	if psd := strings.ToLower(list["psd"]); psd == "y" || psd == "n" {
		d.PSD = psd
	}
	for _, uri := range strings.Split(list["rua"], ",") {
		if uri = strings.TrimSpace(uri); uri != "" {
			d.Reports = append(d.Reports, uri)
		}
	}
	if pct, given := list["pct"]; given {
		n, err := strconv.Atoi(pct)
		if err != nil || n < 0 || n > 100 {
			return d, fmt.Errorf("pct=%s is no percentage", pct)
		}
		d.Percent = n
	}
	return d, d.policies(list)
}

// policies reads p, sp and np, each of which stands in for the next. Where one of them is none, none counts.
func (d *DMARC) policies(list map[string]string) error {
	read, before := map[string]string{}, ""
	for _, tag := range []string{"p", "sp", "np"} {
		value, given := list[tag]
		switch value = strings.ToLower(value); {
		case !given && tag == "p":
			return errors.New("no p")
		case !given:
			value = before
		case !slices.Contains([]string{"none", "quarantine", "reject"}, value):
			return fmt.Errorf("%s=%s is no policy", tag, value)
		}
		read[tag], before = value, value
	}
	d.Policy, d.Subdomains, d.NonExistent = read["p"], read["sp"], read["np"]
	return nil
}

var size = regexp.MustCompile(`![0-9]+[kmgtKMGT]?$`)

// ReportDomain is the domain that a report address sends to: of a mailto URI, as DMARC and TLS-RPT have them.
func ReportDomain(uri string) (string, error) {
	u, err := url.Parse(size.ReplaceAllString(uri, ""))
	if err != nil || !strings.EqualFold(u.Scheme, "mailto") {
		return "", fmt.Errorf("%q is no mailto: address", uri)
	}
	_, domain, found := strings.Cut(u.Opaque, "@")
	if !found || domain == "" || strings.ContainsAny(domain, "@ ") {
		return "", fmt.Errorf("%q is no mailto: address", uri)
	}
	return strings.ToLower(domain), nil
}

var stsID = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// CheckSTS reads the TXT record of MTA-STS (RFC 8461 3.1).
func CheckSTS(text string) error {
	list, _, err := tags(text)
	switch {
	case err != nil:
		return err
	case !stsID.MatchString(list["id"]):
		return fmt.Errorf("id=%s is not 1 to 32 letters and digits", list["id"])
	}
	return nil
}

// IsSTS and IsTLSRPT say whether a text is a record of MTA-STS or of SMTP TLS reporting.
func IsSTS(text string) bool { return isVersion(text, "STSv1") }

// IsTLSRPT says whether a text is a record of SMTP TLS reporting (RFC 8460 3).
func IsTLSRPT(text string) bool { return isVersion(text, "TLSRPTv1") }

// CheckTLSRPT reads a record for which IsTLSRPT holds.
func CheckTLSRPT(text string) error {
	list, _, err := tags(text)
	if err != nil {
		return err
	}
	if list["rua"] == "" {
		return errors.New("no rua")
	}
	for _, uri := range strings.Split(list["rua"], ",") {
		if uri = strings.TrimSpace(uri); strings.HasPrefix(strings.ToLower(uri), "https://") {
			continue
		}
		if _, err := ReportDomain(uri); err != nil {
			return err
		}
	}
	return nil
}
