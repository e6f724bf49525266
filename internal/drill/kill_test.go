package drill

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

const groupID = "sg-1"

// account has a database, its snapshots, and instances that are nobody's business here.
func account() *awstest.Account {
	instance := func(id string, tags ...string) types.DBInstance {
		in := types.DBInstance{DBInstanceIdentifier: &id, DBInstanceStatus: aws.String("available"), BackupRetentionPeriod: aws.Int32(7), PubliclyAccessible: aws.Bool(false),
			VpcSecurityGroups: []types.VpcSecurityGroupMembership{{VpcSecurityGroupId: aws.String(groupID)}}, DBSubnetGroup: &types.DBSubnetGroup{DBSubnetGroupName: aws.String("private")},
			DBParameterGroups: []types.DBParameterGroupStatus{{DBParameterGroupName: aws.String("drop-pg16")}}}
		for i := 0; i+1 < len(tags); i += 2 {
			in.TagList = append(in.TagList, types.Tag{Key: &tags[i], Value: &tags[i+1]})
		}
		return in
	}
	snapshot := func(id, status string, age time.Duration) types.DBSnapshot {
		return types.DBSnapshot{DBInstanceIdentifier: aws.String("drop-db"), DBSnapshotIdentifier: &id, SnapshotType: aws.String("automated"), Status: &status, SnapshotCreateTime: aws.Time(time.Now().Add(-age))}
	}
	past, future := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	a := &awstest.Account{
		Databases: []types.DBInstance{instance("other"),
			// The live database with the tags of a drill: somebody restored it from a drill's instance.
			instance("drop-db", tagLaunch, "drop", tagRun, "restore-x", tagUntil, past),
			instance(prefix + "by-hand"),
			instance(prefix+"another-name", tagLaunch, "drop", tagRun, "restore-y", tagUntil, past),
			instance(prefix+"restore-elsewhere", tagLaunch, "drop", tagRun, "restore-elsewhere", tagUntil, future)},
		Snapshots: []types.DBSnapshot{snapshot("rds:old", "available", 30*time.Hour), snapshot("rds:new", "available", 6*time.Hour), snapshot("rds:newest", "creating", time.Minute)},
	}
	a.LogBehind = time.Millisecond
	a.Restores = awstest.Restores{Takes: 30 * time.Millisecond, Endpoint: func(string, time.Time) *types.Endpoint {
		return &types.Endpoint{Address: aws.String("restored.example"), Port: aws.Int32(5432)}
	}}
	return a
}

var untouched = []string{"other", "drop-db", prefix + "by-hand", prefix + "another-name", prefix + "restore-elsewhere"}

func instances(s *awstest.Server) (ids []string) {
	s.Change(func(a *awstest.Account) {
		for _, d := range a.Databases {
			ids = append(ids, *d.DBInstanceIdentifier)
		}
	})
	return ids
}

func play(t *testing.T, dir, kind, crash string) (killed bool, code int, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "DRILL_CHILD="+dir, "DRILL_KIND="+kind, "DRILL_CRASH="+crash)
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(t, err, &exit)
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	return status.Signaled() && status.Signal() == syscall.SIGKILL, cmd.ProcessState.ExitCode(), string(text)
}

// TestAKilledDrillLeavesNothing ends a drill with kill -9 at every point; the next one removes what it left, and nothing else.
func TestAKilledDrillLeavesNothing(t *testing.T) {
	left := map[string]bool{"asked": true, "restored": true, "looked": true}
	for _, kind := range []string{drillprobe.Restore, drillprobe.PITR} {
		for _, point := range []string{"noted", "marked", "asking", "asked", "restored", "looked", "deleting", "removed", "reported"} {
			if point == "marked" && kind == drillprobe.Restore {
				continue
			}
			t.Run(kind+"/"+point, func(t *testing.T) {
				dir := t.TempDir()
				s := awstest.New(t, account())
				killed, _, output := play(t, dir, kind, point)
				require.True(t, killed, "the first drill must die at %q: %s", point, output)
				if left[point] {
					require.Greater(t, len(instances(s)), len(untouched), "the kill must leave something: %s", output)
				}

				_, code, output := play(t, dir, kind, "")
				assert.Zero(t, code, output)
				assert.Equal(t, untouched, instances(s), output)
				notes, err := filepath.Glob(filepath.Join(dir, "state", "*.run"))
				require.NoError(t, err)
				assert.Empty(t, notes)
				_, err = drillprobe.Read(filepath.Join(dir, "drills"), "sandbox", kind)
				assert.NoError(t, err)
			})
		}
	}
}
