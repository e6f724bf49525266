package stream

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// state is what Read knows so far.
type state struct {
	out      Stream
	noise    clip
	onGate   func(Test)
	all      []*running          // in the order of their start
	started  int                 // tests so far
	packages map[string]*running // the current run of each package
	builds   map[string]*clip    // compiler output by import path
	failed   map[string]bool     // builds that failed and that no package has named yet
}

// running is one run of a package.
type running struct {
	Package
	last     []string // lines of output
	panicked bool     // the panic's text goes on
	tests    []*test  // in the order of their start
	byName   map[string]*test
	ended    bool
}

type test struct {
	Test
	output clip
	told   bool // onGate knows
	index  int  // place in the order of all tests
}

func (s *state) event(e event) {
	switch e.Action {
	case "build-output":
		if s.builds[e.ImportPath] == nil {
			s.builds[e.ImportPath] = &clip{}
		}
		s.builds[e.ImportPath].add(e.Output)
		return
	case "build-fail":
		s.failed[e.ImportPath] = true
		return
	}
	if e.Package == "" {
		s.damage("an event %q names no package", e.Action)
		return
	}
	p := s.packages[e.Package]
	if p == nil || e.Action == "start" {
		if p != nil && !p.ended {
			s.damage("package %s starts again before it has ended", e.Package)
			s.end(p)
		}
		p = &running{Package: Package{Name: e.Package}, byName: map[string]*test{}}
		s.packages[e.Package] = p
		s.all = append(s.all, p)
		if e.Action != "start" {
			s.damage("package %s has events and no start", e.Package)
		}
	}
	if p.ended {
		s.damage("package %s goes on after its end", e.Package)
	}
	if e.Test == "" {
		s.packageEvent(p, e)
		return
	}
	s.testEvent(p, e)
}

func (s *state) packageEvent(p *running, e event) {
	switch Result(e.Action) {
	case Pass, Fail, Skip:
		p.Result = Result(e.Action)
		if e.FailedBuild != "" {
			p.Build = "it did not compile"
			if text := s.builds[e.FailedBuild]; text != nil {
				p.Build = strings.TrimSpace(text.String())
			}
			delete(s.failed, e.FailedBuild)
		}
		s.end(p)
		return
	case None:
	}
	if e.Action != "output" {
		return
	}
	p.print(e.Output)
	if strings.HasPrefix(e.Output, "ok") && strings.Contains(e.Output, "(cached)") {
		p.Cached = true
	}
	if strings.Contains(e.Output, "[no tests to run]") || strings.Contains(e.Output, "[no test files]") || strings.HasPrefix(e.Output, "testing: warning: no tests to run") {
		p.NoTests = true
	}
}

func (s *state) testEvent(p *running, e event) {
	t := p.byName[e.Test]
	switch {
	case e.Action == "run" && t != nil && t.Result == None:
		t.spoil("it starts twice")
	case t == nil || e.Action == "run":
		t = s.begin(p, e.Test)
		if e.Action != "run" {
			t.spoil("it has no start")
		}
	}
	switch e.Action {
	case "output":
		p.print(e.Output)
		if !framing(e.Output) {
			t.output.add(e.Output)
		}
	case "attr":
		if _, twice := t.Attrs[e.Key]; twice {
			t.spoil("it says %s twice", e.Key)
			return
		}
		t.Attrs[e.Key] = e.Value
	case "pass", "fail", "skip":
		if t.Result != None {
			t.spoil("it ends twice, as %s and as %s", t.Result, e.Action)
			return
		}
		t.Result, t.Elapsed = Result(e.Action), time.Duration(min(max(e.Elapsed, 0), 1e6)*float64(time.Second))
		s.tell(t)
	}
}

func (s *state) begin(p *running, name string) *test {
	t := &test{Test: Test{Package: &p.Package, Name: name, Attrs: map[string]string{}}, index: s.started}
	s.started++
	p.tests = append(p.tests, t)
	p.byName[name] = t
	for parent := name; strings.Contains(parent, "/"); {
		parent = parent[:strings.LastIndex(parent, "/")]
		if above := p.byName[parent]; above != nil {
			above.Parent = true
		}
	}
	return t
}

func (s *state) tell(t *test) {
	if t.Parent || t.told {
		return
	}
	t.told = true
	s.onGate(t.done())
}

// end closes a package: what has not ended by now never will.
func (s *state) end(p *running) {
	p.ended = true
	for _, t := range p.tests {
		s.tell(t)
	}
}

func (s *state) finish() Stream {
	var tests []*test
	for _, p := range s.all {
		if !p.ended {
			s.damage("the stream ends before package %s does", p.Name)
		}
		s.end(p)
		if p.Result == Pass {
			p.Panic, p.TimedOut = "", false // a test that only printed the word
		}
		p.Last = strings.TrimSpace(strings.Join(p.last, ""))
		s.out.Packages = append(s.out.Packages, &p.Package)
		tests = append(tests, p.tests...)
	}
	slices.SortStableFunc(tests, func(a, b *test) int { return a.index - b.index })
	for _, t := range tests {
		s.out.Tests = append(s.out.Tests, t.done())
	}
	for _, path := range slices.Sorted(maps.Keys(s.failed)) {
		text := ""
		if s.builds[path] != nil {
			text = s.builds[path].String()
		}
		s.damage("%s did not compile, and no package says so: %s", path, text)
	}
	s.out.Noise = s.noise.String()
	return s.out
}
