package backupprobe

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

var now = time.Date(2027, 1, 18, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func TestKeptFor(t *testing.T) {
	point := func(age time.Duration, kept int) Point {
		return Point{Vault: "v", Status: "COMPLETED", Made: now.Add(-age), Days: kept}
	}
	of := func(status string, p Point) Point { p.Status = status; return p }
	for name, test := range map[string]struct {
		points []Point
		got    string // empty: kept
	}{
		"of the very day":  {[]Point{point(300*day, 400)}, "the newest from 2026-03-24T12:00:00Z"}, // which is old, but its own
		"of one before it": {[]Point{point(301*day, 400)}, "none of 1 since it was created at 2026-03-24T12:00:00Z"},

		"for more days":             {[]Point{point(day, 365)}, ""},
		"for exactly so many":       {[]Point{point(day, 90)}, ""},
		"for ever":                  {[]Point{point(day, Forever)}, ""},
		"exactly a month old":       {[]Point{point(35*day, 90)}, ""},
		"among short-lived ones":    {[]Point{point(time.Hour, 7), point(20*day, 90)}, ""},
		"the newest is in progress": {[]Point{of("CREATING", point(time.Hour, 90)), point(20*day, 90)}, ""},

		"none":                   {nil, "none of 0"},
		"a day too short":        {[]Point{point(day, 89)}, "none of 1"},
		"too old":                {[]Point{point(35*day+time.Second, 90)}, "the newest from 2026-12-14T11:59:59Z"},
		"the young one is short": {[]Point{point(day, 7), point(60*day, 90)}, "the newest from"},
		"partial":                {[]Point{of("PARTIAL", point(day, 90))}, "none of 1"},
		"expired":                {[]Point{of("EXPIRED", point(day, 90))}, "none of 1"},
		"from the future":        {[]Point{point(-day, 90)}, "none of 1"},
		"without a time":         {[]Point{{Status: "COMPLETED", Days: 90}}, "none of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			unmet := keptFor(test.points, now.Add(-300*day), now, 90, 35*day)
			if test.got == "" {
				assert.Nil(t, unmet)
				return
			}
			require.NotNil(t, unmet)
			assert.Contains(t, unmet.Got, test.got)
		})
	}
}

func TestFromPoint(t *testing.T) {
	for want, lifecycle := range map[int]*types.Lifecycle{
		Forever: nil,
		90:      {DeleteAfterDays: aws.Int64(90)},
		0:       {DeleteAfterDays: aws.Int64(90), DeleteAfterEvent: types.LifecycleDeleteAfterEventDeleteAfterCopy},
	} {
		assert.Equal(t, want, fromPoint("v", &types.RecoveryPointByBackupVault{Lifecycle: lifecycle}).Days)
	}
	for _, forever := range []*types.Lifecycle{{}, {DeleteAfterDays: aws.Int64(-1)}} {
		assert.Equal(t, Forever, fromPoint("v", &types.RecoveryPointByBackupVault{Lifecycle: forever}).Days)
	}
}

func TestResourceInAnAccount(t *testing.T) {
	database := awstest.ARN("rds", "db:drop-db")
	point := func(resource, vault string, age time.Duration, days int64) types.RecoveryPointByBackupVault {
		return types.RecoveryPointByBackupVault{ResourceArn: &resource, BackupVaultName: &vault, RecoveryPointArn: aws.String(vault), Status: types.RecoveryPointStatusCompleted,
			CreationDate: aws.Time(time.Now().Add(-age)), Lifecycle: &types.Lifecycle{DeleteAfterDays: &days}}
	}
	for name, test := range map[string]struct {
		points []types.RecoveryPointByBackupVault
		rules  awstest.Rules
		arn    error
		age    time.Duration // of the database, instead of a year
		status probe.Status
		said   string
	}{
		"in the second vault": {points: []types.RecoveryPointByBackupVault{point(database, "daily", day, 7), point(database, "monthly", 20*day, 365)}, rules: awstest.Rules{PageSize: 1}, status: probe.Pass},
		"of another database": {points: []types.RecoveryPointByBackupVault{point(database, "daily", day, 7), point(database+"-2", "daily", day, 365)}, rules: awstest.Rules{PageSize: 1}, status: probe.Fail, said: "got none of 1"},
		"of one before it":    {points: []types.RecoveryPointByBackupVault{point(database, "monthly", 20*day, 365)}, age: 19 * day, status: probe.Fail, said: "got none of 1"},
		"of an unknown age":   {points: []types.RecoveryPointByBackupVault{point(database, "monthly", 20*day, 365)}, age: -1, status: probe.Blocked, said: "when " + database + " was created"},
		"none":                {status: probe.Fail, said: "got none of 0"},
		"no database":         {arn: &probe.Unmet{Class: "rds.missing", Got: "no such instance"}, status: probe.Fail, said: "no such instance"},
		"unreadable":          {arn: errors.New("no answer"), status: probe.Blocked, said: "no answer"},
		"denied":              {rules: awstest.Rules{Policy: awstest.Allowing()}, status: probe.Blocked, said: "allow backup:ListRecoveryPointsByResource to " + awstest.CallerARN},
		"denied in the vault": {points: []types.RecoveryPointByBackupVault{point(database, "daily", day, 365)}, rules: awstest.Rules{Policy: awstest.Allowing("backup:ListRecoveryPointsByResource")}, status: probe.Blocked,
			said: "allow backup:ListRecoveryPointsByBackupVault to " + awstest.CallerARN},
	} {
		t.Run(name, func(t *testing.T) {
			s := awstest.New(t, &awstest.Account{RecoveryPoints: test.points})
			s.Treat(test.rules)
			account := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
			found := Found{ARN: database}
			if test.age >= 0 {
				found.Created = time.Now().Add(-cmp.Or(test.age, 365*day))
			}
			_, err := New(account, func(context.Context) (Found, error) { return found, test.arn }).KeptFor(90, 35*day)(t.Context())
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				assert.ErrorContains(t, err, test.said)
			}
		})
	}
}
