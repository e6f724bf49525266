package workflows

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/getdrop/launchgate/internal/drill"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/target/database"
)

// workflow is what the rules look at.
type workflow struct {
	Permissions *map[string]string
	Concurrency any
	Jobs        map[string]job
}

type job struct {
	Uses        string
	If          string
	Needs       any
	Environment string
	Permissions *map[string]string
	Concurrency any
	Minutes     int `yaml:"timeout-minutes"`
	Env         map[string]string
	Steps       []step

	ContinueOnError string `yaml:"continue-on-error"`
	With            map[string]string
}

type step struct {
	Uses, Run, If   string
	ContinueOnError string `yaml:"continue-on-error"`
	Minutes         int    `yaml:"timeout-minutes"`
	Env             map[string]string
	With            map[string]string
}

func read(t *testing.T, name string) workflow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(launch.Root(), ".github", "workflows", name))
	require.NoError(t, err)
	var w workflow
	require.NoError(t, yaml.Unmarshal(text, &w))
	require.NotEmpty(t, w.Jobs)
	return w
}

// each visits the jobs of all workflows.
func each(t *testing.T, visit func(t *testing.T, name string, j job)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(launch.Root(), ".github", "workflows", "*"))
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		for name, j := range read(t, filepath.Base(file)).Jobs {
			id := filepath.Base(file) + "/" + name
			t.Run(id, func(t *testing.T) { visit(t, id, j) })
		}
	}
}

func TestActionsArePinnedByCommit(t *testing.T) {
	pinned := regexp.MustCompile(`^\s*(- )?uses: ((?:aws-)?actions/[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/[a-z]+\.yml)$`)
	files, err := filepath.Glob(filepath.Join(launch.Root(), ".github", "workflows", "*"))
	require.NoError(t, err)
	uses := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.SplitSeq(string(text), "\n") {
			if !strings.Contains(line, "uses:") {
				continue
			}
			assert.Regexp(t, pinned, line, file)
			name, commit, _ := strings.Cut(strings.TrimSpace(line), "@")
			assert.Contains(t, []string{"", commit}, uses[name], "one version of an action everywhere")
			uses[name] = commit
		}
	}
	assert.NotEmpty(t, uses)
}

func TestJobsMayDoNothingThatTheyDoNotNeed(t *testing.T) {
	for _, name := range []string{"ci.yml", "drill.yml", "gates.yml", "launch.yml", "rollback.yml"} {
		w := read(t, name)
		require.NotNil(t, w.Permissions, name)
		assert.Empty(t, *w.Permissions, "%s: nothing by default", name)
	}
	each(t, func(t *testing.T, id string, j job) {
		t.Helper()
		require.NotNil(t, j.Permissions)
		may := []string{"contents: read"}
		if slices.ContainsFunc(j.Steps, func(s step) bool { return strings.HasPrefix(s.Uses, "aws-actions/") }) || id == "launch.yml/gates" || id == "launch.yml/rollback" { // who takes a role on AWS, and who calls it
			may = append(may, "id-token: write")
			assert.Equal(t, "write", (*j.Permissions)["id-token"], "without it no role can be had; and a called workflow has no more than its caller gives")
		}
		for scope, level := range *j.Permissions {
			assert.Contains(t, may, scope+": "+level)
		}
		for _, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "actions/checkout@") {
				assert.Equal(t, "false", s.With["persist-credentials"])
			}
		}
	})
}

// What somebody typed must never be a part of a program.
func TestNothingIsInterpolatedIntoAShell(t *testing.T) {
	each(t, func(t *testing.T, _ string, j job) {
		t.Helper()
		for _, s := range j.Steps {
			assert.NotContains(t, s.Run, "${{")
		}
	})
}

// The pages before the launch deliver to a canary with it: docs/adr/0016.
func TestOnlyWhatAPersonTypedTheLaunchForMayExecute(t *testing.T) {
	var executing []string
	each(t, func(t *testing.T, id string, j job) {
		t.Helper()
		assert.NotContains(t, j.Env, "LAUNCH_EXECUTE", "for one step, not for the whole job")
		for _, s := range j.Steps {
			if value, set := s.Env["LAUNCH_EXECUTE"]; set {
				if strings.HasPrefix(id, "drill.yml/") { // once, for all drills that come
					assert.Equal(t, "${{ vars.DRILL_LAUNCH }}", value)
					assert.Regexp(t, `^bin/launchgate drill [^;&|]+$`, s.Run, "and for nothing else")
					assert.Contains(t, j.If, "vars.DRILL_LAUNCH != ''")
					continue
				}
				assert.Equal(t, "${{ inputs.launch }}", value, "typed by a person")
				executing = append(executing, id)
			}
			assert.NotContains(t, s.Run, "LAUNCH_EXECUTE")
		}
	})
	assert.ElementsMatch(t, []string{"gates.yml/page", "launch.yml/backup", "launch.yml/deploy", "rollback.yml/rollback"}, executing)
	assert.Equal(t, "${{ inputs.launch }}", read(t, "launch.yml").Jobs["gates"].With["launch"])
}

// A job that acts without a role on AWS fails where it is needed most, and one that has another's can do more than it should. The role
// comes before what needs it.
func TestWhoActsOnAWSHasItsRole(t *testing.T) {
	want := map[string][]string{
		"gates.yml/page": {"LAUNCHGATE_TUNNEL_ROLE", "LAUNCHGATE_ROLE"}, "drill.yml/drill": {"LAUNCHGATE_DRILL_ROLE"}, "launch.yml/backup": {"LAUNCHGATE_BACKUP_ROLE"},
		"launch.yml/deploy": {"LAUNCHGATE_DEPLOY_ROLE"}, "rollback.yml/rollback": {"LAUNCHGATE_ROLLBACK_ROLE"},
	}
	role := regexp.MustCompile(`^\$\{\{ vars\.(\w+) \}\}$`)
	each(t, func(t *testing.T, id string, j job) {
		t.Helper()
		var taken []string
		acted := false
		for _, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "aws-actions/configure-aws-credentials@") {
				name := role.FindStringSubmatch(s.With["role-to-assume"])
				require.Len(t, name, 2)
				taken = append(taken, name[1])
				assert.Contains(t, s.If, "vars."+name[1]+" != ''", "where the repository names none, the job goes on without")
				assert.False(t, acted, "a role that comes too late")
			}
			_, acts := s.Env["LAUNCH_EXECUTE"]
			acted = acted || acts
		}
		assert.Equal(t, want[id], taken)
	})
}

// A step that may fail and is passed over is one that the rollback can do without; anywhere else it would hide something.
// But for the rollback, which goes on without what it can do without, only the snapshot may fail, since a gate judges it: so a waiver of that
// gate is one for the launch too.
func TestOnlyTheRollbackPassesOverWhatFails(t *testing.T) {
	each(t, func(t *testing.T, id string, j job) {
		t.Helper()
		assert.Empty(t, j.ContinueOnError)
		for _, s := range j.Steps {
			if s.ContinueOnError != "" && s.Run != "bin/launchgate backup" && s.With["role-to-assume"] != "${{ vars.LAUNCHGATE_BACKUP_ROLE }}" {
				assert.Equal(t, "rollback.yml/rollback", id)
				assert.Empty(t, s.Run, "only what an action fetches, or keeps")
			}
			assert.NotRegexp(t, `\|\| (true|:)`, s.Run, "a failure that is swallowed")
		}
	})
	for _, s := range read(t, "rollback.yml").Jobs["rollback"].Steps {
		if strings.HasPrefix(s.Uses, "aws-actions/") {
			assert.Equal(t, "true", s.ContinueOnError, "a command that needs no role must not wait for one")
			assert.Equal(t, 1, s.Minutes, "nor for one that cannot be had: the action tries again and again")
		}
		if strings.Contains(s.Run, "make ") {
			assert.Equal(t, "make bin/launchgate bin/test2json bin/Rollback.test", s.Run, "a page that does not compile must not keep it from running")
		}
	}
}

// The tunnels are open before the page runs, by connection strings that the page has too, and closed whatever it said.
func TestPagesHaveTheirTunnels(t *testing.T) {
	order := ""
	var page map[string]string
	for _, s := range read(t, "gates.yml").Jobs["page"].Steps {
		switch {
		case strings.Contains(s.Run, "tunnel.sh open"):
			order += "open "
			page = s.Env
			assert.Equal(t, "vars.LAUNCHGATE_TUNNEL != ''", s.If)
		case strings.Contains(s.Run, "launchgate run"):
			order += "run "
			for name, value := range page {
				if name != "INSTANCE" {
					assert.Equal(t, value, s.Env[name])
				}
			}
		case strings.Contains(s.Run, "tunnel.sh close"):
			order += "close"
			assert.Equal(t, "always() && vars.LAUNCHGATE_TUNNEL != ''", s.If)
		}
	}
	assert.Equal(t, "open run close", order)
	text, err := os.ReadFile(filepath.Join(launch.Root(), "launch.yaml"))
	require.NoError(t, err)
	for _, r := range regexp.MustCompile(`\bdsn: secret:env:(\w+)`).FindAllStringSubmatch(string(text), -1) {
		assert.Contains(t, page, r[1], "a tunnel leads to the host of its connection string")
	}
}

func TestNothingStandsInFrontOfTheRollback(t *testing.T) {
	j := read(t, "rollback.yml").Jobs["rollback"]
	assert.Nil(t, j.Needs)
	assert.Empty(t, j.Environment, "an environment's protection rules would make it wait")
	w := read(t, "launch.yml")
	assert.NotEqual(t, w.Concurrency, j.Concurrency, "a launch that hangs must not make it wait")
	assert.Equal(t, "./.github/workflows/rollback.yml", w.Jobs["rollback"].Uses)
}

// act ends a run at the first called workflow that fails, so that only this says what GitHub would do after red gates.
func TestOnlyGreenGatesLeadToTheDeployment(t *testing.T) {
	jobs := read(t, "launch.yml").Jobs
	for name, needs := range map[string]any{"gates": "backup", "deploy": "gates", "smoke": "deploy", "done": []any{"gates", "deploy", "smoke"}} {
		assert.Equal(t, needs, jobs[name].Needs, name)
		assert.Empty(t, jobs[name].If, "%s: without a condition a job runs only after the success of what it needs", name)
	}
	assert.Equal(t, "./.github/workflows/gates.yml", jobs["gates"].Uses)
	gates := read(t, "gates.yml").Jobs
	assert.Equal(t, "page", gates["verdict"].Needs)
	for name, j := range gates {
		for _, s := range j.Steps {
			assert.Empty(t, s.ContinueOnError, "%s: a red step that does not count is a false green", name)
		}
	}
}

// What promotes is every page before the launch day, and the way back. A page that is not asked for must not look like a green one.
func TestPromotionNeedsEveryPageBeforeTheLaunchDay(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(launch.Root(), "Makefile"))
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^PHASES := (.*)$`).FindSubmatch(text)
	require.NotNil(t, line)
	var pages []string
	for page := range strings.FieldsSeq(string(line[1])) {
		name, _, _ := strings.Cut(page, ":")
		if name == "LaunchDay" {
			break
		}
		pages = append(pages, name)
	}
	require.NotEmpty(t, pages)
	pages = append(pages, "Rollback/Ready")

	text, err = os.ReadFile(filepath.Join(launch.Root(), ".github", "workflows", "gates.yml"))
	require.NoError(t, err)
	defaults := regexp.MustCompile(`(?m)^ {8}default: '(\[.*\])'$`).FindAllSubmatch(text, -1)
	require.Len(t, defaults, 2, "called, and by hand")
	for _, d := range defaults {
		var phases []string
		require.NoError(t, json.Unmarshal(d[1], &phases))
		assert.Equal(t, pages, phases)
	}
	assert.NotContains(t, read(t, "launch.yml").Jobs["gates"].With, "phases", "a launch chooses none")
}

// A secret that launch.yaml refers to and the job does not pass on would block its gates in CI alone.
func TestPagesGetTheSecretsOfTheLaunch(t *testing.T) {
	given := map[string]string{}
	for _, s := range read(t, "gates.yml").Jobs["page"].Steps {
		if strings.Contains(s.Run, "launchgate run") {
			given = s.Env
		}
	}
	text, err := os.ReadFile(filepath.Join(launch.Root(), "launch.yaml"))
	require.NoError(t, err)
	refers := regexp.MustCompile(`(\w+): secret:env:(\w+)`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, refers)
	for _, r := range refers {
		if r[1] == "url" { // drill.url, which may write: the gates must not have it
			assert.NotContains(t, given, r[2])
			continue
		}
		assert.Equal(t, "${{ secrets."+r[2]+" }}", given[r[2]], r[0])
		assert.False(t, strings.HasPrefix(r[2], "GITHUB_"), "%s: GitHub lets nobody name a secret so, and its own token reads this repository alone", r[2])
	}
}

// A TTL that has been low for a week was seen a week ago: by another run, on another machine.
func TestPagesKeepWhatTheySaw(t *testing.T) {
	var restored, saved map[string]string
	for _, s := range read(t, "gates.yml").Jobs["page"].Steps {
		switch {
		case strings.HasPrefix(s.Uses, "actions/cache/restore@"):
			restored = s.With
		case strings.HasPrefix(s.Uses, "actions/cache/save@"):
			saved = s.With
			assert.Equal(t, "always()", s.If, "a red page has seen something too")
		}
	}
	require.NotEmpty(t, restored["key"])
	assert.Equal(t, saved["path"], restored["path"])
	assert.Equal(t, saved["key"], restored["key"])
	assert.True(t, strings.HasPrefix(restored["key"], restored["restore-keys"]), "the newest of an earlier run")
	for _, own := range []string{"inputs.environment", "matrix.phase"} {
		assert.Contains(t, restored["restore-keys"], own)
	}
	l, err := launch.Load(filepath.Join(launch.Root(), "launch.yaml"), "production")
	require.NoError(t, err)
	for _, file := range []string{l.DNS.TTLLog, l.TLS.CertLog} {
		match, err := path.Match(strings.TrimPrefix(restored["path"], "**/"), file)
		require.NoError(t, err)
		assert.True(t, match, file)
	}
}

// The runner's limit must be the last to strike: whatever strikes first knows best what happened.
func TestLimitsAreOrdered(t *testing.T) {
	limit := regexp.MustCompile(`--timeout (\S+)`)
	pages := 0
	each(t, func(t *testing.T, _ string, j job) {
		t.Helper()
		if j.Uses != "" {
			return
		}
		require.Positive(t, j.Minutes)
		for _, s := range j.Steps {
			if !strings.Contains(s.Run, "launchgate run") {
				continue
			}
			pages++
			match := limit.FindStringSubmatch(s.Run)
			require.Len(t, match, 2, s.Run)
			page, err := time.ParseDuration(match[1])
			require.NoError(t, err)
			assert.Less(t, page, time.Duration(j.Minutes)*time.Minute)
			assert.Greater(t, page, 5*time.Minute)
		}
	})
	assert.Equal(t, 4, pages, "a page of gates, the deployment, the smoke journeys, the rollback")
}

func TestReportsAreUploadedAlways(t *testing.T) {
	each(t, func(t *testing.T, _ string, j job) {
		t.Helper()
		reports, where := false, "reports/"
		for _, s := range j.Steps {
			if strings.Contains(s.Run, "launchgate drill") {
				where = "drills/" // drill.dir of launch.yaml
			}
			if s.Run == "bin/launchgate backup" {
				where = "state/procedures/"
			}
			reports = reports || strings.Contains(s.Run, "bin/launchgate ") && s.Run != "bin/launchgate drill mark" && !strings.HasPrefix(s.Run, "bin/launchgate tunnels") || strings.Contains(s.Run, ".ci/run")
			if reports && strings.HasPrefix(s.Uses, "actions/upload-artifact@") {
				assert.Equal(t, "always()", s.If)
				assert.Contains(t, s.With["path"], where)
				reports = false
			}
		}
		assert.False(t, reports, "reports that nobody keeps")
	})
}

func TestDeploymentsOfAnEnvironmentWaitForEachOther(t *testing.T) {
	for _, group := range []any{read(t, "launch.yml").Concurrency, read(t, "rollback.yml").Jobs["rollback"].Concurrency} {
		c, ok := group.(map[string]any)
		require.True(t, ok)
		assert.Contains(t, c["group"], "${{ inputs.environment }}")
		assert.Equal(t, false, c["cancel-in-progress"])
	}
}

// What deploys after a rollback undoes it: a rollback that a person starts ends the deployment of another run, and waits for nobody.
func TestARollbackEndsADeploymentThatStillRuns(t *testing.T) {
	deploy, ok := read(t, "launch.yml").Jobs["deploy"].Concurrency.(map[string]any)
	require.True(t, ok)
	assert.Equal(t, false, deploy["cancel-in-progress"], "a second deployment waits for the first")
	jobs := read(t, "rollback.yml").Jobs
	stop, ok := jobs["stop"].Concurrency.(map[string]any)
	require.True(t, ok)
	assert.Equal(t, deploy["group"], stop["group"])
	assert.Equal(t, true, stop["cancel-in-progress"])
	assert.Empty(t, jobs["stop"].If)
	assert.NotEqual(t, deploy["group"], jobs["rollback"].Concurrency.(map[string]any)["group"], "a second rollback must not end the first") // the rule above has its type
}

// A drill's own limits must be the first to strike, or its server is left: twice rto, log_rpo, and twice twenty minutes to remove it.
func TestADrillEndsByItself(t *testing.T) {
	jobs := read(t, "drill.yml").Jobs
	assert.Equal(t, map[string]string{"LAUNCH_CONFIG": "launch.yaml", "LAUNCH_ENV": "production"}, jobs["mark"].Env)
	assert.Equal(t, "launch.yaml", jobs["drill"].Env["LAUNCH_CONFIG"])
	t.Setenv("LAUNCH_CONFIG", filepath.Join(launch.Root(), "launch.yaml"))
	t.Setenv("LAUNCH_ENV", "production")
	l, err := launch.FromEnv()
	require.NoError(t, err)
	assert.Equal(t, "drills", l.Drill.Dir)
	j := jobs["drill"]
	assert.Greater(t, time.Duration(j.Minutes)*time.Minute, (&drill.Drill{Want: database.Drills(l).Want}).Lease()+20*time.Minute, "its compilation included")
	for _, s := range j.Steps {
		if seconds, set := s.With["role-duration-seconds"]; set {
			assert.Equal(t, strconv.Itoa(j.Minutes*60), seconds)
		}
	}
	group, ok := j.Concurrency.(map[string]any)
	require.True(t, ok)
	assert.Equal(t, false, group["cancel-in-progress"])
}
