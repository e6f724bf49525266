package costprobe

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/budgets/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

func TestWithin(t *testing.T) {
	n := func(f float64) *float64 { return &f }
	for name, test := range map[string]struct {
		spend Spend
		want  probe.Status
		got   string
	}{
		"both forecasts are within":      {Spend{Limit: n(500), Actual: n(100), Forecast: n(400), Rest: n(350)}, probe.Pass, ""},
		"exactly the limit":              {Spend{Limit: n(500), Actual: n(100), Forecast: n(500)}, probe.Pass, ""},
		"only the budget's":              {Spend{Limit: n(500), Forecast: n(400), Filtered: true}, probe.Pass, ""},
		"only Cost Explorer's":           {Spend{Limit: n(500), Actual: n(100), Rest: n(300)}, probe.Pass, ""},
		"the budget's is over":           {Spend{Limit: n(500), Actual: n(100), Forecast: n(501), Rest: n(1)}, probe.Fail, "501.00"},
		"Cost Explorer's is over":        {Spend{Limit: n(500), Actual: n(200), Forecast: n(400), Rest: n(301)}, probe.Fail, "501.00"},
		"spent already":                  {Spend{Limit: n(500), Actual: n(501)}, probe.Fail, "already"},
		"no history":                     {Spend{Limit: n(500), Actual: n(3)}, probe.Blocked, "sign-off"},
		"a forecast of the rest alone":   {Spend{Limit: n(500), Rest: n(3)}, probe.Blocked, "sign-off"},
		"no limit":                       {Spend{Forecast: n(1)}, probe.Blocked, "no limit"},
		"it is about something else":     {Spend{Limit: n(500), Forecast: n(1), Other: "a QUARTERLY budget of COST"}, probe.Fail, "QUARTERLY"},
		"nothing that anybody can read ": {Spend{}, probe.Blocked, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := within(test.spend, "here")
			assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
			if test.got != "" {
				assert.ErrorContains(t, err, test.got)
			}
		})
	}
}

func usd(amount string) *types.Spend { return &types.Spend{Amount: &amount, Unit: aws.String("USD")} }

func TestAgainstTheStandIn(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*types.Budget)
		rest   string // of Cost Explorer; empty: DataUnavailableException
		want   probe.Status
	}{
		"within":              {func(*types.Budget) {}, "250", probe.Pass},
		"over":                {func(b *types.Budget) { b.CalculatedSpend.ForecastedSpend = usd("500.01") }, "", probe.Fail},
		"over, by the other":  {func(*types.Budget) {}, "450", probe.Fail},
		"a part of the whole": {func(b *types.Budget) { b.CostFilters = map[string][]string{"TagKeyValue": {"user:app$drop"}} }, "450", probe.Pass}, //nolint:staticcheck // older budgets have nothing else
		"a part, newly put": {func(b *types.Budget) {
			b.FilterExpression = &types.Expression{Tags: &types.TagValues{Key: aws.String("app"), Values: []string{"drop"}}}
		}, "450", probe.Pass},
		"no history":       {func(b *types.Budget) { b.CalculatedSpend.ForecastedSpend = nil }, "", probe.Blocked},
		"another currency": {func(b *types.Budget) { b.CalculatedSpend.ForecastedSpend.Unit = aws.String("EUR") }, "", probe.Blocked},
		"of a year":        {func(b *types.Budget) { b.TimeUnit = types.TimeUnitAnnually }, "", probe.Fail},
		"of usage":         {func(b *types.Budget) { b.BudgetType = types.BudgetTypeUsage }, "", probe.Fail},
		"out of date":      {func(b *types.Budget) { b.HealthStatus = &types.HealthStatus{Status: types.HealthStatusValueUnhealthy} }, "", probe.Fail},
		// https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html (AutoAdjustData, TimePeriod)
		"follows the forecast": {func(b *types.Budget) {
			b.AutoAdjustData = &types.AutoAdjustData{AutoAdjustType: types.AutoAdjustTypeForecast}
		}, "250", probe.Fail},
		"has ended": {func(b *types.Budget) {
			b.TimePeriod = &types.TimePeriod{End: aws.Time(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))}
		}, "250", probe.Fail},
		"has not begun": {func(b *types.Budget) {
			b.TimePeriod = &types.TimePeriod{Start: aws.Time(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))}
		}, "250", probe.Fail},
		"is under way": {func(b *types.Budget) {
			b.TimePeriod = &types.TimePeriod{Start: aws.Time(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)), End: aws.Time(time.Date(2087, 6, 15, 0, 0, 0, 0, time.UTC))}
		}, "250", probe.Pass},
		"no number":    {func(b *types.Budget) { b.CalculatedSpend.ForecastedSpend = usd("NaN") }, "", probe.Blocked},
		"another name": {func(b *types.Budget) { b.BudgetName = aws.String("other") }, "", probe.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			b := types.Budget{BudgetName: aws.String("drop"), BudgetType: types.BudgetTypeCost, TimeUnit: types.TimeUnitMonthly, BudgetLimit: usd("500.0"),
				CalculatedSpend: &types.CalculatedSpend{ActualSpend: usd("100"), ForecastedSpend: usd("400")}}
			test.change(&b)
			server, err := awstest.Start(&awstest.Account{Budgets: []types.Budget{b}, CostOfRest: test.rest})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, server.Close()) })
			for _, entry := range server.Env() {
				name, value, _ := strings.Cut(entry, "=")
				t.Setenv(name, value)
			}
			budget := New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), "drop")
			for _, day := range []time.Time{time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC), time.Date(2027, 12, 31, 23, 59, 0, 0, time.UTC)} {
				budget.now = func() time.Time { return day }
				result := probe.Run(t.Context(), name, budget.Within())
				assert.Equal(t, test.want, result.Status, result.Message())
			}
			server.Treat(awstest.Rules{Policy: &awstest.Policy{}})
			result := probe.Run(t.Context(), name, budget.Within())
			assert.Equal(t, probe.Blocked, result.Status)
			assert.Contains(t, result.Message(), "allow budgets:ViewBudget")
		})
	}
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", New(awsprobe.New(awsprobe.Config{}), "").Within()).Status)
}
