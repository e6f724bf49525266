package statuspageprobe

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/statuspagetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

func TestAtlassian(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	from := time.Date(2027, 1, 19, 9, 0, 0, 0, time.UTC)
	to := from.Add(30 * time.Minute)
	good := func() statuspagetest.State {
		return statuspagetest.State{Indicator: "none", Components: map[string]string{"App": Operational, "API": Operational, "Website": Operational}, From: from.In(time.FixedZone("CET", 3600)), To: to, Affected: []string{"App"}}
	}
	server := statuspagetest.New(t, statuspagetest.Config{Authority: authority, Address: netip.MustParseAddr("203.0.113.104"), Key: "sp-key-1", Page: "p1", Host: "status.example.com"}, good())
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	page := func(id, key string) Source {
		api := &jsonapi.Service{Name: "Statuspage", Base: Base, Network: network, Resolver: server, Scheme: Scheme, Key: "status_page.token", Token: func(context.Context) (string, error) { return key, nil }}
		return NewAtlassian(&jsonapi.Service{Name: "the status page", Base: "https://status.example.com", Network: network, Resolver: server}, api, id)
	}
	for name, test := range map[string]struct {
		change          func(*statuspagetest.State)
		live, scheduled probe.Status
	}{
		"good":               {func(*statuspagetest.State) {}, probe.Pass, probe.Pass},
		"minor":              {func(s *statuspagetest.State) { s.Indicator = "minor" }, probe.Fail, probe.Pass},
		"no state":           {func(s *statuspagetest.State) { s.Indicator = "" }, probe.Blocked, probe.Blocked},
		"a component":        {func(s *statuspagetest.State) { s.Components["API"] = "degraded_performance" }, probe.Fail, probe.Pass},
		"two components":     {func(s *statuspagetest.State) { delete(s.Components, "API") }, probe.Fail, probe.Pass},
		"a new indicator":    {func(s *statuspagetest.State) { s.Indicator = "cosmic" }, probe.Blocked, probe.Pass},
		"a new status":       {func(s *statuspagetest.State) { s.Components["API"] = "cosmic" }, probe.Blocked, probe.Pass},
		"it is over":         {func(s *statuspagetest.State) { s.Progress = "completed" }, probe.Pass, probe.Fail},
		"it has begun":       {func(s *statuspagetest.State) { s.Progress = "in_progress" }, probe.Pass, probe.Pass},
		"a new progress":     {func(s *statuspagetest.State) { s.Progress = "cancelled" }, probe.Blocked, probe.Blocked},
		"private":            {func(s *statuspagetest.State) { s.Private = true }, probe.Fail, probe.Fail},
		"refused":            {func(s *statuspagetest.State) { s.Refuses = true }, probe.Blocked, probe.Blocked},
		"another page":       {func(s *statuspagetest.State) { s.ID = "p2" }, probe.Fail, probe.Fail},
		"not announced":      {func(s *statuspagetest.State) { s.From = time.Time{} }, probe.Pass, probe.Fail},
		"local taken as UTC": {func(s *statuspagetest.State) { s.From, s.To = from.Add(time.Hour), to.Add(time.Hour) }, probe.Pass, probe.Fail},
		"affects nothing":    {func(s *statuspagetest.State) { s.Affected = nil }, probe.Pass, probe.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			server.Change(func(s *statuspagetest.State) {
				*s = good()
				test.change(s)
			})
			live := probe.Run(t.Context(), "", Live(page("p1", "sp-key-1"), 3))
			assert.Equal(t, test.live, live.Status, live.Message())
			scheduled := probe.Run(t.Context(), "", Scheduled(page("p1", "sp-key-1"), from, to))
			assert.Equal(t, test.scheduled, scheduled.Status, scheduled.Message())
		})
	}
	for name, source := range map[string]Source{"another key": page("p1", "sp-key-2"), "no id": page("", "sp-key-1"), "an unknown id": page("p9", "sp-key-1")} {
		result := probe.Run(t.Context(), name, Live(source, 1))
		assert.Equal(t, probe.Blocked, result.Status, name)
		assert.NotContains(t, result.Message(), "sp-key")
	}
}
