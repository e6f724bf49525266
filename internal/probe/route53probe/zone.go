// Package route53probe claims that Route 53 moves a name to another place when the first one fails. Whether the answers are right is
// dnsprobe's; this is about what stands behind them.
package route53probe

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
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
	"Route 53.GetHostedZone":          {Action: "route53:GetHostedZone", On: awsprobe.Everything},
	"Route 53.ListResourceRecordSets": {Action: "route53:ListResourceRecordSets", On: awsprobe.Everything},
	"Route 53.GetHealthCheck":         {Action: "route53:GetHealthCheck", On: awsprobe.Everything},
	"Route 53.GetHealthCheckStatus":   {Action: "route53:GetHealthCheckStatus", On: awsprobe.Everything},
}

// Delegation is how the world finds the zone: the name servers that it is referred to and who says so, and where any of them is.
type Delegation interface {
	probe.Resolver
	Delegated(ctx context.Context) (names []string, from string, err error)
}

// Zone is a public hosted zone.
type Zone struct {
	account    *awsprobe.Account
	domain     string
	delegation Delegation
	seen       probe.Memo[string, observed]
}

type observed struct {
	failover Failover
	from     string
}

// New returns a hosted zone that was not looked at yet.
func New(account *awsprobe.Account, domain string, delegation Delegation) *Zone {
	return &Zone{account: account, domain: domain, delegation: delegation}
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
	if o.failover.Zones, err = z.hosted(ctx, client, who); err != nil {
		return o, err
	}
	referred, by, err := z.referred(ctx, o.failover.Zones)
	if err != nil {
		return o, err
	}
	id, err := asked(o.failover.Zones, referred, z.domain, by, who)
	if err != nil {
		return o, err
	}
	pages := route53.NewListResourceRecordSetsPaginator(client, &route53.ListResourceRecordSetsInput{HostedZoneId: &id})
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

// hosted are the public hosted zones of the name, of which an account can have several.
func (z *Zone) hosted(ctx context.Context, client *route53.Client, who awsprobe.Identity) ([]Hosted, error) {
	zones, err := client.ListHostedZonesByName(ctx, &route53.ListHostedZonesByNameInput{DNSName: &z.domain})
	if err != nil {
		return nil, awsprobe.Unreadable("route53:ListHostedZonesByName", "the hosted zone "+z.domain, who, err)
	}
	var all []Hosted
	for _, zone := range zones.HostedZones {
		if !strings.EqualFold(aws.ToString(zone.Name), z.domain+".") || zone.Config != nil && zone.Config.PrivateZone {
			continue
		}
		out, err := client.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: zone.Id})
		if err != nil {
			return nil, awsprobe.Unreadable("route53:GetHostedZone", "the name servers of the hosted zone "+aws.ToString(zone.Id), who, err)
		}
		h := Hosted{ID: strings.TrimPrefix(aws.ToString(zone.Id), "/hostedzone/")}
		if out.DelegationSet != nil {
			for _, server := range out.DelegationSet.NameServers {
				h.Servers = append(h.Servers, bare(server))
			}
		}
		all = append(all, h)
	}
	return all, nil
}

// referred are the name servers that the world is referred to, by the names that Route 53 has for them: white-label name servers have names of
// one's own and the addresses of Route 53's.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/white-label-name-servers.html
func (z *Zone) referred(ctx context.Context, zones []Hosted) (names []string, by string, err error) {
	found, by, err := z.delegation.Delegated(ctx)
	if err != nil {
		return nil, by, err
	}
	theirs := map[netip.Addr]string{} // looked up only where a name is not Route 53's
	for _, name := range found {
		name = bare(name)
		if !slices.ContainsFunc(zones, func(h Hosted) bool { return slices.Contains(h.Servers, name) }) {
			if len(theirs) == 0 {
				theirs = z.places(ctx, zones)
			}
			at, err := z.delegation.Addresses(ctx, name)
			if err != nil {
				return nil, by, err
			}
			for _, address := range at {
				name = cmp.Or(theirs[address], name)
			}
		}
		names = append(names, name)
	}
	return names, by, nil
}

// places are the name servers of hosted zones by their addresses. One without any is nobody's other name.
func (z *Zone) places(ctx context.Context, zones []Hosted) map[netip.Addr]string {
	all := map[netip.Addr]string{}
	for _, h := range zones {
		for _, server := range h.Servers {
			at, err := z.delegation.Addresses(ctx, server)
			if err != nil {
				continue
			}
			for _, address := range at {
				all[address] = server
			}
		}
	}
	return all
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
