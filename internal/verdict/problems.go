package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/stream"
)

func problem(class, pkg, want, got, fix string) Problem {
	why := probe.Unknown{Want: want, Got: got, From: pkg, Fix: fix}
	return Problem{Class: class, Message: why.Error(), Fix: fix, Package: pkg}
}

// problems are what is wrong with the run as a whole. It also finds out whether there is anything to decide at all.
func (j *judge) problems() []Problem {
	list := append(j.usage(), j.decisionProblems()...)
	for _, s := range j.Streams {
		for _, damage := range s.Damage {
			list = append(list, problem("stream.damaged", "", "a whole test stream", damage, "run again and keep the stream as it is written"))
		}
		for _, p := range s.Packages {
			list = append(list, j.packageProblems(p, s)...)
		}
		list = append(list, j.unknown(s)...)
	}
	if !j.unusable && !slices.ContainsFunc(j.selected, func(g catalogue.Gate) bool { return len(j.runs[g.ID]) > 0 }) {
		noise := ""
		for _, s := range j.Streams {
			noise += strings.TrimSpace(s.Noise)
		}
		list = append(list, problem("stream.no-tests", "", "a run of "+strings.Join(j.Select, ", "),
			strings.TrimSpace("none of its gates in the stream "+firstLine(noise)), "run it, and give its stream"))
	}
	return list
}

func (j *judge) usage() []Problem {
	list := []Problem{}
	if l := j.Launch; l == nil || j.ConfigError != nil || l.ID == "" || l.Environment == "" || l.SHA256 == "" {
		j.unusable = true
		const fix = "settle what is wrong with launch.yaml; nothing can be decided before"
		list = append(list, problem("config", "", "a launch.yaml that can be used", "none", fix))
		if j.ConfigError != nil {
			list[0].Message = j.ConfigError.Error() // which says itself what was wanted, of each key
		}
	}
	for _, part := range j.Select {
		if !slices.ContainsFunc(j.Catalogue, func(g catalogue.Gate) bool { return within(g.ID, part) }) {
			j.unusable = true
			list = append(list, problem("nothing-selected", "", "gates of the catalogue", fmt.Sprintf("%q, which selects none", part), "`launchgate list` shows all"))
		}
	}
	if len(j.Select) == 0 {
		j.unusable = true
		list = append(list, problem("nothing-selected", "", "a selection", "none", "name a phase, a section or a gate"))
	}
	seen := map[string]bool{}
	for _, g := range j.Catalogue {
		if seen[g.ID] {
			j.unusable = true
			list = append(list, problem("catalogue.duplicate", "", "each gate once in the catalogue", g.ID+" twice", "make generate"))
		}
		seen[g.ID] = true
	}
	return list
}

func (j *judge) packageProblems(p *stream.Package, s stream.Stream) []Problem {
	var list []Problem
	add := func(class, want, got, fix string) { list = append(list, problem(class, p.Name, want, got, fix)) }
	failed := slices.ContainsFunc(s.Tests, func(t stream.Test) bool { return t.Package == p && t.Result == stream.Fail })
	switch {
	case p.Build != "":
		add("build.failed", "a package that compiles", firstLines(p.Build), "repair the code")
	case p.TimedOut:
		add("timeout", "a page that ends in time", firstLines(p.Panic), "see which gate does not honour its deadline")
	case p.Panic != "":
		add("panic", "a page that runs to its end", firstLines(p.Panic), "this is a bug of the suite, report it")
	case p.Result == stream.Fail && !failed:
		add("package.failed", "a package that fails only with a test", firstLines(p.Last), "read its output")
	}
	if p.Cached && j.holdsSelected(p, s) {
		add("stream.cached", "a fresh run", "an answer out of go test's cache", "run with -count=1")
	}
	return list
}

func (j *judge) holdsSelected(p *stream.Package, s stream.Stream) bool {
	return slices.ContainsFunc(s.Tests, func(t stream.Test) bool {
		return t.Package == p && slices.ContainsFunc(j.selected, func(g catalogue.Gate) bool { return g.ID == t.ID() })
	})
}

// unknown finds tests that look like gates and are not in the catalogue, and pages and sections that went wrong themselves.
func (j *judge) unknown(s stream.Stream) []Problem {
	var list []Problem
	for _, t := range s.Tests {
		id := t.ID()
		page, _, below := strings.Cut(id, "/")
		_, known := j.pages[page]
		gate := slices.ContainsFunc(j.Catalogue, func(g catalogue.Gate) bool { return g.ID == id })
		above := slices.ContainsFunc(j.Catalogue, func(g catalogue.Gate) bool { return strings.HasPrefix(g.ID, id+"/") })
		switch {
		case gate && !t.Parent:
		case gate:
			list = append(list, problem("gate.unknown", t.Package.Name, "a gate without subtests", id+" with some", "a gate makes checks, not subtests"))
		case t.Attrs[evidence.AttrGate] != "" || known && below && !above && !t.Parent:
			list = append(list, problem("gate.unknown", t.Package.Name, "gates of the catalogue", quoted(id), "make generate, and build the verdict's program again"))
		case t.Damage != "":
			list = append(list, problem("stream.damaged", t.Package.Name, "a whole run of "+t.Name, t.Damage, "run again and keep the stream as it is written"))
		case t.Result == stream.None && t.Package.Result == stream.Pass:
			list = append(list, problem("unfinished", t.Package.Name, "an end of "+t.Name, "none", "run again; the run was cut short"))
		case t.Result == stream.Skip:
			list = append(list, problem("skipped", t.Package.Name, t.Name+" run", "a skip", "nothing of the runbook is skipped"))
		case t.Result == stream.Fail && !failedBelow(t, s):
			list = append(list, problem("page.failed", t.Package.Name, t.Name+" to fail only with a gate", "a failure of its own: "+firstLines(t.Output), "read its output"))
		}
	}
	return list
}

// failedBelow says whether a page or section failed because of something below it.
func failedBelow(above stream.Test, s stream.Stream) bool {
	return slices.ContainsFunc(s.Tests, func(t stream.Test) bool {
		return t.Package == above.Package && strings.HasPrefix(t.Name, above.Name+"/") && t.Result != stream.Pass
	})
}

// notRun says why a gate is not in the stream, as far as its page tells.
func (j *judge) notRun(g catalogue.Gate) *red {
	got := "no sign of it in the stream"
	for _, s := range j.Streams {
		for _, p := range s.Packages {
			if !j.page(p, s, g.Phase) {
				continue
			}
			switch {
			case p.Build != "":
				got = "its page did not compile"
			case p.TimedOut:
				got = "its page ran into the test timeout first"
			case p.Panic != "":
				got = "its page panicked first"
			}
		}
	}
	return &red{Missing, probe.Unknown{Class: "not-run", Want: "the gate run", Got: got, Fix: "run its page"}}
}

// page says whether a package runs, or would have run, the page of a phase.
func (j *judge) page(p *stream.Package, s stream.Stream, phase string) bool {
	if p.Build != "" {
		return strings.HasSuffix(p.Name, "/"+strings.ToLower(phase))
	}
	return slices.ContainsFunc(s.Tests, func(t stream.Test) bool { return t.Package == p && strings.HasPrefix(t.ID()+"/", phase+"/") })
}

// interrupted says why a gate that started left no record.
func interrupted(t stream.Test) *red {
	p := t.Package
	want := "a gate that runs to its end"
	const fix = "this is a bug of the suite, or the run was killed; its output says more"
	switch {
	case p.TimedOut:
		return blocked("timeout", want, firstLines(p.Panic), "see which gate does not honour its deadline")
	case p.Panic != "":
		return blocked("panic", want, firstLines(p.Panic), fix)
	case t.Result == stream.None:
		return blocked("unfinished", want, strings.TrimSpace("no end of it in the stream "+firstLines(p.Last)), fix)
	default:
		return blocked("no-record", "a gate that leaves its record", fmt.Sprintf("a test that says %s and no record", t.Result), fix)
	}
}

func (j *judge) local(t time.Time) time.Time {
	if j.Launch != nil && j.Launch.Schedule.Timezone.Location != nil {
		return t.In(j.Launch.Schedule.Timezone.Location)
	}
	return t.UTC()
}

// firstLines keeps what matters of a panic or of compiler output, on one line.
func firstLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines[:min(6, len(lines))], " / ")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
