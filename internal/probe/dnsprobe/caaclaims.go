package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/getdrop/launchgate/internal/probe"
)

// CAAPermits claims that the CAA records allow the authority of Config.Issuance to issue a certificate for a name
// (RFC 8659; CAA-01), whichever server it asks; for a wildcard name by issuewild where there is one (CAA-02). No CAA
// record anywhere allows every authority.
func CAAPermits(z *Zone, name string) probe.Claim {
	id := "CAA-01"
	if strings.HasPrefix(name, "*.") {
		id = "CAA-02"
	}
	return z.ofCAA(id, "RFC 8659 3, 4.2, 4.3", []string{name}, z.config.Issuance.caaPermits)
}

// NoUnknownCritical claims that no CAA record that counts for the names of Config.Issuance has the critical flag and a tag
// that authorities do not know, which keeps all of them from issuing (RFC 8659 4.1; CAA-03).
func NoUnknownCritical(z *Zone) probe.Claim {
	return z.ofCAA("CAA-03", "RFC 8659 4.1", z.certificateNames(), noUnknownCritical)
}

// CAAAnswered claims that the look-up of CAA works for each planned name at every server of every zone on the way up, that those of a zone agree, and
// that the answers verify where the zone is vouched for: an authority that gets SERVFAIL, no answer, or one that does not verify must not issue
// (CA/Browser Forum Baseline Requirements 3.2.2.8, 3.2.2.8.1; CAA-04).
func CAAAnswered(z *Zone) probe.Claim {
	return z.ofClimbs("CAA-04", "CA/Browser Forum Baseline Requirements 3.2.2.8, 3.2.2.8.1", z.certificateNames(), z.verifiedClimb, caaAnswered)
}

// CAABindsToUs claims that where the properties that allow the authority are bound to an account or to validation methods,
// one of them is bound to ours (RFC 8657; CAA-05). It is not applicable without such a binding.
func CAABindsToUs(z *Zone) probe.Claim {
	return z.ofCAA("CAA-05", "RFC 8657 3, 4", z.certificateNames(), z.config.Issuance.caaBindsToUs)
}

// CAAIsThere claims that each planned name has a CAA record on its way up, without which every authority may issue for it
// (RFC 8659 3, a recommendation).
func CAAIsThere(z *Zone) probe.Claim {
	return z.ofCAA("CAA-01", "RFC 8659 3", z.certificateNames(), caaIsThere)
}

// certificateNames are the planned names; where none is planned, the apex stands for them.
func (z *Zone) certificateNames() []string {
	if names := z.config.Issuance.Names; len(names) > 0 {
		return names
	}
	return []string{plain(z.apex)}
}

// ofCAA claims something of the way up from each name. It is not applicable where it is so for every name.
func (z *Zone) ofCAA(id, source string, names []string, judge func(climb) (notes []string, err error)) probe.Claim {
	return z.ofClimbs(id, source, names, z.climb, judge)
}

func (z *Zone) ofClimbs(id, source string, names []string, observe func(context.Context, string) climb, judge func(climb) (notes []string, err error)) probe.Claim {
	return z.claim(id, source, strings.Join(names, ", "), func(ctx context.Context, evidence *probe.Evidence) error {
		climbs := make([]climb, len(names))
		var all sync.WaitGroup
		for i, name := range names {
			all.Go(func() { climbs[i] = observe(ctx, name) })
		}
		all.Wait()
		observed := map[string]any{}
		var errs []error
		var nothing *probe.NotApplicable
		judged := 0
		for _, c := range climbs {
			observed[c.name] = observedChains(c.levels)
			notes, err := judge(c)
			evidence.Notes = sortedSet(append(evidence.Notes, notes...))
			if !errors.As(err, &nothing) {
				judged++
				errs = append(errs, err)
			}
		}
		evidence.Observed = observed
		if judged == 0 {
			return nothing
		}
		return worst(errs)
	})
}

func (plan Issuance) caaPermits(c climb) ([]string, error) {
	if len(plan.CAs) == 0 {
		return nil, noIssuer()
	}
	sets, errs := c.relevant()
	var notes []string
	for _, set := range sets {
		allowing, notable := set.allowing(c.wildcard(), plan.CAs)
		notes = append(notes, notable...)
		if len(allowing) == 0 && len(set.deciding(c.wildcard())) > 0 {
			errs = append(errs, &probe.Unmet{Class: "dns.caa", Want: "CAA for " + c.name + " to allow " + strings.Join(plan.CAs, " or "), Got: set.String(), From: set.from,
				Fix: "add the authority there, or correct tls.ca"})
		}
	}
	if c.open() {
		notes = append(notes, "without a CAA record every authority may issue for "+c.name)
	}
	return notes, worst(errs)
}

func noIssuer() error {
	return &probe.Unknown{Class: "not-configured", Want: "the authority that issues the certificates", Got: "none", From: "tls.ca",
		Fix: "set it to the name that the authority documents for CAA records, such as letsencrypt.org"}
}

func noUnknownCritical(c climb) ([]string, error) {
	sets, errs := c.relevant()
	var notes []string
	for _, set := range sets {
		unknown, notable := set.critical()
		notes = append(notes, notable...)
		for _, rr := range unknown {
			errs = append(errs, &probe.Unmet{Class: "dns.caa-critical", Want: "no critical CAA property for " + c.name + " that authorities do not know",
				Got: fmt.Sprintf("flag %d and tag %q at %s", rr.Flag, rr.Tag, plain(set.at)), From: set.from, Fix: "correct the tag, or take the record out: no authority issues while it is there"})
		}
	}
	return notes, worst(errs)
}

func caaAnswered(c climb) ([]string, error) {
	_, failed := c.relevant()
	var errs []error
	for _, err := range slices.Concat(failed, c.unverified) {
		errs = append(errs, caaUnanswered(c.name, err))
	}
	for _, level := range c.reached() {
		for _, l := range level.links {
			seen := slices.DeleteFunc(slices.Clone(l.seen), func(s sighting) bool { return s.state == alias }) // what it leads to is judged; that it does is for AnswersAgree
			errs = append(errs, disagreement(seen, "dns.caa-lookup", "the same CAA for "+plain(l.name)+" from every server", "see which server is behind, and why", sighting.caaAnswer))
		}
	}
	return nil, worst(errs)
}

// caaUnanswered turns what a server left unanswered into a failure of the look-up.
func caaUnanswered(name string, err error) error {
	const fix = "make every server answer for type CAA, at least by NOERROR without records: authorities do not issue otherwise"
	want := "an answer to the look-up of CAA for " + name
	var unmet *probe.Unmet
	if errors.As(err, &unmet) && unmet.Class == "dns.lame" {
		return &probe.Unmet{Class: "dns.caa-lookup", Want: want, Got: unmet.Got, From: unmet.From, Fix: fix}
	}
	return blame(err, "dns.caa-lookup", want, fix)
}

// caaAnswer is what counts of an answer: that there is no CAA, not why.
func (s sighting) caaAnswer() string {
	if s.state == nxdomain {
		s.state = nodata
	}
	return s.answer()
}

func (plan Issuance) caaBindsToUs(c climb) ([]string, error) {
	if len(plan.CAs) == 0 {
		return nil, noIssuer()
	}
	sets, errs := c.relevant()
	bound := false
	for _, set := range sets {
		allowing, _ := set.allowing(c.wildcard(), plan.CAs)
		for _, i := range allowing {
			bound = bound || len(i.values(accountURI))+len(i.values(validationMethods)) > 0
		}
		errs = append(errs, plan.bindsToUs(c.name, set, allowing))
	}
	if err := worst(errs); err != nil || bound {
		return nil, err
	}
	return nil, &probe.NotApplicable{Why: "no CAA record binds " + strings.Join(plan.CAs, ", ") + " to an account or a validation method"}
}

// bindsToUs judges the properties of one RRset that allow the authority: one that applies to us will do.
func (plan Issuance) bindsToUs(name string, set caaSet, allowing []issuer) error {
	var wrong, missing []string
	for _, i := range allowing {
		unmatched, unset := i.binding(plan)
		switch {
		case len(unmatched)+len(unset) == 0:
			return nil
		case len(unmatched) == 0:
			missing = append(missing, unset...)
		default:
			wrong = append(wrong, unmatched...)
		}
	}
	switch {
	case len(missing) > 0:
		return &probe.Unknown{Class: "not-configured", Want: "the account and the validation method that CAA for " + name + " asks for", Got: "none", From: strings.Join(sortedSet(missing), ", "),
			Fix: "set it: " + set.String()}
	case len(wrong) > 0:
		return &probe.Unmet{Class: "dns.caa-binding", Want: "CAA for " + name + " to allow " + plan.ours(), Got: strings.Join(sortedSet(wrong), ", ") + " at " + plain(set.at), From: set.from,
			Fix: "correct the parameters there, or tls.acme_account and tls.validation"}
	default:
		return nil
	}
}

func (plan Issuance) ours() string {
	return fmt.Sprintf("account %q and method %q", plan.Account, plan.Validation)
}

func caaIsThere(c climb) ([]string, error) {
	_, errs := c.relevant()
	if err := worst(errs); err != nil || !c.open() {
		return nil, err
	}
	return nil, &probe.Unmet{Class: "dns.caa-missing", Want: "a CAA record for " + c.name, Got: "none", From: "the authoritative servers",
		Fix: "add one that names your authority, so that no other one issues"}
}
