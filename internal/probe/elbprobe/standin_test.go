package elbprobe_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/elbprobe"
)

// TestAgainstTheStandIn has the real client read back every field that the judgement rests on.
func TestAgainstTheStandIn(t *testing.T) {
	arn := awstest.ARN("elasticloadbalancing", "targetgroup/drop-web/73e2d6bc24d8a067")
	server, err := awstest.Start(&awstest.Account{TargetGroups: []awstest.TargetGroup{{
		TargetGroup: types.TargetGroup{TargetGroupArn: &arn, HealthCheckEnabled: aws.Bool(true), HealthCheckProtocol: types.ProtocolEnumHttp, HealthCheckPath: aws.String("/api/health"), Matcher: &types.Matcher{HttpCode: aws.String("200")},
			Port: aws.Int32(80), HealthCheckPort: aws.String("traffic-port")},
		Health: []types.TargetHealthDescription{
			{Target: &types.TargetDescription{Id: aws.String("10.0.1.4"), Port: aws.Int32(3000)}, TargetHealth: &types.TargetHealth{State: types.TargetHealthStateEnumHealthy}},
			{Target: &types.TargetDescription{Id: aws.String("10.0.1.5"), Port: aws.Int32(3000)}, TargetHealth: &types.TargetHealth{State: types.TargetHealthStateEnumUnhealthy,
				Reason: types.TargetHealthReasonEnumResponseCodeMismatch, Description: aws.String("Health checks failed with these codes: [503]")}},
		}}}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	for _, entry := range server.Env() {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
	groups := func() *elbprobe.Groups {
		return elbprobe.New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}))
	}
	got, err := groups().Describe(t.Context(), arn)
	require.NoError(t, err)
	assert.Equal(t, elbprobe.Group{ARN: arn, From: got.From, Checked: true, Protocol: "HTTP", Path: "/api/health", Codes: "200", Port: "traffic-port", Traffic: 80, Targets: []elbprobe.Target{
		{ID: "10.0.1.4:3000", State: "healthy", Port: 3000}, {ID: "10.0.1.5:3000", State: "unhealthy", Port: 3000, Reason: "Target.ResponseCodeMismatch Health checks failed with these codes: [503]"}}}, got)
	status := func(arn string) probe.Status {
		return probe.Run(t.Context(), "", groups().AllHealthy(arn, 1)).Status
	}
	assert.Equal(t, probe.Fail, status(arn))
	assert.Equal(t, probe.Fail, status(arn+"0"), "a group that is not there")
	server.Change(func(a *awstest.Account) { a.TargetGroups[0].Health = a.TargetGroups[0].Health[:1] })
	assert.Equal(t, probe.Pass, status(arn))
	server.Treat(awstest.Rules{Policy: &awstest.Policy{}})
	assert.Equal(t, probe.Blocked, status(arn), "denied")
}
