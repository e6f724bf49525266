package drill

import (
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
)

func tagOf(in *types.DBInstance, key string) string {
	at := slices.IndexFunc(in.TagList, func(t types.Tag) bool { return aws.ToString(t.Key) == key })
	if at < 0 {
		return ""
	}
	return aws.ToString(in.TagList[at].Value)
}

// drilled says whether an instance was created by a drill, by its name and all its tags, and by which. The live database never was.
func (c *call) drilled(in *types.DBInstance) (run string, until time.Time, yes bool) {
	id, run := aws.ToString(in.DBInstanceIdentifier), tagOf(in, tagRun)
	until, err := time.Parse(time.RFC3339, tagOf(in, tagUntil))
	return run, until, err == nil && run != "" && id == prefix+run && id != c.Instance && tagOf(in, tagLaunch) != ""
}

// ours says whether it was created by this run.
func (c *call) ours(in *types.DBInstance, run string) bool {
	made, _, yes := c.drilled(in)
	return yes && made == run && tagOf(in, tagLaunch) == c.Launch
}

// Remove deletes the run's instance and waits until it is gone.
func (s *RDS) Remove(ctx context.Context, run string) error {
	c, err := s.open(ctx)
	if err != nil {
		return err
	}
	in, err := c.describe(ctx, prefix+run)
	switch {
	case err != nil || in == nil:
		return err
	case !c.ours(in, run):
		return foreign(aws.ToString(in.DBInstanceIdentifier))
	}
	return c.delete(ctx, in)
}

func foreign(id string) error {
	return &probe.Unknown{Class: "drill.foreign", Want: id + " with the tags of its drill", Got: "others", From: "rds:DescribeDBInstances", Fix: "nothing was deleted; find out whose it is, and delete it by hand where it is a drill's"}
}

// Sweep deletes the instances of dead runs of this launch, and of any whose lease is over.
func (s *RDS) Sweep(ctx context.Context, dead []string) error {
	c, err := s.open(ctx)
	if err != nil {
		return err
	}
	var left []types.DBInstance
	pages := rds.NewDescribeDBInstancesPaginator(c, &rds.DescribeDBInstancesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return c.unreadable("DescribeDBInstances", "the instances that drills left", err)
		}
		for i := range page.DBInstances {
			in := &page.DBInstances[i]
			run, until, yes := c.drilled(in)
			switch {
			case yes && (time.Now().After(until) || slices.Contains(dead, run) && tagOf(in, tagLaunch) == c.Launch):
				left = append(left, *in)
			case !yes && strings.HasPrefix(aws.ToString(in.DBInstanceIdentifier), prefix):
				c.Say("%s lacks the tags of a drill and is left alone", aws.ToString(in.DBInstanceIdentifier))
			}
		}
	}
	var errs []error
	for i := range left {
		c.Say("removing %s, which an earlier drill left", aws.ToString(left[i].DBInstanceIdentifier))
		errs = append(errs, c.delete(ctx, &left[i]))
	}
	return errors.Join(errs...)
}

// delete deletes an instance that is known to be a drill's, with everything that RDS would keep of it, and waits until it is gone.
func (c *call) delete(ctx context.Context, in *types.DBInstance) error {
	id := aws.ToString(in.DBInstanceIdentifier)
	c.Say("deleting %s", id)
	for looks := 0; ; looks++ {
		err := c.deleteOnce(ctx, in)
		if err != nil {
			return err
		}
		c.at("deleting")
		if err := probe.Wait(ctx, c.interval(looks)); err != nil {
			return &probe.Unknown{Class: "drill.left", Want: id + " deleted", Got: "it is still " + aws.ToString(in.DBInstanceStatus), From: "rds:DescribeDBInstances", Fix: "delete it: aws rds delete-db-instance --skip-final-snapshot --db-instance-identifier " + id, Err: err}
		}
		again, err := c.describe(ctx, id)
		if err != nil {
			return err
		}
		if again == nil {
			c.Say("%s is gone", id)
			return nil
		}
		in = again
	}
}

// deleteOnce asks for the deletion, where it is not under way. An instance that is busy is asked again later.
func (c *call) deleteOnce(ctx context.Context, in *types.DBInstance) error {
	id := aws.ToString(in.DBInstanceIdentifier)
	if aws.ToString(in.DBInstanceStatus) == "deleting" {
		return nil
	}
	_, err := c.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{DBInstanceIdentifier: &id, SkipFinalSnapshot: aws.Bool(true), DeleteAutomatedBackups: aws.Bool(true)})
	switch code := awsprobe.Code(err); {
	case err == nil, awsprobe.Missing(err), strings.HasPrefix(code, "InvalidDBInstanceState"):
		return nil
	case code == "InvalidParameterCombination":
		return &probe.Unknown{Class: "drill.protected", Want: id + " deleted", Got: fmt.Sprint(code, ", as RDS says of one that is protected"), From: "rds:DeleteDBInstance as " + c.who.String(), Err: err,
			Fix: "aws rds modify-db-instance --no-deletion-protection --db-instance-identifier " + id + ", and then launchgate drill sweep"}
	}
	return c.unreadable("DeleteDBInstance", id+" deleted", err)
}
