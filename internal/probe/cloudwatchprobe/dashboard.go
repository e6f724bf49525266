package cloudwatchprobe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// fresh is how young the newest point of a panel must be.
const fresh = 5 * time.Minute

// backThen is how far back a panel's points are looked for, to say how old the newest is.
const backThen = 3 * time.Hour

// Dashboard is a dashboard, and by what its metrics are known to be production's.
type Dashboard struct {
	Name            string
	Account, Region string
	Own             map[string][]string // what AWS's metrics have of the launch's own resources, by the dimension's name
	Production      map[string]string   // and what only production's have of any metrics
}

// Panel is what a panel shows: the evidence.
type Panel struct {
	Title   string     `json:"title"`
	Metrics []string   `json:"metrics"`
	Newest  *time.Time `json:"newest,omitempty"`
}

// Shows claims that a dashboard is there, that each metric of each of its panels is production's by its account, region and dimensions, and
// that the newest point of each panel is younger than five minutes. CloudWatch has a point by the minute that it begins.
func (m *Metrics) Shows(d Dashboard) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: "dashboard " + d.Name, Source: "CloudWatch GetDashboard, GetMetricData"}
		panels, asked, err := m.panels(ctx, d)
		evidence.Asked = []string{asked}
		if err != nil {
			return evidence, err
		}
		for _, p := range panels {
			for _, s := range p.metrics {
				if err := d.owns(p.title, s, asked); err != nil {
					return evidence, err
				}
			}
		}
		until := m.now()
		newest, from, err := m.newest(ctx, panels, until)
		evidence.Asked = append(evidence.Asked, from)
		if err != nil {
			return evidence, err
		}
		evidence.Observed = observed(panels, newest)
		return evidence, isFresh(panels, newest, until, from)
	}
}

func (m *Metrics) panels(ctx context.Context, d Dashboard) ([]panel, string, error) {
	cfg, who, err := m.account.Open(ctx, Needs)
	asked := fmt.Sprintf("cloudwatch:GetDashboard %s as %s", d.Name, who)
	if err != nil {
		return nil, asked, err
	}
	out, err := cloudwatch.NewFromConfig(cfg).GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: &d.Name})
	switch {
	case awsprobe.Missing(err):
		return nil, asked, &probe.Unmet{Class: "dashboard.missing", Want: "the dashboard " + d.Name, Got: "no such dashboard", From: asked, Fix: "deploy it, or correct dashboards in launch.yaml"}
	case err != nil:
		return nil, asked, awsprobe.Unreadable("cloudwatch:GetDashboard", "the dashboard "+d.Name, who, err)
	}
	panels, err := panelsOf(aws.ToString(out.DashboardBody))
	if err != nil {
		return nil, asked, &probe.Unknown{Class: "dashboard.unreadable", Want: "panels of " + d.Name + " that name their metrics", Got: err.Error(), From: asked, Fix: "have each panel name the metrics that it shows"}
	}
	return panels, asked, nil
}

// global are the namespaces whose metrics are in one region for all: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/viewing-cloudfront-metrics.html
var global = map[string]string{"AWS/CloudFront": "us-east-1"}

// owns judges whether a metric is production's: in its account and region, with a dimension that says so and none that says otherwise.
func (d Dashboard) owns(title string, s shown, from string) error {
	unmet := func(want, got string) error {
		return &probe.Unmet{Class: "dashboard.elsewhere", Want: fmt.Sprintf("%q of %s to show production: %s", title, d.Name, want), Got: fmt.Sprintf("%s of %s", got, s), From: from,
			Fix: "bind the panel to production, or correct dashboards in launch.yaml"}
	}
	region := d.Region
	if r := global[s.namespace]; r != "" {
		region = r
	}
	if s.account != "" && s.account != d.Account {
		return unmet("account "+d.Account, "account "+s.account)
	}
	if s.region != region {
		return unmet("region "+region, fmt.Sprintf("region %q", s.region))
	}
	known := false
	for _, name := range slices.Sorted(maps.Keys(s.dimensions)) {
		values := d.values(s.namespace, name)
		says := len(values) > 0
		if says && !slices.Contains(values, s.dimensions[name]) {
			return unmet(fmt.Sprintf("%s %s", name, strings.Join(values, " or ")), s.dimensions[name])
		}
		known = known || says
	}
	if !known {
		return &probe.Unknown{Class: "dashboard.unbound", Want: fmt.Sprintf("%q of %s to show production", title, d.Name), Got: fmt.Sprintf("%s with no dimension that says whose it is: %v", s, s.dimensions), From: from,
			Fix: "name a dimension that only production has in production, at dashboards in launch.yaml"}
	}
	return nil
}

// values are those of a dimension that are production's. In AWS's own namespaces the name of a resource tells whose it is; elsewhere
// the same name may stand for production and for staging.
func (d Dashboard) values(namespace, name string) []string {
	var all []string
	if strings.HasPrefix(namespace, "AWS/") || namespace == "ECS/ContainerInsights" {
		all = slices.Clone(d.Own[name])
	}
	if value := d.Production[name]; value != "" {
		all = append(all, value)
	}
	return all
}

// newest is when each panel's newest point is from, by the panel's place; none where there is no point.
func (m *Metrics) newest(ctx context.Context, panels []panel, until time.Time) (map[int]time.Time, string, error) {
	byRegion := map[string][]metric{}
	owner := map[string][]int{} // the panel of each of them
	for i, p := range panels {
		for _, s := range p.metrics {
			byRegion[s.region] = append(byRegion[s.region], s.metric)
			owner[s.region] = append(owner[s.region], i)
		}
	}
	all, from := map[int]time.Time{}, ""
	for _, region := range slices.Sorted(maps.Keys(byRegion)) {
		points, asked, err := m.readAll(ctx, region, byRegion[region], until.Add(-backThen).Truncate(time.Minute), until)
		from = asked
		if err != nil {
			return nil, from, err
		}
		for k, series := range points {
			for _, p := range series {
				if i := owner[region][k]; p.At.After(all[i]) {
					all[i] = p.At
				}
			}
		}
	}
	return all, from, nil
}

func observed(panels []panel, newest map[int]time.Time) []Panel {
	var all []Panel
	for i, p := range panels {
		shows := Panel{Title: p.title}
		for _, s := range p.metrics {
			shows.Metrics = append(shows.Metrics, s.String())
		}
		if at, there := newest[i]; there {
			shows.Newest = &at
		}
		all = append(all, shows)
	}
	return all
}

func isFresh(panels []panel, newest map[int]time.Time, now time.Time, from string) error {
	for i, p := range panels {
		unmet := &probe.Unmet{Class: "dashboard.stale", Want: fmt.Sprintf("a point of %q younger than %s", p.title, fresh), Got: fmt.Sprintf("none in %s", backThen), From: from,
			Fix: "see why nothing is published, or whether the panel's metric still exists"}
		at, there := newest[i]
		if !there {
			return unmet
		}
		if age := now.Sub(at); age >= fresh {
			unmet.Got = fmt.Sprintf("the newest %s old", age.Truncate(time.Second))
			return unmet
		}
	}
	return nil
}
