package drill

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
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

// Needs are the calls that a drill on RDS makes. What it creates and deletes has a name of its own, to which its role is narrowed.
var Needs = awsprobe.Needs{
	"RDS.DescribeDBInstances":             {Action: "rds:DescribeDBInstances", On: awsprobe.Databases},
	"RDS.DescribeDBSnapshots":             {Action: "rds:DescribeDBSnapshots", On: awsprobe.Databases},
	"RDS.RestoreDBInstanceFromDBSnapshot": {Action: "rds:RestoreDBInstanceFromDBSnapshot", On: awsprobe.Drills, Also: "rds:RestoreDBInstanceFromDBSnapshot", AlsoOn: awsprobe.DrillSources},
	"RDS.RestoreDBInstanceToPointInTime":  {Action: "rds:RestoreDBInstanceToPointInTime", On: awsprobe.Drills, Also: "rds:RestoreDBInstanceToPointInTime", AlsoOn: awsprobe.DrillSources},
	"RDS.DeleteDBInstance":                {Action: "rds:DeleteDBInstance", On: awsprobe.Drills},
	"RDS.AddTagsToResource":               {Action: "rds:AddTagsToResource", On: awsprobe.Drills}, // for the tags of what is created
}

const prefix = awsprobe.DrillPrefix

// The tags of an instance that a drill created. Without all of them it is somebody else's.
const (
	tagLaunch = "launchgate:launch"
	tagRun    = "launchgate:drill"
	tagUntil  = "launchgate:until" // when its lease is over
)

// exactly is how exact the time of a snapshot is.
const exactly = 5 * time.Minute

// RDS restores an instance's automated snapshots, and its log.
type RDS struct {
	Account  *awsprobe.Account
	Instance string
	Launch   string
	Live     string // connection string to Instance; that of the restored one differs in its host
	Subnets  string // empty: those of Instance
	Groups   []string
	Lease    time.Duration // how long a run may take, its removal included
	Interval time.Duration // between two looks, at most; 0: 15 seconds
	Say      func(format string, args ...any)
	Still    func(format string, args ...any) // each minute of a wait; nil: nobody watches
	RTO      time.Duration                    // for whoever watches

	at func(point string)
}

// call is one conversation with RDS.
type call struct {
	*RDS
	*rds.Client
	who awsprobe.Identity
}

func (s *RDS) open(ctx context.Context) (*call, error) {
	cfg, who, err := s.Account.Open(ctx, Needs)
	if s.at == nil {
		s.at = func(string) {}
	}
	return &call{s, rds.NewFromConfig(cfg), who}, err
}

func (c *call) unreadable(action, want string, err error) error {
	return awsprobe.Unreadable("rds:"+action, want, c.who, err)
}

// Newest is the newest automated snapshot that is available.
func (s *RDS) Newest(ctx context.Context) (drillprobe.Backup, error) {
	c, err := s.open(ctx)
	if err != nil {
		return drillprobe.Backup{}, err
	}
	newest, seen := drillprobe.Backup{Within: int(exactly.Seconds())}, 0
	pages := rds.NewDescribeDBSnapshotsPaginator(c, &rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: &s.Instance, SnapshotType: aws.String("automated")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return newest, c.unreadable("DescribeDBSnapshots", "the backups of "+s.Instance, err)
		}
		for i := range page.DBSnapshots {
			snapshot := &page.DBSnapshots[i]
			seen++
			if made := aws.ToTime(snapshot.SnapshotCreateTime); aws.ToString(snapshot.Status) == "available" && made.After(newest.Made) {
				newest.ID, newest.Made = aws.ToString(snapshot.DBSnapshotIdentifier), made.UTC()
			}
		}
	}
	if newest.ID == "" {
		return newest, &probe.Unmet{Class: "drill.backup", Want: "an automated snapshot of " + s.Instance + " that is available", Got: fmt.Sprintf("none of %d", seen), From: "rds:DescribeDBSnapshots as " + c.who.String(), Fix: "turn automated backups on, and wait for the first"}
	}
	return newest, nil
}

// Restorable says whether the log has been shipped up to a point.
func (s *RDS) Restorable(ctx context.Context, _ Database, to time.Time) (drillprobe.Backup, bool, error) {
	c, err := s.open(ctx)
	if err != nil {
		return drillprobe.Backup{}, false, err
	}
	source, err := c.source(ctx)
	if err != nil {
		return drillprobe.Backup{}, false, err
	}
	latest := aws.ToTime(source.LatestRestorableTime).UTC()
	return drillprobe.Backup{ID: "the log of " + s.Instance, Made: latest, Within: int(exactly.Seconds())}, !latest.Before(to), nil
}

// source is the live instance. That a call was refused says nothing of whether there is one.
func (c *call) source(ctx context.Context) (*types.DBInstance, error) {
	source, err := c.describe(ctx, c.Instance)
	if err != nil || source != nil {
		return source, err
	}
	return nil, &probe.Unmet{Class: "rds.missing", Want: "the database " + c.Instance, Got: "no such instance", From: "rds:DescribeDBInstances as " + c.who.String(), Fix: "correct database.instance"}
}

// describe is an instance; nil where there is none.
func (c *call) describe(ctx context.Context, id string) (*types.DBInstance, error) {
	out, err := c.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	switch {
	case awsprobe.Missing(err):
		return nil, nil
	case err != nil:
		return nil, c.unreadable("DescribeDBInstances", "the instance "+id, err)
	case len(out.DBInstances) != 1:
		return nil, nil
	}
	return &out.DBInstances[0], nil
}

// Restore restores to an instance that nobody on the internet reaches, behind the same security groups and with the same parameters.
func (s *RDS) Restore(ctx context.Context, run string, from drillprobe.Backup, to time.Time) (Place, error) {
	place := Place{Name: prefix + run}
	c, err := s.open(ctx)
	if err != nil {
		return place, err
	}
	source, err := c.source(ctx)
	if err != nil {
		return place, err
	}
	want := c.like(source)
	if err := c.ask(ctx, run, from, to, want); err != nil {
		return place, err
	}
	s.at("asked")
	restored, err := c.available(ctx, place.Name)
	if err != nil {
		return place, err
	}
	if err := c.shut(restored, want); err != nil {
		return place, err
	}
	place.DSN, err = At(s.Live, aws.ToString(restored.Endpoint.Address), int(aws.ToInt32(restored.Endpoint.Port)))
	return place, err
}

// like is what the restored instance has of the live one: RDS would give it its defaults.
type like struct {
	subnets, parameters *string
	groups              []string
}

func (c *call) like(source *types.DBInstance) like {
	l := like{groups: slices.Clone(c.Groups)}
	if c.Subnets != "" {
		l.subnets = &c.Subnets
	} else if source.DBSubnetGroup != nil {
		l.subnets = source.DBSubnetGroup.DBSubnetGroupName
	}
	if len(source.DBParameterGroups) > 0 {
		l.parameters = source.DBParameterGroups[0].DBParameterGroupName
	}
	if len(l.groups) == 0 {
		l.groups = groupsOf(source)
	}
	slices.Sort(l.groups)
	return l
}

func groupsOf(in *types.DBInstance) []string {
	var all []string
	for _, g := range in.VpcSecurityGroups {
		all = append(all, aws.ToString(g.VpcSecurityGroupId))
	}
	return all
}

// ask has RDS begin. A retry of the SDK's may find that the first try had created it.
func (c *call) ask(ctx context.Context, run string, from drillprobe.Backup, to time.Time, l like) (err error) {
	id, tags := prefix+run, c.tags(run)
	action := "RestoreDBInstanceFromDBSnapshot"
	if to.IsZero() {
		_, err = c.RestoreDBInstanceFromDBSnapshot(ctx, &rds.RestoreDBInstanceFromDBSnapshotInput{DBInstanceIdentifier: &id, DBSnapshotIdentifier: &from.ID, Tags: tags,
			PubliclyAccessible: aws.Bool(false), MultiAZ: aws.Bool(false), DeletionProtection: aws.Bool(false), CopyTagsToSnapshot: aws.Bool(false),
			DBSubnetGroupName: l.subnets, VpcSecurityGroupIds: l.groups, DBParameterGroupName: l.parameters})
	} else {
		action = "RestoreDBInstanceToPointInTime"
		_, err = c.RestoreDBInstanceToPointInTime(ctx, &rds.RestoreDBInstanceToPointInTimeInput{SourceDBInstanceIdentifier: &c.Instance, TargetDBInstanceIdentifier: &id, RestoreTime: &to, Tags: tags,
			PubliclyAccessible: aws.Bool(false), MultiAZ: aws.Bool(false), DeletionProtection: aws.Bool(false), CopyTagsToSnapshot: aws.Bool(false),
			DBSubnetGroupName: l.subnets, VpcSecurityGroupIds: l.groups, DBParameterGroupName: l.parameters})
	}
	switch code := awsprobe.Code(err); {
	case err == nil:
		return nil
	case strings.HasPrefix(code, "DBInstanceAlreadyExists"):
		there, err := c.describe(ctx, id)
		if err != nil || there != nil && c.ours(there, run) {
			return err
		}
		return &probe.Unknown{Class: "drill.foreign", Want: "an identifier of our own", Got: id + ", which is somebody else's", From: "rds:" + action, Fix: "run the drill again"}
	case code == "":
		return errors.Join(c.unreadable(action, "the restore of "+from.ID, err), errUncertain)
	default:
		return c.unreadable(action, "the restore of "+from.ID, err)
	}
}

func (c *call) tags(run string) []types.Tag {
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	return []types.Tag{tag(tagLaunch, c.Launch), tag(tagRun, run), tag(tagUntil, time.Now().Add(c.Lease).UTC().Format(time.RFC3339))}
}

// lost are the statuses from which an instance does not come back by itself.
var lost = []string{"failed", "incompatible-restore", "incompatible-network", "incompatible-parameters", "incompatible-option-group", "incompatible-create", "restore-error",
	"inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable", "insufficient-capacity", "storage-full", "deleting", "stopped"}

// available waits for an instance.
func (c *call) available(ctx context.Context, id string) (*types.DBInstance, error) {
	last, said := "", time.Duration(0)
	began := time.Now()
	for looks := 0; ; looks++ {
		in, err := c.describe(ctx, id)
		switch status := ""; {
		case err != nil && ctx.Err() != nil && last != "": // the time is over, and RDS had answered
			return nil, errors.Join(&underway{last}, err)
		case err != nil:
			return nil, err
		case in == nil:
			return nil, &probe.Unknown{Class: "drill.gone", Want: id + " available", Got: "no such instance any more", From: "rds:DescribeDBInstances", Fix: "find out who deleted it, and run the drill again"}
		default:
			if status = aws.ToString(in.DBInstanceStatus); status != last {
				c.Say("%s is %s after %s", id, status, time.Since(began).Round(time.Second))
				last = status
			}
			if elapsed := time.Since(began); c.Still != nil && elapsed > said+time.Minute {
				said = elapsed.Truncate(time.Minute)
				c.Still("%s is still %s after %s; %s are left of the objective", id, status, said, max(0, c.RTO-said))
			}
			if status == "available" && in.Endpoint != nil {
				return in, nil
			}
			if slices.Contains(lost, status) {
				return nil, &probe.Unmet{Class: "drill.status", Want: "the restored instance available", Got: status, From: "rds:DescribeDBInstances as " + c.who.String(), Fix: "see the events of " + id + " for the cause"}
			}
		}
		if err := probe.Wait(ctx, c.interval(looks)); err != nil {
			return nil, errors.Join(&underway{last}, err)
		}
	}
}

// interval is the time until the next look: short at first, for what is quick.
func (c *call) interval(looks int) time.Duration {
	return min(time.Second<<min(looks, 10), cmp.Or(c.Interval, 15*time.Second))
}

// shut wants the copy of the customers' data to be as closed as the original.
func (c *call) shut(in *types.DBInstance, l like) error {
	groups := slices.Sorted(slices.Values(groupsOf(in)))
	switch want := "a restored instance behind " + strings.Join(l.groups, ", ") + " and not public"; {
	case in.PubliclyAccessible == nil || *in.PubliclyAccessible:
		return &probe.Unmet{Class: "drill.public", Want: want, Got: "a public one", Fix: "see which subnet group it is in, and give drill.subnet_group"}
	case !slices.Equal(groups, l.groups):
		return &probe.Unmet{Class: "drill.groups", Want: want, Got: "[" + strings.Join(groups, ", ") + "]", Fix: "give drill.security_groups"}
	}
	return nil
}
