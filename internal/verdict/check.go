package verdict

import (
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/stream"
)

// Skew is how far the clock of the machine that ran the gates may be ahead of ours.
const Skew = time.Minute

// consistent judges whether stream and evidence say the same, and whether the evidence agrees with itself.
func (j *judge) consistent(g catalogue.Gate, ev *evidence.Gate, t stream.Test) *red {
	status := t.Attrs[evidence.AttrStatus]
	wantResult := stream.Pass
	if !ev.Status.Open() && g.Severity != catalogue.Info {
		wantResult = stream.Fail
	}
	switch {
	case string(ev.Status) != status:
		return altered("status "+status+" as in the stream", "status "+string(ev.Status))
	case ev.Severity != string(g.Severity) || differs(t, evidence.AttrSeverity, ev.Severity):
		return altered("severity "+string(g.Severity), fmt.Sprintf("%s in the evidence, %s in the stream", ev.Severity, t.Attrs[evidence.AttrSeverity]))
	case differs(t, evidence.AttrEnvironment, ev.Environment):
		return altered("environment "+ev.Environment, t.Attrs[evidence.AttrEnvironment]+" in the stream")
	case t.Result != wantResult:
		return blocked("result.mismatch", fmt.Sprintf("a test that says %s for %s", wantResult, ev.Status), "a test that says "+string(t.Result),
			"read the test's output: something beside the gate's own judgement decided")
	case ev.Started.IsZero() || ev.Finished.IsZero() || ev.Finished.Before(ev.Started):
		return blocked("evidence.times", "a start before the end", fmt.Sprintf("%s to %s", stamp(ev.Started), stamp(ev.Finished)), "run the gate again")
	case ev.Finished.After(j.Now.Add(Skew)):
		return blocked("evidence.times", "an end by "+stamp(j.Now), "an end at "+stamp(ev.Finished), "set the clocks of the runners, and run the gate again")
	default:
		return nil
	}
}

func differs(t stream.Test, key, want string) bool {
	value, said := t.Attrs[key]
	return said && value != want
}

// agree judges whether the evidence is about this launch as it is now, and whether its status is earned.
func (j *judge) agree(g catalogue.Gate, ev *evidence.Gate, row Gate) *red {
	const again = "run the gate again"
	l := j.Launch
	switch {
	case l == nil || l.ID == "" || l.Environment == "" || l.SHA256 == "":
		return blocked("config", "a launch to compare with", "none", "repair launch.yaml")
	case ev.Environment != l.Environment:
		return blocked("environment.mismatch", "a result from "+l.Environment, "one from "+quoted(ev.Environment), "run the gate there")
	case ev.Launch != l.ID:
		return blocked("launch.mismatch", "a result of launch "+l.ID, "one of "+quoted(ev.Launch), again)
	case ev.Config != l.SHA256:
		return stale("config.changed", "a result under configuration "+short(l.SHA256), "one under "+short(ev.Config), "launch.yaml has changed since: "+again)
	case ev.Catalogue != j.pages[g.Phase]:
		return stale("catalogue.changed", "a result under catalogue "+short(j.pages[g.Phase]), "one under "+short(ev.Catalogue), "the page has changed since: build and run it again")
	case !j.Now.Before(row.Expires):
		return stale("expired", "a result that is still good", "one that ran out at "+stamp(row.Expires), again)
	}
	switch ev.Status {
	case evidence.Pass:
		return earned(ev.Checks)
	case evidence.Waived:
		return j.decided(g, ev, "waive")
	case evidence.NA:
		return j.decided(g, ev, "na")
	case evidence.Fail, evidence.Blocked:
		return nil
	default:
		return altered("a status of a gate", quoted(string(ev.Status)))
	}
}

// earned judges the checks of a gate that says PASS.
func earned(checks []probe.Result) *red {
	held := 0
	for _, c := range checks {
		switch c.Status {
		case probe.Pass:
			held++
		case probe.Warn, probe.NA:
		case probe.Fail, probe.Blocked:
			return altered("no red check in a PASS", fmt.Sprintf("%s, which is %s", c.Name, c.Status))
		default:
			return altered("a status of a check", fmt.Sprintf("%s, which is %q", c.Name, c.Status))
		}
	}
	if held == 0 {
		return blocked("nothing-checked", "at least one check that holds", fmt.Sprintf("none of %d", len(checks)), "a gate that checks nothing tells nothing: repair it")
	}
	return nil
}

// decided judges whether a waiver or declaration that a gate rests on is among the launch's decisions and in force.
func (j *judge) decided(g catalogue.Gate, ev *evidence.Gate, kind string) *red {
	const fix = "run the gate again, and let a person decide anew where needed"
	want := fmt.Sprintf("a decision %q about %s that is in force", kind, g.ID)
	owner, _, _ := j.Launch.Owner(launch.Role(g.Role))
	if ev.Decision == nil || ev.Decision.SHA256 == "" {
		return blocked("decision.missing", want, "none in the evidence", fix)
	}
	for _, d := range j.decisions {
		if d.SHA256 != ev.Decision.SHA256 {
			continue
		}
		if d.Gate != g.ID || d.Decision != kind {
			return blocked("decision.invalid", want, fmt.Sprintf("%s, which says %q about %s", d.File, d.Decision, d.Gate), fix)
		}
		if why := j.Launch.OutOfForce(d, owner, j.Now); why != "" {
			return blocked("decision.invalid", want, fmt.Sprintf("%s, which %s", d.File, why), fix)
		}
		return nil
	}
	return blocked("decision.missing", want, fmt.Sprintf("%s with sha256 %s, which is not there any more", ev.Decision.File, short(ev.Decision.SHA256)), fix)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func quoted(text string) string {
	if text == "" {
		return "nowhere"
	}
	return fmt.Sprintf("%q", text)
}

func short(sha string) string { return quoted(sha[:min(12, len(sha))]) }
