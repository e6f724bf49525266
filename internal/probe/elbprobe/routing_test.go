package elbprobe_test

import (
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

func TestLeadsTo(t *testing.T) {
	share := func(arn string, weight *int32) types.TargetGroupTuple {
		return types.TargetGroupTuple{TargetGroupArn: &arn, Weight: weight}
	}
	shares := func(all ...types.TargetGroupTuple) []types.Action {
		return []types.Action{{Type: types.ActionTypeEnumForward, ForwardConfig: &types.ForwardActionConfig{TargetGroups: all}}}
	}
	rule, listener := awstest.ARN("elasticloadbalancing", "listener-rule/app/web/1/2/3"), awstest.ARN("elasticloadbalancing", "listener/net/web/1/2")
	for name, test := range map[string]struct {
		actions []types.Action
		want    []string
	}{
		"one group":                {[]types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: aws.String("blue")}}, []string{"blue"}},
		"after a login":            {[]types.Action{{Type: types.ActionTypeEnumAuthenticateOidc}, {Type: types.ActionTypeEnumForward, TargetGroupArn: aws.String("blue")}}, []string{"blue"}},
		"all of it to one":         {shares(share("blue", aws.Int32(0)), share("green", aws.Int32(1))), []string{"green"}},
		"a share for each":         {shares(share("blue", aws.Int32(95)), share("green", aws.Int32(5))), []string{"blue", "green"}},
		"a share that nobody says": {shares(share("blue", nil)), []string{"blue"}},
		"a page that says sorry":   {[]types.Action{{Type: types.ActionTypeEnumFixedResponse}}, nil},
		"nothing":                  {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := awstest.New(t, &awstest.Account{ListenerRules: []types.Rule{{RuleArn: &rule, Actions: test.actions}}, Listeners: []types.Listener{{ListenerArn: &listener, DefaultActions: test.actions}}})
			groups := elbprobe.New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}))
			for _, arn := range []string{rule, listener} {
				got, err := groups.LeadsTo(t.Context(), arn)
				require.NoError(t, err)
				assert.Equal(t, test.want, got, arn)
				got, err = groups.LeadsTo(t.Context(), arn+"0")
				require.NoError(t, err)
				assert.Empty(t, got, "one that is not there")
			}
			s.Treat(awstest.Rules{Policy: awstest.Allowing()})
			for arn, call := range map[string]string{rule: "DescribeRules", listener: "DescribeListeners"} {
				_, err := groups.LeadsTo(t.Context(), arn)
				assert.ErrorContains(t, err, "allow elasticloadbalancing:"+call+" to "+awstest.CallerARN)
				assert.Equal(t, probe.Blocked, probe.StatusOf(err))
			}
		})
	}
}
