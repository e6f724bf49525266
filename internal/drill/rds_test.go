package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
	"github.com/getdrop/launchgate/internal/procedure"
)

// TestOnRDS breaks one thing of a drill at a time. In all of them nothing is left, but where RDS refuses to delete it.
func TestOnRDS(t *testing.T) {
	for name, test := range map[string]struct {
		kind   string
		change func(a *awstest.Account, d *Drill, s *RDS)
		rules  awstest.Rules
		status probe.Status
		said   string
		left   int
		report bool
	}{
		"restored":  {kind: drillprobe.Restore, status: probe.Pass, report: true},
		"recovered": {kind: drillprobe.PITR, status: probe.Pass, report: true},
		"pages of one, one call in five throttled": {kind: drillprobe.Restore, rules: awstest.Rules{PageSize: 1, Throttle: 0.2}, status: probe.Pass, report: true},

		"ends failed":       {kind: drillprobe.Restore, change: func(a *awstest.Account, _ *Drill, _ *RDS) { a.Restores.Ends = "failed" }, status: probe.Fail, said: "got failed", report: true},
		"ends incompatible": {kind: drillprobe.PITR, change: func(a *awstest.Account, _ *Drill, _ *RDS) { a.Restores.Ends = "incompatible-restore" }, status: probe.Fail, said: "got incompatible-restore", report: true},
		"is public":         {kind: drillprobe.Restore, change: func(a *awstest.Account, _ *Drill, _ *RDS) { a.Restores.Public = true }, status: probe.Fail, said: "a public one", report: true},
		"never ends": {kind: drillprobe.Restore, change: func(a *awstest.Account, d *Drill, _ *RDS) {
			d.Want.RTO, d.Want.LogRPO = 150*time.Millisecond, time.Millisecond
			a.Restores.Ends = "creating" // until it is deleted
		}, status: probe.Fail, said: "it is still creating", report: true},
		"the log stands still": {kind: drillprobe.PITR, change: func(a *awstest.Account, d *Drill, _ *RDS) {
			a.LogBehind, d.Want.LogRPO = time.Hour, 100*time.Millisecond
		}, status: probe.Fail, said: "not yet after", report: true},
		"no snapshot":             {kind: drillprobe.Restore, change: func(a *awstest.Account, _ *Drill, _ *RDS) { a.Snapshots = a.Snapshots[2:] }, status: probe.Fail, said: "none of 1", report: true},
		"no such database":        {kind: drillprobe.PITR, change: func(_ *awstest.Account, _ *Drill, s *RDS) { s.Instance = "drip-db" }, status: probe.Fail, said: "no such instance", report: true},
		"protected":               {kind: drillprobe.Restore, change: func(a *awstest.Account, _ *Drill, _ *RDS) { a.Restores.Protected = true }, status: probe.Blocked, said: "--no-deletion-protection", left: 1},
		"failed, and protected":   {kind: drillprobe.Restore, change: func(a *awstest.Account, _ *Drill, _ *RDS) { a.Restores.Protected, a.Restores.Ends = true, "failed" }, status: probe.Fail, said: "--no-deletion-protection", left: 1, report: true},
		"may not describe":        {kind: drillprobe.Restore, rules: awstest.Rules{Policy: awstest.Allowing()}, status: probe.Blocked, said: "allow rds:DescribeDBInstances"},
		"may not restore":         {kind: drillprobe.Restore, rules: awstest.Rules{Policy: awstest.Allowing("rds:DescribeDBInstances", "rds:DescribeDBSnapshots")}, status: probe.Blocked, said: "allow rds:RestoreDBInstanceFromDBSnapshot"},
		"may not delete":          {kind: drillprobe.Restore, rules: awstest.Rules{Policy: awstest.Allowing("rds:DescribeDBInstances", "rds:DescribeDBSnapshots", "rds:Restore*", "rds:AddTagsToResource")}, status: probe.Blocked, said: "allow rds:DeleteDBInstance", left: 1},
		"no tables":               {kind: drillprobe.Restore, change: func(_ *awstest.Account, d *Drill, _ *RDS) { d.Want.Tables = nil }, status: probe.Blocked, said: "drill.tables"},
		"live database is silent": {kind: drillprobe.Restore, change: func(_ *awstest.Account, d *Drill, _ *RDS) { d.Open = refusing("") }, status: probe.Blocked, said: "refused"},
		"restored one is silent":  {kind: drillprobe.Restore, change: func(_ *awstest.Account, d *Drill, _ *RDS) { d.Open = refusing(d.Live) }, status: probe.Blocked, said: "refused"},
		"the live one answers": {kind: drillprobe.Restore, change: func(_ *awstest.Account, d *Drill, _ *RDS) {
			d.Open = func(context.Context, string) (Database, error) { return &paper{marks: map[string]*Mark{}}, nil }
		}, status: probe.Blocked, said: "the live one, which answers"},
		"groups of its own": {kind: drillprobe.Restore, change: func(_ *awstest.Account, d *Drill, s *RDS) { s.Groups = []string{"sg-9"} }, status: probe.Pass, report: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := account()
			d, source := onPaper(t.TempDir())
			if test.change != nil {
				test.change(a, d, source)
			}
			s := awstest.New(t, a)
			s.Treat(test.rules)
			_, err := d.Run(t.Context(), test.kind)
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				assert.ErrorContains(t, err, test.said)
			}
			assert.Len(t, instances(s), len(untouched)+test.left)
			_, err = os.Stat(filepath.Join(d.Dir, drillprobe.Path("sandbox", test.kind)))
			assert.Equal(t, test.report, err == nil, "a report is of what was measured: %v", err)
			if test.left > 0 {
				s.Treat(awstest.Rules{})
				s.Change(func(a *awstest.Account) { a.Databases[len(a.Databases)-1].DeletionProtection = aws.Bool(false) })
				require.NoError(t, d.Sweep(t.Context()))
				assert.Equal(t, untouched, instances(s))
			}
		})
	}
}

// TestAnInterruptedDrillRemovesItsInstance: the first interrupt ends the wait, and not the removal.
func TestAnInterruptedDrillRemovesItsInstance(t *testing.T) {
	a := account()
	a.Restores.Ends = "creating"
	s := awstest.New(t, a)
	d, source := onPaper(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	source.Say = func(format string, args ...any) {
		if strings.Contains(fmt.Sprintf(format, args...), "is creating") {
			cancel()
		}
	}
	report, err := d.Run(ctx, drillprobe.Restore)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err), "an interrupt is no measurement: %v", err)
	assert.Nil(t, report)
	assert.Equal(t, untouched, instances(s))
}

// TestADeniedLookIsNoMeasurement: the report of a good drill outlives it.
func TestADeniedLookIsNoMeasurement(t *testing.T) {
	awstest.New(t, account()).Treat(awstest.Rules{Policy: awstest.Allowing()})
	_, source := onPaper(t.TempDir())
	_, _, err := source.Restorable(t.Context(), nil, time.Now())
	assert.Equal(t, probe.Blocked, probe.StatusOf(err), "%v", err)
	require.ErrorContains(t, err, "allow rds:DescribeDBInstances")
	_, err = source.Restore(t.Context(), "restore-1", drillprobe.Backup{ID: "rds:new"}, time.Time{})
	assert.Equal(t, probe.Blocked, probe.StatusOf(err), "%v", err)
}

// maybe is a source whose restores may or may not have begun.
type maybe struct {
	*RDS
	dead [][]string
}

func (m *maybe) Newest(context.Context) (drillprobe.Backup, error) {
	return drillprobe.Backup{ID: "b", Made: time.Now()}, nil
}

func (m *maybe) Restore(context.Context, string, drillprobe.Backup, time.Time) (Place, error) {
	return Place{}, errors.Join(&probe.Unknown{Class: "timeout", Want: "the restore", Got: "no answer in time"}, errUncertain)
}
func (m *maybe) Remove(context.Context, string) error { return nil }
func (m *maybe) Sweep(_ context.Context, dead []string) error {
	m.dead = append(m.dead, dead)
	return nil
}

// TestWhatMayYetComeToBeIsRemembered: a call without an answer can create an instance after it was looked for.
func TestWhatMayYetComeToBeIsRemembered(t *testing.T) {
	d, _ := onPaper(t.TempDir())
	source := &maybe{}
	d.Source = source
	_, err := d.Run(t.Context(), drillprobe.Restore)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err), "%v", err)
	require.NoError(t, d.Sweep(t.Context()))
	require.NoError(t, d.Sweep(t.Context()))
	require.Len(t, source.dead, 3)
	assert.Empty(t, source.dead[0])
	assert.Len(t, source.dead[1], 1)
	assert.Equal(t, source.dead[1], source.dead[2], "it is remembered for a day")
	notes, err := filepath.Glob(filepath.Join(d.State, "*.run"))
	require.NoError(t, err)
	require.Len(t, notes, 1)
	old := time.Now().Add(-25 * time.Hour)
	require.NoError(t, os.Chtimes(notes[0], old, old))
	require.NoError(t, d.Sweep(t.Context()))
	notes, err = filepath.Glob(filepath.Join(d.State, "*.run"))
	require.NoError(t, err)
	assert.Empty(t, notes)
}

func TestOneDrillAtATime(t *testing.T) {
	d, _ := onPaper(t.TempDir())
	lock, err := procedure.Lock(d.State, "drill")
	require.NoError(t, err)
	_, err = d.Run(t.Context(), drillprobe.Restore)
	require.ErrorIs(t, err, procedure.ErrRunning, "what another run has under way must not be swept")
	require.NoError(t, lock.Close())
}

// refusing is a database that nobody can connect to, but the one with this connection string.
func refusing(but string) func(context.Context, string) (Database, error) {
	return func(_ context.Context, dsn string) (Database, error) {
		if dsn == but {
			return &paper{marks: map[string]*Mark{}}, nil
		}
		return nil, &probe.Unknown{Class: "drill.database", Want: "a connection", Got: "connection refused"}
	}
}

func TestWhatIsRestoredIsLikeTheOriginal(t *testing.T) {
	a := account()
	var snapshot string
	a.Restores.Endpoint = func(id string, _ time.Time) *types.Endpoint {
		snapshot = id
		return &types.Endpoint{Address: aws.String("restored.example"), Port: aws.Int32(5433)}
	}
	s := awstest.New(t, a)
	d, source := onPaper(t.TempDir())
	backup, err := source.Newest(t.Context())
	require.NoError(t, err)
	place, err := source.Restore(t.Context(), "restore-1", backup, time.Time{})
	require.NoError(t, err)
	assert.Equal(t, "rds:new", snapshot, "the newest that is complete")
	assert.Equal(t, Place{Name: prefix + "restore-1", DSN: "postgres://drill:hunter22@restored.example:5433/drop"}, place)
	s.Change(func(a *awstest.Account) {
		in := a.Databases[len(a.Databases)-1]
		assert.Equal(t, []string{groupID, "private", "drop-pg16"}, []string{*in.VpcSecurityGroups[0].VpcSecurityGroupId, *in.DBSubnetGroup.DBSubnetGroupName, *in.DBParameterGroups[0].DBParameterGroupName})
		assert.False(t, *in.PubliclyAccessible)
		assert.Equal(t, "drop", tagOf(&in, tagLaunch))
	})

	_, err = source.Restore(t.Context(), "restore-1", backup, time.Time{})
	require.NoError(t, err, "that it exists already means that a try before this one created it")
	_, err = source.Restore(t.Context(), "by-hand", backup, time.Time{})
	assert.ErrorContains(t, err, "somebody else's")
	assert.ErrorContains(t, source.Remove(t.Context(), "by-hand"), "nothing was deleted")
	source.Launch = "drip"
	assert.ErrorContains(t, source.Remove(t.Context(), "restore-1"), "nothing was deleted", "of another launch")
	require.NoError(t, d.Sweep(t.Context()), "its lease is not over, and nobody here knows that its run is dead")
	assert.Contains(t, instances(s), prefix+"restore-1")
	s.Change(func(a *awstest.Account) {
		in := &a.Databases[len(a.Databases)-1]
		in.TagList[2].Value = aws.String(time.Now().Add(-time.Second).UTC().Format(time.RFC3339))
	})
	require.NoError(t, d.Sweep(t.Context()))
	assert.Equal(t, untouched, instances(s))
}
