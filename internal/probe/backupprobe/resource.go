// Package backupprobe claims that AWS Backup keeps what a service's own backups are too short-lived for.
package backupprobe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"Backup.ListRecoveryPointsByResource":    {Action: "backup:ListRecoveryPointsByResource", On: awsprobe.RecoveryPoints},
	"Backup.ListRecoveryPointsByBackupVault": {Action: "backup:ListRecoveryPointsByBackupVault", On: awsprobe.RecoveryPoints},
}

// Resource is what is backed up.
type Resource struct {
	account *awsprobe.Account
	find    func(context.Context) (Found, error)
	now     func() time.Time
}

// Found is a resource that is there. Its ARN has its name, which one before it had too: whose a recovery point is, only its time tells.
type Found struct {
	ARN     string
	Created time.Time
}

// New returns the resource that is found out when it is needed.
func New(account *awsprobe.Account, find func(context.Context) (Found, error)) *Resource {
	return &Resource{account: account, find: find, now: time.Now}
}

// Point is one recovery point.
type Point struct {
	Vault  string    `json:"vault"`
	Status string    `json:"status"`
	Made   time.Time `json:"made"`
	Days   int       `json:"kept_days"` // how long it is kept; Forever where no end is set
}

// Forever is longer than anybody asks for.
const Forever = 1 << 30

// KeptFor claims that AWS Backup has a complete recovery point that is kept for so many days, and that the newest of them is no
// older than age: what is younger has the service's own backups.
func (r *Resource) KeptFor(days int, age time.Duration) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		found, err := r.find(ctx)
		evidence := probe.Evidence{Target: found.ARN, Source: "AWS Backup ListRecoveryPointsByBackupVault"}
		switch {
		case err != nil:
			return evidence, err
		case found.Created.IsZero():
			return evidence, &probe.Unknown{Class: "backup.resource", Want: "when " + found.ARN + " was created", Got: "no time", Fix: "run again"}
		}
		points, from, err := r.points(ctx, found.ARN)
		evidence.Asked, evidence.Observed = []string{from}, points
		if err != nil {
			return evidence, err
		}
		if unmet := keptFor(points, found.Created, r.now(), days, age); unmet != nil {
			unmet.From = from
			return evidence, unmet
		}
		return evidence, nil
	}
}

// points are the resource's recovery points in all vaults that have some. Only a vault says how long they are kept.
func (r *Resource) points(ctx context.Context, arn string) ([]Point, string, error) {
	cfg, who, err := r.account.Open(ctx, Needs)
	from := "backup:ListRecoveryPointsByBackupVault as " + who.String()
	if err != nil {
		return nil, from, err
	}
	client := backup.NewFromConfig(cfg)
	var vaults []string
	byResource := backup.NewListRecoveryPointsByResourcePaginator(client, &backup.ListRecoveryPointsByResourceInput{ResourceArn: &arn})
	for byResource.HasMorePages() {
		page, err := byResource.NextPage(ctx)
		if err != nil {
			return nil, from, awsprobe.Unreadable("backup:ListRecoveryPointsByResource", "the recovery points of "+arn, who, err)
		}
		for _, p := range page.RecoveryPoints {
			if vault := aws.ToString(p.BackupVaultName); !slices.Contains(vaults, vault) {
				vaults = append(vaults, vault)
			}
		}
	}
	var points []Point
	for _, vault := range vaults {
		inVault := backup.NewListRecoveryPointsByBackupVaultPaginator(client, &backup.ListRecoveryPointsByBackupVaultInput{BackupVaultName: &vault, ByResourceArn: &arn})
		for inVault.HasMorePages() {
			page, err := inVault.NextPage(ctx)
			if err != nil {
				return points, from, awsprobe.Unreadable("backup:ListRecoveryPointsByBackupVault", "the recovery points of "+arn+" in "+vault, who, err)
			}
			for i := range page.RecoveryPoints {
				points = append(points, fromPoint(vault, &page.RecoveryPoints[i]))
			}
		}
	}
	slices.SortFunc(points, func(a, b Point) int { return b.Made.Compare(a.Made) })
	return points, from, nil
}

func fromPoint(vault string, in *types.RecoveryPointByBackupVault) Point {
	p := Point{Vault: vault, Status: string(in.Status), Made: aws.ToTime(in.CreationDate), Days: Forever}
	switch l := in.Lifecycle; {
	case l == nil:
	case l.DeleteAfterEvent != "":
		p.Days = 0 // such as once it was copied: nobody knows when
	case l.DeleteAfterDays != nil && *l.DeleteAfterDays >= 0: // -1 is for ever
		p.Days = int(*l.DeleteAfterDays)
	}
	return p
}

// keptFor judges points, the newest first. What was made before the resource was created is of another one, which had the same name.
func keptFor(points []Point, created, now time.Time, days int, age time.Duration) *probe.Unmet {
	want := fmt.Sprintf("a complete recovery point of the last %d days that is kept for %d", int(age.Hours()/24), days)
	at := slices.IndexFunc(points, func(p Point) bool {
		return p.Status == string(types.RecoveryPointStatusCompleted) && p.Days >= days && !p.Made.Before(created) && !p.Made.After(now)
	})
	const fix = "add a rule with this retention to the AWS Backup plan of the database, and wait for its first backup"
	switch {
	case at < 0:
		return &probe.Unmet{Class: "backup.retention", Want: want, Got: fmt.Sprintf("none of %d since it was created at %s", len(points), created.UTC().Format(time.RFC3339)), Fix: fix}
	case now.Sub(points[at].Made) > age:
		return &probe.Unmet{Class: "backup.retention", Want: want, Got: "the newest from " + points[at].Made.UTC().Format(time.RFC3339), Fix: "see the plan's jobs for one that failed"}
	}
	return nil
}
