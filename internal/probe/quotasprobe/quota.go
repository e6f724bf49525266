// Package quotasprobe claims that AWS's service quotas leave room for a launch that goes well.
package quotasprobe

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/cloudwatchprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"Service Quotas.GetServiceQuota": {Action: "servicequotas:GetServiceQuota", On: awsprobe.Everything},
}

// Quotas are the quotas of an account.
type Quotas struct {
	account *awsprobe.Account
	metrics *cloudwatchprobe.Metrics
}

// New returns quotas that were not looked at yet.
func New(account *awsprobe.Account, metrics *cloudwatchprobe.Metrics) *Quotas {
	return &Quotas{account: account, metrics: metrics}
}

// Quota is a quota and the most of it that was in use in the last day.
type Quota struct {
	Name  string  `json:"name"`
	Limit float64 `json:"limit"`
	Used  float64 `json:"used"`
}

// window is how long the use of a quota is looked back on.
const window = 24 * time.Hour

// Leaves claims that at least so many percent of a quota were free in the last day. A quota that AWS does not count, or whose use
// was not measured, is unknown.
func (q *Quotas) Leaves(service, code string, percent int) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: service + " " + code, Source: "Service Quotas GetServiceQuota, CloudWatch AWS/Usage"}
		cfg, who, err := q.account.Open(ctx, Needs)
		if err != nil {
			return evidence, err
		}
		from := "servicequotas:GetServiceQuota as " + who.String()
		evidence.Asked = []string{from}
		out, err := servicequotas.NewFromConfig(cfg).GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &service, QuotaCode: &code})
		if err != nil {
			return evidence, awsprobe.Unreadable("servicequotas:GetServiceQuota", "the quota "+evidence.Target, who, err)
		}
		in := out.Quota
		if in == nil || in.Value == nil || in.UsageMetric == nil || in.Period != nil {
			return evidence, &probe.Unknown{Class: "quota.uncounted", Want: "the use of the quota " + evidence.Target, Got: "a quota whose use AWS does not count", From: from,
				Fix: "compare it by hand; this needs the sign-off of its owner, as a waiver of this gate"}
		}
		stat := aws.ToString(in.UsageMetric.MetricStatisticRecommendation)
		if stat == "" {
			stat = "Maximum"
		}
		used, asked, err := q.metrics.Highest(ctx, computeprobe.Metric{Namespace: aws.ToString(in.UsageMetric.MetricNamespace), Name: aws.ToString(in.UsageMetric.MetricName), Dimensions: in.UsageMetric.MetricDimensions}, stat, window)
		evidence.Asked = append(evidence.Asked, asked)
		if err != nil {
			return evidence, err
		}
		quota := Quota{Name: aws.ToString(in.QuotaName), Limit: *in.Value, Used: used}
		evidence.Observed = quota
		return evidence, Judge(percent, from, quota)
	}
}

// Judge says whether at least so many percent of every quota are free.
func Judge(percent int, from string, quotas ...Quota) error {
	want := fmt.Sprintf("%d %% of every quota free", percent)
	for _, q := range quotas {
		if !(q.Used <= q.Limit*float64(100-percent)/100) { // what is no number is no room either
			return &probe.Unmet{Class: "quota.headroom", Want: want, Got: fmt.Sprintf("%s: %g of %g in use", q.Name, q.Used, q.Limit), From: from,
				Fix: "ask AWS for a larger quota, which can take days, or give back what is not used"}
		}
	}
	if len(quotas) == 0 {
		return &probe.Unknown{Class: "quota.none", Want: want, Got: "no quota at all", From: from, Fix: "run again"}
	}
	return nil
}
