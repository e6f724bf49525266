package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/launch"
)

var update = flag.Bool("update", false, "write the generated files anew")

// root is the repository.
var root = launch.Root()

// TestMain lets this test binary stand in for launchgate: under that name it is the command.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"launchgate": main})
}

// suite runs the tests and removes what bin built.
type suite struct{ *testing.M }

func (s suite) Run() int {
	for _, name := range []string{"LAUNCH_CONFIG", "LAUNCH_ENV", "LAUNCH_REPORTS", "LAUNCH_EXECUTE", "GITHUB_STEP_SUMMARY"} {
		if err := os.Unsetenv(name); err != nil { // what is set where the tests run must not reach an environment
			panic(err)
		}
	}
	code := s.M.Run()
	if dir, err := bin(); err == nil && os.RemoveAll(dir) != nil {
		code = 1
	}
	return code
}

// bin is a folder with the command and every page, as `make build` leaves it: built once, when a test first asks for it.
var bin = sync.OnceValues(func() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Dir(self), "bin-") // beside the test binary, so that it can be linked
	if err != nil {
		return "", err
	}
	if err := os.Link(self, filepath.Join(dir, "launchgate")); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"build", "-o", dir + "/test2json", "cmd/test2json"},
		{"test", "-c", "-o", dir + "/", "./gates/...", "./smoke", "./rollback"},
	} {
		if out, err := goTool(args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	for phase, binary := range pages {
		if err := os.Rename(filepath.Join(dir, binary), filepath.Join(dir, phase+".test")); err != nil {
			return "", err
		}
	}
	return dir, nil
})

// pages are the runbook's pages and what go test -c calls them.
var pages = map[string]string{"Plan": "plan.test", "TMinus7": "tminus7.test", "TMinus5": "tminus5.test", "TMinus3": "tminus3.test", "TMinus2": "tminus2.test", "TMinus1": "tminus1.test", "TMinus0": "tminus0.test", "LaunchDay": "launchday.test", "Smoke": "smoke.test", "Rollback": "rollback.test"}

func goTool(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	return cmd
}

// said is what a command left.
type said struct {
	stdout, stderr string
	code           int
}

// command runs launchgate as users do, in a folder of its own, with these variables.
func command(t *testing.T, dir string, env []string, args ...string) said {
	t.Helper()
	beside, err := bin()
	require.NoError(t, err)
	return commandIn(t, beside, dir, env, args...)
}

// commandIn is command with the launchgate of another folder, and so with the pages there.
func commandIn(t *testing.T, bin, dir string, env []string, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "launchgate"), args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return said{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// TestScripts runs testdata/script: one behaviour a file.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// setUp gives a script the command, the pages and launch.yaml.
func setUp(env *testscript.Env) error {
	dir, err := bin()
	if err != nil {
		return err
	}
	env.Setenv("PATH", dir+string(filepath.ListSeparator)+env.Getenv("PATH"))
	env.Setenv("YESTERDAY", time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339))
	env.Setenv("TOMORROW", time.Now().UTC().AddDate(0, 0, 1).Format(time.RFC3339))
	text, err := os.ReadFile(filepath.Join(root, "launch.yaml"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "launch.yaml"), text, 0o644)
}

// exits is the script command `exits CODE program args…`: as exec, for a program that ends with just this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args…")
	}
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		ended := (*exec.ExitError)(nil)
		if !errors.As(err, &ended) {
			ts.Fatalf("%v", err)
		}
		code = fmt.Sprint(ended.ExitCode())
	}
	if code != args[0] {
		ts.Fatalf("want exit code %s; got %s", args[0], code)
	}
}

// TestScriptReadme keeps the list of scripts: each begins with a line that says its behaviour.
func TestScriptReadme(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	want := "# Scripts\n\nThe command's behaviour, one a file, for [testscript](https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript).\n" +
		"Run one with `go test ./cmd/launchgate -run TestScripts/run_exit_codes`. A script finds `launchgate`, the compiled pages and\n" +
		"`launch.yaml`; `exits CODE program args…` is `exec` for a program that ends with just this code.\n" +
		"Written by `go test ./cmd/launchgate -run TestScriptReadme -update`.\n\n"
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(text), "\n")
		sentence, ok := strings.CutPrefix(first, "# ")
		assert.True(t, ok, "%s: want a first line that says the behaviour", file)
		want += fmt.Sprintf("- `%s`: %s\n", strings.TrimSuffix(filepath.Base(file), ".txtar"), sentence)
	}
	const readme = "testdata/script/README.md"
	if *update {
		require.NoError(t, os.WriteFile(readme, []byte(want), 0o644))
	}
	got, err := os.ReadFile(readme)
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "run the test with -update")
}
