package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/fixtures/started"
)

// TestBackup makes the snapshot in the sandbox as users do, with the role that is printed for it; then the gate reads what RDS has.
func TestBackup(t *testing.T) {
	s, err := sandbox.Start(sandbox.Config{Dir: filepath.Join(t.TempDir(), "sandbox"), Base: filepath.Join(root, "launch.yaml"), Fault: "migration.snapshot-none"})
	s = started.For(t, s, err)
	overlay := filepath.Join(s.Dir, "environments", sandbox.Environment+".yaml")
	begins := func(at time.Time) {
		text, err := os.ReadFile(overlay)
		require.NoError(t, err)
		text = regexp.MustCompile(`(?m)^    at: "?20.*$`).ReplaceAll(text, []byte(`    at: "`+at.UTC().Format(time.RFC3339)+`"`))
		require.NoError(t, os.WriteFile(overlay, text, 0o600))
	}
	snapshots := func() (ids []string) {
		s.AWS.Change(func(a *awstest.Account) {
			for _, snapshot := range a.Snapshots {
				if *snapshot.SnapshotType == "manual" {
					ids = append(ids, *snapshot.DBSnapshotIdentifier)
				}
			}
		})
		return ids
	}
	backup := func(env ...string) said { return command(t, t.TempDir(), append(s.Env(), env...), "backup") }
	const execute = "LAUNCH_EXECUTE=drop-2027-01-19"
	const gate = "TMinus3/Migration/BackupBefore"

	out := backup(execute)
	assert.Equal(t, 1, out.code, "the migration has begun without one: %s%s", out.stdout, out.stderr)
	assert.Contains(t, out.stdout, "correct migration.at")
	begins(time.Now().Add(time.Hour))
	out = backup(execute)
	assert.Equal(t, 2, out.code, "%s%s", out.stdout, out.stderr)
	assert.Contains(t, out.stdout, "not yet: it is to be made from")

	start := time.Now().Add(20 * time.Minute)
	begins(start)
	own := "drop-db-pre-launch-" + start.UTC().Format("20060102-1504")
	out = backup()
	assert.Equal(t, 2, out.code, "a rehearsal is no result")
	assert.Contains(t, out.stdout, "would make the snapshot "+own+" of drop-db")
	out = backup("LAUNCH_EXECUTE=another")
	assert.Equal(t, 2, out.code)
	assert.Empty(t, snapshots())
	out = command(t, t.TempDir(), s.Env(), "run", gate)
	assert.Contains(t, out.stdout, "FAIL", "%s%s", out.stdout, out.stderr)

	printed := command(t, t.TempDir(), s.Env(), "iam-policy", "--backup")
	s.AWS.Treat(awstest.Rules{Policy: policyFor(t, printed.stdout)})
	for range 2 {
		out = backup(execute)
		require.Zero(t, out.code, "%s%s", out.stdout, out.stderr)
		assert.Equal(t, []string{own}, snapshots(), "once")
	}
	printed = command(t, t.TempDir(), s.Env(), "iam-policy")
	assert.NotContains(t, printed.stdout, "rds:CreateDBSnapshot", "the gates change nothing")
	s.AWS.Treat(awstest.Rules{Policy: policyFor(t, printed.stdout)})
	out = command(t, t.TempDir(), s.Env(), "run", gate)
	assert.Contains(t, out.stdout, "PASS", "%s%s", out.stdout, out.stderr)
	journals, err := filepath.Glob(filepath.Join(s.Dir, "state", "procedures", "*", "Backup-*.jsonl"))
	require.NoError(t, err)
	assert.NotEmpty(t, journals)
}
