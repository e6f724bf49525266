package dnsprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/mailtext"
)

// keys are the key records of a DKIM selector.
type keys struct {
	Name  string   `json:"name"`
	Texts []string `json:"texts"`
	from  string
	key   mailtext.DKIM
	err   error // why there is not one key that can be read
}

// dkim claims something of a selector's key. With several records, or one that cannot be read, there is none.
func (z *Zone) dkim(id, source, selector string, judge func(keys) error) probe.Claim {
	name := selector + "._domainkey." + z.mail().Domain
	return z.claim(id, source, name, func(ctx context.Context, evidence *probe.Evidence) error {
		k := keys{Name: name}
		var err error
		k.Texts, k.from, err = z.texts(ctx, name)
		evidence.Observed = k
		if err != nil && !noZone(err) {
			return err
		}
		if len(k.Texts) == 1 {
			k.key, k.err = mailtext.ParseDKIM(k.Texts[0])
		}
		return judge(k)
	})
}

// DKIMKeyIsThere claims that a selector has one key record, that it can be read, and that it is not revoked (RFC 6376 3.6.1; DKM-01).
func DKIMKeyIsThere(z *Zone, selector string) probe.Claim {
	return z.dkim("DKM-01", "RFC 6376 3.6.1", selector, func(k keys) error {
		unmet := &probe.Unmet{Class: "mail.dkim", Want: "one DKIM key at " + k.Name, From: k.from, Fix: "publish the key that the mail is signed with, or drop the selector from mail.selectors"}
		switch {
		case len(k.Texts) != 1:
			unmet.Got = fmt.Sprintf("%d records", len(k.Texts))
		case k.err != nil:
			unmet.Got = fmt.Sprintf("one that cannot be read: %v", k.err)
		case k.key.Revoked:
			unmet.Got = "a revoked one (p is empty)"
		default:
			return nil
		}
		return unmet
	})
}

// The sizes of RSA keys (RFC 8301 3.2).
const (
	dkimLeast = 1024
	dkimGood  = 2048
	dkimMost  = 4096 // that every verifier can read
)

// DKIMKeyIsStrong claims that a selector's RSA key has at least 1024 bits, below which verifiers ignore it (RFC 8301 3.2; DKM-02). Ed25519 is strong.
func DKIMKeyIsStrong(z *Zone, selector string) probe.Claim {
	return z.dkim("DKM-02", "RFC 8301 3.2", selector, func(k keys) error { return k.atLeast(dkimLeast) })
}

// DKIMKeyIsGood claims that a selector's RSA key has at least 2048 bits, and no more than the 4096 that every verifier can read (RFC 8301 3.2;
// DKM-02, a recommendation).
func DKIMKeyIsGood(z *Zone, selector string) probe.Claim {
	return z.dkim("DKM-02", "RFC 8301 3.2", selector, func(k keys) error {
		if k.key.Bits > dkimMost {
			return &probe.Unmet{Class: "mail.dkim-long", Want: fmt.Sprintf("an RSA key of at most %d bits", dkimMost), Got: fmt.Sprintf("%d bits", k.key.Bits), From: k.from, Fix: "make a new key of 2048 bits under another selector"}
		}
		return k.atLeast(dkimGood)
	})
}

// usable fails where there is nothing to judge, which DKM-01 says.
func (k keys) usable() error {
	if len(k.Texts) != 1 || k.err != nil || k.key.Revoked {
		return &probe.Unmet{Class: "mail.dkim", Want: "one DKIM key at " + k.Name, Got: "none that can be used", From: k.from, Fix: "see DKM-01"}
	}
	return nil
}

func (k keys) atLeast(bits int) error {
	switch err := k.usable(); {
	case err != nil:
		return err
	case k.key.Kind == "rsa" && k.key.Bits < bits:
		return &probe.Unmet{Class: "mail.dkim-short", Want: fmt.Sprintf("an RSA key of at least %d bits", bits), Got: fmt.Sprintf("%d bits", k.key.Bits), From: k.from, Fix: "make a new key of 2048 bits under another selector"}
	default:
		return nil
	}
}

// DKIMKeyIsLive claims that a selector's key is not for testing (RFC 6376 3.6.1, t=y; DKM-03, a recommendation).
func DKIMKeyIsLive(z *Zone, selector string) probe.Claim {
	return z.dkim("DKM-03", "RFC 6376 3.6.1", selector, func(k keys) error {
		if k.key.Testing {
			return &probe.Unmet{Class: "mail.dkim-testing", Want: "a key in earnest", Got: "t=y, with which receivers treat signed mail as unsigned", From: k.from, Fix: "drop t=y"}
		}
		return k.usable()
	})
}

// exchangers are a domain's mail exchangers.
func (z *Zone) exchangers(id, source string, judge func(ctx context.Context, hosts []string, from string) error) probe.Claim {
	domain := z.mail().Domain
	return z.claim(id, source, domain, func(ctx context.Context, evidence *probe.Evidence) error {
		go z.ahead(ctx, domain, dns.TypeMX)
		records, from, err := z.lookUp(ctx, domain, dns.TypeMX)
		evidence.Observed = rdata(records)
		if err != nil {
			return err
		}
		var hosts []string
		for _, rr := range records {
			hosts = append(hosts, dns.CanonicalName(rr.(*dns.MX).Mx))
		}
		if len(hosts) == 0 || slices.Equal(hosts, []string{"."}) {
			if z.mail().Inbound {
				return &probe.Unmet{Class: "mail.mx", Want: "mail exchangers of " + domain, Got: orNone(rdata(records)), From: from, Fix: "publish the MX records that the launch names"}
			}
			return &probe.NotApplicable{Why: domain + " takes no mail"}
		}
		return judge(ctx, hosts, from)
	})
}

// ExchangersHaveAddresses claims that each mail exchanger has an address, and that none is the null MX beside others (RFC 7505 3, RFC 5321 5.1; MX-01).
func ExchangersHaveAddresses(z *Zone) probe.Claim {
	return z.exchangers("MX-01", "RFC 7505 3, RFC 5321 5.1", func(ctx context.Context, hosts []string, from string) error {
		for _, host := range hosts {
			unmet := &probe.Unmet{Class: "mail.mx", Want: "mail exchangers with addresses", From: from, Fix: "correct the MX record"}
			if host == "." {
				unmet.Got = "the null MX beside others"
				return unmet
			}
			addresses, err := z.hostAddresses(ctx, host)
			if err != nil {
				return err
			}
			if len(addresses) == 0 {
				unmet.Got = plain(host) + " without an address"
				return unmet
			}
		}
		return nil
	})
}

// hostAddresses are those of a host; none where it does not exist.
func (z *Zone) hostAddresses(ctx context.Context, host string) ([]netip.Addr, error) {
	types := []uint16{dns.TypeA, dns.TypeAAAA}
	records := make([][]dns.RR, len(types))
	errs := make([]error, len(types))
	var both sync.WaitGroup
	for i, qtype := range types {
		both.Go(func() {
			if records[i], _, errs[i] = z.lookUp(ctx, host, qtype); noZone(errs[i]) {
				errs[i] = nil
			}
		})
	}
	both.Wait()
	var all []netip.Addr
	for _, rr := range slices.Concat(records...) {
		if addr, is := address(rr); is {
			all = append(all, addr)
		}
	}
	return all, worst(errs)
}

// ahead asks for the addresses of the hosts that a record names, as soon as one server names them: whoever has to hear all servers first finds them there.
func (z *Zone) ahead(ctx context.Context, name string, qtype uint16) {
	_, seen, err := z.holder(ctx, dns.CanonicalName(name), qtype, nil)
	if err != nil {
		return
	}
	for _, rr := range seen.reply.Answer {
		switch rr := rr.(type) {
		case *dns.MX:
			go func() { _, _ = z.hostAddresses(ctx, rr.Mx) }() // whoever asks again hears of the error
		case *dns.PTR:
			go func() { _, _ = z.hostAddresses(ctx, rr.Ptr) }()
		}
	}
}

// ExchangersAreNoAliases claims that no mail exchanger's name is a CNAME (RFC 5321 5.1, RFC 2181 10.3; MX-02, a recommendation).
func ExchangersAreNoAliases(z *Zone) probe.Claim {
	return z.exchangers("MX-02", "RFC 5321 5.1, RFC 2181 10.3", func(ctx context.Context, hosts []string, from string) error {
		for _, host := range hosts {
			if host == "." {
				continue
			}
			c := z.follow(ctx, host, dns.TypeA)
			if err := worst(c.blanks()); err != nil && !noZone(err) {
				return err
			}
			if len(c.links) > 1 {
				return &probe.Unmet{Class: "mail.mx-alias", Want: "mail exchangers that are no CNAMEs", Got: c.path(), From: from, Fix: "name the CNAME's target in the MX record"}
			}
		}
		return nil
	})
}

// SenderIsNamed claims that a sending address has a name that leads back to it (RFC 1912 2.1; PTR-01): large receivers refuse mail from others.
func SenderIsNamed(z *Zone, sender netip.Addr) probe.Claim {
	return z.claim("PTR-01", "RFC 1912 2.1", sender.String(), func(ctx context.Context, evidence *probe.Evidence) error {
		reverse, err := dns.ReverseAddr(sender.String())
		if err != nil {
			return err
		}
		go z.ahead(ctx, reverse, dns.TypePTR)
		records, from, err := z.lookUp(ctx, reverse, dns.TypePTR)
		evidence.Observed = rdata(records)
		if err != nil && !noZone(err) {
			return err
		}
		unmet := &probe.Unmet{Class: "mail.ptr", Want: "a name for " + sender.String() + " that leads back to it", Got: "no PTR record", From: from, Fix: "have whoever provides the address set its PTR record"}
		for _, rr := range records {
			addresses, err := z.hostAddresses(ctx, rr.(*dns.PTR).Ptr)
			if err != nil {
				return err
			}
			if slices.Contains(addresses, sender) {
				return nil
			}
			unmet.Got = plain(rr.(*dns.PTR).Ptr) + ", which leads elsewhere"
		}
		return unmet
	})
}

// policyText claims that a mail domain which takes mail has one good record of a kind at a name below it.
func (z *Zone) policyText(id, source, label, want string, is func(string) bool, check func(string) error) probe.Claim {
	name := label + "." + z.mail().Domain
	claim := z.exchangers(id, source, func(ctx context.Context, _ []string, _ string) error {
		texts, from, err := z.texts(ctx, name)
		if err != nil {
			return err
		}
		texts = slices.DeleteFunc(texts, func(text string) bool { return !is(text) })
		unmet := &probe.Unmet{Class: "mail.policy", Want: "one " + want + " record at " + name, Got: fmt.Sprintf("%d", len(texts)), From: from, Fix: "publish one (" + source + ")"}
		if len(texts) != 1 {
			return unmet
		}
		if err := check(texts[0]); err != nil {
			unmet.Got = fmt.Sprintf("%q: %v", strings.TrimSpace(texts[0]), err)
			return unmet
		}
		return nil
	})
	return func(ctx context.Context) (probe.Evidence, error) {
		go func() { _, _, _ = z.texts(ctx, name) }() // beside the exchangers
		return claim(ctx)
	}
}

// AsksForTLS claims that the domain has a record of MTA-STS (RFC 8461 3.1; MTS, a recommendation). The policy itself is ServesTLSPolicy's.
func AsksForTLS(z *Zone) probe.Claim {
	return z.policyText("MTS", "RFC 8461 3.1", "_mta-sts", "MTA-STS", mailtext.IsSTS, mailtext.CheckSTS)
}

// WantsTLSReports claims that the domain asks for reports on TLS (RFC 8460 3; TLR, a recommendation).
func WantsTLSReports(z *Zone) probe.Claim {
	return z.policyText("TLR", "RFC 8460 3", "_smtp._tls", "TLS-RPT", mailtext.IsTLSRPT, mailtext.CheckTLSRPT)
}
