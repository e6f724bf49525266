// Package backup makes the snapshot of the database that the gate of the migration asks for. RDS itself is the memory of what was done:
// its identifier is the migration's, so that no second one can be made, by whoever it is. It must import neither `testing` nor the gates.
package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/rdsprobe"
)

// Needs are the calls that making the snapshot takes. Its role deletes nothing, and makes no snapshot of another instance.
var Needs = awsprobe.Needs{
	"RDS.DescribeDBInstances": {Action: "rds:DescribeDBInstances", On: awsprobe.Databases},
	"RDS.DescribeDBSnapshots": {Action: "rds:DescribeDBSnapshots", On: awsprobe.Databases},
	"RDS.CreateDBSnapshot":    {Action: "rds:CreateDBSnapshot", On: awsprobe.TheDatabase, Also: "rds:CreateDBSnapshot", AlsoOn: awsprobe.Backups},
	"RDS.AddTagsToResource":   {Action: "rds:AddTagsToResource", On: awsprobe.Backups}, // for the tag of what is made
}

// Backup is the snapshot of one instance before one migration.
type Backup struct {
	Account  *awsprobe.Account
	Instance string
	Before   rdsprobe.Before
	Interval time.Duration // between two looks; 0: 15 seconds
	Say      func(format string, args ...any)

	at func(point string) // lets the kill tests end the process
}

// There says whether the instance is there and can be looked at.
func (b *Backup) There(ctx context.Context) error {
	_, err := b.instance().State(ctx, b.Instance)
	return err
}

// Made is the gate's own claim, as seen now.
func (b *Backup) Made(ctx context.Context) (probe.Evidence, error) {
	return b.instance().BackedUpBefore(b.Before)(ctx)
}

// instance is one that nobody looked at yet.
func (b *Backup) instance() *rdsprobe.Instance { return rdsprobe.New(b.Account, b.Instance) }

// Make makes the snapshot where there is none that the gate takes, and waits for it. It may be called again: one that is under way is
// waited for.
func (b *Backup) Make(ctx context.Context) error {
	_, err := b.Made(ctx)
	if unmet := (*probe.Unmet)(nil); !errors.As(err, &unmet) || unmet.Class != "rds.before" {
		return err // it is made, its time has not come, or nobody can tell
	}
	c, err := b.open(ctx)
	if err != nil {
		return err
	}
	for last := ""; ; {
		status, err := c.step(ctx)
		switch {
		case err == nil && status != last:
			b.Say("%s is %s", b.Before.ID(), status)
			last = status
		case err != nil && (ctx.Err() == nil || last == ""):
			return err
		}
		if last != creating && last != busy {
			return b.ended(ctx, last)
		}
		if err := probe.Wait(ctx, cmp.Or(b.Interval, 15*time.Second)); err != nil {
			return &probe.Unknown{Class: "timeout", Want: b.Before.ID() + " available", Got: "it is " + last, From: "rds:DescribeDBSnapshots as " + c.who.String(), Fix: "run this again: it waits for the same one", Err: err}
		}
	}
}

// How far it is, where it is no status of RDS's that stays: RDS has begun, or cannot begin yet.
const (
	creating = "creating"
	busy     = "busy"
)

// elsewhere is that of a snapshot which nobody needs any more.
const elsewhere = "not needed: somebody else has made one"

// step looks how far the snapshot is, and has RDS begin where it has not.
func (c *call) step(ctx context.Context) (status string, err error) {
	s, err := c.find(ctx)
	switch {
	case err != nil:
		return "", err
	case s != nil:
		return aws.ToString(s.Status), nil
	}
	// First whether one is under way, and then whether one is made: in the other order, one could end in between and be made again.
	if under, err := c.underway(ctx); err != nil || under {
		return busy, err
	}
	if _, err := c.Made(ctx); err == nil {
		return elsewhere, nil
	}
	return c.create(ctx)
}

// underway says whether somebody else has begun a snapshot that the gate would take.
func (c *call) underway(ctx context.Context) (bool, error) {
	pages := rds.NewDescribeDBSnapshotsPaginator(c, &rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: &c.Instance, SnapshotType: aws.String("manual")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, awsprobe.Unreadable("rds:DescribeDBSnapshots", "the snapshots of "+c.Instance, c.who, err)
		}
		for _, s := range page.DBSnapshots {
			released := slices.ContainsFunc(s.TagList, func(t types.Tag) bool {
				return aws.ToString(t.Key) == rdsprobe.ReleaseTag && aws.ToString(t.Value) == c.Before.Release
			})
			if released && aws.ToString(s.Status) == creating && strings.HasPrefix(aws.ToString(s.DBSnapshotIdentifier), c.Before.Prefix) {
				return true, nil
			}
		}
	}
	return false, nil
}

// ended judges the snapshot as the gate does. What is wrong with it now stays so, and another can have its name only once it is gone.
func (b *Backup) ended(ctx context.Context, status string) error {
	_, err := b.Made(ctx)
	if unmet := (*probe.Unmet)(nil); errors.As(err, &unmet) && unmet.Class == "rds.before" {
		unmet.Got = fmt.Sprintf("%s, which is %s: %s", b.Before.ID(), status, unmet.Got)
		unmet.Fix = fmt.Sprintf("where nobody needs it, aws rds delete-db-snapshot --db-snapshot-identifier %s, and run this again", b.Before.ID())
	}
	return err
}

// call is one conversation with RDS.
type call struct {
	*Backup
	*rds.Client
	who awsprobe.Identity
}

func (b *Backup) open(ctx context.Context) (*call, error) {
	cfg, who, err := b.Account.Open(ctx, Needs)
	return &call{b, rds.NewFromConfig(cfg), who}, err
}

// find is the snapshot; nil where there is none.
func (c *call) find(ctx context.Context) (*types.DBSnapshot, error) {
	id := c.Before.ID()
	out, err := c.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: &id})
	switch {
	case awsprobe.Missing(err):
		return nil, nil
	case err != nil:
		return nil, awsprobe.Unreadable("rds:DescribeDBSnapshots", "the snapshot "+id, c.who, err)
	case len(out.DBSnapshots) != 1:
		return nil, nil
	}
	return &out.DBSnapshots[0], nil
}

// create has RDS begin. It is busy where the instance is in the middle of something else, as an automated backup.
func (c *call) create(ctx context.Context) (status string, err error) {
	id := c.Before.ID()
	if now := time.Now(); now.After(c.Before.Start) {
		return "", &probe.Unmet{Class: "rds.before", Want: id + " made before the migration begins at " + c.Before.Start.UTC().Format(time.RFC3339), Got: "nothing made by " + now.UTC().Format(time.RFC3339),
			From: "rds:DescribeDBSnapshots as " + c.who.String(), Fix: "begin no migration without one; correct migration.at if it begins later"}
	}
	key, release := rdsprobe.ReleaseTag, c.Before.Release
	_, err = c.CreateDBSnapshot(ctx, &rds.CreateDBSnapshotInput{DBInstanceIdentifier: &c.Instance, DBSnapshotIdentifier: &id, Tags: []types.Tag{{Key: &key, Value: &release}}})
	from := "rds:CreateDBSnapshot as " + c.who.String()
	switch code := awsprobe.Code(err); code {
	case "InvalidDBInstanceState":
		return busy, nil
	case "DBSnapshotAlreadyExists": // the SDK's first try had made it, or somebody did meanwhile
		return creating, nil
	case "SnapshotQuotaExceeded":
		return "", &probe.Unknown{Class: "rds.quota", Want: id + " made", Got: code, From: from, Fix: "delete manual snapshots that nobody needs, or have the quota raised, and run this again"}
	}
	if err != nil {
		return "", awsprobe.Unreadable("rds:CreateDBSnapshot", "the snapshot "+id, c.who, err)
	}
	if c.at != nil {
		c.at("asked")
	}
	return creating, nil
}
