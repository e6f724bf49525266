package verdict_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/stream"
	"github.com/getdrop/launchgate/internal/verdict"
)

const gate = "TMinus5/DNS/LowTTL"

// good is a run that is GO, and that a test may spoil.
func good(t *testing.T) run {
	t.Helper()
	once.Do(func() {
		r := play(t, "pass")
		v := verdict.Decide(r.input(t))
		require.Equal(t, verdict.ExitGo, v.ExitCode, "%+v", v.Problems)
		played.stream, played.reports = r.stream, filepath.Join(filepath.Dir(page(t)), "reports")
		require.NoError(t, os.CopyFS(played.reports, os.DirFS(r.reports)))
	})
	own := run{played.stream, t.TempDir()}
	require.NoError(t, os.CopyFS(own.reports, os.DirFS(played.reports)))
	return own
}

var (
	once   sync.Once
	played run
)

func refused(t *testing.T, in verdict.Input, what string) {
	t.Helper()
	v := verdict.Decide(in)
	assert.NotEqual(t, verdict.ExitGo, v.ExitCode, what)
	assert.NotEqual(t, verdict.Go, v.Outcome, what)
}

// decisive says whether a line of the stream decides anything: output, and the switching between parallel tests, do not.
func decisive(t *testing.T, line []byte) bool {
	t.Helper()
	var e struct{ Action, Key string }
	require.NoError(t, json.Unmarshal(line, &e))
	switch e.Action {
	case "output", "pause", "cont":
		return false
	case "attr":
		return e.Key != evidence.AttrSeverity && e.Key != evidence.AttrEnvironment // only reporters need these
	default:
		return true
	}
}

func TestNoLineOfTheStreamCanGo(t *testing.T) {
	r := good(t)
	lines := bytes.SplitAfter(bytes.TrimSuffix(r.stream, []byte("\n")), []byte("\n"))
	spoil := func(what string, stream ...[]byte) {
		refused(t, run{bytes.Join(stream, nil), r.reports}.input(t), what)
	}
	for i, line := range lines {
		before, after := bytes.Join(lines[:i], nil), bytes.Join(lines[i+1:], nil)
		if !decisive(t, line) {
			continue
		}
		spoil(fmt.Sprintf("without line %d: %s", i, line), before, after)
		spoil(fmt.Sprintf("line %d twice: %s", i, line), before, line, []byte("\n"), line, []byte("\n"), after)
		spoil(fmt.Sprintf("ends before line %d: %s", i, line), before)
		spoil(fmt.Sprintf("torn in line %d: %s", i, line), before, line[:len(line)/2])
		spoil(fmt.Sprintf("line %d cut short: %s", i, line), before, line[:len(line)/2], []byte("\n"), after)
		spoil(fmt.Sprintf("line %d without its head: %s", i, line), before, line[len(line)/2:], after)
	}
}

func TestNoByteOfTheEvidenceCanChange(t *testing.T) {
	r := good(t)
	in := r.input(t)
	path := filepath.Join(r.reports, evidence.Path(gate))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range text {
		spoiled := slices.Clone(text)
		spoiled[i] ^= 1
		require.NoError(t, os.WriteFile(path, spoiled, 0o600))
		refused(t, in, fmt.Sprintf("byte %d flipped", i))
	}
	require.NoError(t, os.WriteFile(path, append(text, '\n'), 0o600))
	refused(t, in, "a byte more")
	require.NoError(t, os.Remove(path))
	refused(t, in, "no file")
}

func TestNoAttributeCanChange(t *testing.T) {
	for _, c := range []struct{ key, value string }{
		{evidence.AttrGate, "TMinus5/DNS/ApexToTarget"}, {evidence.AttrGate, ""},
		{evidence.AttrStatus, "FAIL"}, {evidence.AttrStatus, "NA"}, {evidence.AttrStatus, "WAIVED"}, {evidence.AttrStatus, "pass"},
		{evidence.AttrSeverity, "info"}, {evidence.AttrEnvironment, "production"},
		{evidence.AttrFile, evidence.Path("TMinus5/DNS/ApexToTarget")}, {evidence.AttrFile, "../evidence.json"}, {evidence.AttrSHA256, "00"}, {evidence.AttrSHA256, ""},
	} {
		r := good(t)
		in := r.input(t)
		target(t, in.Streams[0]).Attrs[c.key] = c.value
		refused(t, in, c.key+" = "+c.value)
	}
}

// TestRecordAndTestMustAgree: something beside the gate's own judgement let the test fail, or kept it from failing.
func TestRecordAndTestMustAgree(t *testing.T) {
	in := good(t).input(t)
	target(t, in.Streams[0]).Result = stream.Fail
	refused(t, in, "a PASS in a test that fails")
	assert.Equal(t, "result.mismatch", find(t, verdict.Decide(in), gate).Class)

	in = play(t, "fail").input(t)
	target(t, in.Streams[0]).Result = stream.Pass
	refused(t, in, "a FAIL in a test that passes")
	assert.Equal(t, "result.mismatch", find(t, verdict.Decide(in), gate).Class)

	in = with(t, good(t), func(g *evidence.Gate) { g.Severity = "info" })
	target(t, in.Streams[0]).Attrs[evidence.AttrSeverity] = "info"
	refused(t, in, "a hard gate that says that it decides nothing")
}

func target(t *testing.T, s stream.Stream) *stream.Test {
	t.Helper()
	i := slices.IndexFunc(s.Tests, func(t stream.Test) bool { return t.ID() == gate })
	require.GreaterOrEqual(t, i, 0)
	return &s.Tests[i]
}

// TestEvidenceMustAgree changes the evidence together with its hash, as a careless script or an old run would.
func TestEvidenceMustAgree(t *testing.T) {
	type change = func(g *evidence.Gate)
	fail := func(g *evidence.Gate) { g.Checks[0].Status = probe.Fail }
	for class, changes := range map[string][]change{
		"evidence.altered": {fail, func(g *evidence.Gate) { g.Gate = "TMinus5/DNS/ApexToTarget" }, func(g *evidence.Gate) { g.Status = evidence.Fail },
			func(g *evidence.Gate) { g.Severity = "info" }, func(g *evidence.Gate) { g.Checks[0].Status = probe.Blocked },
			func(g *evidence.Gate) { g.Checks[0].Status = "ok" }, func(g *evidence.Gate) { g.Environment = "production" }},
		"nothing-checked": {func(g *evidence.Gate) { g.Checks = nil }, func(g *evidence.Gate) { g.Checks[0].Status = probe.NA },
			func(g *evidence.Gate) { g.Checks[0].Status = probe.Warn }},
		"launch.mismatch":   {func(g *evidence.Gate) { g.Launch = "launch-0" }, func(g *evidence.Gate) { g.Launch = "" }},
		"config.changed":    {func(g *evidence.Gate) { g.Config = "c0ffee" }, func(g *evidence.Gate) { g.Config = "" }},
		"catalogue.changed": {func(g *evidence.Gate) { g.Catalogue = "c0ffee" }, func(g *evidence.Gate) { g.Catalogue = "" }},
		"expired": {func(g *evidence.Gate) { g.Expires = time.Now().Add(-time.Second) }, func(g *evidence.Gate) { g.Expires = time.Time{} },
			func(g *evidence.Gate) {
				g.Started, g.Finished = g.Started.Add(-25*time.Hour), g.Finished.Add(-25*time.Hour)
				g.Expires = time.Now().Add(time.Hour) // longer than the catalogue allows
			}},
		"evidence.times": {func(g *evidence.Gate) { g.Finished = g.Finished.Add(verdict.Skew + time.Minute) },
			func(g *evidence.Gate) { g.Started = g.Finished.Add(time.Second) }, func(g *evidence.Gate) { g.Started = time.Time{} },
			func(g *evidence.Gate) { g.Finished = time.Time{} }},
	} {
		for i, change := range changes {
			t.Run(fmt.Sprintf("%s %d", class, i), func(t *testing.T) {
				in := with(t, good(t), change)
				refused(t, in, class)
				assert.Equal(t, class, find(t, verdict.Decide(in), gate).Class)
			})
		}
	}
}

// with changes a gate's evidence and puts its new hash into the stream.
func with(t *testing.T, r run, change func(*evidence.Gate)) verdict.Input {
	t.Helper()
	in := r.input(t)
	g, _, err := evidence.Read(r.reports, gate)
	require.NoError(t, err)
	change(g)
	text, err := g.Encode()
	require.NoError(t, err)
	sha, err := evidence.Write(r.reports, gate, text)
	require.NoError(t, err)
	target(t, in.Streams[0]).Attrs[evidence.AttrSHA256] = sha
	return in
}

func TestTheWorldMustBeTheSame(t *testing.T) {
	r := good(t)
	for what, change := range map[string]func(in *verdict.Input){
		"another environment":     func(in *verdict.Input) { in.Launch.Environment = "production" },
		"another launch":          func(in *verdict.Input) { in.Launch.ID = "launch-2" },
		"another configuration":   func(in *verdict.Input) { in.Launch.SHA256 = "c0ffee" },
		"no configuration":        func(in *verdict.Input) { in.Launch.SHA256 = "" },
		"no launch":               func(in *verdict.Input) { in.Launch = nil },
		"a configuration error":   func(in *verdict.Input) { in.ConfigError = os.ErrInvalid },
		"a claim has changed":     func(in *verdict.Input) { in.Catalogue[1].Claim = "It was so." },
		"a gate more":             func(in *verdict.Input) { in.Catalogue = append(in.Catalogue, more()) },
		"a gate twice":            func(in *verdict.Input) { in.Catalogue = append(in.Catalogue, in.Catalogue[0]) },
		"a gate less":             func(in *verdict.Input) { in.Catalogue = in.Catalogue[1:] },
		"an empty catalogue":      func(in *verdict.Input) { in.Catalogue = nil },
		"nothing selected":        func(in *verdict.Input) { in.Select = nil },
		"a typo":                  func(in *verdict.Input) { in.Select = []string{"TMinus5", "TMinus5/Typo"} },
		"half a name":             func(in *verdict.Input) { in.Select = []string{"TMinus"} },
		"no stream":               func(in *verdict.Input) { in.Streams = nil },
		"the stream twice":        func(in *verdict.Input) { in.Streams = append(in.Streams, in.Streams[0]) },
		"two days later":          func(in *verdict.Input) { in.Now = in.Now.Add(48 * time.Hour) },
		"the day before":          func(in *verdict.Input) { in.Now = in.Now.Add(-24 * time.Hour) },
		"evidence of another run": func(in *verdict.Input) { in.Evidence = play(t, "fail").input(t).Evidence },
	} {
		in := r.input(t)
		change(&in)
		refused(t, in, what)
	}
}

func more() catalogue.Gate {
	g := runbook()[0]
	g.ID, g.Name = "TMinus5/DNS/Another", "Another"
	return g
}

func TestWaiversAreCheckedAgain(t *testing.T) {
	r := play(t, "waived")
	require.Equal(t, verdict.ExitGo, verdict.Decide(r.input(t)).ExitCode)
	changes := map[string]func(d *launch.Decision){
		"another gate":        func(d *launch.Decision) { d.Gate = "TMinus5/DNS/ApexToTarget" },
		"a whole section":     func(d *launch.Decision) { d.Gate = "TMinus5/DNS" },
		"another kind":        func(d *launch.Decision) { d.Decision = "na" },
		"an approval":         func(d *launch.Decision) { d.Decision = "approve" },
		"another environment": func(d *launch.Decision) { d.Environment = "production" },
		"run out":             func(d *launch.Decision) { d.Expires.Time = time.Now().Add(-time.Second) },
		"no end":              func(d *launch.Decision) { d.Expires = launch.Instant{} },
		"dated ahead":         func(d *launch.Decision) { d.Signed.Time = time.Now().Add(time.Hour) },
		"by the owner":        func(d *launch.Decision) { d.Person = "dns-owner" },
		"edited":              func(d *launch.Decision) { d.SHA256 = "d2" },
	}
	for _, what := range slices.Sorted(maps.Keys(changes)) {
		in := r.input(t)
		changes[what](&in.Launch.Decisions[0])
		refused(t, in, what)
		assert.Contains(t, find(t, verdict.Decide(in), gate).Class, "decision.", what)
	}
	in := r.input(t)
	in.Launch.Decisions = nil
	refused(t, in, "withdrawn")

	in = r.input(t)
	in.RefuseWaivers = true
	v := verdict.Decide(in)
	assert.Equal(t, verdict.ExitWaivers, v.ExitCode)
	assert.Equal(t, verdict.Go, v.Outcome)
}

// TestDecisionsMadeAfterTheRun: what people said since the gates ran counts as well.
func TestDecisionsMadeAfterTheRun(t *testing.T) {
	in := good(t).input(t)
	decide := func(gate, kind, environment string) verdict.Verdict {
		in.Launch = facts()
		in.Launch.Decisions = append(in.Launch.Decisions, launch.Decision{Gate: gate, Decision: kind, Environment: environment, Person: "dns-owner",
			Reason: "mail is lost", File: "decisions/no.yaml", Signed: launch.Instant{Time: time.Now().Add(-time.Minute)}})
		return verdict.Decide(in)
	}
	for _, id := range []string{gate, "TMinus5/DNS"} {
		v := decide(id, "reject", "sandbox")
		assert.Equal(t, verdict.ExitNotMeasured, v.ExitCode, id)
		require.Len(t, v.Problems, 1)
		assert.Equal(t, "rejected", v.Problems[0].Class)
		assert.Contains(t, v.Problems[0].Message, "rejected by dns-owner")
		assert.Contains(t, v.Problems[0].Message, "mail is lost")
	}
	v := decide("TMinus5/Dns", "reject", "sandbox")
	assert.Equal(t, verdict.ExitNotMeasured, v.ExitCode, "a decision that nobody reads")
	require.Len(t, v.Problems, 1)
	assert.Equal(t, "decision.unknown", v.Problems[0].Class)

	for _, elsewhere := range []verdict.Verdict{decide("TMinus5/DNS", "reject", "production"), decide("TMinus7/Infra", "reject", "sandbox"), decide("TMinus5/DNS", "approve", "sandbox")} {
		assert.Equal(t, verdict.ExitGo, elsewhere.ExitCode, "%v", elsewhere.Problems)
	}
}

func TestNotApplicableNeedsItsOwnDecision(t *testing.T) {
	r := play(t, "na")
	refused(t, r.input(t), "a waiver is no declaration")
	in := r.input(t)
	in.Launch.Decisions[0].Decision = "na"
	assert.Equal(t, verdict.ExitGo, verdict.Decide(in).ExitCode)
}

func TestInfoDecidesNothingButMustHaveRun(t *testing.T) {
	const info = "TMinus5/DNS/Hygiene"
	r := play(t, "info")
	v := verdict.Decide(r.input(t))
	assert.Equal(t, verdict.ExitGo, v.ExitCode)
	assert.Equal(t, evidence.Fail, find(t, v, info).Status)
	assert.Equal(t, 1, v.Counts.Recorded)

	require.NoError(t, os.Remove(filepath.Join(r.reports, evidence.Path(info))))
	refused(t, r.input(t), "an info gate without evidence")
}

func TestOneDecidesAsTheTestEnds(t *testing.T) {
	for scenario, want := range map[string]evidence.Status{"pass": evidence.Pass, "fail": evidence.Fail, "skip": evidence.Blocked, "waived": evidence.Waived} {
		r := play(t, scenario)
		in := r.input(t)
		in.Streams = nil
		got := map[string]evidence.Status{}
		_, err := stream.Read(bytes.NewReader(r.stream), func(test stream.Test) {
			if g, ok := verdict.One(in, test); ok {
				got[g.ID] = g.Status
			}
		})
		require.NoError(t, err)
		assert.Len(t, got, 4)
		assert.Equal(t, want, got[gate], scenario)
	}
}

// TestABrokenConfigurationDecidesNothing: exit 3, with the configuration's own words, and no gate left out.
func TestABrokenConfigurationDecidesNothing(t *testing.T) {
	in := good(t).input(t)
	in.Launch, in.ConfigError = nil, errors.New("launch.yaml:3: dns.low_ttl: want a duration; got \"soon\"")
	v := verdict.Decide(in)
	assert.Equal(t, verdict.ExitUsage, v.ExitCode)
	assert.Equal(t, verdict.NotMeasured, v.Outcome)
	assert.Equal(t, in.ConfigError.Error(), v.Problems[0].Message)
	assert.Equal(t, v.Counts.Total, v.Counts.Blocked)
}

func TestTheWorstCheckIsTold(t *testing.T) {
	until := time.Now().Add(time.Hour)
	in := with(t, play(t, "fail"), func(g *evidence.Gate) {
		g.Checks = []probe.Result{{Name: "a", Status: probe.Pass}, {Name: "b", Status: probe.Blocked, Want: "an answer"},
			{Name: "c", Status: probe.Fail, Want: "300 s", Fix: "wait", Until: &until}}
	})
	got := find(t, verdict.Decide(in), gate)
	assert.Equal(t, "300 s", got.Want)
	assert.Equal(t, 1, got.More)
	assert.Contains(t, got.Fix, "wait; it mends itself at ")
}

func TestBlockersAreSortedWorstFirst(t *testing.T) {
	in := play(t, "fail").input(t)
	in.Streams[0].Tests = slices.DeleteFunc(in.Streams[0].Tests, func(t stream.Test) bool { return t.ID() == "TMinus5/DNS/ApexToTarget" })
	v := verdict.Decide(in)
	assert.Equal(t, []string{gate, "TMinus5/DNS/ApexToTarget"}, v.Blockers)
	assert.Equal(t, verdict.ExitNoGo, v.ExitCode)
}

func TestAPartOfThePageCanBeDecided(t *testing.T) {
	in := play(t, "fail").input(t)
	in.Select = []string{"TMinus5/SSL"}
	v := verdict.Decide(in)
	assert.Equal(t, verdict.ExitGo, v.ExitCode, "%+v", v.Problems)
	assert.Len(t, v.Gates, 1)
}
