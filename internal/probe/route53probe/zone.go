// Package route53probe claims that Route 53 moves a name to another place when the first one fails. Whether the answers are right is
// dnsprobe's; this is about what stands behind them.
package route53probe

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"Route 53.ListHostedZonesByName":  {Action: "route53:ListHostedZonesByName", On: awsprobe.Everything},
	"Route 53.ListResourceRecordSets": {Action: "route53:ListResourceRecordSets", On: awsprobe.Everything},
	"Route 53.GetHealthCheck":         {Action: "route53:GetHealthCheck", On: awsprobe.Everything},
	"Route 53.GetHealthCheckStatus":   {Action: "route53:GetHealthCheckStatus", On: awsprobe.Everything},
}

// Zone is a public hosted zone.
type Zone struct {
	account *awsprobe.Account
	domain  string
	seen    probe.Memo[string, observed]
}

type observed struct {
	failover Failover
	from     string
}

// New returns a hosted zone that was not looked at yet.
func New(account *awsprobe.Account, domain string) *Zone {
	return &Zone{account: account, domain: domain}
}

// FailsOver claims that a name of the zone moves to another place when its first one does not answer at path any more.
func (z *Zone) FailsOver(name, path string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: name, Source: "Route 53 ListResourceRecordSets, GetHealthCheckStatus", Assertion: "FO-01…06"}
		seen, err := z.seen.Try(ctx, "the hosted zone "+z.domain, awsprobe.Patience, z.observe)
		evidence.Asked, evidence.Observed = []string{seen.from}, seen.failover
		if err != nil {
			return evidence, err
		}
		return evidence, judge(seen.failover, name, path)
	}
}

func (z *Zone) observe(ctx context.Context) (observed, error) {
	cfg, who, err := z.account.Open(ctx, Needs)
	o := observed{failover: Failover{Checks: map[string]HealthCheck{}}, from: "route53:ListResourceRecordSets as " + who.String()}
	if err != nil {
		return o, err
	}
	client := route53.NewFromConfig(cfg)
	zones, err := client.ListHostedZonesByName(ctx, &route53.ListHostedZonesByNameInput{DNSName: &z.domain})
	if err != nil {
		return o, awsprobe.Unreadable("route53:ListHostedZonesByName", "the hosted zone "+z.domain, who, err)
	}
	var ids []string
	for _, zone := range zones.HostedZones {
		if strings.EqualFold(aws.ToString(zone.Name), z.domain+".") && (zone.Config == nil || !zone.Config.PrivateZone) {
			ids = append(ids, strings.TrimPrefix(aws.ToString(zone.Id), "/hostedzone/"))
		}
	}
	if len(ids) != 1 {
		return o, &probe.Unknown{Class: "dns.zone", Want: "one public hosted zone " + z.domain, Got: "[" + strings.Join(ids, ", ") + "]", From: "route53:ListHostedZonesByName as " + who.String(),
			Fix: "take the credentials of the account that has the zone; remove zones that are delegated to no more"}
	}
	pages := route53.NewListResourceRecordSetsPaginator(client, &route53.ListResourceRecordSetsInput{HostedZoneId: &ids[0]})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return o, awsprobe.Unreadable("route53:ListResourceRecordSets", "the records of "+z.domain, who, err)
		}
		for _, set := range page.ResourceRecordSets {
			r := fromSet(set)
			o.failover.Records = append(o.failover.Records, r)
			if _, known := o.failover.Checks[r.Check]; r.Check == "" || known {
				continue
			}
			if o.failover.Checks[r.Check], err = check(ctx, client, r.Check, who); err != nil {
				return o, err
			}
		}
	}
	return o, nil
}

func fromSet(in types.ResourceRecordSet) Record {
	r := Record{Name: aws.ToString(in.Name), Type: string(in.Type), Role: string(in.Failover), TTL: aws.ToInt64(in.TTL), Check: aws.ToString(in.HealthCheckId)}
	if a := in.AliasTarget; a != nil {
		r.Alias, r.Evaluate, r.Targets = true, a.EvaluateTargetHealth, []string{aws.ToString(a.DNSName)}
	}
	for _, value := range in.ResourceRecords {
		r.Targets = append(r.Targets, aws.ToString(value.Value))
	}
	return r
}

func check(ctx context.Context, client *route53.Client, id string, who awsprobe.Identity) (HealthCheck, error) {
	out, err := client.GetHealthCheck(ctx, &route53.GetHealthCheckInput{HealthCheckId: &id})
	switch {
	case err != nil && awsprobe.Code(err) == "NoSuchHealthCheck":
		return HealthCheck{Missing: true}, nil
	case err != nil:
		return HealthCheck{}, awsprobe.Unreadable("route53:GetHealthCheck", "the health check "+id, who, err)
	}
	var c HealthCheck
	if in := out.HealthCheck.HealthCheckConfig; in != nil {
		c = HealthCheck{Type: string(in.Type), Path: aws.ToString(in.ResourcePath), Endpoint: cmp.Or(aws.ToString(in.IPAddress), aws.ToString(in.FullyQualifiedDomainName)), Disabled: aws.ToBool(in.Disabled), Inverted: aws.ToBool(in.Inverted)}
	}
	if c.Type == string(types.HealthCheckTypeCalculated) || c.Type == string(types.HealthCheckTypeRecoveryControl) {
		return c, nil // these have no checkers
	}
	status, err := client.GetHealthCheckStatus(ctx, &route53.GetHealthCheckStatusInput{HealthCheckId: &id})
	if err != nil {
		return c, awsprobe.Unreadable("route53:GetHealthCheckStatus", "what the checkers of "+id+" see", who, err)
	}
	for _, o := range status.HealthCheckObservations {
		if o.StatusReport != nil {
			c.Seen = append(c.Seen, aws.ToString(o.StatusReport.Status))
		}
	}
	return c, nil
}
