// Package gate is the harness under the runbook's pages: it turns each checklist item into a Go test whose status,
// evidence and attributes a verdict can rely on. It knows launch.yaml and claims; it must not import any one probe,
// so that a page compiles only the probes it uses.
package gate

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/launch"
)

// The severities of a gate, by the words of the runbook.
const (
	Hard = catalogue.Hard // blocks promotion
	Warn = catalogue.Soft // needs a waiver with an expiry to pass
	Info = catalogue.Info // recorded, decides nothing
)

// Page is one page of the runbook: the gates of one phase, in order.
type Page struct {
	phase    launch.Phase
	sections []*Section

	launch *launch.Launch // as Main loaded it; nil when broken is set
	broken error          // why launch.yaml cannot be used; blocks every gate of the page
}

// Section is one heading of a page, with the gates below it.
type Section struct {
	name     string
	role     launch.Role
	validFor time.Duration
	within   time.Duration
	inOrder  bool
	page     *Page
	gates    []*declared
}

// declared is one gate as the page wrote it down: nothing has been looked at yet.
type declared struct {
	catalogue.Gate
	section *Section
	within  time.Duration
	inOrder bool
	body    func(*G)
}

// Part is a section in the making: what NewPage takes.
type Part func(*Page)

// NewPage declares the page of a phase. The page's test must be called Test<phase> and call Run.
func NewPage(phase launch.Phase, parts ...Part) *Page {
	p := &Page{phase: phase}
	for _, part := range parts {
		part(p)
	}
	return p
}

// NewSection declares a section that is owned by a role; declare writes down its gates in the runbook's order.
func NewSection(name string, role launch.Role, declare func(*Section)) Part {
	return func(p *Page) {
		s := &Section{name: name, role: role, page: p, validFor: 24 * time.Hour, within: 30 * time.Second}
		p.sections = append(p.sections, s)
		declare(s)
	}
}

// ValidFor sets how long the results of the gates that follow stay good. Default: a day.
func (s *Section) ValidFor(d time.Duration) { s.validFor = d }

// Within sets the deadline of each gate that follows. Default: 30 s.
func (s *Section) Within(d time.Duration) { s.within = d }

// InOrder makes the gates that follow wait for each other: the next one starts when the one before has ended. It is for the
// steps of a procedure; other gates look at the world at the same time.
func (s *Section) InOrder() { s.inOrder = true }

var identifier = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// Gate declares one line of the runbook: its name (which, below phase and section, is also its id), its severity, the
// claim in a sentence, and the body that names the checks. The body must only name checks: looking at the world is the claims' part.
func (s *Section) Gate(name string, severity catalogue.Severity, claim string, body func(*G)) {
	s.declare(name, severity, s.role, claim, body)
}

func (s *Section) declare(name string, severity catalogue.Severity, role launch.Role, claim string, body func(*G)) {
	if !identifier.MatchString(name) || !identifier.MatchString(s.name) {
		panic(fmt.Sprintf("gate %s/%s/%s: want letters, digits and _ in every part of the id", s.page.phase, s.name, name))
	}
	id := fmt.Sprintf("%s/%s/%s", s.page.phase, s.name, name)
	for _, other := range s.page.gates() {
		if other.ID == id {
			panic(fmt.Sprintf("gate %s: declared twice, at %s:%d too", id, other.File, other.Line))
		}
	}
	file, line := callSite()
	s.gates = append(s.gates, &declared{
		Gate: catalogue.Gate{ID: id, Phase: string(s.page.phase), Section: s.name, Name: name, Claim: claim, Severity: severity,
			Role: string(role), ValidFor: catalogue.Validity(s.validFor), File: file, Line: line},
		section: s, within: s.within, inOrder: s.inOrder, body: body,
	})
}

// callSite is where the page declares the gate, relative to the repository: the first caller outside this package's own files.
func callSite() (string, int) {
	for skip := 2; ; skip++ {
		_, file, line, ok := runtime.Caller(skip)
		if !ok {
			return "unknown", 0
		}
		if filepath.Base(filepath.Dir(file)) == "gate" && !strings.HasSuffix(file, "_test.go") {
			continue
		}
		return relative(file), line
	}
}

// relative cuts a source path down to the part below the repository, with or without -trimpath.
func relative(file string) string {
	const module = "github.com/getdrop/launchgate"
	if _, below, ok := strings.Cut(file, module+"/"); ok {
		return below
	}
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(filepath.Dir(here)))
	if below, err := filepath.Rel(root, file); err == nil {
		return filepath.ToSlash(below)
	}
	return file
}

func (p *Page) gates() []*declared {
	var all []*declared
	for _, s := range p.sections {
		all = append(all, s.gates...)
	}
	return all
}

// Catalogue lists the page's gates in the runbook's order.
func (p *Page) Catalogue() catalogue.Catalogue {
	var list catalogue.Catalogue
	for _, d := range p.gates() {
		list = append(list, d.Gate)
	}
	return list
}

// Run runs the page's gates as subtests: Test<phase>/<section>/<gate>. Gates start in the runbook's order and look at
// the world at the same time, so that the page takes as long as its longest gate and not as long as all of them.
func (p *Page) Run(t *testing.T) {
	t.Helper()
	if want := "Test" + string(p.phase); t.Name() != want {
		t.Fatalf("want the page %s run by %s, because a gate's id is its test's path; got %s", p.phase, want, t.Name())
	}
	hash := p.Catalogue().SHA256()
	for _, s := range p.sections {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, d := range s.gates {
				t.Run(d.Name, func(t *testing.T) { d.run(t, p, hash) })
			}
		})
	}
}
