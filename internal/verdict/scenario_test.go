package verdict_test

import (
	"bytes"
	"encoding/xml"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/report"
	"github.com/getdrop/launchgate/internal/verdict"
)

// TestScenarios goes all the way: a real stream, the verdict, the exit code, and the row in JUnit.
func TestScenarios(t *testing.T) {
	for _, c := range []struct {
		scenario string
		exit     int
		status   evidence.Status // of LowTTL
		class    string          // of LowTTL
		element  string          // of LowTTL in JUnit
		problem  string          // class of a problem that must be named
	}{
		{"pass", 0, evidence.Pass, "", "", ""},
		{"info", 0, evidence.Pass, "", "", ""},
		{"waived", 0, evidence.Waived, "dns.ttl", "skipped", ""},
		{"fail", 1, evidence.Fail, "dns.ttl", "failure", ""},
		{"blocked", 2, evidence.Blocked, "dns.ttl", "error", ""},
		{"na", 2, evidence.Blocked, "decision.invalid", "error", ""}, // the decision that it names is a waiver
		{"skip", 2, evidence.Blocked, "skipped", "error", ""},
		{"panic", 2, evidence.Blocked, "panic", "error", "panic"},
		{"goroutine-panic", 2, evidence.Blocked, "panic", "error", "panic"},
		{"timeout", 2, evidence.Blocked, "timeout", "error", "timeout"},
		{"exit", 2, evidence.Blocked, "no-record", "error", "stream.damaged"}, // test2json lets the last test pass; the package has no end
		{"fatal", 2, evidence.Blocked, "no-record", "error", ""},
		{"refused", 2, verdict.Missing, "not-run", "error", "package.failed"},
		{"unknown", 2, evidence.Pass, "", "", "gate.unknown"},
		{"page-fails", 2, evidence.Pass, "", "", "page.failed"},
		{"section-skipped", 2, evidence.Pass, "", "", "skipped"},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			t.Parallel()
			in := play(t, c.scenario).input(t)
			v := verdict.Decide(in)
			gate := find(t, v, "TMinus5/DNS/LowTTL")
			assert.Equal(t, c.exit, v.ExitCode, "%+v", v.Problems)
			assert.Equal(t, c.status, gate.Status, gate.Message)
			assert.Equal(t, c.class, gate.Class)
			if c.problem != "" {
				assert.Contains(t, classes(v), c.problem)
			}
			if c.exit == 0 {
				assert.Equal(t, verdict.Go, v.Outcome)
				assert.Empty(t, v.Problems)
				assert.False(t, v.GoodUntil.IsZero())
			}
			whole(t, v)
			assertJUnit(t, v, c.element)
		})
	}
}

// whole asserts what must be true of every verdict.
func whole(t *testing.T, v verdict.Verdict) {
	t.Helper()
	ids := []string{}
	for _, g := range v.Gates {
		ids = append(ids, g.ID)
		assert.NotEmpty(t, g.Message, g.ID)
		assert.Equal(t, "DNS owner", g.Owner)
	}
	assert.Equal(t, []string{"TMinus5/DNS/ApexToTarget", "TMinus5/DNS/LowTTL", "TMinus5/DNS/Hygiene", "TMinus5/SSL/Expiry90"}, ids)
	c := v.Counts
	assert.Equal(t, len(ids), c.Total)
	assert.Equal(t, c.Total, c.Pass+c.Fail+c.Blocked+c.Waived+c.NA+c.Missing+c.Stale+c.Recorded)
	assert.Equal(t, v.ExitCode == 0, len(v.Blockers) == 0 && len(v.Problems) == 0)
}

func find(t *testing.T, v verdict.Verdict, id string) verdict.Gate {
	t.Helper()
	for _, g := range v.Gates {
		if g.ID == id {
			return g
		}
	}
	require.Fail(t, "the verdict leaves out "+id)
	return verdict.Gate{}
}

func classes(v verdict.Verdict) []string {
	list := []string{}
	for _, p := range v.Problems {
		list = append(list, p.Class)
	}
	return list
}

// assertJUnit asserts that the counts of the file are the verdict's, and how LowTTL ended in it.
func assertJUnit(t *testing.T, v verdict.Verdict, element string) {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, report.WriteJUnit(&file, v, report.CI))
	type outcome struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
	}
	var got struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Cases []struct {
				Name    string   `xml:"name,attr"`
				Failure *outcome `xml:"failure"`
				Error   *outcome `xml:"error"`
				Skipped *outcome `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(file.Bytes(), &got))
	run := 0
	for _, s := range got.Suites {
		for _, c := range s.Cases {
			if c.Name == "the-run" {
				run++
				assert.NotNil(t, c.Error)
			}
			if c.Name != "LowTTL" {
				continue
			}
			assert.Equal(t, element == "failure", c.Failure != nil)
			assert.Equal(t, element == "error", c.Error != nil)
			assert.Equal(t, element == "skipped", c.Skipped != nil)
		}
	}
	assert.Equal(t, len(v.Problems) > 0, run == 1)
	assert.Equal(t, v.Counts.Total+run, got.Tests)
	assert.Equal(t, v.Counts.Fail, got.Failures)
	assert.Equal(t, v.Counts.Blocked+v.Counts.Missing+v.Counts.Stale+run, got.Errors)
}

func TestGoTestCache(t *testing.T) {
	reports := t.TempDir() // the same for both runs, or the cache would not answer
	first := verdict.Decide(test(t, reports, "./testdata/page").input(t))
	assert.Equal(t, verdict.ExitGo, first.ExitCode, "%+v", first.Problems)
	again := verdict.Decide(test(t, reports, "./testdata/page").input(t))
	if !assert.Contains(t, classes(again), "stream.cached") {
		return
	}
	assert.Equal(t, verdict.ExitNotMeasured, again.ExitCode)
	assert.Equal(t, again.Counts.Total, again.Counts.Stale, "%+v", again.Counts)
}

func TestGoTestNoMatch(t *testing.T) {
	v := verdict.Decide(test(t, t.TempDir(), "-run", "TMinus5/Typo", "./testdata/page").input(t))
	assert.Equal(t, verdict.ExitNotMeasured, v.ExitCode)
	assert.Equal(t, v.Counts.Total, v.Counts.Missing)
	assert.Contains(t, classes(v), "stream.no-tests")
}

func TestGoTestBuildFailure(t *testing.T) {
	v := verdict.Decide(test(t, t.TempDir(), "./testdata/broken").input(t))
	assert.Equal(t, verdict.ExitNotMeasured, v.ExitCode)
	require.Contains(t, classes(v), "build.failed")
	assert.Contains(t, v.Problems[0].Message, "thisDoesNotExist")
}

func TestGoTestTwiceInOneRun(t *testing.T) {
	v := verdict.Decide(test(t, t.TempDir(), "-count=2", "./testdata/page").input(t))
	assert.Equal(t, verdict.ExitNotMeasured, v.ExitCode)
	assert.Equal(t, "stream.duplicate", find(t, v, "TMinus5/DNS/LowTTL").Class)
}
