package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGoTest runs a page with go test itself, as somebody at work on a gate does.
func TestGoTest(t *testing.T) {
	s := startSandbox(t, "")
	page := func(env []string, args ...string) (string, int) {
		cmd := goTool(append([]string{"test", "./gates/tminus5"}, args...)...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("go test %v: %v", args, err) // which some cases want; the code is what they look at
		}
		return string(out), cmd.ProcessState.ExitCode()
	}

	for name, reports := range map[string]string{"reports in the module": root + "/reports/gotest", "reports elsewhere": t.TempDir()} {
		env := append(s.Env(), "LAUNCH_REPORTS="+reports)
		t.Cleanup(func() { assert.NoError(t, os.RemoveAll(reports)) })
		for range 2 {
			out, code := page(env, "-run", "TMinus5/DNS")
			require.Zero(t, code, out)
			assert.True(t, strings.HasPrefix(out, "ok "), out)
			assert.NotContains(t, out, "cached", name)
		}
	}

	out, code := page(s.Env(), "-run", "TMinus5/Typo")
	assert.NotZero(t, code)
	assert.Contains(t, out, `want a pattern that names a gate; got "TMinus5/Typo", which names none; nearest: TMinus5/DNS`)

	out, code = page([]string{"LAUNCH_REPORTS=" + t.TempDir()}, "-v")
	assert.NotZero(t, code)
	assert.Equal(t, gatesOf(t, "TMinus5"), strings.Count(out, ": BLOCKED TMinus5/"), "every gate of the page")
	assert.Equal(t, gatesOf(t, "TMinus5"), strings.Count(out, "launchgate.status BLOCKED"))
	assert.Contains(t, out, "type: export LAUNCH_CONFIG=launch.yaml LAUNCH_ENV=staging")
	assert.NotContains(t, out, "launchgate.status PASS")
}
