package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// run runs one gate: name the checks, make them, judge, and leave the record. It never returns without a record, and
// where the record cannot be left the test fails.
func (d *declared) run(t *testing.T, p *Page, catalogueSHA256 string) {
	started := time.Now()
	g := &G{gate: d.Gate, launch: p.launch, cancel: func() {}}
	g.Within(d.within)
	t.Cleanup(func() { g.cancel() })
	if p.broken == nil {
		g.name(d.body)
	}
	if !d.inOrder {
		t.Parallel() // the claims are under way; now the next gate may name its own
	}
	checks := g.results()

	var j judgement
	if p.broken != nil {
		j = judgement{status: evidence.Blocked, class: "config", message: strings.ReplaceAll(p.broken.Error(), "\n", " | ")}
	} else {
		j = judge(d.Gate, p.launch, checks, g.notApplicable, time.Now())
	}
	record := d.record(p, j, checks, catalogueSHA256, started)
	if err := leave(t, record); err != nil {
		t.Errorf("%s: want its evidence written; got %v", d.ID, err)
	}
	d.say(t, record)
	if !record.Status.Open() && d.Severity != Info {
		t.Fail()
	}
}

// record puts together the gate's evidence.
func (d *declared) record(p *Page, j judgement, checks []probe.Result, catalogueSHA256 string, started time.Time) *evidence.Gate {
	r := &evidence.Gate{
		Gate: d.ID, Claim: d.Claim, Status: j.status, Message: oneLine(redact.String(j.message)), Class: j.class, Severity: string(d.Severity),
		Role: d.Role, Catalogue: catalogueSHA256, Commit: commit(), Tool: tool(), Runner: runner(), Measured: j.measured,
		Started: started.UTC(), Finished: time.Now().UTC(), Checks: checks, File: d.File, Line: d.Line,
	}
	r.Expires = r.Finished.Add(time.Duration(d.ValidFor))
	if l := p.launch; l != nil {
		r.Launch, r.Environment, r.Config, r.Due = l.ID, l.Environment, l.SHA256, l.Due(p.phase).UTC()
		if _, owner, ok := l.Owner(launch.Role(d.Role)); ok {
			r.Owner = owner.Name
		}
	}
	if j.decision != nil {
		r.Decision = &evidence.Decision{File: j.decision.File, SHA256: j.decision.SHA256, Person: string(j.decision.Person),
			Reason: j.decision.Reason, Expires: j.decision.Expires.Time}
		if r.Decision.Expires.Before(r.Expires) {
			r.Expires = r.Decision.Expires
		}
	}
	return r
}

// leave writes the evidence file and points to it from the test stream.
func leave(t *testing.T, r *evidence.Gate) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	sha, err := evidence.Write(evidence.Reports(launch.Root()), r.Gate, text)
	if err != nil {
		return err
	}
	due := ""
	if !r.Due.IsZero() {
		due = r.Due.Format(time.RFC3339)
	}
	for _, a := range [][2]string{
		{evidence.AttrGate, r.Gate}, {evidence.AttrStatus, string(r.Status)}, {evidence.AttrSeverity, r.Severity},
		{evidence.AttrOwner, r.Owner}, {evidence.AttrDue, due}, {evidence.AttrEnvironment, r.Environment},
		{evidence.AttrSource, fmt.Sprintf("%s:%d", r.File, r.Line)},
		{evidence.AttrFile, evidence.Path(r.Gate)}, {evidence.AttrSHA256, sha},
	} {
		if a[1] != "" {
			t.Attr(a[0], oneLine(redact.String(a[1])))
		}
	}
	return nil
}

// say writes the gate's line, and one for each check that is not plainly green, where a reader of the test log sees it.
func (d *declared) say(t *testing.T, r *evidence.Gate) {
	owner := r.Owner
	if owner == "" {
		owner = r.Role
	}
	lines := fmt.Sprintf("%s:%d: %s %s (%s): %s\n", r.File, r.Line, r.Status, r.Gate, owner, r.Message)
	for _, c := range r.Checks {
		if c.Status != probe.Pass {
			lines += fmt.Sprintf("    %s %s: %s\n", c.Status, c.Name, oneLine(c.Message()))
		}
	}
	if _, err := fmt.Fprint(t.Output(), redact.String(lines)); err != nil {
		t.Errorf("%s: writing the test log: %v", d.ID, err)
	}
}
