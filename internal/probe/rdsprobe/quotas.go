package rdsprobe

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/quotasprobe"
)

// QuotasLeave claims that at least so many percent of each of RDS's own quotas are free: instances, storage, manual snapshots and
// what else the account may have.
func (i *Instance) QuotasLeave(percent int) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: "RDS", Source: "RDS DescribeAccountAttributes"}
		cfg, who, err := i.account.Open(ctx, Needs)
		if err != nil {
			return evidence, err
		}
		from := "rds:DescribeAccountAttributes as " + who.String()
		evidence.Asked = []string{from}
		out, err := rds.NewFromConfig(cfg).DescribeAccountAttributes(ctx, &rds.DescribeAccountAttributesInput{})
		if err != nil {
			return evidence, awsprobe.Unreadable("rds:DescribeAccountAttributes", "the quotas of RDS", who, err)
		}
		var quotas []quotasprobe.Quota
		for _, q := range out.AccountQuotas {
			if q.Max != nil && q.Used != nil && *q.Max > 0 {
				quotas = append(quotas, quotasprobe.Quota{Name: aws.ToString(q.AccountQuotaName), Limit: float64(*q.Max), Used: float64(*q.Used)})
			}
		}
		evidence.Observed = quotas
		return evidence, quotasprobe.Judge(percent, from, quotas...)
	}
}
