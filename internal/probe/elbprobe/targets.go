// Package elbprobe claims things about the target groups of a load balancer: that the health check asks the application, and that
// every target passes it.
package elbprobe

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes. IAM cannot restrict them to a resource.
var Needs = awsprobe.Needs{
	"Elastic Load Balancing v2.DescribeTargetHealth": {Action: "elasticloadbalancing:DescribeTargetHealth", On: awsprobe.Everything},
	"Elastic Load Balancing v2.DescribeTargetGroups": {Action: "elasticloadbalancing:DescribeTargetGroups", On: awsprobe.Everything},
}

// Groups are the target groups of an account.
type Groups struct {
	account *awsprobe.Account
	seen    probe.Memo[string, Group]
}

// Group is a target group and what the load balancer says of its targets.
type Group struct {
	ARN      string   `json:"arn"`
	From     string   `json:"from"`
	Checked  bool     `json:"health_check_enabled"`
	Protocol string   `json:"health_check_protocol"`
	Path     string   `json:"health_check_path,omitempty"`
	Codes    string   `json:"healthy_codes,omitempty"`
	Port     string   `json:"health_check_port"` // traffic-port: where each target gets its requests
	Traffic  int32    `json:"port,omitempty"`    // where a target gets them that has no port of its own
	Targets  []Target `json:"targets"`
}

// Target is one target.
type Target struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	Port   int32  `json:"-"`
}

// New returns target groups that were not looked at yet.
func New(account *awsprobe.Account) *Groups { return &Groups{account: account} }

// Describe asks for a target group and its targets, once.
func (g *Groups) Describe(ctx context.Context, arn string) (Group, error) {
	return g.seen.Try(ctx, "the target group "+arn, awsprobe.Patience, func(ctx context.Context) (Group, error) { return g.observe(ctx, arn) })
}

func (g *Groups) observe(ctx context.Context, arn string) (Group, error) {
	cfg, who, err := g.account.Open(ctx, Needs)
	group := Group{ARN: arn, From: "elasticloadbalancing:DescribeTargetHealth as " + who.String()}
	if err != nil {
		return group, err
	}
	client := elb.NewFromConfig(cfg)
	groups, err := client.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
	if err != nil || len(groups.TargetGroups) == 0 {
		return group, refused("elasticloadbalancing:DescribeTargetGroups", arn, who, err)
	}
	in := groups.TargetGroups[0]
	group.Checked, group.Protocol, group.Path = in.HealthCheckEnabled == nil || *in.HealthCheckEnabled, string(in.HealthCheckProtocol), aws.ToString(in.HealthCheckPath)
	group.Port, group.Traffic = aws.ToString(in.HealthCheckPort), aws.ToInt32(in.Port)
	if in.Matcher != nil {
		group.Codes = aws.ToString(in.Matcher.HttpCode)
	}
	health, err := client.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if err != nil {
		return group, refused("elasticloadbalancing:DescribeTargetHealth", arn, who, err)
	}
	for _, d := range health.TargetHealthDescriptions {
		var t Target
		if d.Target != nil {
			t.Port = cmp.Or(aws.ToInt32(d.Target.Port), group.Traffic)
			t.ID = fmt.Sprintf("%s:%d", aws.ToString(d.Target.Id), t.Port)
		}
		if d.TargetHealth != nil {
			t.State, t.Reason = string(d.TargetHealth.State), strings.TrimSpace(string(d.TargetHealth.Reason)+" "+aws.ToString(d.TargetHealth.Description))
		}
		group.Targets = append(group.Targets, t)
	}
	return group, nil
}

func refused(action, arn string, who awsprobe.Identity, err error) error {
	if err == nil || awsprobe.Missing(err) {
		return &probe.Unmet{Class: "lb.missing", Want: "the target group " + arn, Got: "no such target group", From: action + " as " + who.String(), Fix: "create it, or correct compute.target_groups"}
	}
	return awsprobe.Unreadable(action, "the target group "+arn, who, err)
}

func (g *Groups) claim(arn string, judge func(Group) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		group, err := g.Describe(ctx, arn)
		evidence := probe.Evidence{Target: arn, Source: "Elastic Load Balancing DescribeTargetHealth", Asked: []string{group.From}, Observed: group}
		if err != nil {
			return evidence, err
		}
		return evidence, judge(group)
	}
}

// AllHealthy claims that every target of a group passes its health check, and that there are at least so many.
func (g *Groups) AllHealthy(arn string, least int) probe.Claim {
	return g.claim(arn, func(group Group) error { return allHealthy(group, least) })
}

func allHealthy(g Group, least int) error {
	want := fmt.Sprintf("every target healthy, and at least %d of them", least)
	var bad, blank []string
	for _, t := range g.Targets {
		said := strings.TrimSpace(t.ID + " " + t.State + " " + t.Reason)
		switch {
		case t.State == "healthy":
		case t.State == "", strings.HasPrefix(t.Reason, "Elb.InternalError"):
			blank = append(blank, said)
		default:
			bad = append(bad, said)
		}
	}
	slices.Sort(bad)
	switch {
	case len(bad) > 0:
		return &probe.Unmet{Class: "lb.unhealthy", Want: want, Got: strings.Join(bad, "; "), From: g.From, Fix: "wait for a deployment that is under way; else see the target's log and the health check's reason"}
	case len(g.Targets) < least:
		return &probe.Unmet{Class: "lb.too-few", Want: want, Got: fmt.Sprintf("%d targets", len(g.Targets)), From: g.From, Fix: "see why the service has fewer instances than compute.scale.min"}
	case len(blank) > 0 || len(g.Targets) == 0:
		return &probe.Unknown{Class: "lb.unknown", Want: want, Got: "no verdict on " + strings.Join(blank, "; "), From: g.From, Fix: "the load balancer itself has an error; run again, then ask AWS"}
	}
	return nil
}

// Asks claims that the group's health check asks the application itself at path, and takes success only for healthy.
func (g *Groups) Asks(arn, path string) probe.Claim {
	return g.claim(arn, func(group Group) error { return asks(group, path) })
}

// success are codes of success, alone, in lists and in ranges: "200", "200,204", "200-299".
var success = regexp.MustCompile(`^2\d\d(-2\d\d)?(,2\d\d(-2\d\d)?)*$`)

// SaysHealthy says whether only codes of success count as healthy.
func (g Group) SaysHealthy() bool { return success.MatchString(g.Codes) }

// AsksWhereRequestsGo says whether the health check asks at the port at which every target gets its requests: at another one, something else
// answers.
func (g Group) AsksWhereRequestsGo() bool {
	if g.Port == "traffic-port" {
		return true
	}
	ports := []int32{g.Traffic} // of a group that is empty
	if len(g.Targets) > 0 {
		ports = nil
	}
	for _, t := range g.Targets {
		ports = append(ports, t.Port)
	}
	return !slices.ContainsFunc(ports, func(port int32) bool { return strconv.Itoa(int(port)) != g.Port })
}

func asks(g Group, path string) error {
	http := g.Protocol == "HTTP" || g.Protocol == "HTTPS"
	if g.Checked && http && g.Path == path && g.SaysHealthy() && g.AsksWhereRequestsGo() {
		return nil
	}
	got := fmt.Sprintf("%s %s at %s, healthy with %s", g.Protocol, g.Path, g.Port, g.Codes)
	if !g.Checked {
		got = "no health check"
	}
	return &probe.Unmet{Class: "lb.health-check", Want: "a health check over HTTP at " + path + " where the requests go (traffic-port), healthy with 2xx only", Got: got, From: g.From,
		Fix: "set the target group's health check to HTTP, that path, the port traffic-port and the code 200"}
}
