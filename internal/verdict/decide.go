package verdict

import (
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/stream"
)

// Decide gives the verdict. It is a pure function of its input.
func Decide(in Input) Verdict {
	j := newJudge(in)
	v := Verdict{Selection: in.Select, At: j.local(in.Now), Gates: []Gate{}, Blockers: []string{}, Problems: j.problems(),
		Catalogue: j.selected.SHA256()}
	if l := in.Launch; l != nil {
		v.Launch, v.Environment, v.Config = l.ID, l.Environment, l.SHA256
	}
	for _, g := range j.selected {
		v.add(j.gate(g))
	}
	v.Blockers = blockers(v.Gates)
	v.conclude(in, j)
	return v
}

// One decides a single gate from its test alone, for a runner that wants to say so as the test ends. The whole verdict
// may still find more against it. ok is false where the test is no gate of the catalogue.
func One(in Input, t stream.Test) (g Gate, ok bool) {
	i := slices.IndexFunc(in.Catalogue, func(g catalogue.Gate) bool { return g.ID == t.ID() })
	if i < 0 {
		return Gate{}, false
	}
	in.Streams = []stream.Stream{{Tests: []stream.Test{t}}}
	return newJudge(in).gate(in.Catalogue[i]), true
}

// conclude turns rows and problems into the outcome and the exit code.
func (v *Verdict) conclude(in Input, j *judge) {
	failed := slices.ContainsFunc(v.Gates, func(g Gate) bool { return g.Blocks && g.Status == evidence.Fail })
	switch {
	case j.unusable:
		v.Outcome, v.ExitCode = NotMeasured, ExitUsage
	case failed:
		v.Outcome, v.ExitCode = NoGo, ExitNoGo
	case len(v.Blockers) > 0 || len(v.Problems) > 0:
		v.Outcome, v.ExitCode = NotMeasured, ExitNotMeasured
	default:
		v.Outcome, v.ExitCode = Go, ExitGo
		v.goodUntil()
		if in.RefuseWaivers && v.Counts.Waived > 0 {
			v.ExitCode = ExitWaivers
		}
	}
}

func (v *Verdict) goodUntil() {
	for _, g := range v.Gates {
		if v.GoodUntil.IsZero() || g.Expires.Before(v.GoodUntil) {
			v.GoodUntil = g.Expires.In(v.At.Location())
		}
	}
}

func (v *Verdict) add(g Gate) {
	v.Gates = append(v.Gates, g)
	c := &v.Counts
	c.Total++
	switch {
	case !g.Status.Open() && !g.Blocks:
		c.Recorded++
	case g.Status == evidence.Pass:
		c.Pass++
	case g.Status == evidence.Fail:
		c.Fail++
	case g.Status == evidence.Waived:
		c.Waived++
	case g.Status == evidence.NA:
		c.NA++
	case g.Status == Missing:
		c.Missing++
	case g.Status == Stale:
		c.Stale++
	default:
		c.Blocked++
	}
}

// blockers sorts what blocks: measured before unmeasured, hard before warning, then the runbook's order.
func blockers(gates []Gate) []string {
	rank := func(g Gate) int {
		order := slices.Index([]evidence.Status{evidence.Fail, evidence.Blocked, Stale, Missing}, g.Status) * 2
		if g.Severity != catalogue.Hard {
			order++
		}
		return order
	}
	var red []Gate
	for _, g := range gates {
		if g.Blocks {
			red = append(red, g)
		}
	}
	slices.SortStableFunc(red, func(a, b Gate) int { return rank(a) - rank(b) })
	ids := make([]string, 0, len(red))
	for _, g := range red {
		ids = append(ids, g.ID)
	}
	return ids
}

// judge is the input, prepared.
type judge struct {
	Input
	selected  catalogue.Catalogue
	runs      map[string][]stream.Test // leaves by gate id
	pages     map[string]string        // the catalogue's hash of each phase
	unusable  bool                     // exit 3
	decisions []launch.Decision
}

func newJudge(in Input) *judge {
	j := &judge{Input: in, runs: map[string][]stream.Test{}, pages: map[string]string{}}
	for _, g := range in.Catalogue {
		if slices.ContainsFunc(in.Select, func(part string) bool { return within(g.ID, part) }) {
			j.selected = append(j.selected, g)
		}
		if _, known := j.pages[g.Phase]; !known {
			j.pages[g.Phase] = in.Catalogue.Phase(g.Phase).SHA256()
		}
	}
	for _, s := range in.Streams {
		for _, t := range s.Tests {
			if !t.Parent {
				j.runs[t.ID()] = append(j.runs[t.ID()], t)
			}
		}
	}
	if in.Launch != nil {
		j.decisions = in.Launch.Decisions
	}
	return j
}

// within says whether an id is a selected part of the runbook or below it.
func within(id, part string) bool { return id == part || strings.HasPrefix(id, part+"/") }
