package elbprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestAllHealthy(t *testing.T) {
	healthy, draining := Target{ID: "10.0.1.4:3000", State: "healthy"}, Target{ID: "10.0.1.6:3000", State: "draining", Reason: "Target.DeregistrationInProgress"}
	for name, test := range map[string]struct {
		targets []Target
		want    probe.Status
		got     string
	}{
		"two of two":                     {[]Target{healthy, healthy}, probe.Pass, ""},
		"one too few":                    {[]Target{healthy}, probe.Fail, "1 targets"},
		"none":                           {nil, probe.Fail, "0 targets"},
		"one is not asked yet":           {[]Target{healthy, healthy, {ID: "new", State: "initial", Reason: "Elb.InitialHealthChecking"}}, probe.Fail, "new initial"},
		"one fails":                      {[]Target{healthy, healthy, {ID: "bad", State: "unhealthy", Reason: "Target.Timeout"}}, probe.Fail, "bad unhealthy Target.Timeout"},
		"one leaves":                     {[]Target{healthy, healthy, draining}, probe.Fail, "draining"},
		"no load balancer uses them":     {[]Target{{ID: "a", State: "unused", Reason: "Target.NotInUse"}, healthy, healthy}, probe.Fail, "NotInUse"},
		"nobody asks them":               {[]Target{{ID: "a", State: "unavailable", Reason: "Target.HealthCheckDisabled"}, healthy, healthy}, probe.Fail, "HealthCheckDisabled"},
		"the load balancer has an error": {[]Target{healthy, healthy, {ID: "a", State: "unavailable", Reason: "Elb.InternalError"}}, probe.Blocked, "InternalError"},
		"no state":                       {[]Target{healthy, healthy, {ID: "a"}}, probe.Blocked, ""},
		"an error and a bad one":         {[]Target{{ID: "a"}, {ID: "bad", State: "unhealthy"}}, probe.Fail, "bad unhealthy"},
	} {
		t.Run(name, func(t *testing.T) {
			err := allHealthy(Group{Targets: test.targets}, 2)
			assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
			if test.got != "" {
				assert.ErrorContains(t, err, test.got)
			}
		})
	}
	assert.Equal(t, probe.Blocked, probe.StatusOf(allHealthy(Group{}, 0)), "no target is no proof")
}

func TestAsks(t *testing.T) {
	good := Group{Checked: true, Protocol: "HTTP", Path: "/api/health", Codes: "200", Port: "traffic-port", Traffic: 80, Targets: []Target{{Port: 3000}, {Port: 3001}}}
	assert.NoError(t, asks(good, "/api/health"))
	for _, codes := range []string{"200-299", "200,204", "201-204,210"} {
		g := good
		g.Codes = codes
		assert.NoError(t, asks(g, "/api/health"), codes)
	}
	for name, change := range map[string]func(*Group){
		"the port of all targets, by number": func(g *Group) { g.Port, g.Targets = "3000", g.Targets[:1] },
		"the port of a group without any":    func(g *Group) { g.Port, g.Targets = "80", nil },
	} {
		g := good
		change(&g)
		assert.NoError(t, asks(g, "/api/health"), name)
	}
	for name, change := range map[string]func(*Group){
		"a port of its own":                     func(g *Group) { g.Port = "9000" },
		"the port of one alone":                 func(g *Group) { g.Port = "3000" },
		"the group's port, which no target has": func(g *Group) { g.Port = "80" },
		"no port that anybody says":             func(g *Group) { g.Port = "" },
		"off":                                   func(g *Group) { g.Checked = false },
		"a connection":                          func(g *Group) { g.Protocol, g.Path, g.Codes = "TCP", "", "" },
		"another path":                          func(g *Group) { g.Path = "/" },
		"errors too":                            func(g *Group) { g.Codes = "200-499" },
		"redirects":                             func(g *Group) { g.Codes = "200,301" },
		"codes of nothing":                      func(g *Group) { g.Codes = "" },
	} {
		g := good
		change(&g)
		assert.Equal(t, probe.Fail, probe.StatusOf(asks(g, "/api/health")), name)
	}
}
