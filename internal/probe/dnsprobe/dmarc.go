package dnsprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/mailtext"
)

// dmarcSteps is where the tree walk of DMARC looks, at most (RFC 9989 4.10).
const dmarcSteps = 8

// dmarcRecord is what a name has under _dmarc.
type dmarcRecord struct {
	Domain string         `json:"domain"`
	Texts  []string       `json:"texts"` // that begin with v=DMARC1
	Policy mailtext.DMARC `json:"policy"`
	Error  string         `json:"error,omitempty"`
	from   string
}

// valid says that there is one record: several are none (RFC 9989 4.10). One that has no good policy ends the search all the same, as one of
// none.
func (r dmarcRecord) valid() bool { return len(r.Texts) == 1 }

// dmarcWalk is a domain's way up (RFC 9989 4.10): the records at the domain and above it.
type dmarcWalk struct {
	Records []dmarcRecord `json:"records"` // the domain's own first
}

func (z *Zone) dmarc(ctx context.Context, domain string) (dmarcWalk, error) {
	names := upwards(dns.CanonicalName(domain))
	if len(names) > dmarcSteps { // the domain itself, and then from the seventh label on
		names = append(names[:1], names[len(names)-dmarcSteps+1:]...)
	}
	for _, name := range names { // at once, since nearly every walk goes all the way
		go func() { _, _ = z.dmarcAt(ctx, name) }() // whoever asks again hears of the error
	}
	var w dmarcWalk
	for _, name := range names {
		r, err := z.dmarcAt(ctx, name)
		if err != nil {
			return w, err
		}
		w.Records = append(w.Records, r)
		if r.valid() && r.Policy.PSD != "u" {
			break
		}
	}
	return w, nil
}

func (z *Zone) dmarcAt(ctx context.Context, name string) (dmarcRecord, error) {
	r := dmarcRecord{Domain: plain(name)}
	texts, from, err := z.texts(ctx, "_dmarc."+name)
	if r.from = from; err != nil && !noZone(err) {
		return r, err
	}
	for _, text := range texts {
		if mailtext.IsDMARC(text) {
			r.Texts = append(r.Texts, text)
		}
	}
	if len(r.Texts) == 1 {
		if r.Policy, err = mailtext.ParseDMARC(r.Texts[0]); err != nil {
			r.Error = err.Error()
		}
	}
	return r, nil
}

// organization is the index of the organizational domain's record: that with psd=n, that one below psd=y, or else the highest one; -1 where
// there is none.
func (w dmarcWalk) organization() int {
	last := -1
	for i, r := range w.Records {
		switch {
		case !r.valid():
		case r.Policy.PSD == "n":
			return i
		case r.Policy.PSD == "y" && i > 0:
			return i - 1
		default:
			last = i
		}
	}
	return last
}

// organizational is the organizational domain, which is the domain itself where no record says otherwise.
func (w dmarcWalk) organizational() string {
	if i := w.organization(); i >= 0 {
		return w.Records[i].Domain
	}
	return w.Records[0].Domain
}

// applied is the record that counts for the domain and the policy that it gives it: its own, its organization's, or that of the public suffix.
func (w dmarcWalk) applied() (r dmarcRecord, policy string, found bool) {
	if own := w.Records[0]; own.valid() {
		return own, own.Policy.Policy, true
	}
	for i := len(w.Records) - 1; i > 0; i-- {
		if r := w.Records[i]; r.valid() && (i == w.organization() || w.organization() < 0 || !w.Records[w.organization()].valid()) {
			return r, r.Policy.Subdomains, true
		}
	}
	return dmarcRecord{}, "", false
}

func (z *Zone) dmarcClaim(id, source string, judge func(ctx context.Context, w dmarcWalk) error) probe.Claim {
	domain := z.mail().Domain
	return z.claim(id, source, domain, func(ctx context.Context, evidence *probe.Evidence) error {
		w, err := z.dmarc(ctx, domain)
		evidence.Observed = w
		if err != nil {
			return err
		}
		return judge(ctx, w)
	})
}

// OneDMARC claims that exactly one DMARC record counts for the mail domain: its own, or one that the tree walk finds above it (RFC 9989 4.10;
// DMC-01). One that only a wildcard answers is none.
func OneDMARC(z *Zone) probe.Claim {
	claim := z.dmarcClaim("DMC-01", "RFC 9989 4.10", func(ctx context.Context, w dmarcWalk) error {
		own := w.Records[0]
		unmet := &probe.Unmet{Class: "mail.dmarc", Want: "one DMARC record for " + own.Domain, From: own.from, Fix: "publish one TXT record at _dmarc." + own.Domain + " that begins with v=DMARC1"}
		r, _, found := w.applied()
		switch {
		case len(own.Texts) > 1:
			unmet.Got = fmt.Sprintf("%d at _dmarc.%s, which count for none", len(own.Texts), own.Domain)
			return unmet
		case !found:
			unmet.Got = "none there or above"
			return unmet
		case r.Error != "":
			unmet.Got, unmet.From = fmt.Sprintf("%q at _dmarc.%s, which counts as p=none: %s", r.Texts[0], r.Domain, r.Error), r.from
			return unmet
		}
		return z.notWildcard(ctx, r)
	})
	return func(ctx context.Context) (probe.Evidence, error) {
		go func() { _, _, _ = z.texts(ctx, z.random+"."+z.mail().Domain) }() // which the claim asks for in the end
		return claim(ctx)
	}
}

// notWildcard fails a record that is the answer to any name: nobody put it there for DMARC.
func (z *Zone) notWildcard(ctx context.Context, r dmarcRecord) error {
	texts, from, err := z.texts(ctx, z.random+"."+r.Domain)
	if err != nil {
		return err
	}
	if slices.Contains(texts, r.Texts[0]) {
		return &probe.Unmet{Class: "mail.dmarc-wildcard", Want: "a DMARC record of its own at _dmarc." + r.Domain, Got: "the same TXT for any name, by a wildcard", From: from, Fix: "put the record at _dmarc, and drop the wildcard TXT"}
	}
	return nil
}

var policies = []string{"none", "quarantine", "reject"}

// DMARCProtects claims that the policy in force is at least Mail.Weakest, one step weaker while t=y, and that mail can pass by it: SPF's domain
// (the return path) or DKIM's is aligned with the mail domain (RFC 9989 4.4, 4.7; DMC-02).
func DMARCProtects(z *Zone) probe.Claim {
	return z.dmarcClaim("DMC-02", "RFC 9989 4.4, 4.7", func(ctx context.Context, w dmarcWalk) error {
		r, policy, found := w.applied()
		if !found {
			return &probe.Unmet{Class: "mail.dmarc", Want: "a DMARC policy", Got: "no record that counts", From: w.Records[0].from, Fix: "see DMC-01"}
		}
		weakest := z.mail().Weakest
		if weakest == "" {
			weakest = "quarantine"
		}
		step := slices.Index(policies, policy)
		if r.Policy.Testing && step > 0 {
			step--
		}
		if step < slices.Index(policies, weakest) {
			return &probe.Unmet{Class: "mail.dmarc-policy", Want: fmt.Sprintf("a DMARC policy of %s or stronger for %s", weakest, w.Records[0].Domain), Got: fmt.Sprintf("%s, from %q", policies[max(step, 0)], r.Texts[0]), From: r.from,
				Fix: "raise the policy once reports show that your own mail passes"}
		}
		return z.aligned(ctx, w, r.Policy)
	})
}

// aligned judges that mail which passes SPF or DKIM passes DMARC too. DKIM keys stand below the mail domain itself, so that mail signed with
// them is aligned; without any it has to be the return path.
func (z *Zone) aligned(ctx context.Context, w dmarcWalk, policy mailtext.DMARC) error {
	m := z.mail()
	if len(m.Selectors) > 0 || dns.CanonicalName(m.ReturnPath) == dns.CanonicalName(m.Domain) {
		return nil
	}
	unmet := &probe.Unmet{Class: "mail.dmarc-alignment", Want: fmt.Sprintf("a return path that is aligned with %s, where no DKIM key signs", m.Domain), Got: m.ReturnPath, From: w.Records[0].from,
		Fix: "send from a return path below the mail domain, or sign with DKIM"}
	if policy.StrictSPF {
		unmet.Got += ", with aspf=s"
		return unmet
	}
	path, err := z.dmarc(ctx, m.ReturnPath)
	if err != nil {
		return err
	}
	if path.organizational() != w.organizational() {
		return unmet
	}
	return nil
}

// DMARCForAll claims that the policy is applied to all mail: no pct below 100, which older receivers still obey (RFC 7489 6.3; a recommendation).
func DMARCForAll(z *Zone) probe.Claim {
	return z.dmarcClaim("DMC-02", "RFC 7489 6.3", func(_ context.Context, w dmarcWalk) error {
		switch r, _, found := w.applied(); {
		case !found:
			return &probe.Unmet{Class: "mail.dmarc", Want: "a policy for all mail", Got: "no record that counts", From: w.Records[0].from, Fix: "see DMC-01"}
		case r.Policy.Percent < 100:
			return &probe.Unmet{Class: "mail.dmarc-percent", Want: "a policy for all mail", Got: fmt.Sprintf("pct=%d", r.Policy.Percent), From: r.from, Fix: "drop pct"}
		default:
			return nil
		}
	})
}

// DMARCReports claims that reports are asked for, at addresses that take them: a domain elsewhere has to agree (RFC 9990 4; DMC-03, a recommendation).
func DMARCReports(z *Zone) probe.Claim {
	return z.dmarcClaim("DMC-03", "RFC 9990 4", func(ctx context.Context, w dmarcWalk) error {
		r, _, found := w.applied()
		unmet := &probe.Unmet{Class: "mail.dmarc-reports", Want: "rua with an address that takes reports", From: w.Records[0].from, Fix: "add rua=mailto:…, and have a domain elsewhere publish <yours>._report._dmarc"}
		if !found || len(r.Policy.Reports) == 0 {
			unmet.Got = "no rua"
			return unmet
		}
		for _, uri := range r.Policy.Reports {
			target, err := mailtext.ReportDomain(uri)
			if err != nil {
				unmet.Got = err.Error()
				return unmet
			}
			ok, err := z.takesReports(ctx, r.Domain, target, w)
			if err != nil {
				return err
			}
			if !ok {
				unmet.Got = fmt.Sprintf("%s, which does not say that it takes reports of %s", uri, r.Domain)
				return unmet
			}
		}
		return nil
	})
}

// takesReports says whether a domain agrees to get reports about another: it need not where both are of one organization.
func (z *Zone) takesReports(ctx context.Context, about, target string, w dmarcWalk) (bool, error) {
	if within(dns.CanonicalName(target), dns.CanonicalName(w.organizational())) {
		return true, nil
	}
	texts, _, err := z.texts(ctx, about+"._report._dmarc."+target)
	if err != nil && !noZone(err) {
		return false, err
	}
	return slices.ContainsFunc(texts, func(text string) bool { return mailtext.IsDMARC(text) || strings.TrimSpace(text) == "v=DMARC1" }), nil
}
