package cloudwatchprobe

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestIsPublished(t *testing.T) {
	const own = "111122223333"
	of := func(namespace, name string) metric {
		return metric{namespace: namespace, name: name, dimensions: map[string]string{"LoadBalancer": "app/drop/1"}}
	}
	ofTarget := of("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count")
	ofTarget.dimensions["TargetGroup"] = "targetgroup/drop/1"
	errs := of("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count")
	for name, test := range map[string]struct {
		watched Watched
		status  probe.Status
		got     string
	}{
		"published":                       {Watched{metric: errs, Listed: true}, probe.Pass, ""},
		"published by its own account":    {Watched{metric: errs, Listed: true, Account: own}, probe.Pass, ""},
		"no error yet":                    {Watched{metric: errs, Resource: true}, probe.Pass, ""},
		"of the balancer":                 {Watched{metric: of("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"), Resource: true}, probe.Pass, ""},
		"which has none of these":         {Watched{metric: of("AWS/ApplicationELB", "HTTPCode_ELB_2XX_Count"), Resource: true}, probe.Blocked, "and none called"},
		"of the balancer, by target":      {Watched{metric: ofTarget, Resource: true}, probe.Blocked, "and none called"},
		"another load balancer":           {Watched{metric: errs}, probe.Blocked, "none with these dimensions in two weeks"},
		"another namespace":               {Watched{metric: of("AWS/ELB", "HTTPCode_Target_5XX_Count")}, probe.Blocked, "none with these dimensions"},
		"a misspelt name":                 {Watched{metric: of("AWS/ApplicationELB", "HTTPCode_Target_5XX"), Resource: true}, probe.Blocked, "and none called HTTPCode_Target_5XX"},
		"one of AWS's that always counts": {Watched{metric: of("AWS/ApplicationELB", "RequestCounts"), Resource: true}, probe.Blocked, "and none called"},
		"one's own that never counted":    {Watched{metric: of("Drop", "errors"), Resource: true}, probe.Blocked, "and none called errors"},
		"of another account":              {Watched{metric: errs, Listed: true, Account: "444455556666"}, probe.Blocked, "one of account 444455556666"},
	} {
		t.Run(name, func(t *testing.T) {
			err := isPublished("a", test.watched, own)
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.got != "" {
				assert.ErrorContains(t, err, test.got)
			}
		})
	}
}

func TestWatchedBy(t *testing.T) {
	stat := func(id, name string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: &id, MetricStat: &types.MetricStat{Metric: &types.Metric{Namespace: aws.String("Drop"), MetricName: &name}}}
	}
	expression := func(text string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: aws.String("e"), Expression: &text}
	}
	for name, test := range map[string]struct {
		alarm   types.MetricAlarm
		watches []string
		query   string
		ok      map[string]bool // by the treatment of missing data, where the alarm is OK
	}{
		"one":            {types.MetricAlarm{Namespace: aws.String("AWS/RDS"), MetricName: aws.String("CPU"), Dimensions: []types.Dimension{{Name: aws.String("b"), Value: aws.String("2")}, {Name: aws.String("a"), Value: aws.String("1")}}}, []string{"AWS/RDS CPU a=1 b=2"}, "", map[string]bool{"notBreaching": true, "missing": true}},
		"computed":       {types.MetricAlarm{Metrics: []types.MetricDataQuery{expression("FILL(m1, 0) / m2"), stat("m1", "errors"), stat("m2", "requests")}}, []string{"Drop errors", "Drop requests"}, "", map[string]bool{"ignore": true}},
		"an anomaly":     {types.MetricAlarm{Metrics: []types.MetricDataQuery{stat("m1", "requests"), expression("ANOMALY_DETECTION_BAND(m1, 2)")}}, []string{"Drop requests"}, "", map[string]bool{"ignore": true}},
		"searched":       {types.MetricAlarm{Metrics: []types.MetricDataQuery{expression("SELECT MAX(x) FROM y")}}, nil, "SELECT MAX(x) FROM y", map[string]bool{"notBreaching": false, "ignore": false, "missing": true, "breaching": true}},
		"PromQL":         {types.MetricAlarm{EvaluationCriteria: &types.EvaluationCriteriaMemberPromQLCriteria{}}, nil, "a query in PromQL", map[string]bool{"missing": false}},
		"nothing at all": {types.MetricAlarm{Metrics: []types.MetricDataQuery{expression("TIME_SERIES(1)")}}, nil, "an expression of no metric", map[string]bool{"missing": false}},
	} {
		t.Run(name, func(t *testing.T) {
			all, query, blind := watchedBy(&test.alarm)
			var watches []string
			for _, w := range all {
				watches = append(watches, w.Metric)
			}
			assert.Equal(t, test.watches, watches)
			assert.Equal(t, test.query, query)
			for missing, ok := range test.ok {
				err := finds(State{Name: "a", State: "OK", Missing: missing, Query: query, blind: blind}, "")
				assert.Equal(t, ok, err == nil, "%s: %v", missing, err)
			}
			err := finds(State{Name: "a", State: "INSUFFICIENT_DATA", Missing: "missing", Query: query, blind: blind}, "")
			assert.Equal(t, query == "", err == nil, "%v", err)
		})
	}
}

// TestChildren: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html (AlarmRule)
func TestChildren(t *testing.T) {
	for rule, test := range map[string]struct {
		names []string
		other string
	}{
		`ALARM(CPUUtilizationTooHigh) AND NOT ALARM(DeploymentInProgress)`: {[]string{"CPUUtilizationTooHigh", "DeploymentInProgress"}, ""},
		`(alarm("a b") OR OK( 'c' )) and INSUFFICIENT_DATA( d )`:           {[]string{"a b", "c", "d"}, ""},
		`ALARM("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a:b")`:     {[]string{"a:b"}, ""},
		`AT_LEAST(2, ALARM, ("a", "b"))`:                                   {[]string{"a", "b"}, ""},
		`AT_LEAST(50%, ALARM, (a, b)) OR ALARM(c)`:                         {[]string{"c"}, "a"},
		`FALSE`: {nil, "FALSE"},
		``:      {nil, ""},
	} {
		names, other := children(rule)
		assert.Equal(t, test.names, names, rule)
		assert.Equal(t, test.other, other, rule)
	}
}
