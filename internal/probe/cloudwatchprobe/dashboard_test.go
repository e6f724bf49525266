package cloudwatchprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// widget is a metric widget with some metrics: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
func widget(metrics string) string {
	return `{"widgets":[{"type":"metric","properties":{"title":"P","region":"eu-west-1","metrics":[` + metrics + `]}}]}`
}

func TestPanelsOf(t *testing.T) {
	metric := func(name string, dimensions ...string) shown {
		m := shown{metric: metric{namespace: "A", name: name, stat: "SampleCount", dimensions: map[string]string{}}, region: "eu-west-1"}
		for i := 0; i < len(dimensions); i += 2 {
			m.dimensions[dimensions[i]] = dimensions[i+1]
		}
		return m
	}
	elsewhere := metric("B")
	elsewhere.region, elsewhere.account = "eu-north-1", "222233334444"
	for name, test := range map[string]struct {
		text    string
		metrics []shown
		said    string
	}{
		"one":                       {widget(`["A","B","C","d"]`), []shown{metric("B", "C", "d")}, ""},
		"no dimension":              {widget(`["A","B"]`), []shown{metric("B")}, ""},
		"of another region":         {widget(`["A","B",{"region":"eu-north-1","accountId":"222233334444"}]`), []shown{elsewhere}, ""},
		"the same but for a value":  {widget(`["A","B","C","d"],[".",".",".","e"]`), []shown{metric("B", "C", "d"), metric("B", "C", "e")}, ""},
		"all before the last":       {widget(`["A","B","C","d","E","f"],["...","g"]`), []shown{metric("B", "C", "d", "E", "f"), metric("B", "C", "d", "E", "g")}, ""},
		"all of it":                 {widget(`["A","B","C","d"],["...",{"stat":"p99"}]`), []shown{metric("B", "C", "d"), metric("B", "C", "d")}, ""},
		"all, and one as before":    {widget(`["A","B","C","d","E","f"],["...","x","E","."]`), []shown{metric("B", "C", "d", "E", "f"), metric("B", "C", "x", "E", "f")}, ""},
		"hidden":                    {widget(`["A","B",{"visible":false,"id":"m1"}],[{"expression":"m1*2"}]`), []shown{metric("B")}, ""},
		"computed in between":       {widget(`["A","B","C","d"],[{"expression":"m1"}],[".","X",".","."]`), []shown{metric("B", "C", "d"), metric("X", "C", "d")}, ""},
		"beside a text":             {`{"widgets":[{"type":"text","properties":{"markdown":"#"}},{"type":"alarm","properties":{}},` + widget(`["A","B"]`)[len(`{"widgets":[`):], []shown{metric("B")}, ""},
		"no JSON":                   {"<html>", nil, "cannot be read"},
		"no widget":                 {`{"widgets":[]}`, nil, "no panel that shows a metric"},
		"only a text":               {`{"widgets":[{"type":"text","properties":{"markdown":"#"}}]}`, nil, "no panel that shows a metric"},
		"no metric":                 {widget(``), nil, `"P", which names no metric`},
		"only computed":             {widget(`[{"expression":"TIME_SERIES(1)"}]`), nil, `"P", which names no metric`},
		"searches":                  {widget(`["A","B"],[{"expression":"search('{A,C} B', 'Sum', 60)"}]`), nil, "searches for its metrics"},
		"selects":                   {widget(`["A","B"],[{"expression":"SELECT AVG(B) FROM A"}]`), nil, "searches for its metrics"},
		"a query of logs":           {`{"widgets":[{"type":"log","properties":{"title":"L"}}]}`, nil, `"L", which is of the kind "log"`},
		"with variables":            {`{"variables":[{"type":"property"}],` + widget(`["A","B"]`)[1:], nil, "variables"},
		"odd":                       {widget(`["A","B","C"]`), nil, "no namespace, name and dimensions"},
		"as before, and none is":    {widget(`[".","B"]`), nil, "shorter"},
		"more than before":          {widget(`["A","B"],["...","C","d","E"]`), nil, "shorter"},
		"longer than before":        {widget(`["A","B"],[".",".",".","."]`), nil, "shorter"},
		"options in between":        {widget(`["A",{},"B"]`), nil, "before its end"},
		"options that are a number": {widget(`["A","B",1]`), nil, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			panels, err := panelsOf(test.text)
			if test.said != "" {
				require.ErrorContains(t, err, test.said)
				return
			}
			require.NoError(t, err)
			require.Len(t, panels, 1)
			assert.Equal(t, "P", panels[0].title)
			assert.Equal(t, test.metrics, panels[0].metrics)
		})
	}
}

func TestShows(t *testing.T) {
	const (
		requests = `["AWS/AppRunner","Requests","ServiceName","drop-web","ServiceID","1"]`
		absent   = `["AWS/AppRunner","5xxStatusResponses","ServiceName","drop-web","ServiceID","1"]`
	)
	series := func(ago time.Duration) func(*awstest.Account) {
		return func(a *awstest.Account) {
			a.Metrics = []awstest.Series{{Namespace: "AWS/AppRunner", Name: "Requests", Dimensions: map[string]string{"ServiceName": "drop-web", "ServiceID": "1"},
				Points: func(now time.Time) map[time.Time]float64 { return awstest.Steady(7)(now.Add(-ago)) }}}
		}
	}
	for name, test := range map[string]struct {
		body   string
		change func(*awstest.Account)
		rules  awstest.Rules
		status probe.Status
		said   string
	}{
		"fresh":                   {body: widget(requests), status: probe.Pass},
		"with what never was":     {body: widget(requests + "," + absent), status: probe.Pass},
		"four minutes old":        {body: widget(requests), change: series(3 * time.Minute), status: probe.Pass},
		"five minutes old":        {body: widget(requests), change: series(5 * time.Minute), status: probe.Fail, said: `want a point of "P" younger than 5m0s; got the newest 5m`},
		"hours old":               {body: widget(requests), change: series(4 * time.Hour), status: probe.Fail, said: "got none in 3h0m0s"},
		"only what never was":     {body: widget(absent), status: probe.Fail, said: "got none in 3h0m0s"},
		"one panel of two":        {body: `{"widgets":[` + widget(requests)[len(`{"widgets":[`):len(widget(requests))-2] + "," + widget(absent)[len(`{"widgets":[`):], status: probe.Fail, said: "none in"},
		"another service":         {body: widget(`["AWS/AppRunner","Requests","ServiceName","drop-web-staging","ServiceID","1"]`), status: probe.Fail, said: "ServiceName drop-web; got drop-web-staging of AWS/AppRunner Requests"},
		"another service, hidden": {body: widget(requests + `,["AWS/AppRunner","Requests","ServiceName","drop-web-staging",{"visible":false}]`), status: probe.Fail, said: "got drop-web-staging"},
		"another region":          {body: widget(requests[:len(requests)-1] + `,{"region":"us-east-1"}]`), status: probe.Fail, said: `got region "us-east-1"`},
		"another account":         {body: widget(requests[:len(requests)-1] + `,{"accountId":"222233334444"}]`), status: probe.Fail, said: "got account 222233334444"},
		"of the application": {body: widget(`["Drop","Payments","Environment","production","Kind","qr"]`), change: func(a *awstest.Account) {
			a.Metrics = []awstest.Series{{Namespace: "Drop", Name: "Payments", Dimensions: map[string]string{"Environment": "production", "Kind": "qr"}, Points: awstest.Steady(1)}}
		}, status: probe.Pass},
		"of staging's":          {body: widget(`["Drop","Payments","ServiceName","drop-web","Environment","staging"]`), status: probe.Fail, said: "Environment production; got staging"},
		"of the same name":      {body: widget(`["Drop","Payments","ServiceName","drop-web"]`), status: probe.Blocked, said: "no dimension that says whose it is"},
		"nobody's":              {body: widget(`["Drop","Payments"]`), status: probe.Blocked, said: "no dimension that says whose it is"},
		"CloudFront in Ireland": {body: widget(`["AWS/CloudFront","Requests","Region","Global","ServiceName","drop-web"]`), status: probe.Fail, said: "region us-east-1"},
		"unreadable":            {body: "[]", status: probe.Blocked, said: "cannot be read"},
		"missing":               {status: probe.Fail, said: "no such dashboard"},
		"denied":                {body: widget(requests), rules: awstest.Rules{Policy: awstest.Allowing("cloudwatch:GetMetricData")}, status: probe.Blocked, said: "allow cloudwatch:GetDashboard to " + awstest.CallerARN},
		"denied the points":     {body: widget(requests), rules: awstest.Rules{Policy: awstest.Allowing("cloudwatch:GetDashboard")}, status: probe.Blocked, said: "allow cloudwatch:GetMetricData to " + awstest.CallerARN},
		"on pages":              {body: widget(absent + "," + requests), rules: awstest.Rules{PageSize: 1}, status: probe.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			account := &awstest.Account{Dashboards: map[string]string{}}
			series(0)(account)
			if test.change != nil {
				test.change(account)
			}
			if test.body != "" {
				account.Dashboards["drop"] = test.body
			}
			s := awstest.New(t, account)
			s.Treat(test.rules)
			metrics := NewMetrics(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}))
			_, err := metrics.Shows(Dashboard{Name: "drop", Account: awstest.ID, Region: awstest.Region, Own: map[string][]string{"ServiceName": {"drop-web"}, "ServiceID": {"1"}}, Production: map[string]string{"Environment": "production"}})(t.Context())
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				assert.ErrorContains(t, err, test.said)
			}
		})
	}
}

// TestManyMetricsAreAskedForInCalls: no call may ask for more than 500 series, and each answer is put where its metric is.
func TestManyMetricsAreAskedForInCalls(t *testing.T) {
	account := &awstest.Account{Metrics: []awstest.Series{{Namespace: "A", Name: "B", Dimensions: map[string]string{"C": "last"}, Points: awstest.Steady(1)}}}
	s := awstest.New(t, account)
	var what []metric
	for range 600 {
		what = append(what, metric{namespace: "A", name: "B", stat: "Sum", dimensions: map[string]string{"C": "other"}})
	}
	what = append(what, metric{namespace: "A", name: "B", stat: "Sum", dimensions: map[string]string{"C": "last"}})
	now := time.Now()
	all, _, err := NewMetrics(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})).readAll(t.Context(), "", what, now.Add(-10*time.Minute), now)
	require.NoError(t, err)
	require.Len(t, all, 601)
	assert.Empty(t, all[0])
	assert.Empty(t, all[599])
	assert.NotEmpty(t, all[600])
	assert.Greater(t, len(s.Calls()), 2)
}
