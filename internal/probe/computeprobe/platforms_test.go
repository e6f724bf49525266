package computeprobe_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	apprunner "github.com/aws/aws-sdk-go-v2/service/apprunner/types"
	ecs "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/apprunnerprobe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/ecsprobe"
	"github.com/getdrop/launchgate/internal/probe/elbprobe"
)

const picture = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

var (
	runnerARN  = awstest.ARN("apprunner", "service/web/8fe1e10304f84fd2b0df550fe98a71fa")
	ecsARN     = awstest.ARN("ecs", "service/drop/web")
	groupARN   = awstest.ARN("elasticloadbalancing", "targetgroup/web/73e2d6bc24d8a067")
	secretARN  = awstest.ARN("secretsmanager", "secret:jwt-AbCdEf")
	scalingARN = awstest.ARN("apprunner", "autoscalingconfiguration/web/1/a")
	definition = func(revision string) string { return awstest.ARN("ecs", "task-definition/web:"+revision) }
)

// clock is moved by the tests of deployments.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// account has the same service on both platforms, brought out an hour ago.
func account(c *clock) *awstest.Account {
	began := c.at.Add(-time.Hour)
	return &awstest.Account{Now: c.now,
		Services: []*awstest.AppRunnerService{{Takes: time.Minute,
			Service: apprunner.Service{ServiceArn: &runnerARN, ServiceName: aws.String("web"), ServiceId: aws.String("8fe1"), Status: apprunner.ServiceStatusRunning,
				HealthCheckConfiguration:        &apprunner.HealthCheckConfiguration{Protocol: apprunner.HealthCheckProtocolHttp, Path: aws.String("/api/health")},
				AutoScalingConfigurationSummary: &apprunner.AutoScalingConfigurationSummary{AutoScalingConfigurationArn: &scalingARN},
				SourceConfiguration: &apprunner.SourceConfiguration{AutoDeploymentsEnabled: aws.Bool(false), ImageRepository: &apprunner.ImageRepository{ImageIdentifier: aws.String(picture),
					ImageConfiguration: &apprunner.ImageConfiguration{RuntimeEnvironmentVariables: map[string]string{"NODE_ENV": "production"}, RuntimeEnvironmentSecrets: map[string]string{"JWT_SECRET": secretARN}}}}},
			Operations: []*apprunner.OperationSummary{{Id: aws.String("1"), Type: apprunner.OperationTypeUpdateService, Status: apprunner.OperationStatusSucceeded, StartedAt: &began}}}},
		Scaling: []apprunner.AutoScalingConfiguration{{AutoScalingConfigurationArn: &scalingARN, MinSize: aws.Int32(2), MaxSize: aws.Int32(4)}},
		ECSServices: []*awstest.ECSService{{Takes: time.Minute,
			Service: ecs.Service{ServiceArn: &ecsARN, ServiceName: aws.String("web"), Status: aws.String("ACTIVE"), DesiredCount: 2, RunningCount: 2, TaskDefinition: aws.String(definition("7")),
				LoadBalancers: []ecs.LoadBalancer{{TargetGroupArn: &groupARN, ContainerName: aws.String("web"), ContainerPort: aws.Int32(3000)}},
				Deployments:   []ecs.Deployment{{Status: aws.String("PRIMARY"), RolloutState: ecs.DeploymentRolloutStateCompleted, TaskDefinition: aws.String(definition("7")), DesiredCount: 2, RunningCount: 2}}},
			Brought: []*ecs.ServiceDeploymentBrief{{ServiceDeploymentArn: aws.String("1"), Status: ecs.ServiceDeploymentStatusSuccessful, CreatedAt: &began, StartedAt: &began}}}},
		TaskDefinitions: []ecs.TaskDefinition{task("7", picture), task("8", picture)},
		ScalableTargets: []scaling.ScalableTarget{{ServiceNamespace: scaling.ServiceNamespaceEcs, ResourceId: aws.String("service/drop/web"), ScalableDimension: scaling.ScalableDimensionECSServiceDesiredCount,
			MinCapacity: aws.Int32(2), MaxCapacity: aws.Int32(4)}},
		TargetGroups: []awstest.TargetGroup{{TargetGroup: elb.TargetGroup{TargetGroupArn: &groupARN, HealthCheckEnabled: aws.Bool(true), HealthCheckProtocol: elb.ProtocolEnumHttp,
			HealthCheckPath: aws.String("/api/health"), HealthCheckPort: aws.String("traffic-port"), Matcher: &elb.Matcher{HttpCode: aws.String("200")}}}},
	}
}

func task(revision, image string) ecs.TaskDefinition {
	return ecs.TaskDefinition{TaskDefinitionArn: aws.String(definition(revision)), ContainerDefinitions: []ecs.ContainerDefinition{
		{Name: aws.String("web"), Image: &image, Environment: []ecs.KeyValuePair{{Name: aws.String("NODE_ENV"), Value: aws.String("production")}},
			Secrets: []ecs.Secret{{Name: aws.String("JWT_SECRET"), ValueFrom: &secretARN}}},
		{Name: aws.String("collector"), Image: aws.String("public.ecr.aws/collector:1"), Essential: aws.Bool(false)},
	}}
}

var claims = map[string]func(computeprobe.Platform) probe.Claim{
	"runs":   computeprobe.Runs,
	"health": func(p computeprobe.Platform) probe.Claim { return computeprobe.HealthChecked(p, "/api/health") },
	"scale":  func(p computeprobe.Platform) probe.Claim { return computeprobe.ScalesBetween(p, 2, 4) },
	"auto":   computeprobe.AutoDeployOff,
	"image":  func(p computeprobe.Platform) probe.Claim { return computeprobe.RunsImage(p, picture) },
	"node": func(p computeprobe.Platform) probe.Claim {
		return computeprobe.HasVariable(p, "NODE_ENV", "production")
	},
	"mock":  func(p computeprobe.Platform) probe.Claim { return computeprobe.LacksVariable(p, "BANKID_MOCK") },
	"wired": func(p computeprobe.Platform) probe.Claim { return computeprobe.Wired(p, []string{"JWT_SECRET"}) },
	"plain": func(p computeprobe.Platform) probe.Claim { return computeprobe.NoSecretInPlain(p, nil) },
	"current": func(p computeprobe.Platform) probe.Claim {
		return computeprobe.ReadsCurrent(p, "JWT_SECRET", changed(90*time.Minute))
	},
	"traced":  computeprobe.Traces,
	"watched": func(p computeprobe.Platform) probe.Claim { return computeprobe.IsBalancedBy(p, []string{groupARN}) },
}

var start = time.Date(2027, 1, 18, 10, 0, 0, 0, time.UTC)

func changed(ago time.Duration) func(context.Context) (time.Time, error) {
	return func(context.Context) (time.Time, error) { return start.Add(-ago), nil }
}

// TestTheSameClaimsOnBothPlatforms breaks a service in the same way on each platform: the same claims are red there, and no others.
func TestTheSameClaimsOnBothPlatforms(t *testing.T) {
	web := func(a *awstest.Account) *ecs.ContainerDefinition {
		return &a.TaskDefinitions[0].ContainerDefinitions[0]
	}
	config := func(a *awstest.Account) *apprunner.ImageConfiguration {
		return a.Services[0].SourceConfiguration.ImageRepository.ImageConfiguration
	}
	variable := func(name string) func(a *awstest.Account) {
		return func(a *awstest.Account) {
			config(a).RuntimeEnvironmentVariables[name] = "false"
			web(a).Environment = append(web(a).Environment, ecs.KeyValuePair{Name: &name, Value: aws.String("false")})
		}
	}
	for title, test := range map[string]struct {
		change func(*awstest.Account)
		red    string
	}{
		"nothing": {func(*awstest.Account) {}, ""},
		"rolled back": {func(a *awstest.Account) {
			a.Services[0].Operations[0].Status = apprunner.OperationStatusRollbackSucceeded
			a.ECSServices[0].Brought[0].Status = ecs.ServiceDeploymentStatusRollbackSuccessful
		}, "current image runs"},
		"not there": {func(a *awstest.Account) { a.Services, a.ECSServices = nil, nil }, "auto current health image mock node plain runs scale watched wired"},
		"a tag": {func(a *awstest.Account) {
			a.Services[0].SourceConfiguration.ImageRepository.ImageIdentifier, web(a).Image = aws.String("web:prod"), aws.String("web:prod")
		}, "image"},
		"one size": {func(a *awstest.Account) {
			a.Scaling[0].MaxSize, a.ScalableTargets[0].MaxCapacity = aws.Int32(2), aws.Int32(2)
		}, "scale"},
		"a connection": {func(a *awstest.Account) {
			a.Services[0].HealthCheckConfiguration, a.TargetGroups[0].HealthCheckProtocol = nil, elb.ProtocolEnumTcp
		}, "health"},
		"a mock":       {variable("BANKID_MOCK"), "mock"},
		"a token":      {variable("API_TOKEN"), "plain"},
		"staging":      {variable("NODE_ENV"), "node"},
		"in the plain": {variable("JWT_SECRET"), "plain wired"},
		"not wired":    {func(a *awstest.Account) { config(a).RuntimeEnvironmentSecrets, web(a).Secrets = nil, nil }, "wired"},
		"deployed before": {func(a *awstest.Account) {
			a.Services[0].Operations[0].StartedAt, a.ECSServices[0].Brought[0].StartedAt = aws.Time(start.Add(-2*time.Hour)), aws.Time(start.Add(-2*time.Hour))
		}, "current"},
	} {
		t.Run(title, func(t *testing.T) {
			a := account(&clock{start})
			test.change(a)
			for name, platform := range platforms(t, a, awstest.Rules{PageSize: 1}) {
				var red []string
				for _, claim := range []string{"auto", "current", "health", "image", "mock", "node", "plain", "runs", "scale", "watched", "wired"} {
					if result := probe.Run(t.Context(), claim, claims[claim](platform)); result.Status != probe.Pass {
						red = append(red, claim)
						assert.Equal(t, probe.Fail, result.Status, "%s %s: %s", name, claim, result.Message())
					}
				}
				assert.Equal(t, test.red, strings.Join(red, " "), name)
			}
		})
	}
}

// TestADeploymentTakesTime follows one that succeeds and one that is rolled back, as each platform tells it.
func TestADeploymentTakesTime(t *testing.T) {
	for title, fails := range map[string]bool{"it succeeds": false, "it is rolled back": true} {
		t.Run(title, func(t *testing.T) {
			c := &clock{start}
			a := account(c)
			a.Services[0].Fails, a.ECSServices[0].Fails = fails, fails
			server := standIn(t, a, awstest.Rules{})
			runs := func() (all []probe.Status) {
				for _, name := range []string{"App Runner", "ECS"} {
					all = append(all, probe.Run(t.Context(), name, computeprobe.Runs(fresh()[name])).Status)
				}
				return all
			}
			assert.Equal(t, []probe.Status{probe.Pass, probe.Pass}, runs())
			deploy(t, definition("8"))
			assert.Equal(t, []probe.Status{probe.Fail, probe.Fail}, runs(), "under way")
			server.Change(func(*awstest.Account) { c.at = c.at.Add(time.Minute) })
			want := probe.Pass
			if fails {
				want = probe.Fail
			}
			assert.Equal(t, []probe.Status{want, want}, runs(), "ended")
		})
	}
}

// TestWhatOnlyECSKnows is about task definitions and deployments that App Runner does not have.
func TestWhatOnlyECSKnows(t *testing.T) {
	web := func(a *awstest.Account) *ecs.ContainerDefinition {
		return &a.TaskDefinitions[0].ContainerDefinitions[0]
	}
	noBalancer := func(command string) func(*awstest.Account) {
		return func(a *awstest.Account) {
			a.ECSServices[0].LoadBalancers = nil
			if command != "" {
				web(a).HealthCheck = &ecs.HealthCheck{Command: []string{"CMD-SHELL", command}}
			}
		}
	}
	forward := func(group string) elb.Action {
		return elb.Action{Type: elb.ActionTypeEnumForward, TargetGroupArn: &group}
	}
	shares := func(all, none string) elb.Action {
		return elb.Action{Type: elb.ActionTypeEnumForward, ForwardConfig: &elb.ForwardActionConfig{TargetGroups: []elb.TargetGroupTuple{{TargetGroupArn: &all, Weight: aws.Int32(100)}, {TargetGroupArn: &none, Weight: aws.Int32(0)}}}}
	}
	// turns has the service in one of two groups by turns, and the listener's rule do something.
	turns := func(action elb.Action) func(*awstest.Account) {
		return func(a *awstest.Account) {
			rule, green := awstest.ARN("elasticloadbalancing", "listener-rule/app/web/1/2/3"), a.TargetGroups[0]
			green.TargetGroupArn = aws.String(groupARN + "-green")
			a.TargetGroups = append(a.TargetGroups, green)
			a.ECSServices[0].LoadBalancers[0].AdvancedConfiguration = &ecs.AdvancedConfiguration{AlternateTargetGroupArn: green.TargetGroupArn, ProductionListenerRule: &rule}
			a.ListenerRules = []elb.Rule{{RuleArn: &rule, Actions: []elb.Action{action}}}
		}
	}
	for title, test := range map[string]struct {
		change func(*awstest.Account)
		claim  string
		want   probe.Status
	}{
		"a file of variables": {func(a *awstest.Account) {
			web(a).EnvironmentFiles = []ecs.EnvironmentFile{{Value: aws.String("arn:aws:s3:::b/web.env"), Type: ecs.EnvironmentFileTypeS3}}
		}, "mock", probe.Blocked},
		"a file that may have a secret": {func(a *awstest.Account) {
			web(a).EnvironmentFiles = []ecs.EnvironmentFile{{Value: aws.String("arn:aws:s3:::b/web.env"), Type: ecs.EnvironmentFileTypeS3}}
		}, "plain", probe.Blocked},
		"a secret beside the application": {func(a *awstest.Account) {
			a.TaskDefinitions[0].ContainerDefinitions[1].Environment = []ecs.KeyValuePair{{Name: aws.String("API_TOKEN"), Value: aws.String("x")}}
		}, "plain", probe.Fail},
		"two applications": {func(a *awstest.Account) {
			a.ECSServices[0].LoadBalancers, a.TaskDefinitions[0].ContainerDefinitions[1].Essential = nil, nil
		}, "image", probe.Blocked},
		"fewer tasks":     {func(a *awstest.Account) { a.ECSServices[0].RunningCount = 1 }, "runs", probe.Fail},
		"no tasks wanted": {func(a *awstest.Account) { a.ECSServices[0].DesiredCount = 0 }, "runs", probe.Fail},
		"a failed rollout": {func(a *awstest.Account) {
			a.ECSServices[0].Deployments[0].RolloutState = ecs.DeploymentRolloutStateFailed
		}, "runs", probe.Fail},
		"no word about the rollout": {func(a *awstest.Account) { a.ECSServices[0].Deployments[0].RolloutState = "" }, "runs", probe.Fail},
		"never deployed":            {func(a *awstest.Account) { a.ECSServices[0].Brought = nil }, "runs", probe.Fail},
		"it is draining":            {func(a *awstest.Account) { a.ECSServices[0].Status = aws.String("DRAINING") }, "runs", probe.Fail},
		"CodeDeploy deploys": {func(a *awstest.Account) {
			a.ECSServices[0].DeploymentController = &ecs.DeploymentController{Type: ecs.DeploymentControllerTypeCodeDeploy}
		}, "runs", probe.Blocked},
		"no scaling": {func(a *awstest.Account) { a.ScalableTargets = nil }, "scale", probe.Fail},
		"growth is suspended": {func(a *awstest.Account) {
			a.ScalableTargets[0].SuspendedState = &scaling.SuspendedState{DynamicScalingOutSuspended: aws.Bool(true)}
		}, "scale", probe.Fail},
		"errors are healthy": {func(a *awstest.Account) { a.TargetGroups[0].Matcher.HttpCode = aws.String("200-499") }, "health", probe.Fail},
		"nobody checks":      {func(a *awstest.Account) { a.TargetGroups[0].HealthCheckEnabled = aws.Bool(false) }, "health", probe.Fail},
		"over TLS":           {func(a *awstest.Account) { a.TargetGroups[0].HealthCheckProtocol = elb.ProtocolEnumHttps }, "health", probe.Pass},
		"another load balancer": {func(a *awstest.Account) {
			a.TargetGroups[0].TargetGroupArn = aws.String(groupARN + "0")
			a.ECSServices[0].LoadBalancers[0].TargetGroupArn = aws.String(groupARN + "0")
		}, "watched", probe.Fail},
		"asked at another port": {func(a *awstest.Account) { a.TargetGroups[0].HealthCheckPort = aws.String("9000") }, "health", probe.Fail},
		"its turn":              {turns(forward(groupARN)), "watched", probe.Pass},
		"its turn, by shares":   {turns(shares(groupARN, groupARN+"-green")), "watched", probe.Pass},
		"the turn of the other, which nobody watches": {turns(forward(groupARN + "-green")), "watched", probe.Fail},
		"the other asks elsewhere": {func(a *awstest.Account) {
			turns(forward(groupARN + "-green"))(a)
			a.TargetGroups[1].HealthCheckPath = aws.String("/")
		}, "health", probe.Fail},
		"the turn of another service": {turns(forward(groupARN + "-old")), "watched", probe.Fail},
		"nobody's turn":               {turns(elb.Action{Type: elb.ActionTypeEnumFixedResponse}), "watched", probe.Fail},
		"a rule that is gone": {func(a *awstest.Account) {
			turns(forward(groupARN))(a)
			a.ListenerRules = nil
		}, "watched", probe.Fail},
		"no check at all":                  {noBalancer(""), "health", probe.Fail},
		"the container asks":               {noBalancer("curl -fsS http://localhost:3000/api/health || exit 1"), "health", probe.Pass},
		"the container asks with wget":     {noBalancer("wget -qO- http://127.0.0.1:3000/api/health"), "health", probe.Pass},
		"the container takes every answer": {noBalancer("curl -s http://localhost:3000/api/health || exit 1"), "health", probe.Fail},
		"the container asks elsewhere":     {noBalancer("curl -f http://localhost:3000/ || exit 1"), "health", probe.Fail},
		"the container says yes":           {noBalancer("exit 0 # /api/health"), "health", probe.Fail},
		"no collector":                     {func(*awstest.Account) {}, "traced", probe.Fail},
		"a collector": {func(a *awstest.Account) {
			a.TaskDefinitions[0].ContainerDefinitions[1].Image = aws.String("public.ecr.aws/aws-observability/aws-otel-collector:v0.43.1")
		}, "traced", probe.Pass},
		"the circuit breaker rolled back": {func(a *awstest.Account) {
			a.ECSServices[0].Brought = append(a.ECSServices[0].Brought, &ecs.ServiceDeploymentBrief{ServiceDeploymentArn: aws.String("2"), Status: ecs.ServiceDeploymentStatusRollbackSuccessful, CreatedAt: aws.Time(start), StartedAt: aws.Time(start)})
		}, "image", probe.Fail},
		"two deployments": {func(a *awstest.Account) {
			a.ECSServices[0].Deployments = append(a.ECSServices[0].Deployments, ecs.Deployment{Status: aws.String("ACTIVE"), RolloutState: ecs.DeploymentRolloutStateCompleted, TaskDefinition: aws.String(definition("6"))})
		}, "image", probe.Fail},
		"no such revision": {func(a *awstest.Account) { a.TaskDefinitions = nil }, "image", probe.Blocked},
	} {
		t.Run(title, func(t *testing.T) {
			a := account(&clock{start})
			test.change(a)
			result := probe.Run(t.Context(), title, claims[test.claim](platforms(t, a, awstest.Rules{})["ECS"]))
			assert.Equal(t, test.want, result.Status, result.Message())
		})
	}
	denied := platforms(t, account(&clock{start}), awstest.Rules{Policy: &awstest.Policy{}})["ECS"]
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "denied", computeprobe.AutoDeployOff(denied)).Status)
}

func standIn(t *testing.T, a *awstest.Account, rules awstest.Rules) *awstest.Server {
	t.Helper()
	server, err := awstest.Start(a)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	server.Treat(rules)
	for _, entry := range server.Env() {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
	return server
}

func platforms(t *testing.T, a *awstest.Account, rules awstest.Rules) map[string]computeprobe.Platform {
	t.Helper()
	standIn(t, a, rules)
	return fresh()
}

// fresh are platforms that were not looked at yet.
func fresh() map[string]computeprobe.Platform {
	here := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
	return map[string]computeprobe.Platform{"App Runner": apprunnerprobe.New(here, runnerARN), "ECS": ecsprobe.New(here, ecsARN, elbprobe.New(here))}
}
