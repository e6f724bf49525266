package imports_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/getdrop/launchgate/"

// rule keeps some packages from reaching others, directly or through whatever they import. A name that ends with /...
// stands for all below it too; one without a dot in its first element belongs to this module or to the standard library.
type rule struct {
	of     []string // the packages that the rule is about
	except []string // and those of them that it is not about
	unless []string // and what they may reach all the same, with whatever that imports
	tests  bool     // it is about their test binaries, tests included
	never  []string
	why    string
}

// library brings its own helpers for tests along, whoever uses it.
const library = "github.com/testcontainers/testcontainers-go/..."

var rules = []rule{
	{of: []string{"internal/probe/..."}, never: []string{"testing", "internal/gate/...", "internal/launch/...", "internal/target/..."},
		why: "a claim takes plain values, so that it can be made from a gate, a procedure and the command line alike"},
	// PostgreSQL that is thrown away is no stand-in but the real server, which rehearsals and drills need: docs/adr/0013.
	{of: []string{"./..."}, except: []string{"fixtures/...", "cmd/launchgate"}, unless: []string{"fixtures/pgtest"}, never: []string{"fixtures/..."},
		why: "a stand-in must never be reachable from a run against production; `launchgate sandbox` is what starts them"},
	{of: []string{"fixtures/pgtest"}, unless: []string{library}, never: []string{"testing", "fixtures/..."},
		why: "rehearsals and drills use it, and so it must not bring the tests' stand-ins along"},
	{of: []string{"gates/...", "smoke/...", "rollback/..."}, tests: true, never: []string{"fixtures/..."},
		why: "the pages are the run against production"},
	{of: []string{"gates/...", "smoke/...", "rollback/..."}, tests: true, never: []string{"github.com/stretchr/testify/..."},
		why: "a gate names claims; an assertion would hide the checks after it"},
	{of: []string{"./..."}, unless: []string{library}, never: []string{"github.com/stretchr/testify/..."},
		why: "assertions belong into tests: one broken target must not hide the others"},
	{of: []string{"internal/launch/..."}, never: []string{"testing", "internal/probe/...", "internal/gate/..."},
		why: "launch.yaml is facts; who looks at the world reads them, never the other way round"},
	{of: []string{"internal/gate"}, unless: []string{"internal/probe"}, never: []string{"internal/probe/..."},
		why: "a page compiles only the probes that it uses"},
	{of: []string{"gates/...", "internal/target/...", "internal/probe/...", "internal/rehearsal/record"}, tests: false, never: []string{"internal/rehearsal", "github.com/golang-migrate/...", "github.com/pressly/..."},
		why: "a gate reads what a rehearsal left behind; it never runs one"},
	{of: []string{"internal/verdict/...", "internal/report/..."},
		never: []string{"testing", "internal/gate/...", "internal/target/...", "internal/probe/dnsprobe", "internal/probe/tlsprobe", "internal/probe/httpprobe", "internal/probe/ssllabsprobe", "internal/probe/cdnprobe", "net/http"},
		why:   "a verdict rests on what a run left behind and looks at nothing itself"},
	{of: []string{"internal/catalogue"}, never: []string{"testing", "internal/launch/...", "internal/gate/..."},
		why: "the catalogue is data that everybody may read"},
	{of: []string{"internal/stream"}, never: []string{"internal/catalogue", "internal/launch/...", "internal/evidence"},
		why: "a stream is read as it is, before anybody says what should be in it"},
	{of: []string{"gates/tminus5", "smoke", "rollback", "gates/launchday"}, tests: true, never: []string{"github.com/aws/..."},
		why: "AWS packages are slow to compile: only the pages that look at AWS wait for the probes that do"},
	{of: []string{"internal/target", "gates/tminus5"}, tests: true, never: []string{"internal/target/cloud", "internal/target/database", "internal/target/providers", "internal/target/watch"},
		why: "the page that is run most often waits for the probes of names, certificates and sites alone"},
	{of: []string{"internal/probe/computeprobe", "internal/target", "internal/gate", "internal/launch", "internal/verdict/...", "internal/report/..."}, never: []string{"github.com/aws/..."},
		why: "what is not about AWS must not wait for its packages"},
	{of: []string{"./..."}, except: []string{"internal/probe/certlint", "cmd/launchgate"}, never: []string{"internal/probe/certlint", "github.com/zmap/..."},
		why: "zlint's rules take 45 s of CPU to compile: no gate waits for them"},
}

func TestImportDirections(t *testing.T) {
	all := load(t)
	for _, r := range rules {
		about := 0
		for name, p := range all {
			if !r.about(name, p) {
				continue
			}
			about++
			for _, forbidden := range r.never {
				if way := all.way(name, forbidden, r.unless...); way != nil {
					t.Errorf("%s must not import %s: %s\n\t%s", plain(name), forbidden, r.why, strings.Join(way, "\n\t→ "))
				}
			}
		}
		assert.NotZero(t, about, "no package is %v: a rule about nothing keeps nothing", r.of)
	}
}

func TestWay(t *testing.T) {
	g := graph{
		module + "a":                   {Imports: []string{"strings", module + "b"}},
		module + "b":                   {Imports: []string{module + "fixtures/c [x.test]"}},
		module + "fixtures/c":          {Imports: []string{"testing"}},
		module + "x.test":              {ForTest: module + "x", Name: "main", Imports: []string{module + "a"}},
		module + "fixtures/c [x.test]": {ForTest: module + "x", Imports: []string{"testing"}},
	}
	assert.Equal(t, []string{"a", "b", "fixtures/c"}, g.way(module+"a", "fixtures/..."))
	assert.Equal(t, []string{"a", "b", "fixtures/c", "testing"}, g.way(module+"a", "testing"))
	assert.Equal(t, []string{"x.test", "a", "b"}, g.way(module+"x.test", "b"))
	assert.Nil(t, g.way(module+"a", "test"))
	assert.Nil(t, g.way(module+"a", "a"), "itself is no import")
	assert.Nil(t, g.way(module+"a", "fixtures/...", "fixtures/c"))
	assert.Nil(t, g.way(module+"a", "testing", "fixtures/c"))
	assert.True(t, rule{of: []string{"x/..."}, tests: true}.about(module+"x.test", g[module+"x.test"]))
	assert.False(t, rule{of: []string{"x/..."}}.about(module+"x.test", g[module+"x.test"]))
	assert.False(t, rule{of: []string{"./..."}}.about("strings", node{}), "the standard library is not ours")
}

// node is a package as go list shows it. A test binary's name ends with .test.
type node struct {
	ImportPath, Name, ForTest string
	Imports                   []string
}

type graph map[string]node

// load lists the module's packages, their tests, and all that they import.
func load(t *testing.T) graph {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-test", "-json=ImportPath,Name,ForTest,Imports", module+"...")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	all := graph{}
	decoder := json.NewDecoder(out)
	for {
		var p node
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		all[p.ImportPath] = p
	}
	require.NoError(t, cmd.Wait())
	require.Greater(t, len(all), 100)
	return all
}

// about says whether the rule is about a package.
func (r rule) about(name string, p node) bool {
	ours := strings.HasPrefix(name, module) && !strings.Contains(name, " ")
	test := strings.HasSuffix(name, ".test") && p.Name == "main"
	if !ours || test != r.tests {
		return false
	}
	in := func(pattern string) bool { return matches(strings.TrimSuffix(name, ".test"), pattern) }
	return slices.ContainsFunc(r.of, in) && !slices.ContainsFunc(r.except, in)
}

// matches says whether a package is what a pattern of a rule names.
func matches(name, pattern string) bool {
	if pattern == "./..." {
		return strings.HasPrefix(name, module)
	}
	below, all := strings.CutSuffix(pattern, "/...")
	name = plain(name)
	return name == below || all && strings.HasPrefix(name, below+"/")
}

// plain is a package's name without the module and without the test that it is compiled for.
func plain(name string) string {
	name, _, _ = strings.Cut(name, " ")
	return strings.TrimPrefix(name, module)
}

// way is the shortest way from a package to one that a pattern names, or nil. It leads past no package that unless names.
func (g graph) way(from, pattern string, unless ...string) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g[queue[0]].Imports {
			if _, seen := before[next]; seen {
				continue
			}
			before[next] = queue[0]
			if slices.ContainsFunc(unless, func(u string) bool { return matches(next, u) }) {
				continue
			}
			if !matches(next, pattern) {
				queue = append(queue, next)
				continue
			}
			var way []string
			for at := next; at != ""; at = before[at] {
				way = append(way, plain(at))
			}
			slices.Reverse(way)
			return way
		}
	}
	return nil
}
