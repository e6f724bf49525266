package elbprobe

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// RoutingNeeds are the calls that tell where requests are led. IAM cannot restrict them to a resource.
var RoutingNeeds = awsprobe.Needs{
	"Elastic Load Balancing v2.DescribeListeners": {Action: "elasticloadbalancing:DescribeListeners", On: awsprobe.Everything},
	"Elastic Load Balancing v2.DescribeRules":     {Action: "elasticloadbalancing:DescribeRules", On: awsprobe.Everything},
}

// LeadsTo are the target groups that get requests from a listener rule, or from a listener by default: none where it forwards none, or is not
// there.
func (g *Groups) LeadsTo(ctx context.Context, arn string) ([]string, error) {
	cfg, who, err := g.account.Open(ctx, RoutingNeeds)
	if err != nil {
		return nil, err
	}
	client, call := elb.NewFromConfig(cfg), "elasticloadbalancing:DescribeListeners"
	var actions []types.Action
	if strings.Contains(arn, ":listener-rule/") {
		call = "elasticloadbalancing:DescribeRules"
		var out *elb.DescribeRulesOutput
		if out, err = client.DescribeRules(ctx, &elb.DescribeRulesInput{RuleArns: []string{arn}}); err == nil && len(out.Rules) > 0 {
			actions = out.Rules[0].Actions
		}
	} else {
		var out *elb.DescribeListenersOutput
		if out, err = client.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{arn}}); err == nil && len(out.Listeners) > 0 {
			actions = out.Listeners[0].DefaultActions
		}
	}
	if err != nil && !awsprobe.Missing(err) {
		return nil, awsprobe.Unreadable(call, "where "+arn+" leads", who, err)
	}
	return forwards(actions), nil
}

// forwards are the groups that get a share of the requests.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html
func forwards(actions []types.Action) []string {
	var all []string
	for _, a := range actions {
		switch {
		case a.Type != types.ActionTypeEnumForward:
		case a.ForwardConfig == nil || len(a.ForwardConfig.TargetGroups) == 0:
			all = append(all, aws.ToString(a.TargetGroupArn))
		default:
			for _, group := range a.ForwardConfig.TargetGroups {
				if group.Weight == nil || *group.Weight > 0 {
					all = append(all, aws.ToString(group.TargetGroupArn))
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(arn string) bool { return arn == "" })
}
