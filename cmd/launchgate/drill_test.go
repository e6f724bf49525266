package main

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/internal/drill"
)

// TestDrill drills in the sandbox as users do, where RDS restores a real PostgreSQL; then the gates read what it left.
func TestDrill(t *testing.T) {
	live, err := pgtest.Start(t.Context(), pgtest.Config{Driver: "local", Archive: true})
	live = started.For(t, live, err)
	require.NoError(t, live.Exec(t.Context(), drill.Schema+`;
		CREATE TABLE payment (id bigserial PRIMARY KEY, account_id int, ore bigint, made timestamptz DEFAULT now());
		CREATE TABLE audit_log (id bigserial PRIMARY KEY, account_id int, did text, at timestamptz DEFAULT now());
		INSERT INTO payment (account_id, ore) SELECT i, i * 101 FROM generate_series(1, 300) i;
		INSERT INTO audit_log (account_id, did) SELECT i, 'paid' FROM generate_series(1, 600) i`))
	s, err := sandbox.Start(sandbox.Config{Dir: filepath.Join(t.TempDir(), "sandbox"), Base: filepath.Join(root, "launch.yaml")})
	s = started.For(t, s, err)
	require.NoError(t, s.Deploy())
	launchgate := func(env []string, args ...string) said {
		out := command(t, t.TempDir(), append(append(s.Env(), "DRILL_DATABASE_URL="+live.DSN()), env...), args...)
		assert.NotContains(t, out.stdout+out.stderr, password(t, live))
		return out
	}
	execute := []string{"LAUNCH_EXECUTE=drop-2027-01-19"}

	before := len(s.AWS.Calls())
	for _, step := range []string{"mark", "restore", "pitr", "sweep"} {
		out := launchgate(nil, "drill", step)
		assert.Equal(t, 2, out.code, "a rehearsal is no result")
		assert.Contains(t, out.stdout, "nothing was changed; to do it, set LAUNCH_EXECUTE=drop-2027-01-19")
	}
	assert.Len(t, s.AWS.Calls(), before, "a rehearsal asks nobody")

	out := launchgate(execute, "drill", "mark")
	require.Zero(t, out.code, "%s%s", out.stdout, out.stderr)
	require.NoError(t, live.Exec(t.Context(), "UPDATE launchgate_mark SET made = made - interval '16 hours'"))
	base := filepath.Join(t.TempDir(), "base")
	require.NoError(t, live.BaseBackup(t.Context(), base))
	s.AWS.Change(func(a *awstest.Account) {
		a.LogBehind = time.Millisecond
		a.Restores = awstest.Restores{Takes: 100 * time.Millisecond, Endpoint: restoring(t, live, base)}
	})
	policy := policyFor(t, launchgate(nil, "iam-policy", "--drill").stdout)
	s.AWS.Treat(awstest.Rules{Policy: policy})
	for step, gate := range map[string]string{"restore": "TMinus1/Backup/RestoreTest", "pitr": "TMinus1/Backup/PITR"} {
		out = launchgate(execute, "drill", step)
		require.Zero(t, out.code, "%s%s", out.stdout, out.stderr)
		t.Log(out.stderr)
		out = launchgate(nil, "run", gate)
		assert.Contains(t, out.stdout, "PASS", "%s%s", out.stdout, out.stderr)
	}
	s.AWS.Change(func(a *awstest.Account) { assert.Len(t, a.Databases, 1) })

	require.NoError(t, live.Exec(t.Context(), "DELETE FROM launchgate_mark"))
	out = launchgate(execute, "drill", "restore")
	assert.Equal(t, 1, out.code, "the snapshot has a canary that nobody wrote: %s", out.stdout)
	out = launchgate(nil, "run", "TMinus1/Backup/RestoreTest")
	assert.Contains(t, out.stdout, "FAIL", "what a drill found is found by the gate")
}

// restoring is where RDS restores to: the base backup for a snapshot, and the archive for a point.
func restoring(t *testing.T, live *pgtest.Server, base string) func(string, time.Time) *types.Endpoint {
	return func(_ string, to time.Time) *types.Endpoint {
		config := pgtest.RestoreConfig{Base: base, Driver: "local"}
		if !to.IsZero() {
			assert.NoError(t, live.Archived(context.Background()))
			config.Archive, config.TargetTime = live.ArchiveDir(), to
		}
		s, err := pgtest.Restore(context.Background(), config)
		if !assert.NoError(t, err) {
			return nil
		}
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
		host, port, err := net.SplitHostPort(s.Addr())
		assert.NoError(t, err)
		number, err := strconv.ParseInt(port, 10, 32)
		assert.NoError(t, err)
		return &types.Endpoint{Address: &host, Port: aws.Int32(int32(number))}
	}
}

func password(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	u, err := url.Parse(s.DSN())
	require.NoError(t, err)
	secret, given := u.User.Password()
	require.True(t, given)
	return secret
}

func policyFor(t *testing.T, text string) *awstest.Policy {
	t.Helper()
	var policy awstest.Policy
	require.NoError(t, json.Unmarshal([]byte(text), &policy))
	for _, statement := range policy.Statement {
		if slices.Contains(statement.Action, "rds:DeleteDBInstance") {
			assert.Equal(t, []string{awstest.ARN("rds", "db:launchgate-drill-*")}, statement.Resource, "a drill deletes nothing else")
		}
		if slices.Contains(statement.Action, "rds:CreateDBSnapshot") {
			assert.Subset(t, []string{awstest.ARN("rds", "db:drop-db"), awstest.ARN("rds", "snapshot:drop-db-pre-launch-*")}, statement.Resource, "a backup is of nothing else")
		}
	}
	return &policy
}
