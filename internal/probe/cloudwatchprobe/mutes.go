package cloudwatchprobe

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

type mutes struct {
	rules map[string]string // alarm → a rule that mutes it now
	from  string
}

// observeMutes asks which of the alarms are muted now: their actions stay enabled, and nobody is called. As a rule there is no
// mute rule at all; only where there is one is each alarm asked for.
func (a *Alarms) observeMutes(ctx context.Context) (mutes, error) {
	cfg, who, err := a.account.Open(ctx, Needs)
	seen := mutes{rules: map[string]string{}, from: "cloudwatch:ListAlarmMuteRules as " + who.String()}
	if err != nil {
		return seen, err
	}
	client := cloudwatch.NewFromConfig(cfg)
	rule, err := active(ctx, client, nil)
	for i := 0; err == nil && rule != "" && i < len(a.wanted); i++ {
		name := a.wanted[i].Name
		if seen.rules[name], err = active(ctx, client, &name); seen.rules[name] == "" {
			delete(seen.rules, name)
		}
	}
	if err != nil {
		return seen, awsprobe.Unreadable("cloudwatch:ListAlarmMuteRules", "the mute rules of the alarms", who, err)
	}
	return seen, nil
}

// active is the ARN of a rule that mutes an alarm now, or any alarm where none is named; "" where there is none.
func active(ctx context.Context, client cloudwatch.ListAlarmMuteRulesAPIClient, alarm *string) (string, error) {
	pages := cloudwatch.NewListAlarmMuteRulesPaginator(client, &cloudwatch.ListAlarmMuteRulesInput{AlarmName: alarm, Statuses: []types.AlarmMuteRuleStatus{types.AlarmMuteRuleStatusActive}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, rule := range page.AlarmMuteRuleSummaries {
			if rule.Status != types.AlarmMuteRuleStatusExpired {
				return aws.ToString(rule.AlarmMuteRuleArn), nil
			}
		}
	}
	return "", nil
}

func (a *Alarms) notMuted(ctx context.Context, name string) (from string, err error) {
	seen, err := a.muted.Try(ctx, "the mute rules", awsprobe.Patience, a.observeMutes)
	if err != nil {
		return seen.from, err
	}
	if rule := seen.rules[name]; rule != "" {
		return seen.from, &probe.Unmet{Class: "alarm.muted", Want: name + " not muted", Got: "muted by " + rule, From: seen.from, Fix: "end the mute rule before the launch"}
	}
	return seen.from, nil
}
