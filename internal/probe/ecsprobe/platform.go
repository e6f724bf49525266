// Package ecsprobe describes an ECS service in the words of computeprobe. It judges nothing.
package ecsprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/elbprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"ECS.DescribeServices":                             {Action: "ecs:DescribeServices", On: awsprobe.Service},
	"ECS.ListServiceDeployments":                       {Action: "ecs:ListServiceDeployments", On: awsprobe.Service},
	"ECS.DescribeTaskDefinition":                       {Action: "ecs:DescribeTaskDefinition", On: awsprobe.Everything},
	"Application Auto Scaling.DescribeScalableTargets": {Action: "application-autoscaling:DescribeScalableTargets", On: awsprobe.Everything},
}

// Platform is one ECS service.
type Platform struct {
	account  *awsprobe.Account
	arn      string
	balanced *elbprobe.Groups
	seen     probe.Memo[string, computeprobe.Service]
}

// New returns the platform of a service; balanced is where its target groups are looked up.
func New(account *awsprobe.Account, arn string, balanced *elbprobe.Groups) *Platform {
	return &Platform{account: account, arn: arn, balanced: balanced}
}

// Describe asks ECS for the service, its deployments, its task definition and its scaling, once.
func (p *Platform) Describe(ctx context.Context) (computeprobe.Service, error) {
	if p.arn == "" {
		return computeprobe.Service{}, &probe.Unknown{Class: "not-configured", Want: "the service that runs the application", Got: "no compute.service in launch.yaml", Fix: "add its ARN"}
	}
	return p.seen.Try(ctx, "the service "+p.arn, awsprobe.Patience, p.observe)
}

// inCluster are the cluster and the name in a service's ARN.
func inCluster(arn string) (cluster, name string, err error) {
	parts := strings.Split(arn[strings.LastIndexByte(arn, ':')+1:], "/")
	if len(parts) != 3 || parts[0] != "service" {
		return "", "", &probe.Unknown{Class: "not-configured", Want: "the ARN of an ECS service with its cluster", Got: arn, From: "launch.yaml compute.service", Fix: "write …:service/<cluster>/<service>"}
	}
	return parts[1], parts[2], nil
}

func (p *Platform) observe(ctx context.Context) (computeprobe.Service, error) {
	s := computeprobe.Service{Name: p.arn}
	cluster, name, err := inCluster(p.arn)
	if err != nil {
		return s, err
	}
	cfg, who, err := p.account.Open(ctx, Needs)
	if err != nil {
		return s, err
	}
	unreadable := func(operation string, err error) error {
		return awsprobe.Unreadable(operation, "the service "+p.arn, who, err)
	}
	client := ecs.NewFromConfig(cfg)
	out, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{p.arn}})
	switch {
	case err != nil && !awsprobe.Missing(err):
		return s, unreadable("ecs:DescribeServices", err)
	case err != nil || len(out.Services) == 0:
		return s, missing(p.arn, who, out)
	}
	service := out.Services[0]
	if c := service.DeploymentController; c != nil && c.Type != types.DeploymentControllerTypeEcs || service.TaskDefinition == nil {
		return s, &probe.Unknown{Class: "compute.controller", Want: "a service that ECS itself deploys", Got: "another deployment controller", From: "ecs:DescribeServices as " + who.String(),
			Fix: "use the deployment controller ECS (rolling or blue/green)"}
	}
	definition, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: service.TaskDefinition})
	if err != nil {
		return s, unreadable("ecs:DescribeTaskDefinition", err)
	}
	if s, err = fromService(service, definition.TaskDefinition); err != nil {
		return s, err
	}
	s.Where = "ecs:DescribeServices as " + who.String()
	s.Metric = computeprobe.Metric{Namespace: "ECS/ContainerInsights", Name: "RunningTaskCount", Dimensions: map[string]string{"ClusterName": cluster, "ServiceName": name}}
	if s.Last, err = deployments(ctx, client, cluster, p.arn); err != nil {
		return s, unreadable("ecs:ListServiceDeployments", err)
	}
	if s.Scale, err = sizes(ctx, applicationautoscaling.NewFromConfig(cfg), "service/"+cluster+"/"+name, int(service.DesiredCount)); err != nil {
		return s, unreadable("application-autoscaling:DescribeScalableTargets", err)
	}
	for i := range s.Routing {
		r := &s.Routing[i]
		if r.To, err = p.balanced.LeadsTo(ctx, r.Rule); err != nil {
			return s, err
		}
		for _, group := range r.Turns {
			if slices.Contains(r.To, group) {
				s.TargetGroups = append(s.TargetGroups, group)
			}
		}
	}
	for i, group := range s.TargetGroups {
		health, err := p.health(ctx, group)
		if err != nil {
			return s, err
		}
		if i == 0 || health.Protocol != "HTTP" {
			s.Health = health
		}
	}
	return s, nil
}

func missing(arn string, who awsprobe.Identity, out *ecs.DescribeServicesOutput) error {
	got := "no such service"
	if out != nil && len(out.Failures) > 0 {
		got += " (" + aws.ToString(out.Failures[0].Reason) + ")"
	}
	return &probe.Unmet{Class: "compute.missing", Want: "the service " + arn, Got: got, From: "ecs:DescribeServices as " + who.String(), Fix: "create it, or correct compute.service"}
}

// health is how the load balancer finds out whether a task works; it, and not the container's own check, decides who gets requests.
func (p *Platform) health(ctx context.Context, arn string) (computeprobe.HealthCheck, error) {
	group, err := p.balanced.Describe(ctx, arn)
	if err != nil {
		return computeprobe.HealthCheck{}, err
	}
	switch {
	case !group.Checked:
		return computeprobe.HealthCheck{Protocol: "none"}, nil
	case !group.SaysHealthy():
		return computeprobe.HealthCheck{Protocol: fmt.Sprintf("%s (healthy with %s)", group.Protocol, group.Codes), Path: group.Path}, nil
	case !group.AsksWhereRequestsGo():
		return computeprobe.HealthCheck{Protocol: fmt.Sprintf("%s (at port %s, where no requests go)", group.Protocol, group.Port), Path: group.Path}, nil
	}
	return computeprobe.HealthCheck{Protocol: strings.Replace(group.Protocol, "HTTPS", "HTTP", 1), Path: group.Path}, nil // over TLS it asks the same
}

// deployments are the newest deployment and when the newest successful one began. The answer's order is not documented.
func deployments(ctx context.Context, client *ecs.Client, cluster, arn string) (computeprobe.Operation, error) {
	var all []types.ServiceDeploymentBrief
	in := ecs.ListServiceDeploymentsInput{Cluster: &cluster, Service: &arn}
	for {
		page, err := client.ListServiceDeployments(ctx, &in)
		if err != nil {
			return computeprobe.Operation{}, err
		}
		all = append(all, page.ServiceDeployments...)
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return newest(all), nil
		}
	}
}

// sizes are those of the service's scalable target; a service without one stays as it is, and one whose growth is suspended does too.
func sizes(ctx context.Context, client applicationautoscaling.DescribeScalableTargetsAPIClient, resource string, desired int) (computeprobe.Scale, error) {
	scale := computeprobe.Scale{Min: desired, Max: desired}
	pages := applicationautoscaling.NewDescribeScalableTargetsPaginator(client, &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace: scaling.ServiceNamespaceEcs, ResourceIds: []string{resource}, ScalableDimension: scaling.ScalableDimensionECSServiceDesiredCount})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return scale, err
		}
		for _, t := range page.ScalableTargets {
			scale = computeprobe.Scale{Min: int(aws.ToInt32(t.MinCapacity)), Max: int(aws.ToInt32(t.MaxCapacity))}
			if t.SuspendedState != nil && aws.ToBool(t.SuspendedState.DynamicScalingOutSuspended) {
				scale.Max = min(scale.Max, desired)
			}
		}
	}
	return scale, nil
}
