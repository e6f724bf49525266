package gate

import (
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
)

// judgement is how a gate ended and why.
type judgement struct {
	status   evidence.Status
	measured evidence.Status // of a WAIVED gate
	class    string
	message  string
	decision *launch.Decision
}

// judge decides a gate from its checks and from what people decided about it. It is a pure function.
func judge(g catalogue.Gate, l *launch.Launch, checks []probe.Result, notApplicable string, now time.Time) judgement {
	if r := rejection(l, g.ID); r != nil {
		return judgement{status: evidence.Fail, class: "rejected", message: fmt.Sprintf("want it approved; got it rejected by %s at %s: %s; settle that, then let them approve it (%s)",
			r.Person, r.Signed.UTC().Format(time.RFC3339), r.Reason, r.File)}
	}
	na, naProblem := inForce(g, "na", l, now)
	if notApplicable != "" && len(checks) == 0 {
		return judgeNA(g, l, notApplicable, na, naProblem)
	}
	j := judgeChecks(checks, now)
	if na != nil {
		j = judgement{status: evidence.Blocked, class: "decision.contradicted", message: fmt.Sprintf(
			"want launch.yaml and %s to agree; got a gate that launch.yaml has something to check for, declared not applicable; remove the declaration or the facts in launch.yaml", na.File)}
	}
	if j.status == evidence.Pass {
		return j
	}
	waiver, problem := inForce(g, "waive", l, now)
	if waiver == nil {
		if problem != "" {
			j.message += "; " + problem
		}
		return j
	}
	j.measured, j.status, j.decision = j.status, evidence.Waived, waiver
	j.message = fmt.Sprintf("waived by %s until %s (%s): %s", waiver.Person, waiver.Expires.UTC().Format(time.RFC3339), waiver.Reason, j.message)
	return j
}

func judgeNA(g catalogue.Gate, l *launch.Launch, why string, na *launch.Decision, problem string) judgement {
	if na != nil {
		return judgement{status: evidence.NA, class: "not-applicable", decision: na,
			message: fmt.Sprintf("%s; declared by %s until %s (%s)", why, na.Person, na.Expires.UTC().Format(time.RFC3339), na.Reason)}
	}
	if problem == "" {
		problem = fmt.Sprintf("no file in decisions declares %s not applicable for %s", g.ID, l.Environment)
	}
	return judgement{status: evidence.Blocked, class: "undeclared", message: fmt.Sprintf(
		"want a person's decision that this does not apply; got none: %s; %s; add decisions/*.yaml with gate: %s, decision: na, or configure it", why, problem, g.ID)}
}

// rejection is one that stands against a gate or section, or nil.
func rejection(l *launch.Launch, id string) *launch.Decision {
	for _, d := range l.Rejections() {
		if d.Gate == id {
			return &d
		}
	}
	return nil
}

// inForce finds the newest decision of a kind about a gate in this environment. Where there is one that does not count, it says why.
func inForce(g catalogue.Gate, kind string, l *launch.Launch, now time.Time) (*launch.Decision, string) {
	owner, _, _ := l.Owner(launch.Role(g.Role))
	problem := ""
	var newest *launch.Decision
	for i, d := range l.Decisions {
		if d.Gate != g.ID || d.Decision != kind {
			continue
		}
		if why := l.OutOfForce(d, owner, now); why != "" {
			problem = fmt.Sprintf("the decision in %s %s", d.File, why)
		} else if newest == nil || d.Signed.After(newest.Signed.Time) {
			newest = &l.Decisions[i]
		}
	}
	return newest, problem
}

// judgeChecks sums up the checks: FAIL where one was measured and is wrong, else BLOCKED where one could not be told or
// where nothing was checked at all. Recommendations decide nothing.
func judgeChecks(checks []probe.Result, now time.Time) judgement {
	held, red := 0, 0
	var first *probe.Result
	for i := range checks {
		c := &checks[i]
		switch c.Status {
		case probe.Pass:
			held++
		case probe.Warn, probe.NA:
		case probe.Fail, probe.Blocked:
			red++
			if first == nil || first.Status == probe.Blocked && c.Status == probe.Fail {
				first = c
			}
		default:
			red++
			first = &probe.Result{Name: c.Name, Status: probe.Blocked, Class: "error", Want: "a verdict", Got: fmt.Sprintf("status %q", c.Status)}
		}
	}
	switch {
	case first == nil && held == 0:
		return judgement{status: evidence.Blocked, class: "nothing-checked",
			message: fmt.Sprintf("want at least one check that can fail; got none of %d; a gate that checks nothing tells nothing", len(checks))}
	case first == nil:
		return judgement{status: evidence.Pass, message: fmt.Sprintf("checks that hold: %d%s", held, guarantee(checks, now))}
	}
	more := ""
	if red > 1 {
		more = fmt.Sprintf(" (and %d more red of %d checks)", red-1, len(checks))
	}
	return judgement{status: evidence.Status(first.Status), class: first.Class, message: first.Name + ": " + first.Message() + more}
}

// guarantee is the latest of what the checks say about the places where nobody looked.
func guarantee(checks []probe.Result, now time.Time) string {
	var latest probe.Result
	for _, c := range checks {
		if c.Status == probe.Pass && c.Evidence.GuaranteedAfter.After(latest.Evidence.GuaranteedAfter) {
			latest = c
		}
	}
	if text := latest.Guarantee(now); text != "" {
		return "; " + text
	}
	return ""
}
