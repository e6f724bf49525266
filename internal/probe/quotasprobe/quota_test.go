package quotasprobe_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	rds "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/cloudwatchprobe"
	"github.com/getdrop/launchgate/internal/probe/quotasprobe"
	"github.com/getdrop/launchgate/internal/probe/rdsprobe"
)

func TestJudge(t *testing.T) {
	judge := func(q ...quotasprobe.Quota) probe.Status { return probe.StatusOf(quotasprobe.Judge(30, "here", q...)) }
	assert.Equal(t, probe.Pass, judge(quotasprobe.Quota{Name: "a", Limit: 10, Used: 7}, quotasprobe.Quota{Name: "b", Limit: 10}))
	assert.Equal(t, probe.Fail, judge(quotasprobe.Quota{Name: "b", Limit: 10}, quotasprobe.Quota{Name: "a", Limit: 10, Used: 7.1}))
	assert.Equal(t, probe.Fail, judge(quotasprobe.Quota{Name: "none", Limit: 0, Used: 1}))
	assert.Equal(t, probe.Blocked, judge())
	assert.NotEqual(t, probe.Pass, judge(quotasprobe.Quota{Name: "no number", Limit: 10, Used: math.NaN()}))
}

func account(t *testing.T, a *awstest.Account, rules awstest.Rules) *awsprobe.Account {
	t.Helper()
	server, err := awstest.Start(a)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	server.Treat(rules)
	for _, entry := range server.Env() {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
	return awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region})
}

func TestLeaves(t *testing.T) {
	dimensions := map[string]string{"Type": "Resource", "Resource": "vCPU", "Service": "Fargate", "Class": "Standard/OnDemand"}
	for name, test := range map[string]struct {
		change func(*awstest.Account)
		rules  awstest.Rules
		want   probe.Status
	}{
		"room":                {func(*awstest.Account) {}, awstest.Rules{}, probe.Pass},
		"no room":             {func(a *awstest.Account) { a.Metrics[0].Points = awstest.Steady(71) }, awstest.Rules{}, probe.Fail},
		"no room for a while": {func(a *awstest.Account) { a.Metrics[0].Points = peak }, awstest.Rules{}, probe.Fail},
		"never measured":      {func(a *awstest.Account) { a.Metrics = nil }, awstest.Rules{}, probe.Blocked},
		"uncounted":           {func(a *awstest.Account) { a.Quotas[0].UsageMetric = nil }, awstest.Rules{}, probe.Blocked},
		"a rate": {func(a *awstest.Account) {
			a.Quotas[0].Period = &types.QuotaPeriod{PeriodUnit: types.PeriodUnitSecond, PeriodValue: aws.Int32(1)}
		}, awstest.Rules{}, probe.Blocked},
		"no such quota": {func(a *awstest.Account) { a.Quotas = nil }, awstest.Rules{}, probe.Blocked},
		"denied":        {func(*awstest.Account) {}, awstest.Rules{Policy: &awstest.Policy{}}, probe.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			a := &awstest.Account{
				Quotas: []types.ServiceQuota{{ServiceCode: aws.String("fargate"), QuotaCode: aws.String("L-3032A538"), QuotaName: aws.String("Fargate On-Demand vCPU resource count"), Value: aws.Float64(100),
					UsageMetric: &types.MetricInfo{MetricNamespace: aws.String("AWS/Usage"), MetricName: aws.String("ResourceCount"), MetricDimensions: dimensions, MetricStatisticRecommendation: aws.String("Maximum")}}},
				Metrics: []awstest.Series{{Namespace: "AWS/Usage", Name: "ResourceCount", Dimensions: dimensions, Points: awstest.Steady(70)}},
			}
			test.change(a)
			here := account(t, a, test.rules)
			result := probe.Run(t.Context(), name, quotasprobe.New(here, cloudwatchprobe.NewMetrics(here)).Leaves("fargate", "L-3032A538", 30))
			assert.Equal(t, test.want, result.Status, result.Message())
		})
	}
}

// peak is one minute of much use, hours ago.
func peak(now time.Time) map[time.Time]float64 {
	points := awstest.Steady(10)(now)
	points[now.Truncate(time.Minute).Add(-5*time.Hour)] = 90
	return points
}

func TestQuotasOfRDS(t *testing.T) {
	for name, test := range map[string]struct {
		quotas []rds.AccountQuota
		want   probe.Status
	}{
		"room":    {[]rds.AccountQuota{{AccountQuotaName: aws.String("DBInstances"), Used: aws.Int64(2), Max: aws.Int64(40)}}, probe.Pass},
		"no room": {[]rds.AccountQuota{{AccountQuotaName: aws.String("DBInstances"), Used: aws.Int64(2), Max: aws.Int64(40)}, {AccountQuotaName: aws.String("ManualSnapshots"), Used: aws.Int64(99), Max: aws.Int64(100)}}, probe.Fail},
		"no word": {nil, probe.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			here := account(t, &awstest.Account{RDSQuotas: test.quotas}, awstest.Rules{})
			result := probe.Run(t.Context(), name, rdsprobe.New(here, "db").QuotasLeave(30))
			assert.Equal(t, test.want, result.Status, result.Message())
		})
	}
}
