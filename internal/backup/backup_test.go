package backup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/rdsprobe"
)

func TestMain(m *testing.M) {
	if start := os.Getenv("BACKUP_CHILD"); start != "" {
		os.Exit(child(start, os.Getenv("BACKUP_CRASH")))
	}
	os.Exit(m.Run())
}

// child makes the snapshot and dies at a point.
func child(start, crash string) int {
	seconds, err := strconv.ParseInt(start, 10, 64)
	if err != nil {
		return 3
	}
	b := of(time.Unix(seconds, 0))
	b.at = func(point string) {
		if point == crash {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // what follows never runs
			select {}
		}
	}
	if err := b.Make(context.Background()); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// of is the backup before a migration that begins at a time.
func of(start time.Time) *Backup {
	return &Backup{Account: awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), Instance: "drop-db", Interval: 5 * time.Millisecond,
		Before: rdsprobe.Before{Prefix: "drop-db-pre-launch-", Release: "1.0.0", Start: start, Within: 30 * time.Minute}, Say: func(format string, args ...any) { fmt.Printf(format+"\n", args...) }}
}

// account has a database, and a snapshot of another release that was made in time.
func account() *awstest.Account {
	return &awstest.Account{Snapshotting: awstest.Snapshotting{Takes: 30 * time.Millisecond},
		Databases: []types.DBInstance{{DBInstanceIdentifier: aws.String("drop-db"), DbiResourceId: aws.String("db-A"), DBInstanceStatus: aws.String("available")}},
		Snapshots: []types.DBSnapshot{made("drop-db-pre-launch-0", "0.9.0", "available")}}
}

// made is a snapshot of this instance, as of now.
func made(id, release, status string) types.DBSnapshot {
	now := time.Now()
	return types.DBSnapshot{DBInstanceIdentifier: aws.String("drop-db"), DbiResourceId: aws.String("db-A"), DBSnapshotIdentifier: &id, SnapshotType: aws.String("manual"), Status: &status, PercentProgress: aws.Int32(100),
		SnapshotCreateTime: &now, OriginalSnapshotCreateTime: &now, TagList: []types.Tag{{Key: aws.String(rdsprobe.ReleaseTag), Value: &release}}}
}

// begins is when the migration begins, where a case says nothing else.
const begins = 15 * time.Minute

func TestMake(t *testing.T) {
	reading := []string{"rds:DescribeDBInstances", "rds:DescribeDBSnapshots"}
	for name, test := range map[string]struct {
		change func(a *awstest.Account, own string)
		begins time.Duration
		bound  time.Duration
		rules  awstest.Rules
		status probe.Status
		said   string
		more   int // snapshots than before
	}{
		"made":             {status: probe.Pass, more: 1},
		"made, throttled":  {rules: awstest.Rules{PageSize: 1, Throttle: 0.2}, status: probe.Pass, more: 1},
		"always throttled": {rules: awstest.Rules{Throttle: 1}, status: probe.Blocked, said: "again and again"},
		"made by hand": {change: func(a *awstest.Account, _ string) {
			a.Snapshots = append(a.Snapshots, made("drop-db-pre-launch-hand", "1.0.0", "available"))
		}, status: probe.Pass, more: 1},
		"begun by hand":                         {change: func(a *awstest.Account, _ string) { a.Begin(made("drop-db-pre-launch-hand", "1.0.0", "creating")) }, status: probe.Pass, more: 1},
		"of the instance that is busy at first": {change: func(a *awstest.Account, _ string) { a.Snapshotting.Busy = 3 }, status: probe.Pass, more: 1},

		"fails":         {change: func(a *awstest.Account, _ string) { a.Snapshotting.Ends = "failed" }, status: probe.Fail, said: "which is failed: ", more: 1},
		"failed before": {change: func(a *awstest.Account, own string) { a.Snapshots = append(a.Snapshots, made(own, "1.0.0", "failed")) }, status: probe.Fail, said: "where nobody needs it, aws rds delete-db-snapshot --db-snapshot-identifier drop-db-pre-launch-2", more: 1},
		"of another release": {change: func(a *awstest.Account, own string) {
			a.Snapshots = append(a.Snapshots, made(own, "1.0.1", "available"))
		}, status: probe.Fail, said: "which is available: drop-db-pre-launch-", more: 1},
		"begun too late":         {change: func(a *awstest.Account, _ string) { a.Snapshotting.Late = time.Hour }, status: probe.Fail, said: "when the migration might have begun", more: 1},
		"never available":        {change: func(a *awstest.Account, _ string) { a.Snapshotting.Takes = time.Hour }, bound: 300 * time.Millisecond, status: probe.Blocked, said: "it is creating", more: 1},
		"always busy":            {change: func(a *awstest.Account, _ string) { a.Databases[0].DBInstanceStatus = aws.String("backing-up") }, bound: 300 * time.Millisecond, status: probe.Blocked, said: "it is busy"},
		"no more of them":        {change: func(a *awstest.Account, _ string) { a.Snapshotting.Full = true }, status: probe.Blocked, said: "SnapshotQuotaExceeded"},
		"its time has not come":  {begins: 31 * time.Minute, status: probe.Blocked, said: "not yet"},
		"its time is over":       {begins: -time.Minute, status: probe.Fail, said: "correct migration.at"},
		"no such instance":       {change: func(a *awstest.Account, _ string) { a.Databases = nil }, status: probe.Fail, said: "no such instance"},
		"may not look":           {rules: awstest.Rules{Policy: awstest.Allowing()}, status: probe.Blocked, said: "allow rds:DescribeDBInstances"},
		"may not make":           {rules: awstest.Rules{Policy: awstest.Allowing(reading...)}, status: probe.Blocked, said: "allow rds:CreateDBSnapshot"},
		"may not tag what it is": {rules: awstest.Rules{Policy: awstest.Allowing(append(reading, "rds:CreateDBSnapshot")...)}, status: probe.Blocked, said: "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.begins == 0 {
				test.begins = begins
			}
			if test.bound == 0 {
				test.bound = time.Minute
			}
			a, b := account(), of(time.Now().Add(test.begins))
			if test.change != nil {
				test.change(a, b.Before.ID())
			}
			s := awstest.New(t, a)
			s.Treat(test.rules)
			ctx, cancel := context.WithTimeout(t.Context(), test.bound)
			defer cancel()
			err := b.Make(ctx)
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				require.ErrorContains(t, err, test.said)
			}
			s.Treat(awstest.Rules{})
			s.Change(func(a *awstest.Account) { assert.Len(t, a.Snapshots, 1+test.more) })
			_, err = b.Made(t.Context())
			assert.Equal(t, test.status == probe.Pass, err == nil, "the gate agrees: %v", err)
		})
	}
}

// TestAKilledBackupIsNotMadeTwice ends the command with kill -9 once RDS has begun; the next run waits for what that one asked for.
func TestAKilledBackupIsNotMadeTwice(t *testing.T) {
	a := account()
	a.Snapshotting.Takes = time.Second
	s := awstest.New(t, a)
	start := time.Now().Add(begins)
	play := func(crash string) (int, syscall.WaitStatus, string) {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "BACKUP_CHILD="+strconv.FormatInt(start.Unix(), 10), "BACKUP_CRASH="+crash)
		text, _ := cmd.CombinedOutput() // its end is judged by the status
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		require.True(t, ok)
		return cmd.ProcessState.ExitCode(), status, string(text)
	}
	_, status, output := play("asked")
	require.True(t, status.Signaled(), output)
	code, _, output := play("")
	assert.Zero(t, code, output)
	s.Change(func(a *awstest.Account) { assert.Len(t, a.Snapshots, 2, "one of another release, and one of this") })
	_, err := of(start).Made(t.Context())
	require.NoError(t, err)

	code, _, output = play("")
	assert.Zero(t, code, output)
	s.Change(func(a *awstest.Account) { assert.Len(t, a.Snapshots, 2, "nor once it is made") })
}
