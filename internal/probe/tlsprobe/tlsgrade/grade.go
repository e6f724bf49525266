package tlsgrade

import (
	"fmt"
	"slices"
	"strings"
)

// Grade is the grade of one endpoint and every reason for it.
type Grade struct {
	Grade         string   `json:"grade"`                // A+, A, A-, B to E, M, T, F; empty where nobody can tell
	Best          string   `json:"best"`                 // the best that is left, whatever nobody knows; worse than wanted is known to be so
	IgnoringTrust string   `json:"grade_ignoring_trust"` // likewise
	Score         Score    `json:"score"`
	Reasons       []Reason `json:"reasons"`
	Blocked       []string `json:"-"` // what nobody knows and what could make the grade worse, where there is none
	Rules         string   `json:"rules"`
	NotChecked    []string `json:"not_checked"` // what the guide caps for and nobody looked at
}

// Reason is one thing that costs points or caps the grade, with what proved it and what to change.
type Reason struct {
	ID   string `json:"id"` // stable: one for each rule and each vulnerability
	What string `json:"what"`
	Cap  string `json:"cap,omitempty"` // the best grade that is left with it; empty: it is told, and costs nothing by itself
	Fix  string `json:"fix,omitempty"`
}

// order is the grades from best to worst. M stands for another name, T where trust is missing; only F outranks them.
var order = []string{"A+", "A", "A-", "B", "C", "D", "E", "M", "T", "F"}

// Rank orders grades from best to worst; none is the worst.
func Rank(grade string) int {
	if i := slices.Index(order, grade); i >= 0 {
		return i
	}
	return len(order)
}

// Of computes the grade. Everything that nobody knows is taken at its best, and then at its worst: where both give the same grade,
// that is the grade, and where they do not, there is none.
func Of(o Observation) Grade {
	g := Grade{Rules: Rules, NotChecked: notChecked}
	j := judgement{o: o}
	if len(j.versions()) == 0 {
		g.Blocked = []string{"no version of SSL or TLS was accepted"}
		return g
	}
	g.Score = j.score()
	j.protocols()
	j.suites()
	j.exchange()
	j.browsers()
	j.flags()
	j.pages()
	j.trust()
	g.Reasons = j.reasons
	g.Best, g.Blocked = j.grade(true)
	if len(g.Blocked) == 0 {
		g.Grade = g.Best
	}
	if ignoring, blocked := j.grade(false); len(blocked) == 0 {
		g.IgnoringTrust = ignoring
	}
	return g
}

// AtLeast says whether the grade is known and at least min, "A+" or "A".
func (g Grade) AtLeast(least string) bool {
	got, want := slices.Index(order, g.Grade), slices.Index(order, least)
	return got >= 0 && want >= 0 && got <= want
}

// String is the grade with everything that caps it.
func (g Grade) String() string {
	if g.Grade == "" && g.Best == "" {
		return "no grade: " + strings.Join(g.Blocked, "; ")
	}
	var why []string
	for _, r := range g.Reasons {
		if r.Cap != "" {
			why = append(why, fmt.Sprintf("%s (%s)", r.What, r.Cap))
		}
	}
	text := g.Grade
	if text == "" {
		text = "no grade, " + g.Best + " at best, and nobody knows " + strings.Join(g.Blocked, "; ")
	}
	if len(why) == 0 {
		return text
	}
	return text + ": " + strings.Join(why, "; ")
}

// judgement gathers the reasons that hold, and those that nobody can rule out.
type judgement struct {
	o       Observation
	reasons []Reason
	trusted []string // the ids of the reasons that a grade which ignores trust leaves out
	open    []Reason // What is what nobody knows
}

// because notes a reason, once.
func (j *judgement) because(id, limit, fix, format string, args ...any) {
	j.reasons = appendOnce(j.reasons, Reason{ID: id, What: fmt.Sprintf(format, args...), Cap: limit, Fix: fix})
}

// perhaps notes a reason that nobody can rule out.
func (j *judgement) perhaps(id, limit, format string, args ...any) {
	j.open = appendOnce(j.open, Reason{ID: id, What: fmt.Sprintf(format, args...), Cap: limit})
}

// rule applies a reason where its condition holds. unknown says why nobody could tell, where nobody can.
func (j *judgement) rule(holds Answer, unknown string, r Reason) {
	switch holds {
	case Accepted:
		j.because(r.ID, r.Cap, r.Fix, "%s", r.What)
	case Unknown:
		j.perhaps(r.ID, r.Cap, "%s", unknown)
	case Refused:
	}
}

func appendOnce(list []Reason, r Reason) []Reason {
	if slices.Contains(list, r) {
		return list
	}
	return append(list, r)
}

// grade is the worst cap, which is the grade with all that nobody knows at its best, and the reasons that nobody can rule out and that are
// worse still.
func (j *judgement) grade(trust bool) (best string, blocked []string) {
	counts := func(r Reason) bool { return r.Cap != "" && (trust || !slices.Contains(j.trusted, r.ID)) }
	best = order[0]
	for _, r := range j.reasons {
		if counts(r) {
			best = order[max(Rank(best), Rank(r.Cap))]
		}
	}
	for _, r := range j.open {
		if counts(r) && Rank(r.Cap) > Rank(best) && !slices.Contains(blocked, r.What) {
			blocked = append(blocked, r.What)
		}
	}
	return best, blocked
}

// versions are those that are accepted, oldest first.
func (j *judgement) versions() []Version {
	return slices.DeleteFunc(slices.Clone(Versions), func(v Version) bool { return j.o.Protocol(v) != Accepted })
}
