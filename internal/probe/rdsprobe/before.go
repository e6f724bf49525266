package rdsprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/getdrop/launchgate/internal/probe"
)

// ReleaseTag is the tag with the version that a snapshot was made for.
const ReleaseTag = "launchgate:release"

// Before is the snapshot that somebody, or a job, makes before a migration.
type Before struct {
	Prefix  string        // of its identifier
	Release string        // value of its ReleaseTag
	Start   time.Time     // of the migration
	Within  time.Duration // how long before that it may be made
}

// Manual is one snapshot that was made by hand, or by a job.
type Manual struct {
	Snapshot
	Percent int    `json:"percent"`
	Release string `json:"release,omitempty"`
}

// BackedUpBefore claims that the instance has a complete snapshot of the release, made in the time before the migration begins and not
// after. Until that time comes nobody can tell.
//
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBSnapshot.html: PercentProgress; SnapshotCreateTime is that of the copy
// where it is one, OriginalSnapshotCreateTime is not; DbiResourceId outlives no instance.
func (i *Instance) BackedUpBefore(b Before) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: i.id, Source: "RDS DescribeDBSnapshots"}
		opens := b.Start.Add(-b.Within)
		if i.now().Before(opens) {
			return evidence, &probe.Unknown{Class: "rds.not-yet", Want: b.want(), Got: "not yet: it is to be made from " + when(opens) + " on", From: "launch.yaml", Fix: "run this again then; to make it, " + b.make(i.id)}
		}
		resource, err := i.resource(ctx)
		if err != nil {
			return evidence, err
		}
		seen, err := i.list(ctx, "manual", "the snapshots of "+i.id)
		evidence.Asked = []string{seen.from}
		if err != nil {
			return evidence, err
		}
		list := manual(seen.list)
		evidence.Observed = list
		if unmet := b.judge(list, resource, i.id); unmet != nil {
			unmet.From = seen.from
			return evidence, unmet
		}
		return evidence, nil
	}
}

// ID is the identifier that `launchgate backup` gives it: the same one whoever makes it, and however often.
func (b Before) ID() string { return b.Prefix + b.Start.UTC().Format("20060102-1504") }

func (b Before) want() string {
	return fmt.Sprintf("a snapshot %s… for %s, made in the %s before the migration begins at %s", b.Prefix, b.Release, b.Within, when(b.Start))
}

func (b Before) make(id string) string {
	return fmt.Sprintf("launchgate backup, or aws rds create-db-snapshot --db-instance-identifier %s --db-snapshot-identifier %s$(date -u +%%Y%%m%%d-%%H%%M) --tags Key=%s,Value=%s", id, b.Prefix, ReleaseTag, b.Release)
}

// judge says what is wrong with the newest snapshot, where none is as it must be.
func (b Before) judge(list []Manual, resource, id string) *probe.Unmet {
	unmet := func(got, fix string) *probe.Unmet {
		return &probe.Unmet{Class: "rds.before", Want: b.want(), Got: got, Fix: fix}
	}
	var first *probe.Unmet
	for _, s := range list {
		if !strings.HasPrefix(s.ID, b.Prefix) {
			continue
		}
		var bad *probe.Unmet
		switch {
		case s.Of != resource:
			bad = unmet(s.ID+" of another instance, which had the same name", b.make(id))
		case s.Status != "available" || s.Percent != 100:
			bad = unmet(fmt.Sprintf("%s, which is %s at %d %%", s.ID, s.Status, s.Percent), "wait until it is available before the migration begins")
			if s.Status == "failed" {
				bad.Fix = "delete it, and " + b.make(id)
			}
		case s.Made.After(b.Start):
			bad = unmet(s.ID+" of "+when(s.Made)+", when the migration might have begun", "begin no migration without one; correct migration.at if it begins later")
		case s.Made.Before(b.Start.Add(-b.Within)):
			bad = unmet(s.ID+" of "+when(s.Made), b.make(id))
		case s.Release != b.Release:
			bad = unmet(fmt.Sprintf("%s with the tag %s %q", s.ID, ReleaseTag, s.Release), b.make(id))
		default:
			return nil
		}
		if first == nil {
			first = bad
		}
	}
	if first == nil {
		return unmet(fmt.Sprintf("none of %d", len(list)), b.make(id))
	}
	return first
}

// manual are the snapshots, the newest first. One without a time has not begun.
func manual(list []types.DBSnapshot) []Manual {
	all := []Manual{}
	for _, s := range list {
		m := Manual{Snapshot: short(s), Percent: int(aws.ToInt32(s.PercentProgress))}
		if original := aws.ToTime(s.OriginalSnapshotCreateTime); !original.IsZero() {
			m.Made = original
		}
		if at := slices.IndexFunc(s.TagList, func(t types.Tag) bool { return aws.ToString(t.Key) == ReleaseTag }); at >= 0 {
			m.Release = aws.ToString(s.TagList[at].Value)
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Manual) int { return b.Made.Compare(a.Made) })
	return all
}
