package rdsprobe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Snapshot is one automated snapshot.
type Snapshot struct {
	ID     string    `json:"id"`
	Status string    `json:"status"`
	Made   time.Time `json:"made"`
	Of     string    `json:"resource_id,omitempty"` // of the instance, which another one of the same name does not have
}

// snapshots are those of one type, as RDS shows them.
type snapshots struct {
	list []types.DBSnapshot
	from string
}

func short(s types.DBSnapshot) Snapshot {
	return Snapshot{ID: aws.ToString(s.DBSnapshotIdentifier), Status: aws.ToString(s.Status), Made: aws.ToTime(s.SnapshotCreateTime), Of: aws.ToString(s.DbiResourceId)}
}

// automated are the snapshots, the newest first.
func automated(list []types.DBSnapshot) []Snapshot {
	var all []Snapshot
	for _, s := range list {
		all = append(all, short(s))
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return b.Made.Compare(a.Made) })
	return all
}

// list asks for the instance's snapshots of a type, automated or manual, once for all claims. What is how messages call them.
func (i *Instance) list(ctx context.Context, kind, what string) (snapshots, error) {
	return i.listed.Try(ctx, what, awsprobe.Patience, func(ctx context.Context) (snapshots, error) { return i.look(ctx, kind) })
}

func (i *Instance) look(ctx context.Context, kind string) (snapshots, error) {
	cfg, who, err := i.account.Open(ctx, Needs)
	seen := snapshots{from: "rds:DescribeDBSnapshots as " + who.String()}
	if err != nil {
		return seen, err
	}
	pages := rds.NewDescribeDBSnapshotsPaginator(rds.NewFromConfig(cfg), &rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: &i.id, SnapshotType: &kind})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return seen, awsprobe.Unreadable("rds:DescribeDBSnapshots", "the backups of "+i.id, who, err)
		}
		seen.list = append(seen.list, page.DBSnapshots...)
	}
	return seen, nil
}

func (i *Instance) backups(judge func([]Snapshot, time.Time) *probe.Unmet) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: i.id, Source: "RDS DescribeDBSnapshots"}
		resource, err := i.resource(ctx)
		if err != nil {
			return evidence, err // snapshots of an instance that is gone are still listed
		}
		seen, err := i.list(ctx, "automated", "the backups of "+i.id)
		list := automated(seen.list)
		evidence.Asked, evidence.Observed = []string{seen.from}, list
		if err != nil {
			return evidence, err
		}
		ours := slices.DeleteFunc(slices.Clone(list), func(b Snapshot) bool { return b.Of != resource })
		if unmet := judge(ours, i.now()); unmet != nil {
			unmet.From = seen.from
			return evidence, unmet
		}
		return evidence, nil
	}
}

// BackedUpWithin claims that the newest automated snapshot that is complete is no older than age. One under way is no backup yet.
func (i *Instance) BackedUpWithin(age time.Duration) probe.Claim {
	return i.backups(func(list []Snapshot, now time.Time) *probe.Unmet { return youngEnough(list, now, age) })
}

func youngEnough(list []Snapshot, now time.Time, age time.Duration) *probe.Unmet {
	want := fmt.Sprintf("an automated snapshot that is available and no older than %s", age)
	complete := slices.DeleteFunc(slices.Clone(list), func(s Snapshot) bool { return s.Status != "available" || s.Made.IsZero() || s.Made.After(now) })
	switch {
	case len(complete) == 0:
		return &probe.Unmet{Class: "rds.backup", Want: want, Got: fmt.Sprintf("none available of %d", len(list)), Fix: "turn automated backups on, and wait for the first"}
	case now.Sub(complete[0].Made) > age:
		return &probe.Unmet{Class: "rds.backup", Want: want, Got: fmt.Sprintf("the newest from %s (%s)", when(complete[0].Made), complete[0].ID), Fix: "see the instance's events for a backup that failed"}
	}
	return nil
}

// BackedUpDaily claims that each of the last days, counted back from now, has an automated snapshot of its own.
func (i *Instance) BackedUpDaily(days int) probe.Claim {
	return i.backups(func(list []Snapshot, now time.Time) *probe.Unmet { return daily(list, now, days) })
}

// tolerance is what a daily backup may be late by: its window is half an hour long at least, and a snapshot takes its time.
const tolerance = 2 * time.Hour

func daily(list []Snapshot, now time.Time, days int) *probe.Unmet {
	rest := list
	for day := range days {
		until := now.Add(-time.Duration(day) * 24 * time.Hour)
		since := until.Add(-24*time.Hour - tolerance)
		at := slices.IndexFunc(rest, func(s Snapshot) bool { return s.Status == "available" && !s.Made.Before(since) && !s.Made.After(until) })
		if at < 0 {
			return &probe.Unmet{Class: "rds.schedule", Want: fmt.Sprintf("an automated snapshot on each of the last %d days", days),
				Got: fmt.Sprintf("none for day %d, between %s and %s", day+1, when(since), when(until)), Fix: "see the instance's events for a backup that failed"}
		}
		rest = rest[at+1:] // a late one is not that of the day before too
	}
	return nil
}
