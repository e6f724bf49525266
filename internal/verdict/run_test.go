package verdict_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/stream"
	"github.com/getdrop/launchgate/internal/verdict"
)

const config = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"

// runbook is the catalogue of testdata/page.
func runbook() catalogue.Catalogue {
	gate := func(section, name string, severity catalogue.Severity, line int) catalogue.Gate {
		return catalogue.Gate{ID: "TMinus5/" + section + "/" + name, Phase: "TMinus5", Section: section, Name: name, Claim: "It is so.",
			Severity: severity, Role: "dns", ValidFor: catalogue.Validity(24 * time.Hour), File: "gates/tminus5/dns_test.go", Line: line}
	}
	return catalogue.Catalogue{gate("DNS", "ApexToTarget", catalogue.Hard, 10), gate("DNS", "LowTTL", catalogue.Hard, 12),
		gate("DNS", "Hygiene", catalogue.Info, 14), gate("SSL", "Expiry90", catalogue.Soft, 16)}
}

// run is what a run of testdata/page left.
type run struct {
	stream  []byte
	reports string
}

func (r run) input(t *testing.T) verdict.Input {
	t.Helper()
	s, err := stream.Read(bytes.NewReader(r.stream), nil)
	require.NoError(t, err)
	return verdict.Input{Catalogue: runbook(), Select: []string{"TMinus5"}, Streams: []stream.Stream{s}, Launch: facts(), Now: time.Now(),
		Evidence: func(gate string) (*evidence.Gate, string, error) { return evidence.Read(r.reports, gate) }}
}

func facts() *launch.Launch {
	now := time.Now()
	return &launch.Launch{ID: "launch-1", Environment: "sandbox", SHA256: config,
		People:   map[launch.PersonID]launch.Person{"dns-owner": {Name: "DNS owner"}},
		Sections: launch.Sections{DNS: "dns-owner"},
		Decisions: []launch.Decision{{Gate: "TMinus5/DNS/LowTTL", Decision: "waive", Environment: "sandbox", File: "decisions/ttl.yaml", SHA256: "d1",
			Signed: launch.Instant{Time: now.Add(-time.Hour)}, Expires: launch.Instant{Time: now.Add(time.Hour)}}}}
}

// binary is the page, compiled once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "page")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "page.test")
	_, err = goTool(nil, "test", "-c", "-o", path, "./testdata/page")
	return path, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			code = 1
		}
	}
	os.Exit(code)
}

func goTool(env []string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), env...)
	return cmd.Output()
}

func page(t *testing.T) string {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	return path
}

// play runs the page in a scenario as CI does: compiled, through test2json.
func play(t *testing.T, scenario string) run {
	t.Helper()
	r := run{reports: t.TempDir()}
	var err error
	r.stream, err = goTool(environment(scenario, r.reports), "tool", "test2json", "-t", "-p", "example.test/tminus5", page(t), "-test.v=test2json", "-test.timeout=2s")
	if scenario == "pass" {
		require.NoError(t, err)
	}
	require.NotEmpty(t, r.stream)
	return r
}

func environment(scenario, reports string) []string {
	return []string{"SCENARIO=" + scenario, "LAUNCH_REPORTS=" + reports, "CONFIG_SHA256=" + config, "CATALOGUE_SHA256=" + runbook().SHA256()}
}

// test runs a package with `go test -json` itself.
func test(t *testing.T, reports string, args ...string) run {
	t.Helper()
	out, err := goTool(environment("pass", reports), append([]string{"test", "-json"}, args...)...)
	if err != nil {
		t.Logf("go test %v: %v", args, err) // a page that fails is what some tests want
	}
	return run{out, reports}
}
