package cloud

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/accessprobe"
	"github.com/getdrop/launchgate/internal/probe/acmprobe"
	"github.com/getdrop/launchgate/internal/probe/apprunnerprobe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/backupprobe"
	"github.com/getdrop/launchgate/internal/probe/cloudfrontprobe"
	"github.com/getdrop/launchgate/internal/probe/cloudwatchprobe"
	"github.com/getdrop/launchgate/internal/probe/costprobe"
	"github.com/getdrop/launchgate/internal/probe/ec2probe"
	"github.com/getdrop/launchgate/internal/probe/ecrprobe"
	"github.com/getdrop/launchgate/internal/probe/ecsprobe"
	"github.com/getdrop/launchgate/internal/probe/elbprobe"
	"github.com/getdrop/launchgate/internal/probe/iamprobe"
	"github.com/getdrop/launchgate/internal/probe/logsprobe"
	"github.com/getdrop/launchgate/internal/probe/quotasprobe"
	"github.com/getdrop/launchgate/internal/probe/rdsprobe"
	"github.com/getdrop/launchgate/internal/probe/route53probe"
	"github.com/getdrop/launchgate/internal/probe/secretsprobe"
	"github.com/getdrop/launchgate/internal/probe/snsprobe"
	"github.com/getdrop/launchgate/internal/probe/wafprobe"
	"github.com/getdrop/launchgate/internal/probe/xrayprobe"
)

// needs are the declarations of all probes of AWS that look at something of this launch.
func needs(l *launch.Launch) []awsprobe.Needs {
	all := []awsprobe.Needs{accessprobe.Needs, acmprobe.Needs, backupprobe.Needs, cloudwatchprobe.Needs, ecrprobe.Needs, iamprobe.Needs, logsprobe.Needs, rdsprobe.Needs, secretsprobe.Needs, snsprobe.Needs, xrayprobe.Needs}
	if l.Compute.Provider == launch.ECS {
		all = append(all, ecsprobe.Needs, elbprobe.RoutingNeeds)
	} else {
		all = append(all, apprunnerprobe.Needs)
	}
	if l.Compute.Provider == launch.ECS || len(l.Compute.Targets) > 0 {
		all = append(all, elbprobe.Needs)
	}
	if l.Database.Instance != "" {
		all = append(all, ec2probe.Needs)
	}
	if len(l.AWS.Quotas) > 0 {
		all = append(all, quotasprobe.Needs)
	}
	if l.DNS.Failover.Enabled {
		all = append(all, route53probe.Needs)
	}
	if l.CDN.Enabled && l.CDN.Provider == launch.CloudFront {
		all = append(all, cloudfrontprobe.Needs, wafprobe.Needs)
	}
	if l.CDN.Enabled && l.CDN.WAF.Resource != "" {
		all = append(all, wafprobe.RegionalNeeds)
	}
	if l.Budget.Name != "" {
		all = append(all, costprobe.Needs)
	}
	return all
}

// rollback is what bringing the previous version back needs, by platform: UpdateService with the previous image or revision, never
// StartDeployment, which deploys whatever the tag points to now.
var rollback = map[string]awsprobe.Needs{
	launch.AppRunner: {
		"AppRunner.DescribeService": {Action: "apprunner:DescribeService", On: awsprobe.Service},
		"AppRunner.ListOperations":  {Action: "apprunner:ListOperations", On: awsprobe.Service},
		"AppRunner.UpdateService":   {Action: "apprunner:UpdateService", On: awsprobe.Service, Also: "iam:PassRole", AlsoOn: awsprobe.Role},
		"ECR.DescribeImages":        {Action: "ecr:DescribeImages", On: awsprobe.Repository},
	},
	launch.ECS: {
		"ECS.DescribeServices":       {Action: "ecs:DescribeServices", On: awsprobe.Service},
		"ECS.ListServiceDeployments": {Action: "ecs:ListServiceDeployments", On: awsprobe.Service},
		"ECS.UpdateService":          {Action: "ecs:UpdateService", On: awsprobe.Service},
		"ECR.DescribeImages":         {Action: "ecr:DescribeImages", On: awsprobe.Repository},
	},
}

// Policy is an IAM policy document.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement allows some actions on some resources.
type Statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource []string
}

// GatesPolicy is the least that the gates of a launch need: they read, and change nothing.
func GatesPolicy(l *launch.Launch) Policy { return policy(l, needs(l)...) }

// RollbackPolicy is the least that the role of the rollback job needs.
func RollbackPolicy(l *launch.Launch) Policy { return policy(l, rollback[l.Compute.Provider]) }

// CommandPolicy is the least that the role of a command needs which changes something, by what the command declares: a drill on RDS deletes
// nothing but what drills created, and the backup before the migration makes snapshots of one instance.
func CommandPolicy(l *launch.Launch, declared awsprobe.Needs) Policy { return policy(l, declared) }

func policy(l *launch.Launch, declared ...awsprobe.Needs) Policy {
	actions := map[awsprobe.Kind]map[string]bool{}
	add := func(on awsprobe.Kind, action string) {
		if action == "" {
			return
		}
		if actions[on] == nil {
			actions[on] = map[string]bool{}
		}
		actions[on][action] = true
	}
	for _, n := range declared {
		for _, permission := range n {
			add(permission.On, permission.Action)
			add(permission.AlsoOn, permission.Also)
		}
	}
	p := Policy{Version: "2012-10-17"}
	for _, kind := range slices.Sorted(maps.Keys(actions)) {
		resources := resources(l, kind)
		if len(resources) == 0 {
			continue // launch.yaml has none, so nothing is asked
		}
		p.Statement = append(p.Statement, Statement{Sid: sid(kind), Effect: "Allow", Action: slices.Sorted(maps.Keys(actions[kind])), Resource: resources})
	}
	return p
}

// resources are the ARNs of the launch's resources of a kind.
func resources(l *launch.Launch, kind awsprobe.Kind) []string {
	arn := func(service, resource string) string {
		return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, l.AWS.Region, l.AWS.Account, resource)
	}
	only := func(there, arn string) []string {
		if there == "" {
			return nil
		}
		return []string{arn}
	}
	switch kind {
	case awsprobe.Everything:
		return []string{"*"}
	case awsprobe.Service:
		return only(string(l.Compute.Service), string(l.Compute.Service))
	case awsprobe.Scaling:
		return only(string(l.Compute.Service), arn("apprunner", "autoscalingconfiguration/*"))
	case awsprobe.Secrets:
		return secrets(l, arn)
	case awsprobe.Databases:
		if l.Database.Instance == "" {
			return nil
		}
		return []string{arn("rds", "db:*"), arn("rds", "snapshot:*")}
	case awsprobe.RecoveryPoints:
		if l.Thresholds.BackupDays <= rdsprobe.MostDays {
			return nil
		}
		return []string{"*"}
	case awsprobe.Repository:
		return only(l.Images.Repository, arn("ecr", "repository/"+l.Images.Repository))
	case awsprobe.LogGroup:
		var all []string
		for _, group := range []string{l.Logs.Group, platformGroup(l.Compute.Service)} {
			if group != "" {
				all = append(all, arn("logs", "log-group:"+group+":*"))
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	case awsprobe.TheBudget:
		return only(l.Budget.Name, "arn:aws:budgets::"+l.AWS.Account+":budget/"+l.Budget.Name)
	case awsprobe.Drills:
		return []string{arn("rds", "db:"+awsprobe.DrillPrefix+"*")}
	case awsprobe.DrillSources: // no snapshot and no instance of another database; groups have no names of the launch's
		return []string{arn("rds", "db:"+l.Database.Instance), arn("rds", "og:*"), arn("rds", "pg:*"), arn("rds", "snapshot:rds:"+l.Database.Instance+"-*"), arn("rds", "subgrp:*")}
	case awsprobe.TheDatabase:
		return only(l.Database.Instance, arn("rds", "db:"+l.Database.Instance))
	case awsprobe.Backups:
		return only(l.Database.Instance, arn("rds", "snapshot:"+snapshotPrefix(l)+"*"))
	case awsprobe.TheDistribution:
		return only(l.CDN.ID, cloudFront(l, "distribution/"+l.CDN.ID))
	case awsprobe.CDNPolicies:
		return []string{cloudFront(l, "cache-policy/*"), cloudFront(l, "origin-request-policy/*")}
	case awsprobe.WebACLs: // those of CloudFront
		return []string{global(l, "wafv2", "global/rulegroup/*"), global(l, "wafv2", "global/webacl/*")}
	case awsprobe.RegionalWebACLs:
		return []string{string(l.CDN.WAF.Resource), arn("wafv2", "regional/rulegroup/*"), arn("wafv2", "regional/webacl/*")}
	case awsprobe.Certificates:
		var all []string
		if l.CDN.Enabled && l.CDN.Provider == launch.CloudFront {
			all = append(all, global(l, "acm", "certificate/*"))
		}
		for _, certificate := range l.TLS.Certificates {
			all = append(all, string(certificate))
		}
		return all
	case awsprobe.Dashboards:
		var all []string
		for _, d := range l.Dashboards {
			if d.Query == "" {
				all = append(all, "arn:aws:cloudwatch::"+l.AWS.Account+":dashboard/"+d.Name)
			}
		}
		return all
	case awsprobe.MuteRules:
		return []string{arn("cloudwatch", "alarm-mute-rule:*")}
	case awsprobe.Topics: // which may be another account's, by their own policy; CloudWatch publishes in its own region alone
		return []string{"arn:aws:sns:" + l.AWS.Region + ":*:*"}
	case awsprobe.Analyzers:
		return []string{arn("access-analyzer", "analyzer/*")}
	case awsprobe.Role:
		return only(string(l.IAM.Role), string(l.IAM.Role))
	default:
		panic("no resources are known for " + string(kind))
	}
}

// cloudFront is the ARN of something of CloudFront, which has no region.
func cloudFront(l *launch.Launch, resource string) string {
	return "arn:aws:cloudfront::" + l.AWS.Account + ":" + resource
}

// global is the ARN of something that CloudFront uses of another service, which is in one region for all.
func global(l *launch.Launch, service, resource string) string {
	return "arn:aws:" + service + ":us-east-1:" + l.AWS.Account + ":" + resource
}

// platformGroup is the log group in which App Runner puts the output of a service; "" for another platform.
func platformGroup(service launch.ARN) string {
	if name, found := strings.CutPrefix(service.Resource(), "service/"); found && service.Service() == "apprunner" {
		return "/aws/apprunner/" + name + "/application"
	}
	return ""
}

// secrets are ARNs; behind a secret's name AWS puts six characters of its own.
func secrets(l *launch.Launch, arn func(service, resource string) string) []string {
	var all []string
	for _, s := range l.Secrets {
		for _, id := range []string{s.ID, s.Differs} {
			switch {
			case id == "":
			case strings.HasPrefix(id, "arn:"):
				all = append(all, id)
			default:
				all = append(all, arn("secretsmanager", "secret:"+id+"-??????"))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sid is the kind as a statement's id may be: letters only.
func sid(kind awsprobe.Kind) string {
	if kind == awsprobe.Everything {
		return "NoResourceLevel"
	}
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(strings.TrimPrefix(string(kind), "the "), func(r rune) bool { return r < 'A' || r > 'z' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
