package prometheusprobe

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/prometheustest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

const token = "may-read-prometheus"

// good is a server on which all is well: https://prometheus.io/docs/prometheus/latest/querying/api/#rules has the fields.
func good() prometheustest.State {
	errors := prometheustest.Rule{Name: "HighErrorRate", Query: "rate(http_errors_total[5m]) > 1", Labels: map[string]string{"severity": "critical", "team": "on-call"}}
	return prometheustest.State{
		Groups:        []prometheustest.Group{{Name: "empty", Interval: time.Minute}, {Name: "web", Interval: time.Minute, Rules: []prometheustest.Rule{errors}}},
		Alertmanagers: []string{"https://alertmanager.example/api/v2/alerts"},
		Series: []prometheustest.Series{
			{Labels: map[string]string{"__name__": "http_requests_total", "environment": "production"}, Newest: servicetest.Ago(15 * time.Second), Value: 7},
			{Labels: map[string]string{"__name__": "http_requests_total", "environment": "staging"}, Newest: servicetest.Ago(15 * time.Second), Value: 1},
		},
	}
}

// world is a server, asked with a token.
func world(t *testing.T, state prometheustest.State) (*prometheustest.Server, func(token string) *Server) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	server := prometheustest.New(t, prometheustest.Config{Authority: authority, Host: "prometheus.example", Address: netip.MustParseAddr("203.0.113.150"), Token: token, State: state})
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	return server, func(token string) *Server {
		return New(&jsonapi.Service{Name: "Prometheus", Base: "https://prometheus.example", Network: network, Resolver: server, Key: "prometheus.token", Patience: time.Second,
			Token: func(context.Context) (string, error) { return token, nil }})
	}
}

var wanted = Rule{Name: "HighErrorRate", Severity: "critical", Route: map[string]string{"team": "on-call"}, Metric: `http_requests_total{environment="production"}`}

func TestWouldRing(t *testing.T) {
	rule := func(change func(*prometheustest.Rule)) func(*prometheustest.State) {
		return func(s *prometheustest.State) { change(&s.Groups[1].Rules[0]) }
	}
	for name, test := range map[string]struct {
		change func(*prometheustest.State)
		status probe.Status
		class  string
		said   string
	}{
		"well": {func(*prometheustest.State) {}, probe.Pass, "", ""},
		"another rule beside": {func(s *prometheustest.State) {
			s.Groups[0].Rules = []prometheustest.Rule{{Name: "Other", State: "firing"}}
		}, probe.Pass, "", ""},
		"missing":        {rule(func(r *prometheustest.Rule) { r.Name = "HighErrors" }), probe.Fail, "rule.missing", "want the alert rule HighErrorRate; got no such rule"},
		"twice":          {func(s *prometheustest.State) { s.Groups[0].Rules = s.Groups[1].Rules }, probe.Fail, "rule.twice", "got 2, in the groups empty, web"},
		"no rule at all": {func(s *prometheustest.State) { s.Groups = s.Groups[:1] }, probe.Blocked, "prometheus.no-rules", "no rule in any group"},
		"no group":       {func(s *prometheustest.State) { s.Groups = nil }, probe.Blocked, "prometheus.no-rules", "no rule in any group"},
		"severity":       {rule(func(r *prometheustest.Rule) { r.Labels["severity"] = "info" }), probe.Fail, "rule.label", `severity="critical"; got "info"`},
		"route":          {rule(func(r *prometheustest.Rule) { delete(r.Labels, "team") }), probe.Fail, "rule.label", `team="on-call"; got ""`},
		"broken":         {rule(func(r *prometheustest.Rule) { r.Health, r.LastError = "err", "many-to-many matching not allowed" }), probe.Fail, "rule.health", "many-to-many"},
		"not evaluated yet": {rule(func(r *prometheustest.Rule) {
			r.Health, r.Evaluated = "unknown", func(time.Time) time.Time { return time.Time{} }
		}), probe.Blocked, "rule.health", `"unknown"`},
		"late":          {rule(func(r *prometheustest.Rule) { r.Evaluated = servicetest.Ago(170 * time.Second) }), probe.Pass, "", ""},
		"too late":      {rule(func(r *prometheustest.Rule) { r.Evaluated = servicetest.Ago(190 * time.Second) }), probe.Fail, "rule.stale", "within 3m0s; got 3m10s ago"},
		"never":         {rule(func(r *prometheustest.Rule) { r.Evaluated = func(time.Time) time.Time { return time.Time{} } }), probe.Fail, "rule.stale", "within 3m0s"},
		"to come":       {rule(func(r *prometheustest.Rule) { r.Evaluated = servicetest.Ago(-time.Hour) }), probe.Blocked, "prometheus.clock", "from now"},
		"no interval":   {func(s *prometheustest.State) { s.Groups[1].Interval = 0 }, probe.Blocked, "api.malformed", "interval"},
		"firing":        {rule(func(r *prometheustest.Rule) { r.State = "firing" }), probe.Fail, "rule.firing", "it rings now"},
		"pending":       {rule(func(r *prometheustest.Rule) { r.State = "pending" }), probe.Fail, "rule.firing", "about to ring"},
		"unknown state": {rule(func(r *prometheustest.Rule) { r.State = "unknown" }), probe.Blocked, "rule.state", `"unknown"`},
		"to nobody":     {func(s *prometheustest.State) { s.Dropped, s.Alertmanagers = s.Alertmanagers, nil }, probe.Fail, "rule.alertmanager", "none that is active"},
		"no samples":    {func(s *prometheustest.State) { s.Series = s.Series[1:] }, probe.Fail, "rule.metric", "younger than 5m0s"},
		"old samples": {func(s *prometheustest.State) {
			s.Lookback, s.Series[0].Newest = time.Hour, servicetest.Ago(20*time.Minute)
		}, probe.Fail, "rule.metric", "the newest 20m0s old"},
		"samples to come": {func(s *prometheustest.State) { s.Series[0].Newest = servicetest.Ago(-time.Hour) }, probe.Blocked, "prometheus.clock", "from now"},
	} {
		t.Run(name, func(t *testing.T) {
			state := good()
			test.change(&state)
			_, as := world(t, state)
			result := probe.Run(t.Context(), name, as(token).WouldRing(wanted))
			assert.Equal(t, test.status, result.Status, result.Message())
			assert.Equal(t, test.class, result.Class)
			assert.Contains(t, result.Message(), test.said)
		})
	}
}

func TestRulesAreAskedForOnce(t *testing.T) {
	server, as := world(t, good())
	s := as(token)
	for range 3 {
		assert.Equal(t, probe.Pass, probe.Run(t.Context(), "rule", s.WouldRing(Rule{Name: "HighErrorRate", Severity: "critical"})).Status)
	}
	assert.Equal(t, []string{"GET prometheus.example/api/v1/rules", "GET prometheus.example/api/v1/alertmanagers"}, server.Asked())
}

func TestNoOutageIsAPass(t *testing.T) {
	server, as := world(t, good())
	result := probe.Run(t.Context(), "rule", as("another-token").WouldRing(wanted))
	assert.Equal(t, probe.Blocked, result.Status)
	assert.Contains(t, result.Message(), "see that prometheus.token is valid")
	for _, kind := range servicetest.Troubles {
		server.Fail(kind)
		result := probe.Run(t.Context(), string(kind), as(token).WouldRing(wanted))
		assert.Equal(t, probe.Blocked, result.Status, "%s: %s", kind, result.Message())
		assert.NotContains(t, result.Message(), token)
	}
}
