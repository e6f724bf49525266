package ecsprobe

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
)

func TestStatus(t *testing.T) {
	right := func() types.Service {
		return types.Service{Status: aws.String("ACTIVE"), DesiredCount: 2, RunningCount: 2, TaskDefinition: aws.String("web:7"),
			Deployments: []types.Deployment{{Status: aws.String("PRIMARY"), RolloutState: types.DeploymentRolloutStateCompleted, TaskDefinition: aws.String("web:7")}}}
	}
	for name, test := range map[string]struct {
		change func(*types.Service)
		want   bool
	}{
		"at rest":                      {func(*types.Service) {}, true},
		"more tasks than wanted":       {func(s *types.Service) { s.RunningCount = 3 }, true},
		"draining":                     {func(s *types.Service) { s.Status = aws.String("DRAINING") }, false},
		"a task is missing":            {func(s *types.Service) { s.RunningCount = 1 }, false},
		"a task is being started":      {func(s *types.Service) { s.PendingCount = 1 }, false},
		"none wanted":                  {func(s *types.Service) { s.DesiredCount, s.RunningCount = 0, 0 }, false},
		"still rolling out":            {func(s *types.Service) { s.Deployments[0].RolloutState = types.DeploymentRolloutStateInProgress }, false},
		"failed":                       {func(s *types.Service) { s.Deployments[0].RolloutState = types.DeploymentRolloutStateFailed }, false},
		"an old one is still there":    {func(s *types.Service) { s.Deployments = append(s.Deployments, types.Deployment{}) }, false},
		"no deployment":                {func(s *types.Service) { s.Deployments = nil }, false},
		"on another revision than its": {func(s *types.Service) { s.Deployments[0].TaskDefinition = aws.String("web:6") }, false},
		"nothing said":                 {func(s *types.Service) { *s = types.Service{} }, false},
	} {
		s := right()
		test.change(&s)
		text, running := status(s)
		assert.Equal(t, test.want, running, "%s: %s", name, text)
	}
}

func TestNewest(t *testing.T) {
	day := func(n int) *time.Time { return aws.Time(time.Date(2027, 1, n, 0, 0, 0, 0, time.UTC)) }
	one := func(arn string, status types.ServiceDeploymentStatus, n int) types.ServiceDeploymentBrief {
		return types.ServiceDeploymentBrief{ServiceDeploymentArn: &arn, Status: status, CreatedAt: day(n), StartedAt: day(n)}
	}
	for name, test := range map[string]struct {
		all  []types.ServiceDeploymentBrief
		want computeprobe.Operation
	}{
		"none": {nil, computeprobe.Operation{}},
		"in whatever order they come": {[]types.ServiceDeploymentBrief{one("1", "SUCCESSFUL", 1), one("3", "SUCCESSFUL", 3), one("2", "ROLLBACK_SUCCESSFUL", 2)},
			computeprobe.Operation{ID: "3", Kind: "deployment", Status: "SUCCESSFUL", Succeeded: true, Deployed: *day(3)}},
		"rolled back": {[]types.ServiceDeploymentBrief{one("1", "SUCCESSFUL", 1), one("2", "ROLLBACK_SUCCESSFUL", 2)},
			computeprobe.Operation{ID: "2", Kind: "deployment", Status: "ROLLBACK_SUCCESSFUL", Deployed: *day(1)}},
		"under way": {[]types.ServiceDeploymentBrief{one("1", "IN_PROGRESS", 1)}, computeprobe.Operation{ID: "1", Kind: "deployment", Status: "IN_PROGRESS"}},
		"one that says only when it was made": {[]types.ServiceDeploymentBrief{{ServiceDeploymentArn: aws.String("1"), Status: "SUCCESSFUL", CreatedAt: day(1)}},
			computeprobe.Operation{ID: "1", Kind: "deployment", Status: "SUCCESSFUL", Succeeded: true, Deployed: *day(1)}},
	} {
		assert.Equal(t, test.want, newest(test.all), name)
	}
}

func TestOwnCheck(t *testing.T) {
	for command, want := range map[string]computeprobe.HealthCheck{
		"curl -f http://localhost:3000/api/health": {Protocol: "HTTP", Path: "/api/health"},
		"curl -sSf http://127.0.0.1/up || exit 1":  {Protocol: "HTTP", Path: "/up"},
		"curl --fail http://[::1]:3000/up":         {Protocol: "HTTP", Path: "/up"},
		"wget -q -O- http://localhost/up":          {Protocol: "HTTP", Path: "/up"},
		"curl http://localhost/up":                 {Protocol: "command CMD-SHELL curl http://localhost/up"}, // succeeds whatever the status
		"curl -f http://example.com/up":            {Protocol: "command CMD-SHELL curl -f http://example.com/up"},
		"exit 0":                                   {Protocol: "command CMD-SHELL exit 0"},
		"node -e \"fetch('http://localhost/up')\"": {Protocol: "command CMD-SHELL node -e \"fetch('http://localhost/up')\""},
	} {
		assert.Equal(t, want, ownCheck(&types.HealthCheck{Command: []string{"CMD-SHELL", command}}), command)
	}
	assert.Equal(t, computeprobe.HealthCheck{Protocol: "none"}, ownCheck(nil))
}

func TestFromService(t *testing.T) {
	container := func(name string, essential bool) types.ContainerDefinition {
		return types.ContainerDefinition{Name: &name, Essential: &essential, Image: aws.String(" repo/" + name + " "), Environment: []types.KeyValuePair{{Name: aws.String("MODE"), Value: aws.String(name)}}}
	}
	web, side := container("web", true), container("side", false)
	web.Secrets = []types.Secret{{Name: aws.String("JWT"), ValueFrom: aws.String("arn")}}
	web.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "/web"}}
	side.EnvironmentFiles = []types.EnvironmentFile{{Value: aws.String("s3://env")}}
	collector := container("adot", false)
	collector.Image = aws.String("public.ecr.aws/aws-observability/aws-otel-collector:v1")
	balanced := types.Service{LoadBalancers: []types.LoadBalancer{{ContainerName: aws.String("side"), TargetGroupArn: aws.String("group")}, {LoadBalancerName: aws.String("classic"), ContainerName: aws.String("side")}}}

	s, err := fromService(types.Service{}, &types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{web, side, collector}})
	require.NoError(t, err)
	assert.Equal(t, "repo/web", s.Image)
	assert.Equal(t, "amd64", s.Processors, "where the definition does not say")
	assert.Equal(t, map[string]string{"MODE": "web", "side/MODE": "side", "adot/MODE": "adot"}, s.Variables, "those of other containers count too")
	assert.Equal(t, []string{"MODE", "adot/MODE", "side/MODE"}, s.Names)
	assert.Equal(t, map[string]string{"JWT": "arn"}, s.Secrets)
	assert.Equal(t, []string{"side/s3://env"}, s.Opaque, "what a file has is not shown")
	assert.Equal(t, "/web", s.Group)
	assert.True(t, s.Tracing)

	s, err = fromService(balanced, &types.TaskDefinition{RuntimePlatform: &types.RuntimePlatform{CpuArchitecture: types.CPUArchitectureArm64}, ContainerDefinitions: []types.ContainerDefinition{web, side}})
	require.NoError(t, err)
	assert.Equal(t, "arm64", s.Processors)
	assert.Equal(t, "repo/side", s.Image, "the one that gets the requests")
	assert.Equal(t, []string{"group"}, s.TargetGroups)
	assert.Empty(t, s.Group)
	assert.False(t, s.Tracing)

	for name, definition := range map[string]*types.TaskDefinition{"none": nil, "two": {ContainerDefinitions: []types.ContainerDefinition{web, container("web2", true)}}} {
		_, err = fromService(types.Service{}, definition)
		assert.Equal(t, probe.Blocked, probe.StatusOf(err), name)
	}
}

func TestInCluster(t *testing.T) {
	cluster, name, err := inCluster("arn:aws:ecs:eu-west-1:111122223333:service/main/web")
	require.NoError(t, err)
	assert.Equal(t, []string{"main", "web"}, []string{cluster, name})
	for _, arn := range []string{"arn:aws:ecs:eu-west-1:111122223333:service/web", "arn:aws:ecs:eu-west-1:111122223333:task/main/web", "web"} {
		_, _, err = inCluster(arn)
		assert.Equal(t, probe.Blocked, probe.StatusOf(err), arn)
	}
}

type targets []scaling.ScalableTarget

func (t targets) DescribeScalableTargets(context.Context, *applicationautoscaling.DescribeScalableTargetsInput, ...func(*applicationautoscaling.Options)) (*applicationautoscaling.DescribeScalableTargetsOutput, error) {
	return &applicationautoscaling.DescribeScalableTargetsOutput{ScalableTargets: t}, nil
}

func TestSizes(t *testing.T) {
	one := func(suspended *scaling.SuspendedState) targets {
		return targets{{MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(8), SuspendedState: suspended}}
	}
	for name, test := range map[string]struct {
		targets targets
		want    computeprobe.Scale
	}{
		"no target: it stays as it is":        {nil, computeprobe.Scale{Min: 2, Max: 2}},
		"a target":                            {one(nil), computeprobe.Scale{Min: 1, Max: 8}},
		"shrinking is suspended":              {one(&scaling.SuspendedState{DynamicScalingInSuspended: aws.Bool(true)}), computeprobe.Scale{Min: 1, Max: 8}},
		"growing is suspended: it stays, too": {one(&scaling.SuspendedState{DynamicScalingOutSuspended: aws.Bool(true)}), computeprobe.Scale{Min: 1, Max: 2}},
	} {
		got, err := sizes(t.Context(), test.targets, "service/main/web", 2)
		require.NoError(t, err, name)
		assert.Equal(t, test.want, got, name)
	}
}
