package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"blitiri.com.ar/go/spf"
	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/mailtext"
)

// SPFPasses claims that SPF passes mail of the domain's that an address sends (RFC 7208 2.6; SPF-06).
func SPFPasses(z *Zone, domain string, sender netip.Addr) probe.Claim {
	return z.claim("SPF-06", "RFC 7208 2.6", domain, func(ctx context.Context, evidence *probe.Evidence) error {
		result, err := spf.CheckHostWithSender(net.IP(sender.AsSlice()), domain, "postmaster@"+domain, spf.WithContext(ctx), spf.WithResolver(spfResolver{z}))
		evidence.Observed = map[string]string{"sender": sender.String(), "result": string(result), "explanation": fmt.Sprint(err)}
		switch result {
		case spf.Pass:
			return nil
		case spf.TempError:
			return &probe.Unknown{Class: "mail.spf", Want: fmt.Sprintf("whether SPF of %s passes %s", domain, sender), Got: fmt.Sprint(err), From: domain, Fix: "see why the look-ups fail", Err: err}
		default:
			return &probe.Unmet{Class: "mail.spf-sender", Want: fmt.Sprintf("SPF of %s to pass mail from %s", domain, sender), Got: fmt.Sprintf("%s (%v)", result, err), From: domain, Fix: "add the sender to the record"}
		}
	})
}

// strangers adds to whom a record passes the addresses that are nobody's (RFC 6890), where it depends on the message whom it passes: what
// passes these, with a name that nobody has, passes everybody.
func (z *Zone) strangers(ctx context.Context, t *spfWorst) {
	for _, stranger := range []string{"240.113.67.5", "4000:6f3a::5"} {
		result, err := spf.CheckHostWithSender(net.ParseIP(stranger), z.random+".invalid", z.random+"@"+t.Domain, spf.WithContext(ctx), spf.WithResolver(spfResolver{z}))
		switch result {
		case spf.Pass:
			t.Open = append(t.Open, "what depends on the message, even for "+stranger+", which is nobody's address")
		case spf.TempError:
			t.strangerErr = &probe.Unknown{Class: "mail.spf", Want: "whether SPF of " + t.Domain + " passes strangers", Got: fmt.Sprint(err), From: t.from, Fix: "see why the look-ups fail", Err: err}
		default: // it does not pass
		}
	}
}

// spfResolver looks up for the library that evaluates SPF, at the authoritative servers as every claim does.
type spfResolver struct{ zone *Zone }

// MailDNS looks up what mail is judged by, at the authoritative servers as every claim does.
func (z *Zone) MailDNS() spf.DNSResolver { return spfResolver{z} }

func (r spfResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	texts, _, err := r.zone.texts(ctx, name)
	for _, text := range texts { // the library reads a record only as far as it needs to (RFC 7208 4.6)
		if !mailtext.IsSPF(text) {
			continue
		}
		if _, wrong := mailtext.ParseSPF(text); wrong != nil {
			return nil, errors.New(plain(name) + ": " + wrong.Error())
		}
	}
	return nothingFound(texts, name, err)
}

func (r spfResolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	records, _, err := r.zone.lookUp(ctx, name, dns.TypeMX)
	var all []*net.MX
	for _, rr := range records {
		all = append(all, &net.MX{Host: rr.(*dns.MX).Mx, Pref: rr.(*dns.MX).Preference})
	}
	return nothingFound(all, name, err)
}

func (r spfResolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	var all []net.IPAddr
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		records, _, err := r.zone.lookUp(ctx, host, qtype)
		if err != nil && !noZone(err) {
			return nil, &net.DNSError{Err: err.Error(), Name: host, IsTemporary: true}
		}
		for _, rr := range records {
			if addr, is := address(rr); is {
				all = append(all, net.IPAddr{IP: net.IP(addr.AsSlice())})
			}
		}
	}
	return nothingFound(all, host, nil)
}

func (r spfResolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	reverse, err := dns.ReverseAddr(addr)
	if err != nil {
		return nil, err
	}
	records, _, err := r.zone.lookUp(ctx, reverse, dns.TypePTR)
	var all []string
	for _, rr := range records {
		all = append(all, rr.(*dns.PTR).Ptr)
	}
	return nothingFound(all, reverse, err)
}

// nothingFound tells a look-up that finds nothing from one that nobody answers, in the standard library's words.
func nothingFound[T any](all []T, name string, err error) ([]T, error) {
	switch {
	case err != nil && !noZone(err):
		return nil, &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
	case len(all) == 0:
		return nil, &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
	default:
		return all, nil
	}
}
