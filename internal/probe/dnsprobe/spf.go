package dnsprobe

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// Mail is who sends mail in the domain's name.
type Mail struct {
	Domain     string       // of the From header; empty: the zone's
	ReturnPath string       // domain of the envelope sender; empty: Domain
	Selectors  []string     // DKIM selectors; none: no mail is sent
	Senders    []netip.Addr // addresses that mail is sent from
	OwnSenders bool         // the addresses are our own, and so are their names
	Inbound    bool         // the domain takes mail
	Weakest    string       // the weakest DMARC policy that will do: quarantine (also where it is empty) or reject
}

func (z *Zone) mail() Mail {
	m := z.config.Mail
	if m.Domain == "" {
		m.Domain = plain(z.apex)
	}
	if m.ReturnPath == "" {
		m.ReturnPath = m.Domain
	}
	return m
}

// spfClaim claims something of the SPF record of a domain and of all that it leads to.
func (z *Zone) spfClaim(id, source, domain string, judge func(*spfWorst) error) probe.Claim {
	return z.claim(id, source, domain, func(ctx context.Context, evidence *probe.Evidence) error {
		t := z.spfOf(ctx, domain).worst()
		evidence.Observed = t
		if len(t.Opaque) > 0 {
			z.strangers(ctx, t)
			evidence.Notes = append(evidence.Notes, "what these lead to depends on each message: "+strings.Join(sortedSet(t.Opaque), ", "))
		}
		return judge(t)
	})
}

// OneSPF claims that a domain has exactly one SPF record (RFC 7208 3.3, 4.5; SPF-01).
func OneSPF(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-01", "RFC 7208 3.3, 4.5", domain, func(t *spfWorst) error {
		switch {
		case t.count == 1:
			return nil
		case t.err != nil:
			return t.err
		default:
			return &probe.Unmet{Class: "mail.spf", Want: "one SPF record at " + t.Domain, Got: fmt.Sprintf("%d", t.count), From: t.from,
				Fix: "publish one TXT record that begins with v=spf1, and merge others into it; a domain that sends no mail says v=spf1 -all"}
		}
	})
}

// needsRecord passes a judgement over where there is not one record to judge, which SPF-01 says.
func needsRecord(judge func(*spfWorst) error) func(*spfWorst) error {
	return func(t *spfWorst) error {
		switch {
		case t.count == 1:
			return judge(t)
		case t.err != nil:
			return t.err
		default:
			return &probe.Unmet{Class: "mail.spf", Want: "one SPF record at " + t.Domain, Got: fmt.Sprintf("%d", t.count), From: t.from, Fix: "see SPF-01"}
		}
	}
}

// unread says that there is a record below, or this one, of which nobody can tell what it leads to.
func (t *spfWorst) unread(illegible bool, err error) error {
	if illegible {
		return &probe.Unknown{Class: "mail.spf-broken", Want: "an SPF record of " + t.Domain + " to judge", Got: "one that cannot be read", From: t.from, Fix: "see SPF-02"}
	}
	return err
}

// SPFReads claims that the record and all that it leads to can be read, without loops (RFC 7208 4.6; SPF-02).
func SPFReads(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-02", "RFC 7208 4.6", domain, needsRecord(func(t *spfWorst) error {
		if len(t.Broken) > 0 {
			return &probe.Unmet{Class: "mail.spf-broken", Want: "an SPF record that checkers can read to its end", Got: strings.Join(sortedSet(t.Broken), "; "), From: t.from,
				Fix: "mend the record: a checker that cannot read it gives up (permerror)"}
		}
		return t.err
	}))
}

// SPFWithinLimits claims that in the worst case, whatever the sender, the record needs at most ten look-ups, of which two find nothing
// (RFC 7208 4.6.4; SPF-03).
func SPFWithinLimits(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-03", "RFC 7208 4.6.4", domain, needsRecord(func(t *spfWorst) error {
		if t.LookUps > mostLookUps || t.Voids > mostVoids {
			return &probe.Unmet{Class: "mail.spf-limits", Want: fmt.Sprintf("at most %d look-ups, and %d that find nothing", mostLookUps, mostVoids),
				Got: fmt.Sprintf("%d look-ups, %d of which find nothing", t.LookUps, t.Voids), From: t.from, Fix: "replace includes by the addresses behind them, and drop what is not used"}
		}
		return t.unread(t.illegible, t.err)
	}))
}

// SPFNotOpen claims that the record passes nobody but the senders: no +all, no networks that are most of the world, alone or together, no
// name that exists for everybody, and no ptr, also behind include and redirect (SPF-04).
func SPFNotOpen(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-04", "RFC 7208 5.1, 11.1", domain, needsRecord(func(t *spfWorst) error {
		if len(t.Open) > 0 {
			return &probe.Unmet{Class: "mail.spf-open", Want: "an SPF record that passes the domain's own senders only", Got: strings.Join(sortedSet(t.Open), ", ") + ", which passes everybody", From: t.from,
				Fix: "name the senders, and end in -all"}
		}
		return t.unread(t.illegible, cmp.Or(t.err, t.strangerErr))
	}))
}

// SPFEnds claims that the record says what becomes of everybody else: it ends in -all or ~all, through redirect too (SPF-05, a recommendation).
func SPFEnds(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-05", "RFC 7208 4.7", domain, needsRecord(func(t *spfWorst) error {
		if t.ends == '-' || t.ends == '~' {
			return nil
		}
		if t.endIllegible || t.endErr != nil {
			return t.unread(t.endIllegible, t.endErr)
		}
		got := "no all at its end"
		if t.all != "" {
			got = t.all
		}
		return &probe.Unmet{Class: "mail.spf-end", Want: "an SPF record that ends in -all or ~all", Got: got, From: t.from, Fix: "end it in -all"}
	}))
}
