package prometheusprobe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// intervals is within how many evaluation intervals a rule must have been evaluated.
const intervals = 3

// Rule is what an alert rule must be.
type Rule struct {
	Name     string
	Severity string            // its label severity
	Route    map[string]string // the labels by which Alertmanager finds who is called
	Metric   string            // a selector of series that the rule measures; empty: any
}

// labels are all labels that the rule must carry.
func (r Rule) labels() map[string]string {
	all := map[string]string{"severity": r.Severity}
	maps.Copy(all, r.Route)
	return all
}

// Loaded is what Prometheus says of an alert rule (…/api/#rules).
type Loaded struct {
	Group     string            `json:"group"`
	Interval  float64           `json:"interval"` // seconds between evaluations
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	State     string            `json:"state"`
	Health    string            `json:"health"`
	LastError string            `json:"lastError,omitempty"`
	Evaluated time.Time         `json:"lastEvaluation"`
}

type rules struct {
	loaded []Loaded
	from   string
}

func (s *Server) observeRules(ctx context.Context) (rules, error) {
	var data struct {
		Groups []struct {
			Name     string
			Interval float64
			Rules    []struct {
				Loaded
				Type string
			}
		}
		Next string `json:"groupNextToken"` // of a page, which nobody asks for
	}
	from, err := s.get(ctx, "/api/v1/rules?type=alert", &data)
	seen := rules{from: from}
	if err != nil {
		return seen, err
	}
	for _, group := range data.Groups {
		for _, r := range group.Rules {
			if r.Type == "alerting" {
				r.Group, r.Interval = group.Name, group.Interval
				seen.loaded = append(seen.loaded, r.Loaded)
			}
		}
	}
	switch {
	case data.Next != "":
		return seen, &probe.Unknown{Class: "prometheus.partial", Want: "all alert rules", Got: "a page of them", From: from, Fix: "see why the server pages what nobody asked it to"}
	case len(seen.loaded) == 0: // as of another tenant, or behind another path
		return seen, &probe.Unknown{Class: "prometheus.no-rules", Want: "alert rules", Got: "no rule in any group", From: from, Fix: "load the rules, or see whether prometheus.url and its token lead to the server that has them"}
	}
	return seen, nil
}

type alertmanagers struct {
	active []string
	from   string
}

// observeAlertmanagers asks whom alerts are sent to (…/api/#alertmanagers).
func (s *Server) observeAlertmanagers(ctx context.Context) (alertmanagers, error) {
	var data struct {
		Active *[]struct{ URL string } `json:"activeAlertmanagers"`
	}
	from, err := s.get(ctx, "/api/v1/alertmanagers", &data)
	seen := alertmanagers{from: from}
	switch {
	case err != nil:
		return seen, err
	case data.Active == nil:
		return seen, &probe.Unknown{Class: "api.malformed", Want: "the Alertmanagers that alerts are sent to", Got: "an answer without them", From: from, Fix: "see whether the API has changed"}
	}
	for _, a := range *data.Active {
		seen.active = append(seen.active, a.URL)
	}
	return seen, nil
}

// WouldRing claims that an alert rule is loaded once, carries the labels that its severity and its route want, is evaluated without an
// error and on time, and does not ring now; that Prometheus has an Alertmanager to send alerts to; and, where the rule names a
// metric, that it is measured. Whether that Alertmanager answers, and whom it calls, is not looked at: the test alert is.
func (s *Server) WouldRing(want Rule) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: "rule " + want.Name, Source: "Prometheus /api/v1/rules"}
		seen, err := s.rules.Try(ctx, "the alert rules", patience, s.observeRules)
		evidence.Asked = []string{seen.from}
		if err != nil {
			return evidence, err
		}
		loaded := slices.DeleteFunc(slices.Clone(seen.loaded), func(l Loaded) bool { return l.Name != want.Name })
		evidence.Observed = loaded
		if err := s.judge(loaded, want, seen.from); err != nil {
			return evidence, err
		}
		to, err := s.alerts.Try(ctx, "the Alertmanagers", patience, s.observeAlertmanagers)
		evidence.Asked = append(evidence.Asked, to.from)
		if err != nil {
			return evidence, err
		}
		if len(to.active) == 0 {
			return evidence, &probe.Unmet{Class: "rule.alertmanager", Want: "an Alertmanager that alerts are sent to", Got: "none that is active", From: to.from, Fix: "add it to alerting.alertmanagers of the server's configuration"}
		}
		if want.Metric == "" {
			return evidence, nil
		}
		from, err := s.measured(ctx, want)
		evidence.Asked = append(evidence.Asked, from)
		return evidence, err
	}
}

func (s *Server) judge(loaded []Loaded, want Rule, from string) error {
	unmet := func(class, wanted, got, fix string) error {
		return &probe.Unmet{Class: class, Want: wanted, Got: got, From: from, Fix: fix}
	}
	if len(loaded) == 0 {
		return unmet("rule.missing", "the alert rule "+want.Name, "no such rule", "load it, or correct prometheus.rules in launch.yaml")
	}
	if len(loaded) > 1 {
		return unmet("rule.twice", "one alert rule "+want.Name, fmt.Sprintf("%d, in the groups %s", len(loaded), groups(loaded)), "keep one of them")
	}
	rule := loaded[0]
	labels := want.labels()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if got := rule.Labels[name]; got != labels[name] {
			return unmet("rule.label", fmt.Sprintf("%s with the label %s=%q", want.Name, name, labels[name]), fmt.Sprintf("%q", got), "correct the rule's labels: Alertmanager routes by them")
		}
	}
	switch rule.Health {
	case "ok":
	case "err":
		return unmet("rule.health", want.Name+" evaluated without an error", fmt.Sprintf("%.160q", redact.String(rule.LastError)), "correct the rule's expression")
	default: // unknown: not evaluated yet
		return &probe.Unknown{Class: "rule.health", Want: want.Name + " evaluated", Got: fmt.Sprintf("the health %q", rule.Health), From: from, Fix: "wait until it was evaluated, and run the gate again"}
	}
	if err := s.onTime(rule, from); err != nil {
		return err
	}
	switch rule.State {
	case "inactive":
		return nil
	case "firing":
		return unmet("rule.firing", want.Name+" inactive", "firing: it rings now", "see what it rings for")
	case "pending":
		return unmet("rule.firing", want.Name+" inactive", "pending: it is about to ring", "see what it is about to ring for")
	}
	return &probe.Unknown{Class: "rule.state", Want: want.Name + " inactive", Got: fmt.Sprintf("the state %q", rule.State), From: from, Fix: "see whether the API has changed"}
}

// onTime judges when a rule was evaluated last.
func (s *Server) onTime(rule Loaded, from string) error {
	interval := time.Duration(rule.Interval * float64(time.Second))
	if interval <= 0 {
		return &probe.Unknown{Class: "api.malformed", Want: "the evaluation interval of the group " + rule.Group, Got: "none", From: from, Fix: "see whether the API has changed"}
	}
	age, err := s.age(rule.Evaluated, "an evaluation of "+rule.Name, from)
	if err != nil {
		return err
	}
	if age > intervals*interval {
		return &probe.Unmet{Class: "rule.stale", Want: fmt.Sprintf("%s evaluated within %s", rule.Name, intervals*interval), Got: fmt.Sprintf("%s ago", age.Truncate(time.Second)), From: from,
			Fix: "see why the server evaluates its rules no longer"}
	}
	return nil
}

// measured judges whether the metric of a rule has samples.
func (s *Server) measured(ctx context.Context, want Rule) (string, error) {
	newest, from, err := s.newest(ctx, want.Metric)
	if err != nil {
		return from, err
	}
	return from, s.young(latest(newest), want.Metric, &probe.Unmet{Class: "rule.metric", Want: fmt.Sprintf("a sample of %s younger than %s, for %s to measure", want.Metric, Fresh, want.Name), Got: "none", From: from,
		Fix: "see whether the metric is exposed and scraped: without it the rule never rings"})
}

func groups(loaded []Loaded) string {
	var names []string
	for _, l := range loaded {
		names = append(names, l.Group)
	}
	return strings.Join(names, ", ")
}
