package cloudwatchprobe

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Watched is a metric that an alarm looks at, and what CloudWatch lists of the last two weeks.
type Watched struct {
	Metric   string `json:"metric"`
	Account  string `json:"account,omitempty"` // empty: the launch's own
	Listed   bool   `json:"listed"`            // the metric itself
	Resource bool   `json:"resource_listed"`   // or another one of the same namespace, with the same dimensions
	From     string `json:"from,omitempty"`
	metric   metric
}

// watchedBy are the metrics that an alarm looks at, and the query that it finds others with. It is blind where its state says nothing
// of whether there are any: PromQL knows no missing data.
func watchedBy(m *types.MetricAlarm) (all []Watched, query string, blind bool) {
	add := func(account, namespace, name *string, dimensions []types.Dimension) {
		what := metric{namespace: aws.ToString(namespace), name: aws.ToString(name), dimensions: map[string]string{}}
		for _, d := range dimensions {
			what.dimensions[aws.ToString(d.Name)] = aws.ToString(d.Value)
		}
		all = append(all, Watched{Metric: what.whole(), Account: aws.ToString(account), metric: what})
	}
	if m.MetricName != nil {
		add(nil, m.Namespace, m.MetricName, m.Dimensions)
	}
	for i := range m.Metrics {
		q := &m.Metrics[i]
		switch expression := aws.ToString(q.Expression); {
		case q.MetricStat != nil && q.MetricStat.Metric != nil:
			add(q.AccountId, q.MetricStat.Metric.Namespace, q.MetricStat.Metric.MetricName, q.MetricStat.Metric.Dimensions)
		case searches.MatchString(expression):
			query = expression
		}
	}
	switch {
	case m.EvaluationCriteria != nil:
		return all, "a query in PromQL", true
	case len(all) == 0 && query == "":
		return all, "an expression of no metric", true
	}
	return all, query, false
}

// whole is a metric with its dimensions.
func (m metric) whole() string {
	var all []string
	for _, d := range m.sorted() {
		all = append(all, *d.Name+"="+*d.Value)
	}
	return strings.TrimSpace(m.String() + " " + strings.Join(all, " "))
}

// mostFilters is how many dimensions a list may be narrowed by.
const mostFilters = 10

// published asks what is listed of a metric: itself, and only where it is not, what else there is of its resource.
func (a *Alarms) published(ctx context.Context, w Watched) (Watched, error) {
	cfg, who, err := a.account.Open(ctx, Needs)
	w.From = fmt.Sprintf("cloudwatch:ListMetrics %s as %s", w.metric.namespace, who)
	if err != nil {
		return w, err
	}
	client := cloudwatch.NewFromConfig(cfg)
	var by []types.DimensionFilter
	for _, d := range w.metric.sorted() {
		if len(by) < mostFilters {
			by = append(by, types.DimensionFilter(d))
		}
	}
	listed := func(in cloudwatch.ListMetricsInput) bool {
		pages := cloudwatch.NewListMetricsPaginator(client, &in)
		for err == nil && pages.HasMorePages() {
			var page *cloudwatch.ListMetricsOutput
			if page, err = pages.NextPage(ctx); err != nil {
				return false
			}
			if slices.ContainsFunc(page.Metrics, func(m types.Metric) bool { return w.metric.has(m.Dimensions) }) {
				return true
			}
		}
		return false
	}
	w.Listed = listed(cloudwatch.ListMetricsInput{Namespace: &w.metric.namespace, MetricName: &w.metric.name, Dimensions: by})
	if !w.Listed {
		w.Resource = listed(cloudwatch.ListMetricsInput{Namespace: &w.metric.namespace, Dimensions: by})
	}
	if err != nil {
		return w, awsprobe.Unreadable("cloudwatch:ListMetrics", w.Metric, who, err)
	}
	return w, nil
}

// has says whether a metric has exactly these dimensions: with one more or less it is another metric.
func (m metric) has(dimensions []types.Dimension) bool {
	for _, d := range dimensions {
		if value, there := m.dimensions[aws.ToString(d.Name)]; !there || value != aws.ToString(d.Value) {
			return false
		}
	}
	return len(dimensions) == len(m.dimensions)
}

// These are metrics of AWS that are there only once they have something to count: of targets, of a load balancer itself, and of App Runner.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
// https://docs.aws.amazon.com/apprunner/latest/dg/monitor-cw.html
var (
	targetCounts   = regexp.MustCompile(`^(HTTPCode_Target_[2-5]XX_Count|TargetConnectionErrorCount|TargetTLSNegotiationErrorCount)$`)
	balancerCounts = regexp.MustCompile(`^(HTTPCode_ELB_([345]XX|50[0234])_Count|RejectedConnectionCount|ClientTLSNegotiationErrorCount)$`)
	serviceCounts  = regexp.MustCompile(`^[245]xxStatusResponses$`)
)

func (m metric) sparse() bool {
	switch m.namespace {
	case "AWS/AppRunner":
		return serviceCounts.MatchString(m.name)
	case "AWS/ApplicationELB":
		_, ofTargets := m.dimensions["TargetGroup"]
		return targetCounts.MatchString(m.name) || !ofTargets && balancerCounts.MatchString(m.name)
	}
	return false
}

// isPublished judges whether an alarm's metric is one that is published. One of AWS's that had nothing to count yet is there by its
// resource, which has other metrics. Of any other that is not listed nobody can tell: it may be misspelt, or not have been needed yet.
func isPublished(alarm string, w Watched, own string) error {
	unknown := func(got, fix string) error {
		return &probe.Unknown{Class: "alarm.metric", Want: alarm + " to watch a metric that is published: " + w.Metric, Got: got, From: w.From, Fix: fix}
	}
	const publish = ", or have it published once: a nought will do (a new one is listed after 15 minutes)"
	switch {
	case w.Account != "" && w.Account != own:
		return unknown("one of account "+w.Account+", which is not looked at", "have it signed that the metric is published there")
	case w.Listed, w.Resource && w.metric.sparse():
		return nil
	case w.Resource:
		return unknown("others with these dimensions in two weeks, and none called "+w.metric.name, "correct the alarm's metric"+publish)
	}
	return unknown("none with these dimensions in two weeks", "correct the alarm's namespace and dimensions"+publish)
}

// measures claims that every metric that an alarm looks at is published, and so of every alarm in the rule of a composite one: an alarm
// on a misspelt metric that treats missing data as good is OK for ever.
func (a *Alarms) measures(ctx context.Context, seen alarms, s State) (all []Watched, asked []string, err error) {
	below, err := seen.below(s)
	for i := 0; err == nil && i < len(below); i++ {
		if below[i].Name != s.Name && below[i].Evaluation != "" {
			unmet := notEvaluated(below[i])
			unmet.From = seen.from
			return all, slices.Compact(asked), unmet
		}
		for _, w := range below[i].watches {
			w, err = a.listed.Try(ctx, w.Account+" "+w.Metric, awsprobe.Patience, func(ctx context.Context) (Watched, error) {
				return a.published(ctx, w)
			})
			all, asked = append(all, w), append(asked, w.From)
			if err == nil {
				err = isPublished(below[i].Name, w, a.account.ID)
			}
			if err != nil {
				return all, slices.Compact(asked), err
			}
		}
		err = finds(below[i], seen.from)
	}
	return all, slices.Compact(asked), err
}

// finds judges an alarm that finds its metrics with a query: that it found any is seen only where it would not be OK without.
func finds(s State, from string) error {
	if s.Query == "" || s.State == string(types.StateValueOk) && (s.Missing == "breaching" || s.Missing == "missing") && !s.blind {
		return nil
	}
	return &probe.Unknown{Class: "alarm.metric", Want: s.Name + " to find metrics that are published",
		Got: s.State + ", which it may be without any, by " + s.Query, From: from,
		Fix: "have the alarm treat missing data as missing or breaching, or have it signed that the query finds what it must"}
}

// below are an alarm itself, or those that a composite alarm's rule comes down to.
func (a alarms) below(s State) (all []State, err error) {
	visited := map[string]bool{}
	var visit func(State) error
	visit = func(s State) error {
		if visited[s.Name] {
			return nil
		}
		visited[s.Name] = true
		if s.Rule == "" {
			all = append(all, s)
			return nil
		}
		names, other := children(s.Rule)
		if len(names) == 0 || other != "" {
			return &probe.Unknown{Class: "alarm.rule", Want: "the alarms in the rule of " + s.Name, Got: cmp.Or(other, "none") + " in " + s.Rule,
				From: a.from, Fix: "put the names of the alarms in quotes"}
		}
		for _, name := range names {
			child, there := a.byName[name]
			if !there {
				return &probe.Unmet{Class: "alarm.missing", Want: "the alarms in the rule of " + s.Name, Got: "no such alarm: " + name,
					From: a.from, Fix: "deploy it, or correct the rule"}
			}
			if err := visit(child); err != nil {
				return err
			}
		}
		return nil
	}
	return all, visit(s)
}

// words are those of a rule beside the names of alarms.
var words = []string{"AND", "OR", "NOT", "AT_LEAST", "ALARM", "OK", "INSUFFICIENT_DATA"}

// children are the alarms that a composite alarm's rule names, and a word in it that is not understood.
func children(rule string) (names []string, other string) {
	for _, match := range named.FindAllString(rule, -1) {
		name := match[1 : len(match)-1] // in quotes
		if !strings.ContainsAny(match[:1], `"'`) {
			name = strings.TrimSpace(match[strings.IndexByte(match, '(')+1 : len(match)-1])
		}
		if _, after, isARN := strings.Cut(name, ":alarm:"); isARN && strings.HasPrefix(name, "arn:") {
			name = after
		}
		if name != "" {
			names = append(names, name)
		}
	}
	between := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("(),", r) }
	for _, word := range strings.FieldsFunc(named.ReplaceAllString(rule, " "), between) {
		if strings.ContainsFunc(word, unicode.IsLetter) && !slices.Contains(words, strings.ToUpper(word)) {
			return names, word
		}
	}
	return names, ""
}
