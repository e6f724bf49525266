package dnsprobe

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Issuance is what is planned about certificates, as far as CAA records decide on it.
type Issuance struct {
	Names      []string // of the certificates, such as "www.example.com" or "*.example.com"
	CAs        []string // the names under which the authority looks itself up, such as "letsencrypt.org"; one of them must be allowed
	Account    string   // URI of the account with the authority (RFC 8657 accounturi)
	Validation string   // how the authority validates, such as "dns-01" (RFC 8657 validationmethods)
}

// issuer is the value of an issue or issuewild property: who may issue, and on what conditions.
type issuer struct {
	domain     string // as it is written; empty: nobody
	parameters []parameter
}

type parameter struct{ tag, value string }

const ldhLabel = `[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?`

var (
	issueValue     = regexp.MustCompile(`^[ \t]*(` + ldhLabel + `(?:\.` + ldhLabel + `)*)?[ \t]*(?:;(.*))?$`)
	issueParameter = regexp.MustCompile(`^[ \t]*(` + ldhLabel + `)[ \t]*=[ \t]*([\x21-\x3A\x3C-\x7E]*)[ \t]*$`)
)

// readIssuer reads an issue-value (RFC 8659 4.2). What does not match the grammar is nobody's permission.
func readIssuer(value string) (issuer, error) {
	parts := issueValue.FindStringSubmatch(value)
	if parts == nil {
		return issuer{}, fmt.Errorf("%q is no authority's name", value)
	}
	i := issuer{domain: parts[1]}
	if strings.Trim(parts[2], " \t") == "" {
		return i, nil
	}
	for _, text := range strings.Split(parts[2], ";") {
		p := issueParameter.FindStringSubmatch(text)
		if p == nil {
			return issuer{}, fmt.Errorf("%q has a parameter that is not tag=value", value)
		}
		i.parameters = append(i.parameters, parameter{p[1], p[2]})
	}
	return i, nil
}

// values are those of a parameter, each time it is given.
func (i issuer) values(tag string) []string {
	var all []string
	for _, p := range i.parameters {
		if strings.EqualFold(p.tag, tag) {
			all = append(all, p.value)
		}
	}
	return all
}

// caaSet is an RRset that may be the relevant one for a name, and who showed it.
type caaSet struct {
	at      string // the name it stands at
	from    string
	records []*dns.CAA
}

// tagged are the properties of a tag, whose letter case does not matter (RFC 8659 4.1).
func (set caaSet) tagged(tag string) []*dns.CAA {
	return slices.DeleteFunc(slices.Clone(set.records), func(rr *dns.CAA) bool { return !strings.EqualFold(rr.Tag, tag) })
}

// deciding are the properties that say who may issue for a name; none: everybody may (RFC 8659 4.2, 4.3).
func (set caaSet) deciding(wildcard bool) []*dns.CAA {
	if wild := set.tagged("issuewild"); wildcard && len(wild) > 0 {
		return wild
	}
	return set.tagged("issue")
}

// allowing are those of the deciding properties that name one of the authority's names, and what is worth knowing of them.
func (set caaSet) allowing(wildcard bool, cas []string) (allowing []issuer, notes []string) {
	for _, rr := range set.deciding(wildcard) {
		i, err := readIssuer(rr.Value)
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s at %s allows nobody: %s", rr.Tag, plain(set.at), err))
			continue
		}
		if !slices.ContainsFunc(cas, func(ca string) bool { return i.domain != "" && strings.EqualFold(i.domain, plain(ca)) }) {
			continue
		}
		allowing = append(allowing, i)
		if i.domain != strings.ToLower(i.domain) {
			notes = append(notes, i.domain+" has capitals: some authorities compare their name letter by letter")
		}
		for _, p := range i.parameters {
			if tag := strings.ToLower(p.tag); tag != accountURI && tag != validationMethods {
				notes = append(notes, fmt.Sprintf("parameter %s of %s: its meaning is the authority's own, and one that does not know it may refuse to issue", p.tag, i.domain))
			}
		}
	}
	return allowing, notes
}

// knownTags are the registered property tags (IANA, Certification Authority Restriction Properties).
var knownTags = []string{"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"}

const (
	criticalFlag = 128
	mistakenFlag = 1
)

// critical are the properties that keep every authority from issuing, because none knows them (RFC 8659 4.1).
func (set caaSet) critical() (unknown []*dns.CAA, notes []string) {
	for _, rr := range set.records {
		known := slices.Index(knownTags, strings.ToLower(rr.Tag))
		switch {
		case rr.Flag&criticalFlag != 0 && known < 0:
			unknown = append(unknown, rr)
		case rr.Flag&criticalFlag != 0 && known > 2:
			notes = append(notes, rr.Tag+" is critical: an authority that does not support it refuses to issue")
		case rr.Flag&mistakenFlag != 0 && known < 0:
			notes = append(notes, rr.Tag+" has flag 1: Let's Encrypt takes it for the critical flag, which is 128")
		}
	}
	return unknown, notes
}

func (set caaSet) String() string {
	var texts []string
	for _, rr := range set.records {
		texts = append(texts, strings.TrimPrefix(rr.String(), rr.Hdr.String()))
	}
	return strings.Join(sortedSet(texts), ", ") + " at " + plain(set.at)
}

const (
	accountURI        = "accounturi"
	validationMethods = "validationmethods"
)

var methodNames = regexp.MustCompile(`^(?:[A-Za-z0-9-]+(?:,[A-Za-z0-9-]+)*)?$`)

// binding says what keeps an allowing property from applying to our account and method (RFC 8657 3, 4): the parameters that
// do not match, and those for which it is not known what ours is.
func (i issuer) binding(plan Issuance) (unmatched, unset []string) {
	judge := func(tag, ours, key string, matches func(value string) bool) {
		switch values := i.values(tag); {
		case len(values) == 0:
		case len(values) > 1: // RFC 8657 3 for accounturi; of validationmethods authorities say the same
			unmatched = append(unmatched, fmt.Sprintf("%s %d times", tag, len(values)))
		case ours == "":
			unset = append(unset, key)
		case !matches(values[0]):
			unmatched = append(unmatched, tag+"="+values[0])
		}
	}
	judge(accountURI, plan.Account, "tls.acme_account", func(v string) bool { return v == plan.Account })
	judge(validationMethods, plan.Validation, "tls.validation", func(v string) bool {
		return methodNames.MatchString(v) && slices.Contains(strings.Split(v, ","), plan.Validation)
	})
	return unmatched, unset
}
