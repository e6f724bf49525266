package cloudwatchprobe

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// panel is a metric widget of a dashboard.
type panel struct {
	title   string
	metrics []shown
}

// shown is a metric that a panel shows or computes with.
type shown struct {
	metric
	region, account string // account: empty for the dashboard's own
}

// body is a dashboard, as far as it is read:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
type body struct {
	Variables []json.RawMessage
	Widgets   []struct {
		Type       string
		Properties struct {
			Title, Region string
			Account       string `json:"accountId"`
			Metrics       [][]json.RawMessage
		}
	}
}

// options end a metric of a widget, or are all of one that is computed.
type options struct {
	Region     string
	Account    string `json:"accountId"`
	Expression string
}

// searches are expressions that find metrics by themselves. Those that only compute with others of the widget are judged by them.
var searches = regexp.MustCompile(`(?i)\b(SEARCH|SELECT|INSIGHT_RULE_METRIC|DB_PERF_INSIGHTS|LAMBDA)\b`)

// panelsOf reads the panels of a dashboard. Its error says of which widget nobody can tell whose data it shows; texts and the states
// of alarms show none.
func panelsOf(text string) ([]panel, error) {
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return nil, fmt.Errorf("a body that cannot be read: %w", err)
	}
	if len(b.Variables) > 0 {
		return nil, fmt.Errorf("variables, with which its panels show now this and now that")
	}
	var all []panel
	for i, w := range b.Widgets {
		title := cmp.Or(w.Properties.Title, fmt.Sprintf("widget %d", i+1))
		switch w.Type {
		case "text", "alarm":
			continue
		case "metric":
		default:
			return nil, fmt.Errorf("%q, which is of the kind %q", title, w.Type)
		}
		p := panel{title: title}
		var before []string
		for _, row := range w.Properties.Metrics {
			names, o, err := names(row)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%q with a metric that cannot be read: %w", title, err)
			case searches.MatchString(o.Expression):
				return nil, fmt.Errorf("%q, which searches for its metrics", title)
			case o.Expression != "":
				continue
			}
			if before, err = spelled(names, before); err != nil {
				return nil, fmt.Errorf("%q with a metric that cannot be read: %w", title, err)
			}
			m := shown{metric: metric{namespace: before[0], name: before[1], stat: "SampleCount", dimensions: map[string]string{}},
				region: cmp.Or(o.Region, w.Properties.Region), account: cmp.Or(o.Account, w.Properties.Account)}
			for i := 2; i < len(before); i += 2 {
				m.dimensions[before[i]] = before[i+1]
			}
			p.metrics = append(p.metrics, m)
		}
		if len(p.metrics) == 0 {
			return nil, fmt.Errorf("%q, which names no metric", title)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no panel that shows a metric")
	}
	return all, nil
}

// names are the texts of a metric of a widget, and the options behind them.
func names(row []json.RawMessage) (all []string, o options, err error) {
	for i, element := range row {
		var name string
		if json.Unmarshal(element, &name) == nil {
			all = append(all, name)
			continue
		}
		if i != len(row)-1 {
			return nil, o, fmt.Errorf("%.60s before its end", element)
		}
		err = json.Unmarshal(element, &o)
	}
	return all, o, err
}

// spelled writes out a metric whose texts stand for those of the metric before: "." for one, "..." for all that do not follow.
func spelled(names, before []string) ([]string, error) {
	if len(names) > 0 && names[0] == "..." {
		rest := names[1:]
		if len(rest) > len(before) {
			return nil, fmt.Errorf("%q after a metric that is shorter", strings.Join(names, " "))
		}
		names = append(append([]string{}, before[:len(before)-len(rest)]...), rest...)
	}
	all := make([]string, len(names))
	for i, name := range names {
		if all[i] = name; name != "." {
			continue
		}
		if i >= len(before) {
			return nil, fmt.Errorf("%q after a metric that is shorter", strings.Join(names, " "))
		}
		all[i] = before[i]
	}
	if len(all) < 2 || len(all)%2 != 0 {
		return nil, fmt.Errorf("%q, which is no namespace, name and dimensions", strings.Join(names, " "))
	}
	return all, nil
}
