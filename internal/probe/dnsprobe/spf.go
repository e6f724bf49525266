package dnsprobe

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"blitiri.com.ar/go/spf"
	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/mailtext"
)

// Mail is who sends mail in the domain's name.
type Mail struct {
	Domain     string       // of the From header; empty: the zone's
	ReturnPath string       // domain of the envelope sender; empty: Domain
	Selectors  []string     // DKIM selectors; none: no mail is sent
	Senders    []netip.Addr // addresses that mail is sent from
	OwnSenders bool         // the addresses are our own, and so are their names
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

// The limits of RFC 7208 4.6.4.
const (
	mostLookUps = 10
	mostVoids   = 2
)

// spfTree is an SPF record with everything that it leads to, whatever the sender: the worst case.
type spfTree struct {
	Domain    string     `json:"domain"`
	Record    string     `json:"record,omitempty"`
	LookUps   int        `json:"look_ups"` // of the whole tree
	Voids     int        `json:"void_look_ups"`
	Open      []string   `json:"passes_everybody,omitempty"` // terms that pass the whole world
	Broken    []string   `json:"broken,omitempty"`           // why checkers give up (permerror)
	Below     []*spfTree `json:"below,omitempty"`
	Opaque    []string   `json:"depends_on_the_message,omitempty"` // macros, which nobody can follow beforehand
	count     int        // of SPF records at the domain
	from      string
	err       error  // nobody can tell
	ends      byte   // qualifier of the all at the end, through redirect; 0 where there is none
	all       string // the term
	redirect  *spfTree
	illegible bool // what the record leads to is not known
}

// spfOf follows a domain's record, and those that it includes or redirects to.
func (z *Zone) spfOf(ctx context.Context, domain string, trail []string) *spfTree {
	t := &spfTree{Domain: plain(domain)}
	name := dns.CanonicalName(domain)
	if slices.Contains(trail, name) {
		t.Broken = append(t.Broken, fmt.Sprintf("a loop through %s", plain(name)))
		t.LookUps = mostLookUps + 1 // it goes round until the limit
		return t
	}
	if len(trail) > mostLookUps {
		t.Broken = append(t.Broken, "a chain of more than ten records")
		return t
	}
	texts, from, err := z.texts(ctx, name)
	if t.from = from; err != nil && !noZone(err) {
		t.err = err
		return t
	}
	for _, text := range texts {
		if mailtext.IsSPF(text) {
			t.Record = text
			t.count++
		}
	}
	if t.count != 1 {
		t.Broken = append(t.Broken, fmt.Sprintf("%d SPF records at %s", t.count, plain(name)))
		return t
	}
	record, err := mailtext.ParseSPF(t.Record)
	if err != nil {
		t.Broken = append(t.Broken, fmt.Sprintf("%s: %v", plain(name), err))
		t.illegible = true
		return t
	}
	t.walk(ctx, z, record, append(slices.Clone(trail), name))
	return t
}

func (t *spfTree) walk(ctx context.Context, z *Zone, record mailtext.SPF, trail []string) {
	below := t.lookAt(ctx, z, record.Terms, trail)
	for i, m := range record.Terms {
		if m.LooksUp() {
			t.LookUps++
		}
		switch {
		case mailtext.Macro(t.target(m)):
			t.Opaque = append(t.Opaque, m.Name+":"+m.Domain)
		case m.Name == "include":
			t.include(below[i], m)
		case below[i] != nil:
			t.Voids += below[i].Voids
			t.Broken = append(t.Broken, below[i].Broken...)
			t.err = cmp.Or(t.err, below[i].err)
		}
		if m.Qualifier == '+' && everybody(m) {
			t.Open = append(t.Open, fmt.Sprintf("%s at %s", termText(m), t.Domain))
		}
		if m.Name == "all" { // what follows is never reached (RFC 7208 5.1)
			t.ends, t.all = m.Qualifier, termText(m)
			return
		}
	}
	if record.Redirect == "" {
		return
	}
	t.LookUps++
	if mailtext.Macro(record.Redirect) {
		t.Opaque = append(t.Opaque, "redirect="+record.Redirect)
		return
	}
	t.redirect = z.spfOf(ctx, record.Redirect, trail)
	t.add(t.redirect)
	t.ends, t.all = t.redirect.ends, t.redirect.all
	t.Open = append(t.Open, t.redirect.Open...)
}

// target is the domain that a mechanism is about.
func (t *spfTree) target(m mailtext.Mechanism) string { return cmp.Or(m.Domain, t.Domain) }

// lookAt looks at what the mechanisms lead to, at the same time. It is nil for those that lead nowhere.
func (t *spfTree) lookAt(ctx context.Context, z *Zone, terms []mailtext.Mechanism, trail []string) []*spfTree {
	below := make([]*spfTree, len(terms))
	var all sync.WaitGroup
	for i, m := range terms {
		switch target := t.target(m); {
		case mailtext.Macro(target):
		case m.Name == "include":
			all.Go(func() { below[i] = z.spfOf(ctx, target, trail) })
		case m.Name == "a", m.Name == "mx", m.Name == "exists":
			below[i] = &spfTree{}
			all.Go(func() { below[i].hosts(ctx, z, m, target) })
		}
		if m.Name == "all" { // what follows is never reached (RFC 7208 5.1)
			break
		}
	}
	all.Wait()
	return below
}

// add counts a record below this one.
func (t *spfTree) add(below *spfTree) {
	t.Below = append(t.Below, below)
	t.LookUps += below.LookUps
	t.Voids += below.Voids
	t.Broken = append(t.Broken, below.Broken...)
	t.Opaque = append(t.Opaque, below.Opaque...)
	if t.err == nil {
		t.err = below.err
	}
	if below.count == 0 && below.err == nil && len(below.Record) == 0 && len(below.Broken) > 0 && strings.HasPrefix(below.Broken[0], "0 SPF") {
		t.Voids++
	}
}

func (t *spfTree) include(below *spfTree, m mailtext.Mechanism) {
	t.add(below)
	if m.Qualifier == '+' {
		t.Open = append(t.Open, below.Open...)
	}
}

// hosts looks up what a, mx and exists name.
func (t *spfTree) hosts(ctx context.Context, z *Zone, m mailtext.Mechanism, target string) {
	var answers int
	var err error
	if m.Name == "a" {
		var addresses []netip.Addr
		addresses, err = z.hostAddresses(ctx, dns.CanonicalName(target))
		answers = len(addresses)
	} else {
		qtype := dns.TypeMX
		if m.Name == "exists" {
			qtype = dns.TypeA
		}
		var records []dns.RR
		records, _, err = z.lookUp(ctx, dns.CanonicalName(target), qtype)
		answers = len(records)
	}
	if err != nil && !noZone(err) {
		t.err = err
		return
	}
	if answers == 0 {
		t.Voids++
	}
	if m.Name == "mx" && answers > mostLookUps {
		t.Broken = append(t.Broken, fmt.Sprintf("mx:%s has %d exchangers, of which checkers look at ten", target, answers))
	}
}

// everybody says whether a mechanism matches (almost) the whole world: a network of a 256th of all addresses or more.
func everybody(m mailtext.Mechanism) bool {
	const widest4, widest6 = 8, 8
	switch m.Name {
	case "all":
		return true
	case "ip4":
		return m.Network.Bits() < widest4
	case "ip6":
		return m.Network.Bits() < widest6
	case "a", "mx":
		return m.Prefix4 < widest4 || m.Prefix6 < widest6
	default:
		return false
	}
}

func termText(m mailtext.Mechanism) string {
	text := string(m.Qualifier) + m.Name
	switch {
	case m.Network.IsValid():
		text += ":" + m.Network.String()
	case m.Domain != "":
		text += ":" + m.Domain
	}
	if m.Prefix4 < 32 {
		text += fmt.Sprintf("/%d", m.Prefix4)
	}
	if m.Prefix6 < 128 {
		text += fmt.Sprintf("//%d", m.Prefix6)
	}
	return text
}

// spfClaim claims something of the SPF record of a domain and of all that it leads to.
func (z *Zone) spfClaim(id, source, domain string, judge func(*spfTree) error) probe.Claim {
	return z.claim(id, source, domain, func(ctx context.Context, evidence *probe.Evidence) error {
		t := z.spfOf(ctx, domain, nil)
		evidence.Observed = t
		if len(t.Opaque) > 0 {
			evidence.Notes = append(evidence.Notes, "what these lead to depends on each message: "+strings.Join(sortedSet(t.Opaque), ", "))
		}
		return judge(t)
	})
}

// OneSPF claims that a domain has exactly one SPF record (RFC 7208 3.3, 4.5; SPF-01).
func OneSPF(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-01", "RFC 7208 3.3, 4.5", domain, func(t *spfTree) error {
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
func needsRecord(judge func(*spfTree) error) func(*spfTree) error {
	return func(t *spfTree) error {
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
func (t *spfTree) unread() error {
	if t.illegible || slices.ContainsFunc(t.Below, func(below *spfTree) bool { return below.unread() != nil }) {
		return &probe.Unknown{Class: "mail.spf-broken", Want: "an SPF record of " + t.Domain + " to judge", Got: "one that cannot be read", From: t.from, Fix: "see SPF-02"}
	}
	return t.err
}

// SPFReads claims that the record and all that it leads to can be read, without loops (RFC 7208 4.6; SPF-02).
func SPFReads(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-02", "RFC 7208 4.6", domain, needsRecord(func(t *spfTree) error {
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
	return z.spfClaim("SPF-03", "RFC 7208 4.6.4", domain, needsRecord(func(t *spfTree) error {
		if t.LookUps > mostLookUps || t.Voids > mostVoids {
			return &probe.Unmet{Class: "mail.spf-limits", Want: fmt.Sprintf("at most %d look-ups, and %d that find nothing", mostLookUps, mostVoids),
				Got: fmt.Sprintf("%d look-ups, %d of which find nothing", t.LookUps, t.Voids), From: t.from, Fix: "replace includes by the addresses behind them, and drop what is not used"}
		}
		return t.unread()
	}))
}

// SPFNotOpen claims that the record passes nobody but the senders: no +all and no network that is most of the world, also behind include and
// redirect (SPF-04).
func SPFNotOpen(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-04", "RFC 7208 5.1, 11.1", domain, needsRecord(func(t *spfTree) error {
		if len(t.Open) > 0 {
			return &probe.Unmet{Class: "mail.spf-open", Want: "an SPF record that passes the domain's own senders only", Got: strings.Join(sortedSet(t.Open), ", ") + ", which passes everybody", From: t.from,
				Fix: "name the senders, and end in -all"}
		}
		return t.unread()
	}))
}

// SPFEnds claims that the record says what becomes of everybody else: it ends in -all or ~all, through redirect too (SPF-05, a recommendation).
func SPFEnds(z *Zone, domain string) probe.Claim {
	return z.spfClaim("SPF-05", "RFC 7208 4.7", domain, needsRecord(func(t *spfTree) error {
		if t.ends == '-' || t.ends == '~' || t.err != nil {
			return t.err
		}
		if t.illegible || t.redirect != nil && t.redirect.illegible {
			return t.unread()
		}
		got := "no all at its end"
		if t.all != "" {
			got = t.all
		}
		return &probe.Unmet{Class: "mail.spf-end", Want: "an SPF record that ends in -all or ~all", Got: got, From: t.from, Fix: "end it in -all"}
	}))
}

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

// spfResolver looks up for the library that evaluates SPF, at the authoritative servers as every claim does.
type spfResolver struct{ zone *Zone }

func (r spfResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	texts, _, err := r.zone.texts(ctx, name)
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
