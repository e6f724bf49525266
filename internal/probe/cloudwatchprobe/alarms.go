// Package cloudwatchprobe claims things about CloudWatch: that the alarms are there and would ring, and what the metrics of the
// database and of the service say.
package cloudwatchprobe

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/snsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"CloudWatch.DescribeAlarms":     {Action: "cloudwatch:DescribeAlarms", On: awsprobe.Everything},
	"CloudWatch.ListAlarmMuteRules": {Action: "cloudwatch:ListAlarmMuteRules", On: awsprobe.Everything},
	"CloudWatch.GetAlarmMuteRule":   {Action: "cloudwatch:GetAlarmMuteRule", On: awsprobe.MuteRules},
	"CloudWatch.ListMetrics":        {Action: "cloudwatch:ListMetrics", On: awsprobe.Everything},
	"CloudWatch.GetMetricData":      {Action: "cloudwatch:GetMetricData", On: awsprobe.Everything},
	"CloudWatch.GetDashboard":       {Action: "cloudwatch:GetDashboard", On: awsprobe.Dashboards},
}

// Alarm is what an alarm must be.
type Alarm struct {
	Name    string
	Missing string // how it must treat missing data; "any": it does not matter
}

// Alarms are the alarms of the launch, read at once.
type Alarms struct {
	account *awsprobe.Account
	topics  *snsprobe.Topics
	wanted  []Alarm
	seen    probe.Memo[string, alarms]
	muted   probe.Memo[string, mutes]
	listed  probe.Memo[string, Watched]
}

// NewAlarms returns alarms that were not looked at yet.
func NewAlarms(account *awsprobe.Account, wanted []Alarm) *Alarms {
	return &Alarms{account: account, topics: snsprobe.New(account), wanted: wanted}
}

// State is what CloudWatch says of an alarm.
type State struct {
	Name           string   `json:"name"`
	State          string   `json:"state"`
	Reason         string   `json:"reason,omitempty"`
	ActionsEnabled bool     `json:"actions_enabled"`
	Actions        []string `json:"actions"`
	Evaluation     string   `json:"evaluation,omitempty"`         // what keeps CloudWatch from evaluating it
	Suppressed     string   `json:"suppressed,omitempty"`         // what keeps a composite alarm from acting
	Rule           string   `json:"rule,omitempty"`               // of a composite alarm
	Missing        string   `json:"treat_missing_data,omitempty"` // empty: a composite alarm, which has no data of its own
	Query          string   `json:"query,omitempty"`              // with which it finds metrics
	blind          bool     // its state says nothing of whether there are any
	watches        []Watched
}

type alarms struct {
	byName map[string]State
	from   string
}

// batch is how many alarms one call may name.
const batch = 100

func (a *Alarms) observe(ctx context.Context) (alarms, error) {
	cfg, who, err := a.account.Open(ctx, Needs)
	seen := alarms{byName: map[string]State{}, from: "cloudwatch:DescribeAlarms as " + who.String()}
	if err != nil {
		return seen, err
	}
	client := cloudwatch.NewFromConfig(cfg)
	var names []string
	for _, alarm := range a.wanted {
		names = append(names, alarm.Name)
	}
	asked := map[string]bool{}
	for len(names) > 0 { // then those that composite alarms name
		if err := seen.describe(ctx, client, names); err != nil {
			return seen, awsprobe.Unreadable("cloudwatch:DescribeAlarms", "the alarms of the launch", who, err)
		}
		for _, name := range names {
			asked[name] = true
		}
		names = nil
		for _, s := range seen.byName {
			below, _ := children(s.Rule)
			names = append(names, below...)
		}
		slices.Sort(names)
		names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return asked[name] })
	}
	return seen, nil
}

// describe asks for alarms by their names.
func (a alarms) describe(ctx context.Context, client *cloudwatch.Client, names []string) error {
	for some := range slices.Chunk(names, batch) {
		in := &cloudwatch.DescribeAlarmsInput{AlarmNames: some,
			AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm, types.AlarmTypeLogAlarm}}
		pages := cloudwatch.NewDescribeAlarmsPaginator(client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for i := range page.MetricAlarms {
				m := &page.MetricAlarms[i]
				s := State{Name: aws.ToString(m.AlarmName), State: string(m.StateValue), Reason: aws.ToString(m.StateReason), Evaluation: string(m.EvaluationState),
					ActionsEnabled: aws.ToBool(m.ActionsEnabled), Actions: m.AlarmActions, Missing: missing(m.TreatMissingData)}
				s.watches, s.Query, s.blind = watchedBy(m)
				a.note(s)
			}
			for i := range page.LogAlarms {
				l := &page.LogAlarms[i]
				a.note(State{Name: aws.ToString(l.AlarmName), State: string(l.StateValue), Reason: aws.ToString(l.StateReason), Evaluation: string(l.EvaluationState),
					ActionsEnabled: aws.ToBool(l.ActionsEnabled), Actions: l.AlarmActions, Missing: missing(l.TreatMissingData),
					Query: "a query of logs, which finds nothing where it looks at the wrong ones", blind: true})
			}
			for i := range page.CompositeAlarms {
				c := &page.CompositeAlarms[i]
				a.note(State{Name: aws.ToString(c.AlarmName), State: string(c.StateValue), Reason: aws.ToString(c.StateReason),
					ActionsEnabled: aws.ToBool(c.ActionsEnabled), Actions: c.AlarmActions, Suppressed: string(c.ActionsSuppressedBy), Rule: aws.ToString(c.AlarmRule)})
			}
		}
	}
	return nil
}

// missing is how an alarm treats missing data, where it says so or not.
func missing(said *string) string { return cmp.Or(aws.ToString(said), "missing") }

func (a alarms) note(s State) { a.byName[s.Name] = s }

// examine looks at an alarm and judges it, and claims that it measures something.
func (a *Alarms) examine(ctx context.Context, name string, judge func(State) *probe.Unmet) (examined, probe.Evidence, error) {
	evidence := probe.Evidence{Target: "alarm " + name, Source: "CloudWatch DescribeAlarms"}
	seen, err := a.seen.Try(ctx, "the alarms", awsprobe.Patience, a.observe)
	evidence.Asked = []string{seen.from}
	if err != nil {
		return examined{}, evidence, err
	}
	state, there := seen.byName[name]
	if !there {
		return examined{}, evidence, &probe.Unmet{Class: "alarm.missing", Want: "the alarm " + name, Got: "no such alarm", From: seen.from, Fix: "deploy it, or correct alarms in launch.yaml"}
	}
	alarm := examined{State: state}
	evidence.Observed = alarm
	if unmet := judge(state); unmet != nil {
		unmet.From = seen.from
		return alarm, evidence, unmet
	}
	var asked []string
	alarm.Watches, asked, err = a.measures(ctx, seen, state)
	evidence.Observed, evidence.Asked = alarm, append(evidence.Asked, asked...)
	return alarm, evidence, err
}

// WouldRing claims that an alarm is deployed and evaluated, that it watches metrics that are published, that its actions are on, not
// muted now or in the launch window, and reach somebody, and that it treats missing data as it must.
func (a *Alarms) WouldRing(alarm Alarm, from, to time.Time) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		seen, evidence, err := a.examine(ctx, alarm.Name, func(s State) *probe.Unmet { return wouldRing(s, alarm) })
		if err != nil {
			return evidence, err
		}
		muted, err := a.notMuted(ctx, alarm.Name, from, to)
		evidence.Asked = append(evidence.Asked, muted)
		if err != nil {
			return evidence, err
		}
		asked, err := a.reaches(ctx, &seen)
		evidence.Observed, evidence.Asked = seen, append(evidence.Asked, asked...)
		return evidence, err
	}
}

// examined is an alarm, what it looks at and whom it calls: the evidence.
type examined struct {
	State
	Watches []Watched        `json:"watches,omitempty"`
	Topics  []snsprobe.Topic `json:"topics,omitempty"`
}

func wouldRing(s State, want Alarm) *probe.Unmet {
	switch {
	case !s.ActionsEnabled:
		return &probe.Unmet{Class: "alarm.actions", Want: "actions enabled on " + s.Name, Got: "disabled", Fix: "enable the alarm's actions"}
	case !slices.ContainsFunc(s.Actions, calls):
		got := "none"
		if len(s.Actions) > 0 {
			got = "only " + strings.Join(s.Actions, ", ")
		}
		return &probe.Unmet{Class: "alarm.actions", Want: "an action that calls somebody when " + s.Name + " rings", Got: got, Fix: "add the on-call topic to the alarm's actions"}
	case s.Suppressed != "":
		return &probe.Unmet{Class: "alarm.suppressed", Want: s.Name + " not suppressed", Got: "its actions suppressed by " + s.Suppressed, Fix: "see the alarm that suppresses it"}
	case constant(s.Rule):
		return &probe.Unmet{Class: "alarm.rule", Want: s.Name + " to ring by other alarms alone", Got: s.Rule, Fix: "take TRUE and FALSE, which are for tests, out of the alarm's rule"}
	case s.Evaluation != "":
		return notEvaluated(s)
	case want.Missing != "any" && s.Missing == "":
		return &probe.Unmet{Class: "alarm.missing-data", Want: s.Name + " to treat missing data as " + want.Missing, Got: "a composite alarm, which has no data of its own",
			Fix: "watch the alarms below it, and leave missing_data out for this one"}
	case want.Missing != "any" && want.Missing != s.Missing:
		return &probe.Unmet{Class: "alarm.missing-data", Want: s.Name + " to treat missing data as " + want.Missing, Got: s.Missing, Fix: "change the alarm's treatment of missing data"}
	}
	return nil
}

func notEvaluated(s State) *probe.Unmet {
	return &probe.Unmet{Class: "alarm.evaluation", Want: s.Name + " evaluated", Got: strings.TrimSpace(s.Evaluation + " " + s.Reason), Fix: "correct the alarm's metric or query"}
}

// constant says whether a composite alarm's rule has a TRUE or a FALSE in it, beside the names of alarms.
func constant(rule string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(named.ReplaceAllString(rule, ""), func(r rune) bool { return !unicode.IsLetter(r) }), func(word string) bool {
		return strings.EqualFold(word, "TRUE") || strings.EqualFold(word, "FALSE")
	})
}

var named = regexp.MustCompile(`"[^"]*"|'[^']*'|(?i)(ALARM|OK|INSUFFICIENT_DATA)\s*\([^)"']*\)`)

// calls says whether an alarm's action can reach a person. One that scales a service or restarts an instance reaches nobody.
func calls(action string) bool {
	parts := strings.Split(action, ":")
	return len(parts) > 2 && slices.Contains([]string{"sns", "ssm", "ssm-incidents", "lambda"}, parts[2])
}

// IsGreen claims that an alarm is OK, by metrics that are published. Insufficient data is no green: nothing is measured.
func (a *Alarms) IsGreen(name string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		_, evidence, err := a.examine(ctx, name, green)
		return evidence, err
	}
}

func green(s State) *probe.Unmet {
	if s.State == string(types.StateValueOk) && s.Evaluation == "" {
		return nil
	}
	fix := "see what rings"
	if s.State == string(types.StateValueInsufficientData) {
		fix = "see why nothing is measured; have it signed where that is right before the launch"
	}
	return &probe.Unmet{Class: "alarm.state", Want: s.Name + " OK", Got: strings.Join(strings.Fields(s.State+" "+s.Evaluation+" "+s.Reason), " "), Fix: fix}
}
