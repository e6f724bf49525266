package dnsprobe

import (
	"cmp"
	"fmt"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe/dnsprobe/mailtext"
)

// The limits of RFC 7208 4.6.4.
const (
	mostLookUps = 10
	mostVoids   = 2
)

// countedMost is where counting ends: records that include each other twice over would count up without an end.
const countedMost = 1_000_000

// spfWorst is an SPF record with all that it leads to, whatever the sender: the worst case.
type spfWorst struct {
	Domain  string              `json:"domain"`
	Records map[string][]string `json:"records"`       // the SPF records of each domain that was looked at
	LookUps int                 `json:"look_ups"`      // of all together
	Voids   int                 `json:"void_look_ups"` // of those, they that find nothing
	Open    []string            `json:"passes_everybody,omitempty"`
	Broken  []string            `json:"broken,omitempty"`                 // why checkers give up (permerror)
	Opaque  []string            `json:"depends_on_the_message,omitempty"` // macros, which nobody can follow beforehand
	count   int                 // of SPF records at the domain
	from    string
	err     error // nobody can tell

	illegible    bool // what a record leads to is not known
	endIllegible bool // and it is this one, or that which it redirects to
	endErr       error
	ends         byte   // qualifier of the all at the end, through redirect; 0 where there is none
	all          string // the term
	passed       passed
	strangerErr  error // nobody can tell whether a stranger passes
}

// worst counts what the root's record needs, and gathers whom it passes. It looks nothing up.
func (g *spfGraph) worst() *spfWorst {
	t := g.worstOf(g.root, map[string]*spfWorst{})
	t.Records = map[string][]string{}
	for name, n := range g.nodes {
		t.Records[plain(name)] = n.texts
	}
	if wide := t.passed.together(); len(t.Open) == 0 && wide != "" {
		t.Open = append(t.Open, wide)
	}
	return t
}

// worstOf is worst for one of the records. A record that stands in known without an end is on the way to this one.
func (g *spfGraph) worstOf(name string, known map[string]*spfWorst) *spfWorst {
	t, met := known[name]
	if met && t != nil {
		return t
	}
	t = &spfWorst{Domain: plain(name), passed: passed{}}
	if met {
		t.count = 1
		t.Broken = append(t.Broken, "a loop through "+plain(name))
		t.LookUps = mostLookUps + 1 // it goes round until the limit
		return t
	}
	n := g.nodes[name]
	if n == nil { // beyond the limits
		t.count, t.illegible, t.endIllegible = 1, true, true
		t.Broken = append(t.Broken, fmt.Sprintf("a chain of more than %d records, or more than %d in all", spfDeepest, spfRecords))
		return t
	}
	known[name] = nil
	defer func() { known[name] = t }()
	t.count, t.from, t.err, t.endErr = len(n.texts), n.from, n.err, n.err
	switch {
	case n.err != nil:
	case t.count != 1:
		t.Broken = append(t.Broken, fmt.Sprintf("%d SPF records at %s", t.count, plain(name)))
	case n.wrong != nil:
		t.Broken = append(t.Broken, fmt.Sprintf("%s: %v", plain(name), n.wrong))
		t.illegible, t.endIllegible = true, true
	default:
		t.terms(g, n, known)
	}
	return t
}

func (t *spfWorst) terms(g *spfGraph, n *spfNode, known map[string]*spfWorst) {
	for i, m := range n.record.Reached() {
		if m.LooksUp() {
			t.LookUps++
		}
		switch host := n.hosts[i]; {
		case mailtext.Macro(m.Domain):
			t.Opaque = append(t.Opaque, m.Name+":"+m.Domain)
		case m.Name == "include":
			t.include(g.worstOf(dns.CanonicalName(m.Domain), known), m.Qualifier == '+')
		case host.err != nil:
			t.err = cmp.Or(t.err, host.err)
		case host.asked:
			t.host(host, m, cmp.Or(m.Domain, t.Domain))
		}
		if m.Qualifier == '+' {
			t.pass(m)
		}
		if m.Name == "all" {
			t.ends, t.all = m.Qualifier, termText(m)
		}
	}
	redirect := n.record.RedirectReached()
	switch {
	case redirect == "":
		return
	case mailtext.Macro(redirect):
		t.LookUps++
		t.Opaque = append(t.Opaque, "redirect="+redirect)
		return
	}
	t.LookUps++
	below := g.worstOf(dns.CanonicalName(redirect), known)
	t.include(below, true)
	t.ends, t.all, t.endIllegible, t.endErr = below.ends, below.all, below.endIllegible, below.endErr
}

// include adds a record below this one, with those whom it passes where that makes this one pass them.
func (t *spfWorst) include(below *spfWorst, passes bool) {
	t.LookUps = min(t.LookUps+below.LookUps, countedMost)
	t.Voids = min(t.Voids+below.Voids, countedMost)
	t.Broken = sortedSet(append(t.Broken, below.Broken...))
	t.Opaque = sortedSet(append(t.Opaque, below.Opaque...))
	t.illegible = t.illegible || below.illegible
	t.err = cmp.Or(t.err, below.err)
	if below.count == 0 && below.err == nil {
		t.Voids++
	}
	if passes {
		t.Open = sortedSet(append(t.Open, below.Open...))
		t.passed.add(below.passed)
	}
}

func (t *spfWorst) host(host spfHost, m mailtext.Mechanism, target string) {
	switch {
	case host.answers == 0:
		t.Voids++
	case m.Name == "mx" && host.answers > mostLookUps:
		t.Broken = append(t.Broken, fmt.Sprintf("mx:%s has %d exchangers, of which checkers look at ten", target, host.answers))
	case m.Name == "exists" && m.Qualifier == '+':
		t.Open = append(t.Open, fmt.Sprintf("%s at %s, a name that exists whoever sends", termText(m), t.Domain))
	}
}

// pass adds whom a term passes.
func (t *spfWorst) pass(m mailtext.Mechanism) {
	switch {
	case m.Name == "ptr":
		t.Open = append(t.Open, fmt.Sprintf("%s at %s, which leaves it to whoever names the address", termText(m), t.Domain))
	case everybody(m):
		t.Open = append(t.Open, fmt.Sprintf("%s at %s", termText(m), t.Domain))
	default:
		t.passed.term(m, t.Domain)
	}
}

// everybody says whether a term alone matches (almost) the whole world.
func everybody(m mailtext.Mechanism) bool {
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
		return text + ":" + m.Network.String()
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
