package tminus1

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/logsprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

// slack is what a gate is given beyond the time that something may take to show.
const slack = time.Minute

func monitoringGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("AlertRules", gate.Hard, "Every alarm of the launch is deployed, and would call somebody.", onAWS(func(g *gate.G) {
		c := cloud.Of(g.Launch())
		for _, alarm := range c.WantedAlarms() {
			g.Check(alarm.Name, c.Alarms.WouldRing(alarm))
		}
	}))

	s.Gate("LogAggregation", gate.Hard, "A request is found in the application's logs.", onAWS(func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		g.Within(l.Logs.Within.D() + slack)
		g.Check("a request is found", c.Captures(c.Logs))
		g.Advise("logs are kept", c.Logs.Kept(l.Logs.Retention))
	}))

	s.Gate("Tracing", gate.Warn, "The platform traces, and a request's trace arrives.", onAWS(func(g *gate.G) {
		c := cloud.Of(g.Launch())
		g.Within(g.Launch().Tracing.Within.D() + slack)
		g.Check("the platform traces", computeprobe.Traces(c.Platform))
		g.Check("a request is traced", c.WhereTraced(c.Request.IsTraced()))
		g.Advise("as far as the database", c.WhereTraced(c.Request.ReachesTheDatabase()))
	}))

	s.Gate("CWLogsStreaming", gate.Hard, "The platform streams the application's output into its own log group.", onAWS(func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		g.Within(l.Logs.Within.D() + slack)
		g.Check("a request is found", c.InPlatformLogs(c.Captures))
		g.Advise("logs are kept", c.InPlatformLogs(func(group *logsprobe.Group) probe.Claim { return group.Kept(l.Logs.Retention) }))
	}))
}
