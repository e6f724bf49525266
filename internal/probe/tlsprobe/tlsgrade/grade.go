package tlsgrade

import (
	"fmt"
	"slices"
	"strings"
)

// Grade is the grade of one endpoint and every reason for it.
type Grade struct {
	Grade         string   `json:"grade"` // A+, A, A-, B to F, T; empty where nobody can tell
	IgnoringTrust string   `json:"grade_ignoring_trust"`
	Score         Score    `json:"score"`
	Reasons       []Reason `json:"reasons"`
	Blocked       []string `json:"-"` // why nobody can tell
	Rules         string   `json:"rules"`
	NotChecked    []string `json:"not_checked"`
}

// Score is the three categories of the guide, 0 to 100.
type Score struct {
	Protocol    int `json:"protocol"`
	KeyExchange int `json:"key_exchange"`
	Cipher      int `json:"cipher"`
}

// total weighs the categories (guide, "Methodology overview").
func (s Score) total() float64 {
	return 0.3*float64(s.Protocol) + 0.3*float64(s.KeyExchange) + 0.4*float64(s.Cipher)
}

// Reason is one thing that costs points or caps the grade, with what proved it and what to change.
type Reason struct {
	ID   string `json:"id"`
	What string `json:"what"`
	Cap  string `json:"cap,omitempty"` // the best grade that is left with it; empty: it is told, and costs nothing by itself
	Fix  string `json:"fix,omitempty"`
}

// order is the grades from best to worst. T stands where trust is missing; only F outranks it.
var order = []string{"A+", "A", "A-", "B", "C", "D", "E", "T", "F"}

func worse(a, b string) string { return order[max(slices.Index(order, a), slices.Index(order, b))] }

// notChecked are the things that the guide caps for and that no observation here covers.
var notChecked = []string{"keys from Debian's broken generator (CVE-2008-0166)", "DROWN on other ports and hosts with the same key", "timing differences of ROBOT and of padding oracles",
	"Ticketbleed", "OpenSSL padding oracle (CVE-2016-2107)", "revocation beyond a stapled response", "distrust beyond the authorities that are trusted here",
	"Certificate Transparency"}

// NotChecked are the things that the guide caps for and that nobody looked at.
func NotChecked() []string { return notChecked }

// Of computes the grade. Where an answer that could make the grade worse is unknown, there is none, unless the grade is F already.
func Of(o Observation) Grade {
	g := Grade{Rules: Rules, NotChecked: notChecked}
	c := computation{o: o}
	c.unknowns()
	if len(c.versions()) == 0 {
		g.Blocked = append(c.blocked, "no version of SSL or TLS was accepted")
		return g
	}
	if len(c.o.Suites) == 0 || len(c.o.Chains) == 0 && !c.onlyAnonymous() {
		g.Blocked = append(c.blocked, "no cipher suite and certificate was seen")
		return g
	}
	g.Score = c.score()
	c.caps()
	grade := c.letter(g.Score)
	c.trust()
	ignoring := grade
	for _, r := range c.reasons {
		if r.Cap != "" {
			if !slices.Contains(c.trustIDs, r.ID) {
				ignoring = worse(ignoring, r.Cap)
			}
			grade = worse(grade, r.Cap)
		}
	}
	if c.o.HSTS.State == HSTSUnknown && worse(grade, "A-") != grade { // switched off, it would be A-
		c.blocked = append(c.blocked, "Strict-Transport-Security: "+c.o.HSTS.Reason)
	}
	g.Reasons, g.Blocked = c.reasons, c.blocked
	if grade != "F" && len(c.blocked) > 0 {
		return g
	}
	g.Grade, g.IgnoringTrust, g.Blocked = grade, ignoring, nil
	return g
}

// AtLeast says whether the grade is known and at least min, "A+" or "A".
func (g Grade) AtLeast(least string) bool {
	got, want := slices.Index(order, g.Grade), slices.Index(order, least)
	return got >= 0 && want >= 0 && got <= want
}

// String is the grade with everything that caps it.
func (g Grade) String() string {
	if g.Grade == "" {
		return "no grade: " + strings.Join(g.Blocked, "; ")
	}
	var why []string
	for _, r := range g.Reasons {
		if r.Cap != "" {
			why = append(why, fmt.Sprintf("%s (%s)", r.What, r.Cap))
		}
	}
	if len(why) == 0 {
		return g.Grade
	}
	return g.Grade + ": " + strings.Join(why, "; ")
}

// computation gathers the reasons.
type computation struct {
	o        Observation
	reasons  []Reason
	trustIDs []string
	blocked  []string
}

func (c *computation) because(id, limit, fix, format string, args ...any) {
	c.reasons = append(c.reasons, Reason{ID: id, What: fmt.Sprintf(format, args...), Cap: limit, Fix: fix})
}

// versions are those that are accepted, oldest first.
func (c *computation) versions() []Version {
	var list []Version
	for _, v := range Versions {
		if c.o.Protocols[v] == Accepted {
			list = append(list, v)
		}
	}
	return list
}

func (c *computation) accepts(v Version) bool { return c.o.Protocols[v] == Accepted }

// unknowns block: each could hide something that makes the grade worse.
func (c *computation) unknowns() {
	for _, v := range Versions {
		if c.o.Protocols[v] == Unknown {
			c.blocked = append(c.blocked, fmt.Sprintf("whether %s is accepted", v))
		}
	}
	for _, q := range append([]Question{AskSuitesNULL, AskSuitesAnonymous, AskSuitesExport, AskSuitesWeak, AskSuitesRC4, AskSuites64, AskSuites128, AskSuites256, AskSuitesDHE, AskSuitesStaticRSA, AskSuitesAEAD,
		AskWeakCurves, AskMiddleCurves, AskCompression, AskRenegotiation, AskInsecureReneg}, Vulnerabilities...) {
		if a := c.o.Answer(q); a.Answer == Unknown {
			c.blocked = append(c.blocked, fmt.Sprintf("%s: %s", q, a.Proof))
		}
	}
	for _, r := range c.o.Reference {
		if r.Answer == Unknown {
			c.blocked = append(c.blocked, fmt.Sprintf("what %s gets: %s", r.Client, r.Proof))
		}
	}
	c.blocked = append(c.blocked, c.o.Unasked...)
	for i, chain := range c.o.Chains {
		if chain.Err != "" {
			c.blocked = append(c.blocked, fmt.Sprintf("certificate chain %d: %s", i+1, chain.Err))
		}
	}
}

func (c *computation) onlyAnonymous() bool {
	return !slices.ContainsFunc(c.o.Suites, func(s Suite) bool { return !s.Anonymous })
}

// String is the version's usual name.
func (v Version) String() string {
	switch v {
	case SSL2:
		return "SSL 2.0"
	case SSL3:
		return "SSL 3.0"
	default:
		return fmt.Sprintf("TLS 1.%d", v-TLS10)
	}
}

// Rank orders grades from best to worst; none is the worst.
func Rank(grade string) int {
	if i := slices.Index(order, grade); i >= 0 {
		return i
	}
	return len(order)
}
