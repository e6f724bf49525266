package ecsprobe

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
)

// fromService reads a service and its task definition. What other containers have as plain variables counts too, under
// "<container>/<variable>".
func fromService(in types.Service, definition *types.TaskDefinition) (computeprobe.Service, error) {
	s := computeprobe.Service{Name: aws.ToString(in.ServiceName), Secrets: map[string]string{}, Variables: map[string]string{}}
	s.Status, s.Running = status(in)
	for _, lb := range in.LoadBalancers {
		switch by := lb.AdvancedConfiguration; {
		case lb.TargetGroupArn == nil:
		case by != nil && by.ProductionListenerRule != nil:
			turns := []string{*lb.TargetGroupArn}
			if by.AlternateTargetGroupArn != nil {
				turns = append(turns, *by.AlternateTargetGroupArn)
			}
			s.Routing = append(s.Routing, computeprobe.Routing{Rule: *by.ProductionListenerRule, Turns: turns})
		default:
			s.TargetGroups = append(s.TargetGroups, *lb.TargetGroupArn)
		}
	}
	if definition == nil {
		definition = &types.TaskDefinition{}
	}
	s.Processors = "amd64"
	if p := definition.RuntimePlatform; p != nil && p.CpuArchitecture == types.CPUArchitectureArm64 {
		s.Processors = "arm64"
	}
	application, err := applicationOf(in, definition.ContainerDefinitions)
	if err != nil {
		return s, err
	}
	s.Image, s.Health = strings.TrimSpace(aws.ToString(application.Image)), ownCheck(application.HealthCheck)
	if log := application.LogConfiguration; log != nil && log.LogDriver == types.LogDriverAwslogs {
		s.Group = log.Options["awslogs-group"]
	}
	for _, secret := range application.Secrets {
		s.Secrets[aws.ToString(secret.Name)] = aws.ToString(secret.ValueFrom)
	}
	for _, c := range definition.ContainerDefinitions {
		prefix := ""
		if aws.ToString(c.Name) != aws.ToString(application.Name) {
			prefix = aws.ToString(c.Name) + "/"
		}
		s.Tracing = s.Tracing || prefix != "" && collector.MatchString(aws.ToString(c.Image))
		for _, v := range c.Environment {
			s.Variables[prefix+aws.ToString(v.Name)] = aws.ToString(v.Value)
		}
		for _, file := range c.EnvironmentFiles {
			s.Opaque = append(s.Opaque, prefix+aws.ToString(file.Value))
		}
	}
	s.Names = slices.Sorted(maps.Keys(s.Variables))
	return s, nil
}

// collector is the image of a sidecar that hands traces on: AWS's distribution of OpenTelemetry, X-Ray's daemon, CloudWatch's agent.
var collector = regexp.MustCompile(`(otel|opentelemetry)-collector|xray-daemon|cloudwatch-agent`)

// status is the service at rest: active, one deployment, rolled out, and as many tasks as wanted.
func status(in types.Service) (string, bool) {
	rollouts := make([]string, 0, len(in.Deployments))
	for _, d := range in.Deployments {
		rollouts = append(rollouts, strings.TrimSpace(fmt.Sprintf("%s %s %s", aws.ToString(d.Status), d.RolloutState, aws.ToString(d.RolloutStateReason))))
	}
	atRest := len(in.Deployments) == 1 && in.Deployments[0].RolloutState == types.DeploymentRolloutStateCompleted &&
		aws.ToString(in.Deployments[0].TaskDefinition) == aws.ToString(in.TaskDefinition)
	running := aws.ToString(in.Status) == "ACTIVE" && atRest && in.DesiredCount > 0 && in.RunningCount >= in.DesiredCount && in.PendingCount == 0
	return fmt.Sprintf("%s, %d of %d tasks, deployments: %s", aws.ToString(in.Status), in.RunningCount, in.DesiredCount, strings.Join(rollouts, "; ")), running
}

// applicationOf is the container that gets the requests, or the only one without which the task ends.
func applicationOf(in types.Service, containers []types.ContainerDefinition) (types.ContainerDefinition, error) {
	named := map[string]bool{}
	for _, lb := range in.LoadBalancers {
		named[aws.ToString(lb.ContainerName)] = true
	}
	candidates := slices.DeleteFunc(slices.Clone(containers), func(c types.ContainerDefinition) bool {
		if len(named) > 0 {
			return !named[aws.ToString(c.Name)]
		}
		return c.Essential != nil && !*c.Essential
	})
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	return types.ContainerDefinition{}, &probe.Unknown{Class: "compute.container", Want: "one container that is the application",
		Got: fmt.Sprintf("%d of %d in %s", len(candidates), len(containers), aws.ToString(in.TaskDefinition)), Fix: "mark the sidecars as not essential, or name the container in the service's load balancer"}
}

// asked is an address of the container's own in a command.
var asked = regexp.MustCompile(`\bhttps?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(/[^\s"'|;&?)]*)`)

// failing is a client that fails where the answer is an error; curl does so only when told.
var failing = regexp.MustCompile(`\bcurl\b.*\s(-[a-zA-Z]*f[a-zA-Z]*|--fail|--fail-with-body)\s|\bwget\b`)

// ownCheck reads the container's own health check, as far as its command can be read.
func ownCheck(check *types.HealthCheck) computeprobe.HealthCheck {
	if check == nil {
		return computeprobe.HealthCheck{Protocol: "none"}
	}
	command := strings.Join(check.Command, " ")
	path := asked.FindStringSubmatch(command)
	if path == nil || !failing.MatchString(command) {
		return computeprobe.HealthCheck{Protocol: "command " + command}
	}
	return computeprobe.HealthCheck{Protocol: "HTTP", Path: path[1]}
}

// newest is the newest deployment. One that the circuit breaker rolled back is no success, however well the service runs now.
func newest(all []types.ServiceDeploymentBrief) computeprobe.Operation {
	var last computeprobe.Operation
	slices.SortStableFunc(all, func(a, b types.ServiceDeploymentBrief) int {
		return aws.ToTime(b.CreatedAt).Compare(aws.ToTime(a.CreatedAt))
	})
	for _, d := range all {
		succeeded := d.Status == types.ServiceDeploymentStatusSuccessful
		if last.ID == "" {
			last = computeprobe.Operation{ID: aws.ToString(d.ServiceDeploymentArn), Kind: "deployment", Status: strings.TrimSpace(string(d.Status) + " " + aws.ToString(d.StatusReason)), Succeeded: succeeded}
		}
		if succeeded && last.Deployed.IsZero() {
			if last.Deployed = aws.ToTime(d.StartedAt); last.Deployed.IsZero() {
				last.Deployed = aws.ToTime(d.CreatedAt)
			}
		}
	}
	return last
}
