package gate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/stream"
)

// binary is the scenario page, compiled once: the harness is tested as what it is, a test binary.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "gate-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "scenario.test")
		if out, err := exec.Command("go", "test", "-c", "-o", binary, "./testdata/scenario").CombinedOutput(); err != nil {
			panic(fmt.Sprintf("compiling the scenario: %v\n%s", err, out))
		}
		return m.Run()
	}())
}

// a run of the scenario and all that it left.
type ran struct {
	exit    int
	output  string
	reports string
	stream  stream.Stream
}

// run runs the scenario page with a launch that is ready six days before its date.
func run(t *testing.T, decisions map[string]string, env []string, args ...string) ran {
	t.Helper()
	dir := t.TempDir()
	base, err := os.ReadFile("../launch/testdata/minimal/launch.yaml")
	require.NoError(t, err)
	date := time.Now().AddDate(0, 0, 6).Format(time.DateOnly)
	files := map[string]string{"launch.yaml": string(base), "environments/staging.yaml": "schedule: {date: " + date + "}\nchat: {webhook: 'secret:env:HOOK'}\n",
		"environments/production.yaml": "{}\n"}
	for name, text := range decisions {
		files["decisions/"+name+".yaml"] = text
	}
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	reports := filepath.Join(dir, "reports")
	cmd := exec.Command("go", append([]string{"tool", "test2json", "-t", "-p", "scenario", binary, "-test.v=test2json", "-test.paniconexit0"}, args...)...)
	cmd.Env = append(os.Environ(), "LAUNCH_CONFIG="+filepath.Join(dir, "launch.yaml"), "LAUNCH_ENV=staging", "LAUNCH_REPORTS="+reports, "HOOK="+hook)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if ended := (*exec.ExitError)(nil); !errors.As(err, &ended) {
		require.NoError(t, err)
	}
	s, err := stream.Read(bytes.NewReader(out), nil)
	require.NoError(t, err)
	return ran{exit: cmd.ProcessState.ExitCode(), output: string(out), reports: reports, stream: s}
}

const hook = "https://hooks.example.com/services/T000/B000/plantedSecretValue"

// gate is how one gate ended: its test's result, its attributes and its evidence, which must agree.
func (r ran) gate(t *testing.T, id string) (stream.Result, *evidence.Gate) {
	t.Helper()
	for _, test := range r.stream.Tests {
		if test.ID() == id {
			g, sha, err := evidence.Read(r.reports, id)
			require.NoError(t, err)
			assert.Equal(t, id, test.Attrs[evidence.AttrGate])
			assert.Equal(t, string(g.Status), test.Attrs[evidence.AttrStatus])
			assert.Equal(t, sha, test.Attrs[evidence.AttrSHA256], "the attribute points to the very bytes of the evidence")
			assert.Equal(t, id, g.Gate)
			assert.Equal(t, "staging", g.Environment)
			return test.Result, g
		}
	}
	t.Fatalf("no gate %s in the stream:\n%s", id, r.output)
	return "", nil
}

func TestEveryWayAGateCanEnd(t *testing.T) {
	r := run(t, map[string]string{"ways": decision("TMinus5/Ways", "approve", "owner", "-1h", "")}, nil)
	assert.NotZero(t, r.exit)
	for id, want := range map[string]struct {
		result  stream.Result
		status  evidence.Status
		class   string
		message string
	}{
		"Ways/Holds":         {stream.Pass, evidence.Pass, "", "checks that hold: 1"},
		"Ways/HoldsLater":    {stream.Pass, evidence.Pass, "", "checks that hold: 2; guaranteed after 2100-01-01T00:00:00Z"},
		"Ways/Wrong":         {stream.Fail, evidence.Fail, "x.wrong", "two: want blue; got red"},
		"Ways/WrongWarn":     {stream.Fail, evidence.Fail, "x.wrong", "want blue"},
		"Ways/WrongInfo":     {stream.Pass, evidence.Fail, "x.wrong", "want blue"},
		"Ways/Empty":         {stream.Fail, evidence.Blocked, "nothing-checked", "got none of 0"},
		"Ways/OnlyAdvice":    {stream.Pass, evidence.Pass, "", "checks that hold: 1"},
		"Ways/OnlyNA":        {stream.Fail, evidence.Blocked, "nothing-checked", "got none of 1"},
		"Ways/Unapplied":     {stream.Fail, evidence.Blocked, "undeclared", "add decisions/*.yaml with gate: TMinus5/Ways/Unapplied"},
		"Ways/PanicInBody":   {stream.Fail, evidence.Blocked, "panic", "assignment to entry in nil map"},
		"Ways/PanicInClaim":  {stream.Fail, evidence.Blocked, "panic", "in the claim"},
		"Ways/GoexitInClaim": {stream.Fail, evidence.Blocked, "panic", "ended its goroutine"},
		"Ways/Forever":       {stream.Fail, evidence.Blocked, "timeout", "none after"},
		"Ways/OwnDeadline":   {stream.Pass, evidence.Pass, "", ""},
		"Ways/LateDeadline":  {stream.Fail, evidence.Blocked, "error", "context canceled"},
		"Ways/File":          {stream.Fail, evidence.Blocked, "unsigned", "decision: approve, person: owner, evidence_sha256: "},
		"Ways/LeaksSecret":   {stream.Fail, evidence.Fail, "unclassified", "‹redacted:"},
		"Steps/First":        {stream.Pass, evidence.Pass, "", ""},
		"Steps/Second":       {stream.Pass, evidence.Pass, "", ""},
		"Steps/Third":        {stream.Pass, evidence.Pass, "", ""},
		"Meta/OwnerDue":      {stream.Pass, evidence.Pass, "", ""},
	} {
		t.Run(id, func(t *testing.T) {
			result, g := r.gate(t, "TMinus5/"+id)
			assert.Equal(t, want.result, result)
			assert.Equal(t, want.status, g.Status)
			assert.Equal(t, want.class, g.Class)
			assert.Contains(t, g.Message, want.message)
			assert.Equal(t, "Owner", g.Owner)
			assert.True(t, strings.HasSuffix(g.File, "scenario_test.go") && g.Line > 0, "the gate's own place: %s:%d", g.File, g.Line)
			assert.False(t, g.Started.After(g.Finished))
			assert.True(t, g.Expires.After(g.Finished))
		})
	}
	assert.Equal(t, "internal/gate/testdata/scenario/scenario_test.go", func() string { _, g := r.gate(t, "TMinus5/Meta/OwnerDue"); return g.File }())
}

func TestNoSecretInAnyOutput(t *testing.T) {
	r := run(t, nil, nil, "-test.run=^TestTMinus5$/^Ways$/^LeaksSecret$")
	planted := "plantedSecretValue"
	assert.NotContains(t, r.output, planted)
	require.NoError(t, filepath.WalkDir(r.reports, func(path string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.NotContains(t, string(text), planted, path)
			assert.Contains(t, string(text), "‹redacted:", path)
		}
		return nil
	}))
}

func decision(gate, kind, person, signed, expires string) string {
	if expires == "" && kind != "reject" {
		expires = "24h"
	}
	after := func(d string) string {
		span, err := time.ParseDuration(d)
		if err != nil {
			panic(err)
		}
		return time.Now().Add(span).UTC().Format(time.RFC3339)
	}
	text := fmt.Sprintf("gate: %s\ndecision: %s\nperson: %s\nrole: dns\nreason: a reason\nsigned: %s\nenvironment: staging\n", gate, kind, person, after(signed))
	if expires != "" {
		text += "expires: " + after(expires) + "\n"
	}
	if kind == "waive" {
		text += "compensating_control: somebody watches\nrequested_by: owner\n"
	}
	return text
}

// fileDecision approves the launch.yaml that run writes.
func fileDecision(t *testing.T, person string) string {
	t.Helper()
	base, err := os.ReadFile("../launch/testdata/minimal/launch.yaml")
	require.NoError(t, err)
	return decision("TMinus5/Ways/File", "approve", person, "-1h", "") + "evidence_sha256: " + evidence.Sum(base) + "\n"
}

func TestARejectionOutlivesAnotherPersonsApproval(t *testing.T) {
	no := decision("TMinus5/Ways", "reject", "reviewer", "-2h", "")
	for person, want := range map[string]evidence.Status{"owner": evidence.Fail, "reviewer": evidence.Pass} {
		r := run(t, map[string]string{"no": no, "taken-back": decision("TMinus5/Ways", "approve", person, "-1h", ""),
			"owner": decision("TMinus5/Ways", "approve", "owner", "-1h", "")}, nil, "-test.run=^TestTMinus5$/^Meta$")
		_, g := r.gate(t, "TMinus5/Meta/OwnerDue")
		assert.Equal(t, want, g.Status, person)
	}
}

func TestWhatPeopleDecided(t *testing.T) {
	for name, c := range map[string]struct {
		decision string
		gate     string
		result   stream.Result
		status   evidence.Status
		message  string
	}{
		"a waiver opens a wrong gate":        {decision("TMinus5/Ways/Wrong", "waive", "reviewer", "-1h", "24h"), "Ways/Wrong", stream.Pass, evidence.Waived, "want blue"},
		"a waiver opens a blocked gate":      {decision("TMinus5/Ways/Empty", "waive", "reviewer", "-1h", "24h"), "Ways/Empty", stream.Pass, evidence.Waived, "got none"},
		"a waiver by its owner does not":     {strings.Replace(decision("TMinus5/Ways/Wrong", "waive", "owner", "-1h", "24h"), "requested_by: owner", "requested_by: reviewer", 1), "Ways/Wrong", stream.Fail, evidence.Fail, "a second person must decide"},
		"a rejected gate is red":             {decision("TMinus5/Ways/Holds", "reject", "reviewer", "-1h", ""), "Ways/Holds", stream.Fail, evidence.Fail, "rejected by reviewer"},
		"a rejected section is red":          {decision("TMinus5/Ways", "reject", "reviewer", "-1h", ""), "Meta/OwnerDue", stream.Fail, evidence.Fail, "rejected by reviewer"},
		"an approved file is that":           {fileDecision(t, "owner"), "Ways/File", stream.Pass, evidence.Pass, ""},
		"a file approved by another is not":  {fileDecision(t, "reviewer"), "Ways/File", stream.Fail, evidence.Fail, "one by reviewer"},
		"a waiver that expired does not":     {decision("TMinus5/Ways/Wrong", "waive", "reviewer", "-48h", "-24h"), "Ways/Wrong", stream.Fail, evidence.Fail, "expired at"},
		"a waiver of another gate does not":  {decision("TMinus5/Ways/Empty", "waive", "reviewer", "-1h", "24h"), "Ways/Wrong", stream.Fail, evidence.Fail, "want blue"},
		"a green gate stays green":           {decision("TMinus5/Ways/Holds", "waive", "reviewer", "-1h", "24h"), "Ways/Holds", stream.Pass, evidence.Pass, "hold"},
		"a declaration opens what is off":    {decision("TMinus5/Ways/Unapplied", "na", "owner", "-1h", "24h"), "Ways/Unapplied", stream.Pass, evidence.NA, "declared by owner"},
		"an expired declaration does not":    {decision("TMinus5/Ways/Unapplied", "na", "owner", "-48h", "-1h"), "Ways/Unapplied", stream.Fail, evidence.Blocked, "expired at"},
		"a declaration against facts is red": {decision("TMinus5/Ways/Holds", "na", "owner", "-1h", "24h"), "Ways/Holds", stream.Fail, evidence.Blocked, "want launch.yaml and"},
		"no approval, no sign-off":           {decision("TMinus5/Other", "approve", "owner", "-1h", ""), "Meta/OwnerDue", stream.Fail, evidence.Blocked, "got no decision of theirs"},
		"approval by another is no sign-off": {decision("TMinus5/Ways", "approve", "reviewer", "-1h", ""), "Meta/OwnerDue", stream.Fail, evidence.Blocked, "got no decision of theirs"},
		"a rejection is red":                 {decision("TMinus5/Ways", "reject", "owner", "-1h", ""), "Meta/OwnerDue", stream.Fail, evidence.Fail, "rejected by owner at"},
		"an approval that ran out is red":    {decision("TMinus5/Ways", "approve", "owner", "-48h", "-1h"), "Meta/OwnerDue", stream.Fail, evidence.Fail, "expired at"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, map[string]string{"one": c.decision}, nil, "-test.run=^TestTMinus5$/"+strings.ReplaceAll(c.gate, "/", "$/")+"$")
			result, g := r.gate(t, "TMinus5/"+c.gate)
			assert.Equal(t, c.result, result)
			assert.Equal(t, c.status, g.Status)
			assert.Contains(t, g.Message, c.message)
			if c.status == evidence.Waived {
				assert.NotEmpty(t, g.Measured)
				assert.False(t, g.Expires.After(g.Decision.Expires), "good no longer than the waiver")
			}
		})
	}
}

func TestRunsThatWouldCheckNothingAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		env  []string
		says string
	}{
		"a typo":               {args: []string{"-test.run=TMinus5/Wais"}, says: "nearest: TMinus5/Ways"},
		"half a typo":          {args: []string{"-test.run=TMinus5/Ways|TMinus5/Nope"}, says: `got \"TMinus5/Nope\", which names none`},
		"a broken pattern":     {args: []string{"-test.run=TMinus5/("}, says: "want a regular expression"},
		"a pattern for nobody": {args: []string{"-test.run=^$"}, says: "names none"},
		"a skip":               {args: []string{"-test.skip=Wrong"}, says: "a gate is never skipped"},
		"no time at all":       {args: []string{"-test.count=0"}, says: "want each gate run once"},
		"twice":                {args: []string{"-test.count=2"}, says: "want each gate run once"},
		"a catalogue":          {env: []string{"LAUNCHGATE_CATALOGUE=" + os.DevNull}, says: "no gate was run"},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, nil, c.env, c.args...)
			assert.NotZero(t, r.exit)
			assert.Contains(t, r.output, c.says)
		})
	}
}

func TestGoTestKeepsNoAnswer(t *testing.T) {
	dir := filepath.Dir(run(t, nil, nil, "-test.run=^TestTMinus5$/^Ways$/^Holds$").reports)
	for range 2 {
		cmd := exec.Command("go", "test", "-run=^TestTMinus5$/^Ways$/^Holds$", "./testdata/scenario")
		cmd.Env = append(os.Environ(), "LAUNCH_CONFIG="+filepath.Join(dir, "launch.yaml"), "LAUNCH_ENV=staging", "LAUNCH_REPORTS="+filepath.Join(dir, "reports"))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		assert.NotContains(t, string(out), "(cached)")
	}
}

func TestABrokenLaunchBlocksEveryGate(t *testing.T) {
	yesterday := time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	broken := filepath.Join(t.TempDir(), "launch.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("launch: [\n"), 0o644))
	for name, c := range map[string]struct {
		env  []string
		says string
	}{
		"no LAUNCH_CONFIG":   {[]string{"LAUNCH_CONFIG="}, "export LAUNCH_CONFIG=launch.yaml"},
		"no LAUNCH_ENV":      {[]string{"LAUNCH_ENV="}, "LAUNCH_ENV"},
		"no such file":       {[]string{"LAUNCH_CONFIG=/nowhere/launch.yaml"}, "got none in /nowhere"},
		"broken YAML":        {[]string{"LAUNCH_CONFIG=" + broken}, "launch.yaml:"},
		"no such overlay":    {[]string{"LAUNCH_ENV=sandbox"}, "sandbox"},
		"launch in the past": {nil, "schedule.date"},
	} {
		t.Run(name, func(t *testing.T) {
			decisions := map[string]string{}
			if name == "launch in the past" {
				decisions["../environments/past"] = "schedule: {date: " + yesterday + "}\n"
				c.env = []string{"LAUNCH_ENV=past"}
			}
			r := run(t, decisions, c.env)
			assert.NotZero(t, r.exit)
			seen := 0
			for _, test := range r.stream.Tests {
				if status, isGate := test.Attrs[evidence.AttrStatus]; isGate {
					seen++
					assert.Equal(t, "BLOCKED", status, test.Name)
					g, _, err := evidence.Read(r.reports, test.ID())
					require.NoError(t, err)
					require.Contains(t, g.Message, c.says)
					require.NotContains(t, g.Message, "\n")
				}
			}
			assert.Equal(t, 21, seen, "every gate of the page shows up")
		})
	}
}

func TestACrashLeavesAGapTheStreamShows(t *testing.T) {
	r := run(t, nil, []string{"SCENARIO_CRASH=1"}, "-test.run=^TestTMinus5$/^Steps$")
	assert.NotZero(t, r.exit)
	for _, test := range r.stream.Tests {
		if test.Name == "TestTMinus5/Steps/Crash" {
			assert.NotEqual(t, stream.Pass, test.Result)
			return
		}
	}
	t.Fatal("the gate that took the process down must be in the stream")
}

func TestEvidenceOfAdviceIsKept(t *testing.T) {
	r := run(t, nil, nil, "-test.run=^TestTMinus5$/^Ways$/^Holds$")
	_, g := r.gate(t, "TMinus5/Ways/Holds")
	require.Len(t, g.Checks, 2)
	assert.Equal(t, probe.Warn, g.Checks[1].Status)
	text, err := json.Marshal(g.Checks[1])
	require.NoError(t, err)
	assert.Contains(t, string(text), "paint it")
	assert.False(t, strings.Contains(r.output, `\u001b`) || strings.Contains(r.output, "\x1b"), "what a server sent does not steer the terminal")
}
