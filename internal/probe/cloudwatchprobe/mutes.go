package cloudwatchprobe

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

type mutes struct {
	rules map[string][]mute // by alarm
	from  string
}

// mute is a rule that mutes an alarm now and then: its actions stay enabled, and nobody is called.
type mute struct {
	arn      string
	active   bool // it mutes now
	schedule schedule
}

// observeMutes asks which rules mute the alarms, now or later. As a rule there is no mute rule at all; only where there is one is each
// alarm asked for, and only of rules that are about one is the schedule.
func (a *Alarms) observeMutes(ctx context.Context) (mutes, error) {
	cfg, who, err := a.account.Open(ctx, Needs)
	seen := mutes{rules: map[string][]mute{}, from: "cloudwatch:ListAlarmMuteRules as " + who.String()}
	if err != nil {
		return seen, err
	}
	client := cloudwatch.NewFromConfig(cfg)
	schedules := map[string]schedule{}
	some, err := notExpired(ctx, client, nil)
	for i := 0; err == nil && len(some) > 0 && i < len(a.wanted); i++ {
		name := a.wanted[i].Name
		var rules []types.AlarmMuteRuleSummary
		if rules, err = notExpired(ctx, client, &name); err != nil {
			break
		}
		for _, r := range rules {
			arn := aws.ToString(r.AlarmMuteRuleArn)
			if _, known := schedules[arn]; !known {
				if schedules[arn], err = scheduleOf(ctx, client, arn); err != nil {
					return seen, awsprobe.Unreadable("cloudwatch:GetAlarmMuteRule", "when "+arn+" mutes", who, err)
				}
			}
			seen.rules[name] = append(seen.rules[name], mute{arn: arn, active: r.Status == types.AlarmMuteRuleStatusActive, schedule: schedules[arn]})
		}
	}
	if err != nil {
		return seen, awsprobe.Unreadable("cloudwatch:ListAlarmMuteRules", "the mute rules of the alarms", who, err)
	}
	return seen, nil
}

// notExpired are the rules that mute an alarm now or will; where none is named, those of the first page that has any.
func notExpired(ctx context.Context, client *cloudwatch.Client, alarm *string) (all []types.AlarmMuteRuleSummary, err error) {
	pages := cloudwatch.NewListAlarmMuteRulesPaginator(client, &cloudwatch.ListAlarmMuteRulesInput{AlarmName: alarm,
		Statuses: []types.AlarmMuteRuleStatus{types.AlarmMuteRuleStatusActive, types.AlarmMuteRuleStatusScheduled}})
	for pages.HasMorePages() && (alarm != nil || len(all) == 0) {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, rule := range page.AlarmMuteRuleSummaries {
			if rule.Status != types.AlarmMuteRuleStatusExpired {
				all = append(all, rule)
			}
		}
	}
	return all, nil
}

func scheduleOf(ctx context.Context, client *cloudwatch.Client, arn string) (s schedule, err error) {
	_, name, _ := strings.Cut(arn, ":alarm-mute-rule:")
	out, err := client.GetAlarmMuteRule(ctx, &cloudwatch.GetAlarmMuteRuleInput{AlarmMuteRuleName: &name})
	if err != nil {
		return s, err
	}
	s.starts, s.expires = aws.ToTime(out.StartDate), aws.ToTime(out.ExpireDate)
	if out.Rule != nil && out.Rule.Schedule != nil {
		in := out.Rule.Schedule
		s.expression, s.lasts, s.zone = aws.ToString(in.Expression), aws.ToString(in.Duration), aws.ToString(in.Timezone)
	}
	return s, nil
}

// notMuted claims that no rule mutes an alarm now, and none will in the launch window.
func (a *Alarms) notMuted(ctx context.Context, name string, from, to time.Time) (asked string, err error) {
	seen, err := a.muted.Try(ctx, "the mute rules", awsprobe.Patience, a.observeMutes)
	if err != nil {
		return seen.from, err
	}
	return seen.from, quiet(name, seen, from, to)
}

func quiet(name string, seen mutes, from, to time.Time) error {
	const fix = "take the alarm out of the mute rule until the launch is over"
	var unknown error
	for _, m := range seen.rules[name] {
		if m.active {
			return &probe.Unmet{Class: "alarm.muted", Want: name + " not muted", Got: "muted by " + m.arn, From: seen.from,
				Fix: "end the mute rule before the launch"}
		}
		mutes, at, err := m.schedule.within(from, to)
		switch {
		case err != nil:
			unknown = &probe.Unknown{Class: "alarm.muted", Want: "when " + m.arn + " mutes " + name, Got: err.Error(), From: seen.from, Fix: fix}
		case mutes:
			return &probe.Unmet{Class: "alarm.muted", Want: name + " not muted in the launch window",
				Got: "muted by " + m.arn + " from " + at.UTC().Format(time.RFC3339), From: seen.from, Fix: fix}
		}
	}
	return unknown
}
