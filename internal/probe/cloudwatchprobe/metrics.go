package cloudwatchprobe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
)

// Metrics reads metrics of one account.
type Metrics struct {
	account *awsprobe.Account
	now     func() time.Time
}

// NewMetrics returns the metrics of an account.
func NewMetrics(account *awsprobe.Account) *Metrics { return &Metrics{account: account, now: time.Now} }

// Point is what was measured in one minute.
type Point struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
}

// metric is one series.
type metric struct {
	namespace, name, stat string
	dimensions            map[string]string
}

func (m metric) String() string { return m.namespace + " " + m.name }

// settled is how old a minute must be before CloudWatch has it whole.
const settled = 2 * time.Minute

// read is a series by minute, oldest first: only whole minutes that CloudWatch had time for.
func (m *Metrics) read(ctx context.Context, what metric, from, until time.Time) ([]Point, string, error) {
	all, asked, err := m.readAll(ctx, "", []metric{what}, from.Truncate(time.Minute), until.Truncate(time.Minute))
	if err != nil {
		return nil, asked, err
	}
	return all[0], asked, nil
}

// mostQueries is how many series one call may ask for: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
const mostQueries = 500

// readAll are series by minute, in the order of their metrics and each oldest first, from a region; empty: the account's.
func (m *Metrics) readAll(ctx context.Context, region string, what []metric, from, until time.Time) ([][]Point, string, error) {
	cfg, who, err := m.account.Open(ctx, Needs)
	asked := fmt.Sprintf("cloudwatch:GetMetricData as %s", who)
	if len(what) == 1 {
		asked = fmt.Sprintf("cloudwatch:GetMetricData %s as %s", what[0], who)
	}
	if err != nil {
		return nil, asked, err
	}
	cfg.Region = cmp.Or(region, cfg.Region)
	client, all := cloudwatch.NewFromConfig(cfg), make([][]Point, len(what))
	for first := 0; first < len(what); first += mostQueries {
		in := &cloudwatch.GetMetricDataInput{StartTime: &from, EndTime: &until}
		for i := first; i < min(first+mostQueries, len(what)); i++ {
			in.MetricDataQueries = append(in.MetricDataQueries, what[i].query(i))
		}
		pages := cloudwatch.NewGetMetricDataPaginator(client, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, asked, awsprobe.Unreadable("cloudwatch:GetMetricData", what[first].String(), who, err)
			}
			for i := range page.MetricDataResults {
				if err := take(&page.MetricDataResults[i], all, what, asked); err != nil {
					return nil, asked, err
				}
			}
		}
	}
	for _, points := range all {
		slices.SortFunc(points, func(a, b Point) int { return a.At.Compare(b.At) })
	}
	return all, asked, nil
}

// query asks for a metric by its place.
func (m metric) query(place int) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(fmt.Sprintf("m%d", place)), MetricStat: &types.MetricStat{Period: aws.Int32(60), Stat: &m.stat,
		Metric: &types.Metric{Namespace: &m.namespace, MetricName: &m.name, Dimensions: m.sorted()}}}
}

// sorted are the dimensions, in the order of their names.
func (m metric) sorted() []types.Dimension {
	var all []types.Dimension
	for _, name := range slices.Sorted(maps.Keys(m.dimensions)) {
		all = append(all, types.Dimension{Name: aws.String(name), Value: aws.String(m.dimensions[name])})
	}
	return all
}

// take puts a result where its metric is.
func take(r *types.MetricDataResult, all [][]Point, what []metric, asked string) error {
	place, err := strconv.Atoi(strings.TrimPrefix(aws.ToString(r.Id), "m"))
	if err != nil || place < 0 || place >= len(all) {
		return &probe.Unknown{Class: "metric.incomplete", Want: "what was asked for", Got: fmt.Sprintf("an answer to %q", aws.ToString(r.Id)), From: asked, Fix: "run again"}
	}
	if code := r.StatusCode; code != types.StatusCodeComplete && code != types.StatusCodePartialData || len(r.Timestamps) != len(r.Values) {
		return &probe.Unknown{Class: "metric.incomplete", Want: what[place].String(), Got: "an answer that is " + string(r.StatusCode), From: asked, Fix: "run again"}
	}
	for i, at := range r.Timestamps {
		all[place] = append(all[place], Point{at, r.Values[i]})
	}
	return nil
}

// Highest is the largest value of a metric in a window until now. A metric that was not measured at all is unknown, not small.
func (m *Metrics) Highest(ctx context.Context, what computeprobe.Metric, stat string, over time.Duration) (float64, string, error) {
	until := m.now().Add(-settled).Truncate(time.Minute)
	points, asked, err := m.read(ctx, metric{what.Namespace, what.Name, stat, what.Dimensions}, until.Add(-over), until)
	if err == nil && len(points) == 0 {
		err = &probe.Unknown{Class: "metric.missing", Want: what.Namespace + " " + what.Name, Got: fmt.Sprintf("no measurement in %s", over), From: asked, Fix: "see whether the metric is published at all"}
	}
	if err != nil {
		return 0, asked, err
	}
	return slices.MaxFunc(points, func(a, b Point) int { return cmp.Compare(a.Value, b.Value) }).Value, asked, nil
}

// lagWindow is how long a replica is watched for.
const lagWindow = 15 * time.Minute

// ReplicaLagBelow claims that a read replica was never further behind than limit, in each of the last 15 minutes. A minute
// without a measurement, or the -1 of a replica that stopped, is no small lag.
func (m *Metrics) ReplicaLagBelow(replica string, limit time.Duration) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		until := m.now().Add(-settled).Truncate(time.Minute)
		points, asked, err := m.read(ctx, metric{"AWS/RDS", "ReplicaLag", "Maximum", map[string]string{"DBInstanceIdentifier": replica}}, until.Add(-lagWindow), until)
		evidence := probe.Evidence{Target: replica, Asked: []string{asked}, Source: "CloudWatch AWS/RDS ReplicaLag", Observed: points}
		if err != nil {
			return evidence, err
		}
		if unmet := lag(points, limit); unmet != nil {
			unmet.From = asked
			return evidence, unmet
		}
		return evidence, nil
	}
}

func lag(points []Point, limit time.Duration) *probe.Unmet {
	want := fmt.Sprintf("a lag below %s in each of %d minutes", limit, int(lagWindow.Minutes()))
	measured := map[time.Time]bool{}
	for _, p := range points {
		measured[p.At] = true
		switch {
		case p.Value < 0:
			return &probe.Unmet{Class: "replica.stopped", Want: want, Got: fmt.Sprintf("%v at %s: replication has stopped", p.Value, p.At.UTC().Format(time.TimeOnly)), Fix: "see the replica's replication status and start it again"}
		case math.IsNaN(p.Value) || p.Value >= limit.Seconds():
			return &probe.Unmet{Class: "replica.lag", Want: want, Got: fmt.Sprintf("%.1f s at %s", p.Value, p.At.UTC().Format(time.TimeOnly)), Fix: "see what keeps the replica: long transactions, its size, its storage"}
		}
	}
	if missing := int(lagWindow.Minutes()) - len(measured); missing > 0 {
		return &probe.Unmet{Class: "replica.missing", Want: want, Got: fmt.Sprintf("no measurement in %d of them", missing), Fix: "see whether the replica runs; a replica that is not measured is not in sync"}
	}
	return nil
}

// Drill is a load drill: when it began, and how the service must have moved.
type Drill struct {
	Began      time.Time
	Min        int // instances before and after
	DownWithin time.Duration
}

// Scaled claims that the service grew above its smallest size in a load drill and went back to it in time.
func (m *Metrics) Scaled(count computeprobe.Metric, drill Drill) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: count.Name, Source: "CloudWatch " + count.Namespace + " " + count.Name}
		if drill.Began.IsZero() {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a load drill", Got: "no compute.scale.drill in launch.yaml", Fix: "run the drill and write down when it began"}
		}
		until := drill.Began.Add(drill.DownWithin * 2)
		if last := m.now().Add(-settled); last.Before(until) {
			until = last
		}
		points, asked, err := m.read(ctx, metric{count.Namespace, count.Name, "Maximum", count.Dimensions}, drill.Began, until)
		evidence.Asked, evidence.Observed = []string{asked}, points
		if err != nil {
			return evidence, err
		}
		if err := scaled(points, drill); err != nil {
			return evidence, err
		}
		return evidence, nil
	}
}

func scaled(points []Point, drill Drill) error {
	want := fmt.Sprintf("more than %d instances under load, and %d again within %s", drill.Min, drill.Min, drill.DownWithin)
	if len(points) == 0 {
		return &probe.Unknown{Class: "metric.missing", Want: want, Got: "no measurement after " + drill.Began.UTC().Format(time.RFC3339), Fix: "correct compute.scale.drill, or run the drill again"}
	}
	var peak Point
	last := time.Time{} // the last minute above the smallest size
	for _, p := range points {
		if p.Value > peak.Value {
			peak = p
		}
		if p.Value > float64(drill.Min) {
			last = p.At
		}
	}
	end := points[len(points)-1]
	switch {
	case peak.Value <= float64(drill.Min):
		return &probe.Unmet{Class: "scale.up", Want: want, Got: fmt.Sprintf("at most %.0f", peak.Value), Fix: "raise the load of the drill, or lower the concurrency at which the service grows"}
	case end.Value > float64(drill.Min), last.Sub(peak.At) > drill.DownWithin:
		return &probe.Unmet{Class: "scale.down", Want: want, Got: fmt.Sprintf("%.0f at the peak %s, above the smallest size until %s", peak.Value,
			peak.At.UTC().Format(time.TimeOnly), last.UTC().Format(time.TimeOnly)), Fix: "see why instances are kept, or give the service more time in compute.scale.down_within"}
	}
	return nil
}
