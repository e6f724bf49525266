package prometheusprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/prometheustest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/internal/probe"
)

// queries are PromQL, and the selectors in it: https://prometheus.io/docs/prometheus/latest/querying/basics/
var queries = map[string][]string{
	"up":                                   {"up"},
	`up{job="a"}`:                          {`up{job="a"}`},
	`up {job="a"} - up{job="a"} offset 5m`: {`up{job="a"}`},
	`{__name__="up",job=~"a|b"}`:           {`{__name__="up",job=~"a|b"}`},
	`rate(http_requests_total{path="/a/{id}",x="\"}"}[5m])`:      {`http_requests_total{path="/a/{id}",x="\"}"}`},
	`sum by (job, instance) (rate(a:b_total[5m]))`:               {"a:b_total"},
	`sum(rate(a[5m])) by (job)`:                                  {"a"},
	`SUM BY (job) (a) / ON (job) GROUP_LEFT (x) b`:               {"a", "b"},
	`a / ignoring (x) group_left b`:                              {"a", "b"},
	`histogram_quantile(0.99, sum by (le) (rate(d_bucket[5m])))`: {"d_bucket"},
	`a > bool 0.5 and b unless c or vector(0)`:                   {"a", "b", "c"},
	`a and a`:                                                    {"a"},
	`max_over_time(rate(a[5m])[1h:1m])`:                          {"a"},
	`a - 1e3 - rate(b[5m] offset 1w)`:                            {"a", "b"},
	`count_values("version", build_info)`:                        {"build_info"},
	"label_replace(a, 'x', `$1`, \"y\", \"(.*)\") # and b\n + c": {"a", "c"},
	`-a ^ 2 % 3 == Inf`:                                          {"a"},
	`topk by (job) (5, a)`:                                       {"a"},
	`sum`:                                                        {"sum"},
	`count without () (a)`:                                       {"a"},
}

func TestSelectors(t *testing.T) {
	for query, want := range queries {
		got, err := selectors(query)
		require.NoError(t, err, query)
		assert.Equal(t, want, got, query)
	}
	for query, said := range map[string]string{"": "reads no series", "vector(1)": "reads no series", "# up": "reads no series", "a{x=": "never closed", `a{x="`: "never closed", "a[5m": "never closed",
		"rate(a[$__rate_interval])x[$": "never closed", "a{env=\"$env\"} + $x": "no PromQL", "å": "no PromQL", "sum by (job": "never closed",
		"up offset 1w": "another time than now", "rate(up[5m] offset 1w)": "another time than now", "max_over_time(up[1h:1m] offset 1w)": "another time than now", "up @ 1609746000": "another time than now"} {
		_, err := selectors(query)
		assert.ErrorContains(t, err, said, query)
	}
}

func FuzzSelectors(f *testing.F) {
	for query := range queries {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		all, err := selectors(query)
		assert.Equal(t, err == nil, len(all) > 0)
	})
}

func TestShows(t *testing.T) {
	production := map[string]string{"environment": "production"}
	bound, loose := `sum(rate(http_requests_total{environment="production"}[5m]))`, `sum(rate(http_requests_total[5m]))`
	first := func(change func(*prometheustest.Series)) func(*prometheustest.State) {
		return func(s *prometheustest.State) { change(&s.Series[0]) }
	}
	for name, test := range map[string]struct {
		query  string
		change func(*prometheustest.State)
		status probe.Status
		class  string
		said   string
	}{
		"fresh":            {bound, nil, probe.Pass, "", ""},
		"bound to nothing": {loose, nil, probe.Fail, "panel.elsewhere", `environment="production" of all series of http_requests_total; got "staging"`},
		"bound to staging": {`http_requests_total{environment="staging"}`, nil, probe.Fail, "panel.elsewhere", `got "staging"`},
		"without the label": {bound + " + up", func(s *prometheustest.State) {
			s.Series = append(s.Series, prometheustest.Series{Labels: map[string]string{"__name__": "up"}, Newest: servicetest.Ago(0)})
		}, probe.Fail, "panel.elsewhere", `got ""`},
		"no data": {bound, func(s *prometheustest.State) { s.Series = s.Series[1:] }, probe.Fail, "panel.stale", "got none"},
		"old": {bound, func(s *prometheustest.State) {
			s.Lookback, s.Series[0].Newest = time.Hour, servicetest.Ago(20*time.Minute)
		}, probe.Fail, "panel.stale", "the newest 20m0s old"},
		"hidden by a nought": {bound + " or vector(0)", func(s *prometheustest.State) { s.Series = s.Series[1:] }, probe.Fail, "panel.stale", "got none"},
		"one of two":         {bound + ` / http_errors_total{environment="production"}`, nil, probe.Fail, "panel.stale", "a sample of http_errors_total"},
		"a clock ahead":      {bound, first(func(s *prometheustest.Series) { s.Newest = servicetest.Ago(-time.Hour) }), probe.Blocked, "prometheus.clock", "from now"},
		"no query":           {"sum(rate(", nil, probe.Blocked, "panel.unreadable", "reads no series"},
		"refused":            {"sum(up", nil, probe.Blocked, "api.answer", "status 400"},
		"of a variable":      {"up + $x", nil, probe.Blocked, "panel.unreadable", "no PromQL"},
	} {
		t.Run(name, func(t *testing.T) {
			state := good()
			if test.change != nil {
				test.change(&state)
			}
			_, as := world(t, state)
			result := probe.Run(t.Context(), name, as(token).Shows(Panel{Name: "Requests", Query: test.query, Production: production}))
			assert.Equal(t, test.status, result.Status, result.Message())
			assert.Equal(t, test.class, result.Class)
			assert.Contains(t, result.Message(), test.said)
		})
	}
	server, as := world(t, good())
	for _, kind := range servicetest.Troubles {
		server.Fail(kind)
		result := probe.Run(t.Context(), string(kind), as(token).Shows(Panel{Name: "Requests", Query: bound, Production: production}))
		assert.Equal(t, probe.Blocked, result.Status, "%s: %s", kind, result.Message())
	}
}
