// Package costprobe claims that the month will cost no more than somebody decided it may.
package costprobe

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/budgets"
	"github.com/aws/aws-sdk-go-v2/service/budgets/types"
	"github.com/aws/aws-sdk-go-v2/service/costexplorer"
	explorer "github.com/aws/aws-sdk-go-v2/service/costexplorer/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"Budgets.DescribeBudget":        {Action: "budgets:ViewBudget", On: awsprobe.TheBudget},
	"Cost Explorer.GetCostForecast": {Action: "ce:GetCostForecast", On: awsprobe.Everything},
}

// Budget is a budget of an account.
type Budget struct {
	account *awsprobe.Account
	name    string
	now     func() time.Time
}

// New returns a budget that was not looked at yet.
func New(account *awsprobe.Account, name string) *Budget {
	return &Budget{account: account, name: name, now: time.Now}
}

// Spend is the budget and what the month will cost by it. What nobody said is nil.
type Spend struct {
	Unit     string   `json:"unit"`
	Limit    *float64 `json:"limit"`
	Actual   *float64 `json:"actual"`
	Forecast *float64 `json:"forecast"`           // of the budget, for the whole month
	Rest     *float64 `json:"forecast_of_rest"`   // of Cost Explorer, for what is left of the month and the whole account
	Filtered bool     `json:"filtered,omitempty"` // the budget is about a part of the account
	Other    string   `json:"other,omitempty"`    // why it is no monthly budget of costs that can be read
}

// Within claims that the forecast of the month is within the budget. A new account has no history to forecast from: then a
// person has to look and sign.
func (b *Budget) Within() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: b.name, Source: "Budgets DescribeBudget, Cost Explorer GetCostForecast"}
		if b.name == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a monthly budget", Got: "no budget.name in launch.yaml", Fix: "create a budget in AWS and add its name"}
		}
		cfg, who, err := b.account.Open(ctx, Needs)
		if err != nil {
			return evidence, err
		}
		from := "budgets:DescribeBudget as " + who.String()
		evidence.Asked = []string{from}
		out, err := budgets.NewFromConfig(cfg).DescribeBudget(ctx, &budgets.DescribeBudgetInput{AccountId: &b.account.ID, BudgetName: &b.name, ShowFilterExpression: aws.Bool(true)})
		switch {
		case err != nil && awsprobe.Missing(err), err == nil && out.Budget == nil:
			return evidence, &probe.Unmet{Class: "cost.missing", Want: "the budget " + b.name, Got: "no such budget", From: from, Fix: "create it, or correct budget.name"}
		case err != nil:
			return evidence, awsprobe.Unreadable("budgets:ViewBudget", "the budget "+b.name, who, err)
		}
		s := fromBudget(out.Budget, b.now())
		if !s.Filtered {
			today := b.now().UTC()
			rest, err := costexplorer.NewFromConfig(cfg).GetCostForecast(ctx, &costexplorer.GetCostForecastInput{Granularity: explorer.GranularityMonthly, Metric: explorer.MetricUnblendedCost,
				TimePeriod: &explorer.DateInterval{Start: aws.String(today.Format(time.DateOnly)), End: aws.String(time.Date(today.Year(), today.Month()+1, 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))}})
			switch {
			case err == nil && rest.Total != nil && aws.ToString(rest.Total.Unit) == s.Unit:
				s.Rest = amount(rest.Total.Amount)
			case err != nil && awsprobe.Code(err) != "DataUnavailableException":
				return evidence, awsprobe.Unreadable("ce:GetCostForecast", "the forecast of the month", who, err)
			}
		}
		evidence.Observed = s
		return evidence, within(s, from)
	}
}

func fromBudget(in *types.Budget, now time.Time) Spend {
	var s Spend
	read := func(spend *types.Spend) *float64 {
		if spend == nil || s.Unit != "" && aws.ToString(spend.Unit) != s.Unit {
			return nil
		}
		s.Unit = aws.ToString(spend.Unit)
		return amount(spend.Amount)
	}
	s.Limit = read(in.BudgetLimit)
	if c := in.CalculatedSpend; c != nil {
		s.Actual, s.Forecast = read(c.ActualSpend), read(c.ForecastedSpend)
	}
	s.Filtered = len(in.CostFilters) > 0 || in.FilterExpression != nil || in.BillingViewArn != nil && !strings.HasSuffix(*in.BillingViewArn, "billingview/primary") //nolint:staticcheck // older budgets have nothing else
	switch {
	case in.BudgetType != types.BudgetTypeCost || in.TimeUnit != types.TimeUnitMonthly:
		s.Other = fmt.Sprintf("a %s budget of %s", in.TimeUnit, in.BudgetType)
	case in.HealthStatus != nil && in.HealthStatus.Status == types.HealthStatusValueUnhealthy:
		s.Other = "a budget that is not kept up to date: " + string(in.HealthStatus.StatusReason)
	case in.AutoAdjustData != nil:
		s.Other = fmt.Sprintf("one that sets its own limit, by the %s", in.AutoAdjustData.AutoAdjustType)
	case in.TimePeriod != nil && (aws.ToTime(in.TimePeriod.Start).After(now) || in.TimePeriod.End != nil && !in.TimePeriod.End.After(now)):
		s.Other = "one whose time has not come or is over"
	}
	return s
}

func amount(text *string) *float64 {
	n, err := strconv.ParseFloat(aws.ToString(text), 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return nil
	}
	return &n
}

// within judges the larger of the two forecasts; what was spent already is no forecast.
func within(s Spend, from string) error {
	want := "a forecast of the month within the budget"
	if s.Limit != nil {
		want = fmt.Sprintf("a forecast of the month within %.2f %s", *s.Limit, s.Unit)
	}
	over := func(what string, n float64) error {
		return &probe.Unmet{Class: "cost.over", Want: want, Got: fmt.Sprintf("%s %.2f %s", what, n, s.Unit), From: from, Fix: "see Cost Explorer for what grew, or decide on a larger budget"}
	}
	switch {
	case s.Other != "":
		return &probe.Unmet{Class: "cost.kind", Want: "a monthly budget of costs", Got: s.Other, From: from, Fix: "correct budget.name, or the budget"}
	case s.Limit == nil:
		return &probe.Unknown{Class: "cost.unknown", Want: want, Got: "no limit of this month", From: from, Fix: "give the budget a fixed limit"}
	case s.Actual != nil && *s.Actual > *s.Limit:
		return over("already spent", *s.Actual)
	case s.Forecast != nil && *s.Forecast > *s.Limit:
		return over("a forecast of the budget of", *s.Forecast)
	case s.Rest != nil && s.Actual != nil && *s.Actual+*s.Rest > *s.Limit:
		return over("a forecast of Cost Explorer of", *s.Actual+*s.Rest)
	case s.Forecast == nil && (s.Rest == nil || s.Actual == nil):
		return &probe.Unknown{Class: "cost.no-forecast", Want: want, Got: "no forecast: the account has too little history", From: from,
			Fix: "estimate the month by hand; this needs the sign-off of its owner, as a waiver of this gate"}
	}
	return nil
}
