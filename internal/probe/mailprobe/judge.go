package mailprobe

import (
	"cmp"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/getdrop/launchgate/internal/probe"
)

// judge names all that is wrong at once; what nobody can tell comes after that.
func judge(a Arrival, t Test) error {
	var wrong, unknown []string
	if len(a.From) != 1 || a.From[0] != t.Domain {
		wrong = append(wrong, "From "+cmp.Or(strings.Join(a.From, ", "), "nobody")+", not "+t.Domain)
	}
	if a.Envelope != t.Envelope {
		wrong = append(wrong, "envelope sender in "+cmp.Or(a.Envelope, "no domain")+", not "+t.Envelope)
	}
	switch {
	case !a.To:
		unknown = append(unknown, "a message that is not to our recipient")
	case !strings.EqualFold(a.Hop.By, t.Receiver):
		unknown = append(unknown, "a last hop that "+cmp.Or(a.Hop.By, "nobody")+" wrote down, not "+t.Receiver)
	case a.SPF == "temperror" || a.SPF == "":
		unknown = append(unknown, "SPF "+cmp.Or(a.SPF+" "+a.SPFWhy, "unknown"))
	case a.SPF != "pass":
		wrong = append(wrong, "SPF "+a.SPF+" for "+a.Hop.Address)
	}
	passed, temporary, problem := signed(a, t.Domain)
	switch {
	case passed:
	case temporary:
		unknown = append(unknown, "DKIM: "+problem)
	default:
		wrong = append(wrong, "DKIM: "+problem)
	}
	switch a.DMARC {
	case "unknown":
		unknown = append(unknown, "a DMARC record that nobody can look up")
	case "none found", "":
		wrong = append(wrong, "no DMARC record")
	}
	if t.Authserv != "" {
		for _, method := range []string{"spf", "dkim", "dmarc"} {
			switch result, said := a.Results[method]; {
			case !said:
				unknown = append(unknown, "no "+method+" in the Authentication-Results of "+t.Authserv)
			case result != "pass":
				wrong = append(wrong, t.Authserv+" says "+method+"="+result)
			}
		}
	}
	want, fix := "SPF, DKIM and DMARC that pass, on a message that arrived", "see the mail service's settings for "+t.Domain+", and what stands between it and the inbox"
	switch {
	case len(wrong) > 0:
		return &probe.Unmet{Class: "mail.unauthenticated", Want: want, Got: strings.Join(append(wrong, unknown...), "; "), From: t.Receiver, Fix: fix}
	case len(unknown) > 0:
		return &probe.Unknown{Class: "mail.unknown", Want: want, Got: strings.Join(unknown, "; "), From: t.Receiver, Fix: fix}
	}
	return nil
}

// signed says whether a valid signature is of the From header's domain, which is what DMARC asks for.
func signed(a Arrival, domain string) (passed, temporary bool, problem string) {
	var problems []string
	for _, s := range a.DKIM {
		aligned := s.Domain == domain || !a.Strict && organizational(s.Domain) == organizational(domain)
		switch {
		case s.Problem == "" && aligned:
			return true, false, ""
		case s.Problem == "":
			problems = append(problems, "signed by "+s.Domain+", which is not aligned with "+domain)
		default:
			problems = append(problems, s.Domain+" "+s.Problem)
			temporary = temporary || s.Temporary && aligned
		}
	}
	if a.DKIMErr != "" {
		problems = append(problems, a.DKIMErr)
	}
	return false, temporary, cmp.Or(strings.Join(problems, ", "), "no signature")
}

// organizational is the domain that was registered (RFC 7489 3.2).
func organizational(domain string) string {
	registered, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return registered
}
