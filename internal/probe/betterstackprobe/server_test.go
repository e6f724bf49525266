package betterstackprobe

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/betterstacktest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/statuspageprobe"
)

const (
	secret   = "bs-token-1"
	pageHost = "drop-status.betteruptime.com"
)

var address = netip.MustParseAddr("203.0.113.101")

// start gives the stand-in, and the API or a page of it at a base.
func start(t *testing.T) (*betterstacktest.Server, func(base, token string) *jsonapi.Service) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	s := betterstacktest.New(t, betterstacktest.Config{Authority: authority, Address: address, Token: secret, PageHost: pageHost}, betterstacktest.State{
		Monitors: []betterstacktest.Monitor{betterstacktest.Good("Other", healthURL, ""), betterstacktest.Good("Other", healthURL, ""), betterstacktest.Good("Health", healthURL, "7")},
		Policies: map[string][]betterstacktest.Step{"7": betterstacktest.Calls()},
		Page:     betterstacktest.Page{State: "operational", Resources: []string{"Drop", "API", "Website"}}, PageSize: 2})
	network := &probe.Network{Connect: s.Connect(), Roots: authority.Pool()}
	return s, func(base, token string) *jsonapi.Service {
		return &jsonapi.Service{Name: "Better Stack", Base: base, Network: network, Resolver: s, Key: "betterstack.token", Token: func(context.Context) (string, error) { return token, nil }}
	}
}

func TestAgainstTheStandIn(t *testing.T) {
	server, api := start(t)
	health := Wanted{"Health", healthURL}
	status := func(claim func(*Account) probe.Claim) probe.Status {
		result := probe.Run(t.Context(), "", claim(New(api(Base, secret))))
		t.Log(result.Status, result.Message())
		return result.Status
	}
	watches := func(w Wanted) func(*Account) probe.Claim { return func(a *Account) probe.Claim { return a.Watches(w) } }
	escalates := func(a *Account) probe.Claim { return a.Escalates(health) }
	assert.Equal(t, probe.Pass, status(watches(health)), "it is on the second page")
	assert.Equal(t, probe.Pass, status(func(a *Account) probe.Claim { return a.WarnsOfExpiry(health) }))
	assert.Equal(t, probe.Fail, status(watches(Wanted{"Nobody", healthURL})))
	assert.Equal(t, probe.Fail, status(watches(Wanted{"Other", healthURL})), "there are two")
	assert.Equal(t, probe.Blocked, status(watches(Wanted{"", healthURL})))
	assert.Equal(t, probe.Pass, status(escalates))

	for name, test := range map[string]struct {
		steps []betterstacktest.Step
		want  probe.Status
	}{
		"silent":       {nil, probe.Fail},
		"no members":   {[]betterstacktest.Step{{"type": "escalation", "step_members": []any{}}}, probe.Fail},
		"a chat":       {[]betterstacktest.Step{{"type": "escalation", "step_members": []any{map[string]any{"type": "all_slack_integrations"}}}}, probe.Fail},
		"one person":   {[]betterstacktest.Step{{"type": "escalation", "step_members": []any{map[string]any{"type": "user", "id": 12}}}}, probe.Pass},
		"branches":     {[]betterstacktest.Step{{"type": "time_branching", "policy_id": 8}, {"type": "time_branching", "policy_id": 8}}, probe.Blocked},
		"a way out":    {append([]betterstacktest.Step{{"type": "time_branching", "policy_id": 8}}, betterstacktest.Calls()...), probe.Pass},
		"no way out":   {[]betterstacktest.Step{{"type": "metadata_branching", "policy_id": 8}, {"type": "escalation", "step_members": []any{map[string]any{"type": "all_slack_integrations"}}}}, probe.Blocked},
		"a container":  {[]betterstacktest.Step{{"type": "escalation", "step_members": []any{map[string]any{"type": "policy", "id": 8}}}}, probe.Pass},
		"an empty one": {[]betterstacktest.Step{{"type": "escalation", "step_members": []any{map[string]any{"type": "policy", "id": 9}}}}, probe.Fail},
		"a new kind":   {[]betterstacktest.Step{{"type": "telepathy", "step_members": []any{map[string]any{"type": "user", "id": 12}}}}, probe.Fail},
		"a dead end":   {[]betterstacktest.Step{{"type": "time_branching", "policy_id": 8}, {"type": "time_branching", "policy_id": 9}}, probe.Fail},
		"a circle":     {[]betterstacktest.Step{{"type": "time_branching", "policy_id": 7}}, probe.Fail},
		"not there":    {[]betterstacktest.Step{{"type": "time_branching", "policy_id": 99}}, probe.Fail},
		"to nowhere ":  {[]betterstacktest.Step{{"type": "metadata_branching"}}, probe.Fail},
	} {
		server.Change(func(s *betterstacktest.State) {
			s.Policies = map[string][]betterstacktest.Step{"7": test.steps, "8": betterstacktest.Calls(), "9": nil}
		})
		assert.Equal(t, test.want, status(escalates), name)
	}
	result := probe.Run(t.Context(), "", New(api(Base, "another")).Watches(health))
	assert.Equal(t, probe.Blocked, result.Status)
	assert.Contains(t, result.Message(), "401")
	assert.NotContains(t, result.Message(), "another")
}

func TestWhatIsNoStatusPageIsNamedByItsAddress(t *testing.T) {
	server, api := start(t)
	server.Fail(servicetest.Empty)
	result := probe.Run(t.Context(), "", statuspageprobe.Live(NewPage(api("https://"+pageHost, "")), 3))
	assert.Equal(t, probe.Blocked, result.Status)
	assert.Contains(t, result.Message(), "from https://"+pageHost+"/index.json;")
}

func TestStatusPage(t *testing.T) {
	server, api := start(t)
	from := time.Date(2027, 1, 19, 9, 0, 0, 0, time.UTC)
	oslo := time.FixedZone("CET", 3600)
	report := betterstacktest.Report{Title: "Launch", From: from.In(oslo), To: from.Add(30 * time.Minute), Affected: 2}
	for name, test := range map[string]struct {
		change          func(*betterstacktest.Page)
		live, scheduled probe.Status
	}{
		"good":      {func(*betterstacktest.Page) {}, probe.Pass, probe.Fail},
		"announced": {func(p *betterstacktest.Page) { p.Reports = []betterstacktest.Report{report} }, probe.Pass, probe.Pass},
		"an hour late": {func(p *betterstacktest.Page) {
			p.Reports = []betterstacktest.Report{{From: from.Add(time.Hour), To: from.Add(90 * time.Minute), Affected: 1}}
		}, probe.Pass, probe.Fail},
		"affects nothing": {func(p *betterstacktest.Page) {
			p.Reports = []betterstacktest.Report{{From: from, To: from.Add(30 * time.Minute)}}
		}, probe.Pass, probe.Fail},
		"degraded":        {func(p *betterstacktest.Page) { p.State = "degraded" }, probe.Fail, probe.Fail},
		"no state":        {func(p *betterstacktest.Page) { p.State = "" }, probe.Blocked, probe.Blocked},
		"a new state":     {func(p *betterstacktest.Page) { p.State = "mostly_fine" }, probe.Blocked, probe.Fail},
		"a new status":    {func(p *betterstacktest.Page) { p.States = map[string]string{"API": "mostly_fine"} }, probe.Blocked, probe.Fail},
		"not monitored":   {func(p *betterstacktest.Page) { p.States = map[string]string{"API": "not_monitored"} }, probe.Fail, probe.Fail},
		"password":        {func(p *betterstacktest.Page) { p.Password = true }, probe.Fail, probe.Fail},
		"refused":         {func(p *betterstacktest.Page) { p.Refuses = true }, probe.Blocked, probe.Blocked},
		"two resources":   {func(p *betterstacktest.Page) { p.Resources = p.Resources[:2] }, probe.Fail, probe.Fail},
		"one is degraded": {func(p *betterstacktest.Page) { p.States = map[string]string{"API": "degraded"} }, probe.Fail, probe.Fail},
		"of two days ago": {func(p *betterstacktest.Page) {
			p.Newest = func(now time.Time) time.Time { return now.Add(-48 * time.Hour) }
		}, probe.Blocked, probe.Blocked},
		"nothing is shown ": {func(p *betterstacktest.Page) { p.Resources = nil }, probe.Fail, probe.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			server.Change(func(s *betterstacktest.State) {
				s.Page = betterstacktest.Page{State: "operational", Resources: []string{"Drop", "API", "Website"}}
				test.change(&s.Page)
			})
			page := NewPage(api("https://"+pageHost, ""))
			assert.Equal(t, test.live, probe.Run(t.Context(), "", statuspageprobe.Live(page, 3)).Status)
			assert.Equal(t, test.scheduled, probe.Run(t.Context(), "", statuspageprobe.Scheduled(page, from, from.Add(30*time.Minute))).Status)
			assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", statuspageprobe.Scheduled(page, time.Time{}, time.Time{})).Status)
		})
	}
}
