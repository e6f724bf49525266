package launch

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// Domain is a host name in lower case without the trailing dot, at most one leading "*." label.
type Domain string

var (
	topLevel  = regexp.MustCompile(`\.(xn--[a-z0-9-]+|[a-z][a-z0-9-]*)$`)
	dnsLength = regexp.MustCompile(`^[^.]{1,63}(\.[^.]{1,63})+$`)
)

// UnmarshalText reads a host name of two labels or more and turns it into its ASCII form (IDNA 2008, RFC 5891).
func (d *Domain) UnmarshalText(text []byte) error {
	name, wildcard := strings.CutPrefix(strings.TrimSuffix(string(text), "."), "*.")
	if !matches[Domain](name) {
		return errShape
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		return errors.New("that is no host name by IDNA")
	}
	if !topLevel.MatchString(ascii) {
		return errors.New("its last label is no top-level domain; an IP address is not a name")
	}
	if wildcard {
		ascii = "*." + ascii
	}
	if !dnsLength.MatchString(ascii) || len(ascii) > 253 {
		return errors.New("a label has 1 to 63 characters, a host name at most 253")
	}
	*d = Domain(ascii)
	return nil
}

// Wildcard says whether the name stands for every name below it.
func (d Domain) Wildcard() bool { return strings.HasPrefix(string(d), "*.") }

// Covers says whether a certificate for d is good for a name (RFC 6125: a wildcard stands for exactly one label).
func (d Domain) Covers(name Domain) bool {
	if d == name {
		return true
	}
	_, parent, found := strings.Cut(string(name), ".")
	return found && d.Wildcard() && string(d)[2:] == parent
}

// URL is an absolute https:// address.
type URL string

// UnmarshalText reads an address without user information or fragment.
func (u *URL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	switch {
	case err != nil || parsed.Scheme != "https" || parsed.Hostname() == "" || parsed.Opaque != "":
		return errShape
	case parsed.User != nil:
		return errUser
	case parsed.Fragment != "":
		return errors.New("what follows # never reaches a server")
	}
	*u = URL(text)
	return nil
}

// Host is the host name in lower case, without the port.
func (u URL) Host() string {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return "" // an address that was read by UnmarshalText parses
	}
	return strings.ToLower(parsed.Hostname())
}

// HostPort is an IP address and port, written 192.0.2.1:443 or [2001:db8::1]:443.
type HostPort string

// UnmarshalText reads an address and port and writes it in its one canonical form, as probes look it up.
func (h *HostPort) UnmarshalText(text []byte) error {
	address, err := netip.ParseAddrPort(string(text))
	if err != nil || address.Port() == 0 {
		return errShape
	}
	*h = HostPort(address.String())
	return nil
}

// HostAddr is an IP address with or without a port.
type HostAddr string

// UnmarshalText reads an address with or without a port.
func (h *HostAddr) UnmarshalText(text []byte) error {
	if address, err := netip.ParseAddr(string(text)); err == nil {
		*h = HostAddr(address.String())
		return nil
	}
	var both HostPort
	if err := both.UnmarshalText(text); err != nil {
		return err
	}
	*h = HostAddr(both)
	return nil
}

// AddrPort is the address with its own port, or with the given one where it names none. It is the zero value for a text
// that is no address, which launch.yaml cannot hold.
func (h HostAddr) AddrPort(port uint16) netip.AddrPort {
	if both, err := netip.ParseAddrPort(string(h)); err == nil {
		return both
	}
	address, err := netip.ParseAddr(string(h))
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address, port)
}

// IP is an IPv4 or IPv6 address.
type IP struct{ netip.Addr }

// UnmarshalText reads an address without a zone.
func (i *IP) UnmarshalText(text []byte) error {
	address, err := netip.ParseAddr(string(text))
	if err != nil || address.Zone() != "" {
		return errShape
	}
	i.Addr = address.Unmap()
	return nil
}

// Prefix is an address range, written 192.0.2.0/24.
type Prefix struct{ netip.Prefix }

// UnmarshalText reads a range whose host bits are zero.
func (p *Prefix) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return errShape
	}
	if prefix != prefix.Masked() {
		return errors.New("its first address is " + prefix.Masked().String())
	}
	p.Prefix = prefix
	return nil
}
