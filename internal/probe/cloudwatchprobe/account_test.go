package cloudwatchprobe_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	sns "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/cloudwatchprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
)

const replica = "drop-db-replica"

// window is when the launch's begins.
var window = time.Date(2027, 1, 19, 8, 0, 0, 0, time.UTC)

var onCall = awstest.ARN("sns", "on-call")

// gap leaves the newest whole minute out.
func gap(now time.Time) map[time.Time]float64 {
	points := awstest.Steady(0.4)(now)
	delete(points, now.Truncate(time.Minute).Add(-3*time.Minute))
	return points
}

func TestInAnAccount(t *testing.T) {
	alarm := func(name string, change func(*types.MetricAlarm)) types.MetricAlarm {
		a := types.MetricAlarm{AlarmName: &name, StateValue: types.StateValueOk, ActionsEnabled: aws.Bool(true), AlarmActions: []string{onCall},
			Namespace: aws.String("AWS/RDS"), MetricName: aws.String("ReplicaLag"), Dimensions: []types.Dimension{{Name: aws.String("DBInstanceIdentifier"), Value: aws.String(replica)}}}
		change(&a)
		return a
	}
	lag := func(points func(time.Time) map[time.Time]float64) []awstest.Series {
		return []awstest.Series{{Namespace: "AWS/RDS", Name: "ReplicaLag", Dimensions: map[string]string{"DBInstanceIdentifier": replica}, Points: points}}
	}
	account := func(change func(*awstest.Account)) *awstest.Account {
		a := &awstest.Account{Metrics: lag(awstest.Steady(0.4)), Topics: map[string][]sns.Subscription{onCall: {awstest.Subscribed(onCall, "https", onCall+":1")}}, Alarms: []types.MetricAlarm{
			alarm("good", func(*types.MetricAlarm) {}),
			alarm("silent", func(a *types.MetricAlarm) { a.ActionsEnabled = aws.Bool(false) }),
			alarm("rings", func(a *types.MetricAlarm) { a.StateValue = types.StateValueAlarm }),
			alarm("quiet", func(a *types.MetricAlarm) { a.TreatMissingData = aws.String("notBreaching") }),
		}}
		if change != nil {
			change(a)
		}
		return a
	}
	for name, test := range map[string]struct {
		change func(*awstest.Account)
		rules  awstest.Rules
		claim  func(*cloudwatchprobe.Alarms, *cloudwatchprobe.Metrics) probe.Claim
		status probe.Status
		said   string
	}{
		"would ring":              {claim: rings("good", "any"), status: probe.Pass},
		"default of missing data": {claim: rings("good", "missing"), status: probe.Pass},
		"silent":                  {claim: rings("silent", "any"), status: probe.Fail, said: "want actions enabled on silent; got disabled"},
		"missing data":            {claim: rings("quiet", "breaching"), status: probe.Fail, said: "got notBreaching"},
		"not deployed":            {claim: rings("gone", "any"), status: probe.Fail, said: "got no such alarm"},
		"other case":              {claim: rings("Good", "any"), status: probe.Fail, said: "got no such alarm"},
		"another is muted":        {change: muted(types.AlarmMuteRuleStatusActive, "rings"), claim: rings("good", "any"), status: probe.Pass},
		"was muted":               {change: muted(types.AlarmMuteRuleStatusExpired, "good"), claim: rings("good", "any"), status: probe.Pass},
		"muted":                   {change: muted(types.AlarmMuteRuleStatusActive, "rings", "good"), claim: rings("good", "any"), status: probe.Fail, said: "want good not muted; got muted by arn:aws:cloudwatch:"},
		"muted at launch":         {change: scheduled("cron(30 9 * * MON-FRI)", "PT15M", "good"), claim: rings("good", "any"), status: probe.Fail, said: "want good not muted in the launch window; got muted by arn:aws:cloudwatch:eu-west-1:111122223333:alarm-mute-rule:r from 2027-01-19T09:30:00Z"},
		"another at launch":       {change: scheduled("cron(30 9 * * MON-FRI)", "PT15M", "rings"), claim: rings("good", "any"), status: probe.Pass},
		"muted at night":          {change: scheduled("cron(30 2 * * *)", "PT2H", "good"), claim: rings("good", "any"), status: probe.Pass},
		"muted some day":          {change: scheduled("cron(0 9 L * *)", "PT2H", "good"), claim: rings("good", "any"), status: probe.Blocked, said: `got the schedule "cron(0 9 L * *)"`},
		"schedules denied":        {change: scheduled("cron(30 2 * * *)", "PT2H", "good"), rules: awstest.Rules{Policy: awstest.Allowing("cloudwatch:DescribeAlarms", "cloudwatch:List*")}, claim: rings("good", "any"), status: probe.Blocked, said: "allow cloudwatch:GetAlarmMuteRule to " + awstest.CallerARN},
		"mutes denied":            {rules: awstest.Rules{Policy: awstest.Allowing("cloudwatch:DescribeAlarms", "cloudwatch:ListMetrics")}, claim: rings("good", "any"), status: probe.Blocked, said: "allow cloudwatch:ListAlarmMuteRules to " + awstest.CallerARN},
		"nobody subscribed":       {change: topic(), claim: rings("good", "any"), status: probe.Fail, said: "want a topic that reaches somebody when good rings; got on-call, to which nobody subscribed"},
		"nobody confirmed":        {change: topic("email PendingConfirmation", "sms Deleted"), claim: rings("good", "any"), status: probe.Fail, said: "nobody has confirmed a subscription (2 not confirmed)"},
		"the third has":           {change: topic("email PendingConfirmation", "sms Deleted", "https "+onCall+":1"), claim: rings("good", "any"), status: probe.Pass},
		"only an archive":         {change: topic("firehose " + onCall + ":1"), claim: rings("good", "any"), status: probe.Fail, said: "only keeps what it gets"},
		"of AWS's own key":        {change: func(a *awstest.Account) { a.TopicKeys = map[string]string{onCall: "alias/aws/sns"} }, claim: rings("good", "any"), status: probe.Fail, said: "got on-call, to which no alarm can publish: it is encrypted with alias/aws/sns"},
		"of a key of ours":        {change: func(a *awstest.Account) { a.TopicKeys = map[string]string{onCall: "alias/on-call"} }, claim: rings("good", "any"), status: probe.Pass},
		"no topic":                {change: func(a *awstest.Account) { a.Topics = nil }, claim: rings("good", "any"), status: probe.Fail, said: "got on-call, which is no topic"},
		"no topic and another":    {change: actions(awstest.ARN("sns", "gone"), onCall), claim: rings("good", "any"), status: probe.Pass},
		"a topic elsewhere":       {change: actions("arn:aws:sns:us-east-1:" + awstest.ID + ":on-call"), claim: rings("good", "any"), status: probe.Fail, said: "which is in another region"},
		"of another account":      {change: actions("arn:aws:sns:" + awstest.Region + ":444455556666:gone"), claim: rings("good", "any"), status: probe.Fail, said: "which is no topic"},
		"a function":              {change: actions(awstest.ARN("lambda", "function:page"), awstest.ARN("sns", "gone")), claim: rings("good", "any"), status: probe.Pass},
		"topics denied":           {rules: awstest.Rules{Policy: awstest.Allowing("cloudwatch:*")}, claim: rings("good", "any"), status: probe.Blocked, said: "allow sns:ListSubscriptionsByTopic to " + awstest.CallerARN},
		"a misspelt dimension":    {change: watches("AWS/RDS", "ReplicaLag", "DBInstance"), claim: rings("good", "any"), status: probe.Blocked, said: "want good to watch a metric that is published: AWS/RDS ReplicaLag DBInstance=" + replica + "; got none with these dimensions"},
		"and green":               {change: watches("AWS/RDS", "ReplicaLag", "DBInstance"), claim: green("good"), status: probe.Blocked, said: "none with these dimensions"},
		"without its dimension":   {change: watches("AWS/RDS", "ReplicaLag", ""), claim: rings("good", "any"), status: probe.Blocked, said: "none with these dimensions"},
		"a misspelt namespace":    {change: watches("AWS/RDSS", "ReplicaLag", "DBInstanceIdentifier"), claim: rings("good", "any"), status: probe.Blocked, said: "none with these dimensions"},
		"a misspelt name":         {change: watches("AWS/RDS", "ReplicationLag", "DBInstanceIdentifier"), claim: rings("good", "any"), status: probe.Blocked, said: "and none called ReplicationLag"},
		"a query":                 {change: queries("notBreaching"), claim: rings("good", "any"), status: probe.Blocked, said: "got OK, which it may be without any, by SELECT"},
		"a query that must find":  {change: queries("breaching"), claim: rings("good", "any"), status: probe.Pass},
		"a query of logs": {change: func(a *awstest.Account) {
			a.LogAlarms = []types.LogAlarm{{AlarmName: aws.String("logs"), StateValue: types.StateValueOk, ActionsEnabled: aws.Bool(true), AlarmActions: []string{onCall}, TreatMissingData: aws.String("breaching")}}
		}, claim: rings("logs", "any"), status: probe.Blocked, said: "by a query of logs"},
		"metrics not listed":     {rules: awstest.Rules{Policy: awstest.Allowing("cloudwatch:DescribeAlarms")}, claim: green("good"), status: probe.Blocked, said: "allow cloudwatch:ListMetrics to " + awstest.CallerARN},
		"composite":              {change: composite(`ALARM("good") OR ALARM("below")`, "AWS/RDS"), claim: rings("all", "any"), status: probe.Pass},
		"composite of one blind": {change: composite(`ALARM("good") OR ALARM("below")`, "AWS/Rds"), claim: rings("all", "any"), status: probe.Blocked, said: "want below to watch a metric that is published"},
		"composite of none":      {change: composite(`ALARM("good") OR ALARM("gone")`, "AWS/RDS"), claim: rings("all", "any"), status: probe.Fail, said: "no such alarm: gone"},
		"composite of itself":    {change: composite(`ALARM("all") OR ALARM("below")`, "AWS/RDS"), claim: rings("all", "any"), status: probe.Pass},
		"composite of one broken": {change: func(a *awstest.Account) {
			composite(`ALARM("good") OR ALARM("below")`, "AWS/RDS")(a)
			a.Alarms[len(a.Alarms)-1].EvaluationState = types.EvaluationStateEvaluationError
		}, claim: rings("all", "any"), status: probe.Fail, said: "want below evaluated; got EVALUATION_ERROR"},
		"of an unseen account": {change: computed("444455556666"), claim: rings("good", "any"), status: probe.Blocked, said: "one of account 444455556666, which is not looked at"},
		"computed here":        {change: computed(awstest.ID), claim: rings("good", "any"), status: probe.Pass},
		"composite of words":   {change: composite(`AT_LEAST(1, ALARM, (good, below))`, "AWS/RDS"), claim: rings("all", "any"), status: probe.Blocked, said: "put the names of the alarms in quotes"},
		"green":                {claim: green("good"), status: probe.Pass},
		"rings now":            {claim: green("rings"), status: probe.Fail, said: "got ALARM"},
		"alarms denied":        {rules: awstest.Rules{Policy: awstest.Allowing()}, claim: rings("good", "any"), status: probe.Blocked, said: "allow cloudwatch:DescribeAlarms to " + awstest.CallerARN},

		"keeps up":         {claim: lagBelow(5), status: probe.Pass},
		"lags":             {change: func(a *awstest.Account) { a.Metrics = lag(awstest.Steady(5)) }, claim: lagBelow(5), status: probe.Fail, said: "got 5.0 s"},
		"stopped":          {change: func(a *awstest.Account) { a.Metrics = lag(awstest.Steady(-1)) }, claim: lagBelow(5), status: probe.Fail, said: "replication has stopped"},
		"14 of 15":         {change: func(a *awstest.Account) { a.Metrics = lag(gap) }, claim: lagBelow(5), status: probe.Fail, said: "no measurement in 1 of them"},
		"never measured":   {change: func(a *awstest.Account) { a.Metrics = nil }, claim: lagBelow(5), status: probe.Fail, said: "no measurement in 15 of them"},
		"metrics denied":   {rules: awstest.Rules{Policy: awstest.Allowing("cloudwatch:DescribeAlarms")}, claim: lagBelow(5), status: probe.Blocked, said: "allow cloudwatch:GetMetricData to " + awstest.CallerARN},
		"no drill":         {claim: scaled(time.Time{}), status: probe.Blocked, said: "no compute.scale.drill"},
		"nothing of drill": {claim: scaled(time.Now().Add(-time.Hour)), status: probe.Blocked, said: "no measurement after"},
	} {
		t.Run(name, func(t *testing.T) {
			s := awstest.New(t, account(test.change))
			test.rules.PageSize = 1
			s.Treat(test.rules)
			var wanted []cloudwatchprobe.Alarm
			for _, name := range []string{"good", "silent", "rings", "quiet", "gone", "Good", "all", "logs"} {
				wanted = append(wanted, cloudwatchprobe.Alarm{Name: name})
			}
			a := awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
			_, err := test.claim(cloudwatchprobe.NewAlarms(a, wanted), cloudwatchprobe.NewMetrics(a))(t.Context())
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				assert.ErrorContains(t, err, test.said)
			}
		})
	}
}

func muted(status types.AlarmMuteRuleStatus, alarms ...string) func(*awstest.Account) {
	return func(a *awstest.Account) {
		a.MuteRules = append(a.MuteRules, awstest.MuteRule{AlarmMuteRuleSummary: types.AlarmMuteRuleSummary{AlarmMuteRuleArn: aws.String(awstest.ARN("cloudwatch", "alarm-mute-rule:r")), Status: status}, Alarms: alarms})
	}
}

func scheduled(expression, lasts string, alarms ...string) func(*awstest.Account) {
	return func(a *awstest.Account) {
		muted(types.AlarmMuteRuleStatusScheduled, alarms...)(a)
		a.MuteRules[0].Schedule = &types.Schedule{Expression: &expression, Duration: &lasts}
	}
}

// topic has others subscribe to the topic, each a protocol and an ARN.
func topic(subscriptions ...string) func(*awstest.Account) {
	return func(a *awstest.Account) {
		a.Topics[onCall] = nil
		for _, s := range subscriptions {
			protocol, arn, _ := strings.Cut(s, " ")
			a.Topics[onCall] = append(a.Topics[onCall], awstest.Subscribed(onCall, protocol, arn))
		}
	}
}

// watches has the first alarm look at another metric, by one dimension.
func watches(namespace, name, dimension string) func(*awstest.Account) {
	return func(a *awstest.Account) {
		alarm := &a.Alarms[0]
		alarm.Namespace, alarm.MetricName, alarm.Dimensions = &namespace, &name, nil
		if dimension != "" {
			alarm.Dimensions = []types.Dimension{{Name: &dimension, Value: aws.String(replica)}}
		}
	}
}

func queries(missing string) func(*awstest.Account) {
	return func(a *awstest.Account) {
		alarm := &a.Alarms[0]
		alarm.Namespace, alarm.MetricName, alarm.Dimensions, alarm.TreatMissingData = nil, nil, nil, &missing
		alarm.Metrics = []types.MetricDataQuery{{Id: aws.String("q"), Expression: aws.String(`SELECT MAX(ReplicaLag) FROM "AWS/RDS"`)}}
	}
}

// computed has the first alarm compute with the metric of the others, of an account.
func computed(account string) func(*awstest.Account) {
	return func(a *awstest.Account) {
		alarm := &a.Alarms[0]
		what := &types.Metric{Namespace: alarm.Namespace, MetricName: alarm.MetricName, Dimensions: alarm.Dimensions}
		alarm.Namespace, alarm.MetricName, alarm.Dimensions = nil, nil, nil
		alarm.Metrics = []types.MetricDataQuery{{Id: aws.String("e"), Expression: aws.String("m * 1000")}, {Id: aws.String("m"), AccountId: &account, MetricStat: &types.MetricStat{Metric: what}}}
	}
}

// composite has an alarm named all, of a rule, and another one that it may name, of a namespace.
func composite(rule, namespace string) func(*awstest.Account) {
	return func(a *awstest.Account) {
		below := a.Alarms[0]
		below.AlarmName, below.Namespace, below.AlarmActions = aws.String("below"), &namespace, nil
		a.Alarms = append(a.Alarms, below)
		a.CompositeAlarms = []types.CompositeAlarm{{AlarmName: aws.String("all"), StateValue: types.StateValueOk, ActionsEnabled: aws.Bool(true), AlarmActions: []string{onCall}, AlarmRule: &rule}}
	}
}

func actions(arns ...string) func(*awstest.Account) {
	return func(a *awstest.Account) { a.Alarms[0].AlarmActions = arns }
}

func rings(name, missing string) func(*cloudwatchprobe.Alarms, *cloudwatchprobe.Metrics) probe.Claim {
	return func(a *cloudwatchprobe.Alarms, _ *cloudwatchprobe.Metrics) probe.Claim {
		return a.WouldRing(cloudwatchprobe.Alarm{Name: name, Missing: missing}, window, window.Add(4*time.Hour))
	}
}

func green(name string) func(*cloudwatchprobe.Alarms, *cloudwatchprobe.Metrics) probe.Claim {
	return func(a *cloudwatchprobe.Alarms, _ *cloudwatchprobe.Metrics) probe.Claim { return a.IsGreen(name) }
}

func lagBelow(seconds int) func(*cloudwatchprobe.Alarms, *cloudwatchprobe.Metrics) probe.Claim {
	return func(_ *cloudwatchprobe.Alarms, m *cloudwatchprobe.Metrics) probe.Claim {
		return m.ReplicaLagBelow(replica, time.Duration(seconds)*time.Second)
	}
}

func scaled(began time.Time) func(*cloudwatchprobe.Alarms, *cloudwatchprobe.Metrics) probe.Claim {
	return func(_ *cloudwatchprobe.Alarms, m *cloudwatchprobe.Metrics) probe.Claim {
		return m.Scaled(computeprobe.Metric{Namespace: "AWS/AppRunner", Name: "ActiveInstances"}, cloudwatchprobe.Drill{Began: began, Min: 1, DownWithin: 10 * time.Minute})
	}
}

// TestMoreAlarmsThanACallMayName finds the last of 250 alarms.
func TestMoreAlarmsThanACallMayName(t *testing.T) {
	state := &awstest.Account{Metrics: []awstest.Series{{Namespace: "Drop", Name: "errors", Points: awstest.Steady(0)}}}
	var wanted []cloudwatchprobe.Alarm
	for i := range 250 {
		name := fmt.Sprintf("alarm-%03d", i)
		wanted = append(wanted, cloudwatchprobe.Alarm{Name: name})
		state.Alarms = append(state.Alarms, types.MetricAlarm{AlarmName: &name, StateValue: types.StateValueOk, Namespace: aws.String("Drop"), MetricName: aws.String("errors")})
	}
	s := awstest.New(t, state)
	alarms := cloudwatchprobe.NewAlarms(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), wanted)
	for _, name := range []string{"alarm-000", "alarm-100", "alarm-249"} {
		_, err := alarms.IsGreen(name)(t.Context())
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"sts:GetCallerIdentity", "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:ListMetrics"}, s.Calls())
}
