package workflows

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/fixtures/suitetest"
	"github.com/getdrop/launchgate/fixtures/webtest"
	"github.com/getdrop/launchgate/internal/launch"
)

// bound is the longest that one run may take.
const bound = 5 * time.Minute

// The gate that judges the snapshot before the migration is asked once the launch has made it.
func TestAGreenLaunchDeploys(t *testing.T) {
	s := newScene(t, "migration.snapshot-none", nil)
	s.overlay(t, func(o map[string]any) {
		migration, ok := o["migration"].(map[string]any)
		require.True(t, ok)
		migration["at"] = time.Now().Add(20 * time.Minute).UTC().Format(time.RFC3339)
	})
	code, log := run(t, s, "launch.yml", s.inputs())
	assert.Zero(t, code, log)
	assert.Equal(t, everywhere(s.launch.Project.Version), s.served(t))
	assert.Equal(t, []string{s.launch.Project.Version}, s.brought)
	assert.Empty(t, s.announced())
	manual := 0
	s.box.AWS.Change(func(a *awstest.Account) {
		for _, snapshot := range a.Snapshots {
			if *snapshot.SnapshotType == "manual" {
				manual++
			}
		}
	})
	assert.Equal(t, 1, manual, log)
}

func TestARedPageNeverReachesTheDeployment(t *testing.T) {
	s := newScene(t, "web.hsts-missing", nil)
	code, log := run(t, s, "launch.yml", s.inputs())
	assert.NotZero(t, code)
	assert.Regexp(t, `FAIL +TMinus5/SSL/HSTS`, log)
	assert.Contains(t, log, "NO-GO for Plan, TMinus7, TMinus5, TMinus3, TMinus2, TMinus1, TMinus0, Rollback/Ready", "the verdict on all of them")
	assert.Equal(t, everywhere(s.launch.Rollback.PreviousVersion), s.served(t))
	assert.Empty(t, s.brought, "neither deployed nor rolled back")
}

func TestAFailedSmokeTestRollsBack(t *testing.T) {
	s := newScene(t, "", func(s *scene, version string) error {
		if version == s.launch.Project.Version {
			s.box.Site.Break(webtest.WWWServes) // the new version has a mistake that its health does not show
			return nil
		}
		return s.box.Site.Mend()
	})
	code, log := run(t, s, "launch.yml", s.inputs())
	assert.NotZero(t, code, "a launch that was rolled back is no success")
	assert.Equal(t, everywhere(s.launch.Rollback.PreviousVersion), s.served(t), log)
	assert.Equal(t, []string{s.launch.Project.Version, s.launch.Rollback.PreviousVersion}, s.brought)
	said := s.announced()
	require.Len(t, said, 2, log)
	assert.Contains(t, said[0], "Going back to the previous version")
	assert.Contains(t, said[1], "is back on version")
}

func TestAFailedDeploymentRollsBack(t *testing.T) {
	s := newScene(t, "", func(s *scene, version string) error {
		if version == s.launch.Project.Version {
			return errors.New("the platform gave up half-way")
		}
		return nil
	})
	code, log := run(t, s, "launch.yml", s.inputs())
	assert.NotZero(t, code)
	assert.Equal(t, everywhere(s.launch.Rollback.PreviousVersion), s.served(t), log)
	assert.Equal(t, []string{s.launch.Project.Version, s.launch.Rollback.PreviousVersion}, s.brought)
}

func TestAnUnmeasuredSmokeTestCallsAPersonAndRollsNothingBack(t *testing.T) {
	s := newScene(t, "", func(s *scene, _ string) error {
		s.overlay(t, func(o map[string]any) { // from now on nobody knows the way to plain HTTP of one address
			network, ok := o["network"].(map[string]any)
			require.True(t, ok)
			connect, ok := network["connect"].(map[string]any)
			require.True(t, ok)
			delete(connect, webtest.Addresses[0].String()+":80")
		})
		return nil
	})
	code, log := run(t, s, "launch.yml", s.inputs())
	assert.NotZero(t, code)
	assert.Equal(t, everywhere(s.launch.Project.Version), s.served(t), log)
	assert.Equal(t, []string{s.launch.Project.Version}, s.brought)
	said := s.announced()
	require.Len(t, said, 1, log)
	assert.Contains(t, said[0], "needs a person now")
}

func TestRollbackByHand(t *testing.T) {
	s := newScene(t, "", nil)
	require.NoError(t, s.box.Deploy())
	inputs := s.inputs()
	inputs["launch"] = "another-launch"
	code, log := run(t, s, "rollback.yml", inputs)
	assert.NotZero(t, code)
	assert.Contains(t, log, "another-launch")
	assert.Equal(t, everywhere(s.launch.Project.Version), s.served(t), "the wrong id changes nothing")
	assert.Empty(t, s.brought)
	assert.Empty(t, s.announced())

	code, log = run(t, s, "rollback.yml", s.inputs())
	assert.Zero(t, code, log)
	assert.Equal(t, everywhere(s.launch.Rollback.PreviousVersion), s.served(t))
}

// A page that asks AWS is decided with the role that the repository names, and BLOCKED without one.
func TestAPageOnAWSTakesItsRole(t *testing.T) {
	s := newScene(t, "", nil)
	require.NoError(t, s.box.Deploy())
	inputs := s.inputs()
	delete(inputs, "launch")
	inputs["phases"] = `["TMinus7"]`
	s.role = ""
	code, log := run(t, s, "gates.yml", inputs)
	assert.NotZero(t, code)
	assert.Regexp(t, `BLOCKED +TMinus7/AWS/AppRunnerRunning`, log)

	s.role = role
	code, log = run(t, s, "gates.yml", inputs)
	assert.Zero(t, code, log)
	assert.Contains(t, log, "GO for TMinus7")
}

// compiled fills the build cache with what the workflows compile: a scene's bound is about what it does. A clone has another path than the
// repository; without paths in the binaries the cache serves both.
var compiled = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "compiled-")
	if err != nil {
		return err
	}
	return errors.Join(os.Setenv("GOFLAGS", "-trimpath"), suitetest.Compile(dir), os.RemoveAll(dir))
})

// run runs a workflow as somebody who starts it by hand, and returns act's exit code and log.
func run(t *testing.T, s *scene, name string, inputs map[string]string) (int, string) {
	t.Helper()
	require.NoError(t, compiled())
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	artifacts := t.TempDir()
	args := []string{"workflow_dispatch", "--directory", checkout(t), "--workflows", ".github/workflows/" + name,
		"--platform", "ubuntu-latest=-self-hosted", "--concurrent-jobs", "1", "--action-cache-path", t.TempDir(), "--no-cache-server", "--pull=false",
		"--env", "ARTIFACTS=" + artifacts, "--env", "CURL_HOME=" + s.curlHome(t), "--env", "ROLE_CREDENTIALS=" + s.credentials(t),
		"--var", "LAUNCHGATE_ROLE=" + s.role, "--var", "LAUNCHGATE_BACKUP_ROLE=" + s.role, "--var", "LAUNCHGATE_ROLLBACK_ROLE=" + s.role, "--var", "AWS_REGION=" + s.launch.AWS.Region}
	args = append(args, standIns(t)...)
	for name, value := range s.secrets {
		args = append(args, "--secret", name+"="+value)
	}
	for key, value := range inputs {
		args = append(args, "--input", key+"="+value)
	}
	cmd := exec.CommandContext(ctx, act(t), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	log := out.String()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s\nact's log of %s:\n%s", s.transcript(), name, log)
		}
	})
	require.NoError(t, ctx.Err(), "act must end within %s", bound)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), log
}

// act finds the program that runs workflows without GitHub.
func act(t *testing.T) string {
	t.Helper()
	path := os.Getenv("ACT")
	if path == "" {
		path = filepath.Join(launch.Root(), "bin", "act")
	}
	_, err := os.Stat(path)
	require.NoError(t, err, "want act to run the workflows with; `make bin/act` builds it, or ACT names it")
	return path
}

// standIns maps each action that the workflows use, at its pinned commit, to a folder of testdata.
func standIns(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(launch.Root(), ".github", "workflows", "*.yml"))
	require.NoError(t, err)
	uses := regexp.MustCompile(`uses: ((?:aws-)?actions/([a-z-]+))[a-z/-]*@([0-9a-f]{40})`)
	seen := map[string]bool{}
	var args []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range uses.FindAllStringSubmatch(string(text), -1) {
			folder, err := filepath.Abs(filepath.Join("testdata", "actions", m[2]))
			require.NoError(t, err)
			if arg := m[1] + "@" + m[3] + "=" + folder; !seen[arg] {
				seen[arg] = true
				args = append(args, "--local-repository", arg)
			}
		}
	}
	require.NotEmpty(t, args)
	return args
}

// oneAtATime makes the jobs of a matrix wait for each other: act looks up --local-repository in a map without a lock, so
// jobs that start at the same time end it now and then with "concurrent map writes" (act 0.2.88). --concurrent-jobs does
// not reach the jobs of one matrix.
var oneAtATime = strings.NewReplacer("    strategy:\n", "    strategy:\n      max-parallel: 1\n")

// checkout makes a repository with the work tree's files in it, as a runner would clone them.
func checkout(t *testing.T) string {
	t.Helper()
	root, dir := launch.Root(), t.TempDir()
	git := func(in string, args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = in
		text, err := cmd.Output()
		require.NoError(t, err, "git %q", args)
		return text
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")), "\x00"), "\x00") {
		info, err := os.Stat(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not yet committed
		}
		require.NoError(t, err)
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		if filepath.Dir(name) == filepath.Join(".github", "workflows") {
			text = []byte(oneAtATime.Replace(string(text)))
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, info.Mode()))
	}
	git(dir, "init", "--quiet", "--initial-branch", "main")
	git(dir, "add", "--all")
	git(dir, "-c", "user.name=ci", "-c", "user.email=ci@example.com", "commit", "--quiet", "--message", "work tree")
	return dir
}
