// Package rdsprobe claims things about an RDS database: that it is there and at rest, kept, copied and closed to the world. It
// looks at what RDS says; what the database itself says is pgprobe's.
package rdsprobe

import (
	"context"
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

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"RDS.DescribeDBInstances":               {Action: "rds:DescribeDBInstances", On: awsprobe.Databases},
	"RDS.DescribePendingMaintenanceActions": {Action: "rds:DescribePendingMaintenanceActions", On: awsprobe.Databases},
	"RDS.DescribeAccountAttributes":         {Action: "rds:DescribeAccountAttributes", On: awsprobe.Everything},
	"RDS.DescribeDBSnapshots":               {Action: "rds:DescribeDBSnapshots", On: awsprobe.Databases},
}

// Instance is one RDS instance.
type Instance struct {
	account  *awsprobe.Account
	id       string
	replicas []string
	now      func() time.Time
	seen     probe.Memo[string, described]
	listed   probe.Memo[string, snapshots]
}

// New returns an instance, and the read replicas that it should have, that were not looked at yet.
func New(account *awsprobe.Account, id string, replicas ...string) *Instance {
	return &Instance{account: account, id: id, replicas: replicas, now: time.Now}
}

// State is what RDS says of an instance.
type State struct {
	ID               string    `json:"id"`
	ARN              string    `json:"arn"`
	Resource         string    `json:"resource_id"`
	Created          time.Time `json:"created"`
	Status           string    `json:"status"`
	Engine           string    `json:"engine"`
	Host             string    `json:"host"`
	Port             int       `json:"port"`
	Master           string    `json:"-"`
	Encrypted        bool      `json:"encrypted"`
	MultiAZ          bool      `json:"multi_az"`
	Public           bool      `json:"publicly_accessible"`
	Groups           []string  `json:"security_groups"`
	Pending          []string  `json:"pending_modifications,omitempty"`
	RetentionDays    int       `json:"backup_retention_days"`
	LatestRestorable time.Time `json:"latest_restorable_time"`
	Protected        bool      `json:"deletion_protection"`
	Replicas         []string  `json:"replicas,omitempty"`
	Replication      string    `json:"replication,omitempty"` // of a read replica
	CAExpires        time.Time `json:"ca_expires,omitzero"`
}

type described struct {
	all  map[string]State // the instance and its replicas, as far as they are there
	from string
}

// describe is the state of an instance; replicas are looked up in the same answer.
func (i *Instance) describe(ctx context.Context, id string) (State, string, error) {
	if i.id == "" {
		return State{}, "", &probe.Unknown{Class: "not-configured", Want: "the database", Got: "no database.instance in launch.yaml", Fix: "add its identifier"}
	}
	seen, err := i.seen.Try(ctx, "the databases", awsprobe.Patience, i.observe)
	if err != nil {
		return State{}, seen.from, err
	}
	state, there := seen.all[id]
	if !there {
		return State{}, seen.from, &probe.Unmet{Class: "rds.missing", Want: "the database " + id, Got: "no such instance", From: seen.from, Fix: "create it, or correct database.instance"}
	}
	return state, seen.from, nil
}

// observe asks for the instance and its replicas at once. One that is not there is left out of the answer of a filter, where asking
// for it by name would be an error.
func (i *Instance) observe(ctx context.Context) (described, error) {
	cfg, who, err := i.account.Open(ctx, Needs)
	seen := described{all: map[string]State{}, from: "rds:DescribeDBInstances as " + who.String()}
	if err != nil {
		return seen, err
	}
	pages := rds.NewDescribeDBInstancesPaginator(rds.NewFromConfig(cfg), &rds.DescribeDBInstancesInput{
		Filters: []types.Filter{{Name: aws.String("db-instance-id"), Values: append([]string{i.id}, i.replicas...)}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return seen, awsprobe.Unreadable("rds:DescribeDBInstances", "the database "+i.id, who, err)
		}
		for n := range page.DBInstances {
			s := fromInstance(&page.DBInstances[n])
			seen.all[s.ID] = s
		}
	}
	return seen, nil
}

func fromInstance(in *types.DBInstance) State {
	s := State{ID: aws.ToString(in.DBInstanceIdentifier), ARN: aws.ToString(in.DBInstanceArn), Resource: aws.ToString(in.DbiResourceId), Created: aws.ToTime(in.InstanceCreateTime),
		Status: aws.ToString(in.DBInstanceStatus), Engine: aws.ToString(in.Engine) + " " + aws.ToString(in.EngineVersion),
		Master: aws.ToString(in.MasterUsername), Encrypted: aws.ToBool(in.StorageEncrypted), MultiAZ: aws.ToBool(in.MultiAZ),
		Public: in.PubliclyAccessible == nil || *in.PubliclyAccessible, RetentionDays: int(aws.ToInt32(in.BackupRetentionPeriod)),
		LatestRestorable: aws.ToTime(in.LatestRestorableTime), Protected: aws.ToBool(in.DeletionProtection), Replicas: in.ReadReplicaDBInstanceIdentifiers,
		Pending: pending(in.PendingModifiedValues)}
	if in.Endpoint != nil {
		s.Host, s.Port = aws.ToString(in.Endpoint.Address), int(aws.ToInt32(in.Endpoint.Port))
	}
	if in.CertificateDetails != nil {
		s.CAExpires = aws.ToTime(in.CertificateDetails.ValidTill)
	}
	for _, g := range in.VpcSecurityGroups {
		s.Groups = append(s.Groups, aws.ToString(g.VpcSecurityGroupId))
	}
	for _, g := range in.DBParameterGroups {
		if status := aws.ToString(g.ParameterApplyStatus); status != "" && status != "in-sync" {
			s.Pending = append(s.Pending, "parameter group "+aws.ToString(g.DBParameterGroupName)+" "+status)
		}
	}
	for _, info := range in.StatusInfos {
		if aws.ToString(info.StatusType) == "read replication" {
			s.Replication = strings.TrimSpace(aws.ToString(info.Status) + " " + aws.ToString(info.Message))
			if !aws.ToBool(info.Normal) && s.Replication == "replicating" {
				s.Replication += ", which RDS does not call normal"
			}
		}
		if !aws.ToBool(info.Normal) {
			s.Pending = append(s.Pending, fmt.Sprintf("%s: %s %s", aws.ToString(info.StatusType), aws.ToString(info.Status), aws.ToString(info.Message)))
		}
	}
	return s
}

// pending names what is to change at the next maintenance window or restart; a password that is to change is named, never shown.
func pending(p *types.PendingModifiedValues) []string {
	if p == nil {
		return nil
	}
	var names []string
	for name, set := range map[string]bool{"allocated storage": p.AllocatedStorage != nil, "class": p.DBInstanceClass != nil, "engine version": p.EngineVersion != nil,
		"multi-AZ": p.MultiAZ != nil, "password": p.MasterUserPassword != nil, "port": p.Port != nil, "CA certificate": p.CACertificateIdentifier != nil,
		"storage type": p.StorageType != nil, "IOPS": p.Iops != nil, "backup retention": p.BackupRetentionPeriod != nil, "identifier": p.DBInstanceIdentifier != nil,
		"license": p.LicenseModel != nil, "subnet group": p.DBSubnetGroupName != nil, "log exports": p.PendingCloudwatchLogsExports != nil,
		"engine": p.Engine != nil, "storage throughput": p.StorageThroughput != nil, "processor features": len(p.ProcessorFeatures) > 0, "more volumes": len(p.AdditionalStorageVolumes) > 0,
		"log volume": p.DedicatedLogVolume != nil, "IAM authentication": p.IAMDatabaseAuthenticationEnabled != nil, "multi-tenancy": p.MultiTenant != nil,
		"automation": p.AutomationMode != "" || p.ResumeFullAutomationModeTime != nil} {
		if set {
			names = append(names, "pending "+name)
		}
	}
	slices.Sort(names)
	return names
}

// claim makes a claim of a pure judgement of the instance.
func (i *Instance) claim(judge func(State) *probe.Unmet) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, from, err := i.describe(ctx, i.id)
		evidence := probe.Evidence{Target: i.id, Asked: []string{from}, Source: "RDS DescribeDBInstances"}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = s
		if unmet := judge(s); unmet != nil {
			unmet.From = from
			return evidence, unmet
		}
		return evidence, nil
	}
}

// State is what RDS says of an instance, this one or one of its replicas.
func (i *Instance) State(ctx context.Context, id string) (State, error) {
	s, _, err := i.describe(ctx, id)
	return s, err
}

// resource is the instance's id of its own, by which its snapshots are told from those of another one that had the same name.
func (i *Instance) resource(ctx context.Context) (string, error) {
	s, from, err := i.describe(ctx, i.id)
	if err == nil && s.Resource == "" {
		err = &probe.Unknown{Class: "rds.resource", Want: "the resource id of " + i.id, Got: "none", From: from, Fix: "run again"}
	}
	return s.Resource, err
}

// Available claims that the instance is available, with nothing waiting for a restart and no maintenance that has a date.
func (i *Instance) Available() probe.Claim {
	const want = "status available, and no change waiting"
	ready := i.claim(func(s State) *probe.Unmet {
		switch {
		case s.Status != "available":
			return &probe.Unmet{Class: "rds.status", Want: want, Got: "status " + s.Status, Fix: "see the instance's events; wait for what is under way"}
		case len(s.Pending) > 0:
			return &probe.Unmet{Class: "rds.pending", Want: want, Got: strings.Join(s.Pending, ", "), Fix: "apply it now, in a maintenance window of your own, not at the launch"}
		}
		return nil
	})
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence, err := ready(ctx)
		if err != nil {
			return evidence, err
		}
		due, from, err := i.maintenance(ctx)
		evidence.Asked = append(evidence.Asked, from)
		if err == nil && len(due) > 0 {
			err = &probe.Unmet{Class: "rds.pending", Want: want, Got: strings.Join(due, ", "), From: from, Fix: "apply it now, or put it off until after the launch"}
		}
		return evidence, err
	}
}

// maintenance is what RDS is going to do to the instance at a date. What waits for somebody to ask for it has none.
func (i *Instance) maintenance(ctx context.Context) (due []string, from string, err error) {
	cfg, who, err := i.account.Open(ctx, Needs)
	from = "rds:DescribePendingMaintenanceActions as " + who.String()
	if err != nil {
		return nil, from, err
	}
	pages := rds.NewDescribePendingMaintenanceActionsPaginator(rds.NewFromConfig(cfg), &rds.DescribePendingMaintenanceActionsInput{
		Filters: []types.Filter{{Name: aws.String("db-instance-id"), Values: []string{i.id}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, from, awsprobe.Unreadable("rds:DescribePendingMaintenanceActions", "the maintenance of "+i.id, who, err)
		}
		for _, resource := range page.PendingMaintenanceActions {
			for _, action := range resource.PendingMaintenanceActionDetails {
				if action.CurrentApplyDate != nil {
					due = append(due, "maintenance "+aws.ToString(action.Action)+" on "+action.CurrentApplyDate.UTC().Format(time.DateOnly))
				}
			}
		}
	}
	return due, from, nil
}

// Encrypted claims that the storage is encrypted, which cannot be switched on later.
func (i *Instance) Encrypted() probe.Claim {
	return i.claim(func(s State) *probe.Unmet {
		if s.Encrypted {
			return nil
		}
		return &probe.Unmet{Class: "rds.encryption", Want: "encrypted storage", Got: "plain storage", Fix: "restore a snapshot with encryption into a new instance and move over"}
	})
}

// InTwoZones claims that a standby waits in another zone.
func (i *Instance) InTwoZones() probe.Claim {
	return i.claim(func(s State) *probe.Unmet {
		if s.MultiAZ {
			return nil
		}
		return &probe.Unmet{Class: "rds.zone", Want: "a standby in another zone", Got: "one zone", Fix: "turn Multi-AZ on"}
	})
}

// NotPublic claims that an instance, this one or one of its replicas, has no public address.
func (i *Instance) NotPublic(id string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, from, err := i.describe(ctx, id)
		evidence := probe.Evidence{Target: id, Asked: []string{from}, Source: "RDS DescribeDBInstances PubliclyAccessible", Observed: s}
		if err == nil && s.Public {
			err = &probe.Unmet{Class: "rds.public", Want: "PubliclyAccessible false", Got: "true", From: from, Fix: "turn public access off"}
		}
		return evidence, err
	}
}

// MostDays is how long RDS keeps automated backups at most.
const MostDays = 35

// KeptFor claims that automated backups are kept for some days.
func (i *Instance) KeptFor(days int) probe.Claim {
	return i.claim(func(s State) *probe.Unmet {
		if s.RetentionDays >= days {
			return nil
		}
		return &probe.Unmet{Class: "rds.retention", Want: fmt.Sprintf("backups of %d days", days), Got: fmt.Sprintf("%d days", s.RetentionDays), Fix: "raise the backup retention period"}
	})
}

// RestorableTo claims that the database could be restored to a point no longer ago than lag: a latest restorable time that
// stands still means that the log is not shipped.
func (i *Instance) RestorableTo(lag time.Duration) probe.Claim {
	return i.claim(func(s State) *probe.Unmet { return restorable(s.LatestRestorable, i.now(), lag) })
}

// skew is how far this machine's clock may be from AWS's.
const skew = 5 * time.Minute

func restorable(latest, now time.Time, lag time.Duration) *probe.Unmet {
	want := fmt.Sprintf("a latest restorable time of the last %s", lag)
	switch age := now.Sub(latest); {
	case latest.IsZero(), age > lag:
		return &probe.Unmet{Class: "rds.restorable", Want: want, Got: "that of " + when(latest),
			Fix: "see why the transaction log is not shipped; backups are off where there is no time at all"}
	case age < -skew:
		return &probe.Unmet{Class: "rds.restorable", Want: want, Got: when(latest) + ", which is still to come", Fix: "set this machine's clock"}
	}
	return nil
}

func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}
