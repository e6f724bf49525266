package verdict

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/stream"
)

// red is why a gate does not have the status that it claims.
type red struct {
	status evidence.Status
	why    probe.Unknown
}

func blocked(class, want, got, fix string) *red {
	return &red{evidence.Blocked, probe.Unknown{Class: class, Want: want, Got: got, Fix: fix}}
}

func stale(class, want, got, fix string) *red {
	return &red{Stale, probe.Unknown{Class: class, Want: want, Got: got, Fix: fix}}
}

// gate decides one gate of the catalogue.
func (j *judge) gate(g catalogue.Gate) Gate {
	row := Gate{ID: g.ID, Phase: g.Phase, Section: g.Section, Name: g.Name, Claim: g.Claim, Severity: g.Severity,
		Role: g.Role, File: g.File, Line: g.Line}
	if j.Launch != nil {
		row.Due = j.Launch.Due(launch.Phase(g.Phase))
		if _, owner, ok := j.Launch.Owner(launch.Role(g.Role)); ok {
			row.Owner = owner.Name
		}
	}
	ev, problem := j.evidence(g, &row)
	if ev != nil {
		row.take(ev, g)
		if problem == nil {
			problem = j.agree(g, ev, row)
		}
	}
	// A gate that says itself that nobody can tell is believed: its own line is the better one.
	if problem != nil && (ev == nil || ev.Status != evidence.Blocked || problem.why.Class == "evidence.altered") {
		row.Status, row.Class, row.Message = problem.status, problem.why.Class, problem.why.Error()
		row.Want, row.Got, row.From, row.Fix, row.More = problem.why.Want, problem.why.Got, problem.why.From, problem.why.Fix, 0
	}
	row.Blocks = !row.Status.Open() && (g.Severity != catalogue.Info || problem != nil)
	return row
}

// evidence finds the gate's one run and the evidence that the run vouches for. Without both there is nothing to judge.
func (j *judge) evidence(g catalogue.Gate, row *Gate) (*evidence.Gate, *red) {
	runs := j.runs[g.ID]
	if len(runs) == 0 {
		return nil, j.notRun(g)
	}
	t := runs[0]
	row.Output, row.Seconds = t.Output, t.Elapsed.Seconds()
	if len(runs) > 1 {
		return nil, blocked("stream.duplicate", "one run of the gate", fmt.Sprintf("%d, in %s and %s", len(runs), t.Package.Name, runs[1].Package.Name),
			"run each page once, with -count=1, and give each stream once")
	}
	if problem := j.ran(g, t); problem != nil {
		return nil, problem
	}
	if t.Attrs[evidence.AttrFile] != evidence.Path(g.ID) {
		return nil, altered("the evidence at "+evidence.Path(g.ID), fmt.Sprintf("%q in the stream", t.Attrs[evidence.AttrFile]))
	}
	row.Evidence = filepath.ToSlash(evidence.Path(g.ID))
	ev, sha, err := j.Evidence(g.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, blocked("evidence.missing", "the evidence file "+row.Evidence, "none", "keep the reports folder of the run beside its stream")
	case err != nil:
		return nil, altered("readable evidence", err.Error())
	case ev == nil || sha == "" || sha != t.Attrs[evidence.AttrSHA256]:
		return nil, altered("evidence with sha256 "+t.Attrs[evidence.AttrSHA256], "sha256 "+sha)
	case ev.Gate != g.ID:
		return nil, altered("evidence of "+g.ID, "evidence of "+ev.Gate)
	}
	row.EvidenceSHA = sha
	return ev, j.consistent(g, ev, t)
}

func altered(want, got string) *red {
	return blocked("evidence.altered", want, got, "the evidence and the stream are not of the same run: run the gate again")
}

// take copies what the evidence says into the row.
func (row *Gate) take(ev *evidence.Gate, g catalogue.Gate) {
	row.Status, row.Class, row.Message = ev.Status, ev.Class, ev.Message
	row.Measured, row.Decision = ev.Measured, ev.Decision
	row.Finished, row.Expires = ev.Finished, expires(ev, g)
	worst, red := worst(ev.Checks)
	if worst == nil {
		return
	}
	row.Want, row.Got, row.From, row.Fix, row.More = worst.Want, worst.Got, worst.From, worst.Fix, red-1
	if worst.Until != nil {
		row.Fix += "; it mends itself at " + stamp(*worst.Until)
	}
}

// worst is the check that decided a red gate, the first that was measured and is wrong, else the first nobody can tell;
// and how many are red.
func worst(checks []probe.Result) (found *probe.Result, red int) {
	for i, c := range checks {
		if c.Status != probe.Fail && c.Status != probe.Blocked {
			continue
		}
		red++
		if found == nil || found.Status == probe.Blocked && c.Status == probe.Fail {
			found = &checks[i]
		}
	}
	return found, red
}

// expires is when the gate's result stops being good: what it says itself, or what the catalogue allows, if sooner.
func expires(ev *evidence.Gate, g catalogue.Gate) time.Time {
	latest := ev.Finished.Add(time.Duration(g.ValidFor))
	if ev.Expires.Before(latest) {
		return ev.Expires
	}
	return latest
}

// ran judges the run itself, before any evidence.
func (j *judge) ran(g catalogue.Gate, t stream.Test) *red {
	attributes := t.Attrs[evidence.AttrGate] != "" && t.Attrs[evidence.AttrStatus] != ""
	switch {
	case t.Damage != "":
		return blocked("stream.damaged", "one whole run in the stream", t.Damage, "run the page again and keep the stream as it is written")
	case t.Package.Cached:
		return stale("stream.cached", "a fresh run", "an answer out of go test's cache", "run with -count=1")
	case t.Result == stream.Skip:
		return blocked("skipped", "the gate run", "a skip", "a gate is never skipped: waive it, declare it not applicable, or repair it")
	case t.Result == stream.None || !attributes:
		return interrupted(t)
	case t.Attrs[evidence.AttrGate] != g.ID:
		return altered("the gate "+g.ID, "attributes of "+t.Attrs[evidence.AttrGate])
	default:
		return nil
	}
}
