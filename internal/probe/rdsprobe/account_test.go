package rdsprobe_test

import (
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

func TestInAnAccount(t *testing.T) {
	snapshot := func(of, kind string, age time.Duration) types.DBSnapshot {
		return types.DBSnapshot{DBInstanceIdentifier: &of, DBSnapshotIdentifier: aws.String(kind + age.String()), SnapshotType: &kind, Status: aws.String("available"), SnapshotCreateTime: aws.Time(time.Now().Add(-age))}
	}
	var (
		daily    = func(i *rdsprobe.Instance) probe.Claim { return i.BackedUpDaily(3) }
		young    = func(i *rdsprobe.Instance) probe.Claim { return i.BackedUpWithin(26 * time.Hour) }
		restored = func(i *rdsprobe.Instance) probe.Claim { return i.RestorableTo(10 * time.Minute) }
		none     = func(a *awstest.Account) { a.Snapshots = nil }
		// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PendingMaintenanceAction.html (CurrentApplyDate)
		maintenance = func(of string, on *time.Time) func(*awstest.Account) {
			return func(a *awstest.Account) {
				a.Maintenance = []types.ResourcePendingMaintenanceActions{{ResourceIdentifier: aws.String("arn:aws:rds:eu-west-1:111122223333:db:" + of),
					PendingMaintenanceActionDetails: []types.PendingMaintenanceAction{{Action: aws.String("system-update"), CurrentApplyDate: on}}}}
			}
		}
		// Automated backups can be kept when an instance is deleted, and another one may then have its name: only the resource id tells them
		// apart. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBSnapshot.html
		former = func(a *awstest.Account) {
			a.Databases[1].DbiResourceId = aws.String("db-NOW")
			for i := range a.Snapshots {
				a.Snapshots[i].DbiResourceId = aws.String("db-BEFORE")
			}
		}
		before = func(in time.Duration) func(*rdsprobe.Instance) probe.Claim {
			return func(i *rdsprobe.Instance) probe.Claim {
				return i.BackedUpBefore(rdsprobe.Before{Prefix: "drop-db-pre-", Release: "1.0.0", Start: time.Now().Add(in), Within: 30 * time.Minute})
			}
		}
	)
	for name, test := range map[string]struct {
		change func(*awstest.Account)
		rules  awstest.Rules
		claim  func(*rdsprobe.Instance) probe.Claim
		status probe.Status
		said   string
	}{
		"daily":                     {claim: daily, status: probe.Pass},
		"young":                     {claim: young, status: probe.Pass},
		"restorable":                {claim: restored, status: probe.Pass},
		"available":                 {claim: (*rdsprobe.Instance).Available, status: probe.Pass},
		"maintenance is due":        {change: maintenance("drop-db", aws.Time(time.Now().Add(20*24*time.Hour))), claim: (*rdsprobe.Instance).Available, status: probe.Fail, said: "got maintenance system-update on "},
		"maintenance, nobody's yet": {change: maintenance("drop-db", nil), claim: (*rdsprobe.Instance).Available, status: probe.Pass},
		"maintenance of another":    {change: maintenance("other", aws.Time(time.Now())), claim: (*rdsprobe.Instance).Available, status: probe.Pass},
		"maintenance unknown":       {rules: awstest.Rules{Policy: awstest.Allowing("rds:DescribeDBInstances")}, claim: (*rdsprobe.Instance).Available, status: probe.Blocked, said: "allow rds:DescribePendingMaintenanceActions to " + awstest.CallerARN},
		"backups off":               {change: func(a *awstest.Account) { a.Databases[1].BackupRetentionPeriod = aws.Int32(0) }, claim: restored, status: probe.Fail, said: "got that of never"},
		"none":                      {change: none, claim: daily, status: probe.Fail, said: "none for day 1"},
		"only by hand":              {change: func(a *awstest.Account) { a.Snapshots = []types.DBSnapshot{snapshot("drop-db", "manual", time.Hour)} }, claim: young, status: probe.Fail, said: "none available of 0"},
		"only of another":           {change: func(a *awstest.Account) { a.Snapshots = []types.DBSnapshot{snapshot("other", "automated", time.Hour)} }, claim: young, status: probe.Fail, said: "none available of 0"},
		"of one before it":          {change: former, claim: daily, status: probe.Fail, said: "none for day 1"},
		"young, of before":          {change: former, claim: young, status: probe.Fail, said: "none available of 0"},
		"no resource id": {change: func(a *awstest.Account) {
			a.Databases[1].DbiResourceId = nil
			for i := range a.Snapshots {
				a.Snapshots[i].DbiResourceId = nil
			}
		}, claim: daily, status: probe.Blocked, said: "want the resource id of drop-db; got none"},
		"young, no resource id":  {change: func(a *awstest.Account) { a.Databases[1].DbiResourceId, a.Snapshots = nil, nil }, claim: young, status: probe.Blocked, said: "resource id"},
		"of itself":              {change: func(a *awstest.Account) { former(a); a.Databases[1].DbiResourceId = aws.String("db-BEFORE") }, claim: daily, status: probe.Pass},
		"instance is gone":       {change: func(a *awstest.Account) { a.Databases = a.Databases[:1] }, claim: young, status: probe.Fail, said: "got no such instance"},
		"denied":                 {rules: awstest.Rules{Policy: awstest.Allowing()}, claim: (*rdsprobe.Instance).Available, status: probe.Blocked, said: "allow rds:DescribeDBInstances to " + awstest.CallerARN},
		"backups denied":         {rules: awstest.Rules{Policy: awstest.Allowing("rds:DescribeDBInstances")}, claim: daily, status: probe.Blocked, said: "allow rds:DescribeDBSnapshots to " + awstest.CallerARN},
		"expired":                {rules: awstest.Rules{Expired: true}, claim: daily, status: probe.Blocked, said: "log in again"},
		"before":                 {claim: before(10 * time.Minute), status: probe.Pass},
		"before, but gone":       {change: none, claim: before(0), status: probe.Fail, said: "none of 0"},
		"before, not yet":        {claim: before(time.Hour), status: probe.Blocked, said: "not yet: it is to be made from "},
		"before, denied":         {rules: awstest.Rules{Policy: awstest.Allowing("rds:DescribeDBInstances")}, claim: before(0), status: probe.Blocked, said: "allow rds:DescribeDBSnapshots to " + awstest.CallerARN},
		"before, no resource id": {change: func(a *awstest.Account) { a.Databases[1].DbiResourceId = nil }, claim: before(0), status: probe.Blocked, said: "resource id"},
		"before, another instance of the name": {change: func(a *awstest.Account) { a.Databases[1].DbiResourceId = aws.String("db-B") }, claim: before(10 * time.Minute), status: probe.Fail,
			said: "of another instance"},
	} {
		t.Run(name, func(t *testing.T) {
			account := &awstest.Account{
				Databases: []types.DBInstance{{DBInstanceIdentifier: aws.String("other")}, {DBInstanceIdentifier: aws.String("drop-db"), DBInstanceStatus: aws.String("available"), BackupRetentionPeriod: aws.Int32(7), DbiResourceId: aws.String("db-A")}},
				Snapshots: []types.DBSnapshot{snapshot("drop-db", "automated", 53*time.Hour), snapshot("other", "automated", time.Hour), snapshot("drop-db", "automated", 5*time.Hour), snapshot("drop-db", "automated", 29*time.Hour)},
			}
			for i := range account.Snapshots {
				account.Snapshots[i].DbiResourceId = aws.String("db-" + map[string]string{"drop-db": "A", "other": "O"}[*account.Snapshots[i].DBInstanceIdentifier])
			}
			pre := snapshot("drop-db", "manual", 5*time.Minute)
			pre.DBSnapshotIdentifier, pre.DbiResourceId, pre.PercentProgress, pre.TagList = aws.String("drop-db-pre-1"), aws.String("db-A"), aws.Int32(100), []types.Tag{{Key: aws.String(rdsprobe.ReleaseTag), Value: aws.String("1.0.0")}}
			account.Snapshots = append(account.Snapshots, pre)
			if test.change != nil {
				test.change(account)
			}
			s := awstest.New(t, account)
			test.rules.PageSize = 1
			s.Treat(test.rules)
			_, err := test.claim(rdsprobe.New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), "drop-db"))(t.Context())
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				assert.ErrorContains(t, err, test.said)
			}
		})
	}
}
