package cloudwatchprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	topic = "arn:aws:sns:eu-west-1:111122223333:on-call"
	scale = "arn:aws:autoscaling:eu-west-1:111122223333:scalingPolicy:1:resource/ecs/service/c/s:policyName/p"
)

func TestWouldRing(t *testing.T) {
	for name, test := range map[string]struct {
		state   State
		missing string
		class   string // empty: it would
		got     string
	}{
		"calls the topic":                {State{ActionsEnabled: true, Actions: []string{topic}, Missing: "missing"}, "any", "", ""},
		"calls after it scaled":          {State{ActionsEnabled: true, Actions: []string{scale, topic}, Missing: "missing"}, "any", "", ""},
		"opens an incident":              {State{ActionsEnabled: true, Actions: []string{"arn:aws:ssm-incidents::111122223333:response-plan/p"}, Missing: "missing"}, "any", "", ""},
		"missing data as asked":          {State{ActionsEnabled: true, Actions: []string{topic}, Missing: "breaching"}, "breaching", "", ""},
		"composite, missing data or not": {State{ActionsEnabled: true, Actions: []string{topic}}, "any", "", ""},

		"composite of others": {State{ActionsEnabled: true, Actions: []string{topic}, Rule: `ALARM("a FALSE one") OR (NOT OK(true) AND INSUFFICIENT_DATA('c'))`}, "any", "", ""},

		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html (AlarmRule): TRUE and FALSE are for tests
		"composite of nothing": {State{ActionsEnabled: true, Actions: []string{topic}, Rule: "FALSE"}, "any", "alarm.rule", "FALSE"},
		"composite in a test":  {State{ActionsEnabled: true, Actions: []string{topic}, Rule: `false AND ALARM("a")`}, "any", "alarm.rule", `false AND ALARM("a")`},
		"actions off":          {State{Actions: []string{topic}, Missing: "missing"}, "any", "alarm.actions", "disabled"},
		"no action":            {State{ActionsEnabled: true, Missing: "missing"}, "any", "alarm.actions", "none"},
		"only scales":          {State{ActionsEnabled: true, Actions: []string{scale}, Missing: "missing"}, "any", "alarm.actions", "only " + scale},
		"only stops":           {State{ActionsEnabled: true, Actions: []string{"arn:aws:automate:eu-west-1:ec2:stop"}, Missing: "missing"}, "any", "alarm.actions", "only arn:aws:automate:eu-west-1:ec2:stop"},
		"an action of no form": {State{ActionsEnabled: true, Actions: []string{"sns"}, Missing: "missing"}, "any", "alarm.actions", "only sns"},
		"suppressed":           {State{ActionsEnabled: true, Actions: []string{topic}, Suppressed: "Alarm"}, "any", "alarm.suppressed", "its actions suppressed by Alarm"},
		"cannot be evaluated":  {State{ActionsEnabled: true, Actions: []string{topic}, Evaluation: "EVALUATION_ERROR", Reason: "no such metric"}, "any", "alarm.evaluation", "EVALUATION_ERROR no such metric"},
		"missing data else":    {State{ActionsEnabled: true, Actions: []string{topic}, Missing: "missing"}, "breaching", "alarm.missing-data", "missing"},
		"composite has none":   {State{ActionsEnabled: true, Actions: []string{topic}}, "breaching", "alarm.missing-data", "a composite alarm, which has no data of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			unmet := wouldRing(test.state, Alarm{Name: "drop-web-5xx", Missing: test.missing})
			if test.class == "" {
				assert.Nil(t, unmet)
				return
			}
			require.NotNil(t, unmet)
			assert.Equal(t, test.class, unmet.Class)
			assert.Equal(t, test.got, unmet.Got)
			assert.NotEmpty(t, unmet.Fix)
		})
	}
}

func TestGreen(t *testing.T) {
	assert.Nil(t, green(State{State: "OK"}))
	stuck := green(State{State: "OK", Evaluation: "EVALUATION_FAILURE"})
	require.NotNil(t, stuck, "the state is of before")
	assert.Contains(t, stuck.Got, "EVALUATION_FAILURE")
	for state, fix := range map[string]string{"ALARM": "see what rings", "INSUFFICIENT_DATA": "nothing is measured", "": "see what rings", "ok": "see what rings"} {
		unmet := green(State{Name: "a", State: state, Reason: "because"})
		require.NotNil(t, unmet, state)
		assert.Equal(t, "alarm.state", unmet.Class)
		assert.Contains(t, unmet.Got, "because")
		assert.Contains(t, unmet.Fix, fix)
	}
}
