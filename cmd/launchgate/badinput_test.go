package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/verdict"
)

// edit replaces a text in one of the sandbox's files, which must be there.
func edit(name, old, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		path := filepath.Join(dir, name)
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		after := strings.Replace(string(before), old, text, 1)
		require.NotEqual(t, string(before), after)
		require.NoError(t, os.WriteFile(path, []byte(after), 0o600))
	}
}

// TestBadInput breaks what people write, one thing at a time: each is one line that names file, line and key and says what
// to do, every gate is red, and nothing panics.
func TestBadInput(t *testing.T) {
	s := startSandbox(t, "")
	gates := gatesOf(t, "TMinus5")
	for name, c := range map[string]struct {
		spoil func(*testing.T, string)
		env   string // LAUNCH_ENV, where it is not the sandbox
		code  int
		want  string // of the line
	}{
		"no launch.yaml": {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "launch.yaml"))) }, "", 3,
			`^launch\.yaml: want this file; got none in .*; run launchgate init to write a first one, or correct LAUNCH_CONFIG`},
		"broken YAML":  {edit("launch.yaml", "  date: 2026-11-20", "  date: [2026-11-20"), "", 3, `^launch\.yaml:\d+: want .*; got `},
		"unknown key":  {edit("launch.yaml", "  low_ttl:", "  low_tll: 300s\n  low_ttl:"), "", 3, `^launch\.yaml:\d+: dns\.low_tll: want a known key; got "low_tll"; did you mean low_ttl\?`},
		"unset ${VAR}": {edit("launch.yaml", `version: "1.0.0"`, `version: "${NOBODY_SETS_THIS}"`), "", 3, `^launch\.yaml:\d+: project\.version: want the environment variable NOBODY_SETS_THIS; got none; export it, or write`},
		"launch is over": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, "environments", "sandbox.yaml")
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			yesterday := time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
			after := regexp.MustCompile(`date: "?[0-9-]+"?`).ReplaceAll(before, []byte("date: "+yesterday))
			require.NotEqual(t, before, after)
			require.NoError(t, os.WriteFile(path, after, 0o600))
		}, "", 2, `^environments/sandbox\.yaml:\d+: schedule\.date: want a launch still to come for the page TMinus5; got [0-9-]+T10:00:00\+0[12]:00, which is over; set the new date`},
		"wrong LAUNCH_ENV": {func(*testing.T, string) {}, "sandbx", 3, `^environments/sandbx\.yaml: want this file; got none in .*; correct LAUNCH_ENV: there are sandbox`},
		"broken decision":  {edit("decisions/dns.yaml", "decision: approve", "decision: approved"), "", 3, `^decisions/dns\.yaml:\d+: decision: want .*approve.*; got "approved"`},
		"no decision file": {edit("decisions/dns.yaml", "gate: TMinus5/DNS", "gate: DNS"), "", 3, `^decisions/dns\.yaml:\d+: gate: want the id of a gate or section`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(s.Dir)))
			c.spoil(t, dir)
			environment := c.env
			if environment == "" {
				environment = "sandbox"
			}
			said := command(t, dir, []string{"LAUNCH_CONFIG=" + filepath.Join(dir, "launch.yaml"), "LAUNCH_ENV=" + environment}, "run", "TMinus5", "--format", "json")
			assert.Equal(t, c.code, said.code)
			assert.NotRegexp(t, `panic|goroutine \d`, said.stdout+said.stderr)
			var v verdict.Verdict
			require.NoError(t, json.Unmarshal([]byte(said.stdout), &v), said.stderr)
			require.Equal(t, gates, v.Counts.Total)
			for _, g := range v.Gates {
				assert.True(t, g.Blocks, g.ID)
				assert.Equal(t, evidence.Blocked, g.Status, g.ID)
				assert.Equal(t, v.Gates[0].Message, g.Message, g.ID)
			}
			assert.Regexp(t, c.want, v.Gates[0].Message)
			assert.NotContains(t, v.Gates[0].Message, "\n")
		})
	}
}
