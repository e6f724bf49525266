package tminus1

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/logsprobe"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
	"github.com/getdrop/launchgate/internal/probe/statuspageprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/providers"
	"github.com/getdrop/launchgate/internal/target/watch"
)

// slack is what a gate is given beyond the time that something may take to show.
const slack = time.Minute

func monitoringGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("AlertRules", gate.Hard, "Every alarm and alert rule of the launch is deployed, and would call somebody.", func(g *gate.G) {
		c, p := cloud.Of(g.Launch()), providers.Of(g.Launch())
		from, to := g.Launch().Window()
		for _, alarm := range c.WantedAlarms() {
			g.Check(alarm.Name, c.Alarms.WouldRing(alarm, from, to))
		}
		for _, rule := range p.AlertRules() {
			g.Check(rule.Name, p.Prometheus.WouldRing(rule))
		}
	})

	s.Gate("AlertRouting", gate.Hard, "Somebody is on call all the time, until a day after the launch window.", func(g *gate.G) {
		w := watch.Of(g.Launch())
		from, to := w.Window()
		g.Check("no gap in the schedule", oncallprobe.Covered(w.OnCall, from, to.Add(24*time.Hour)))
	})

	s.Gate("Dashboards", gate.Warn, "Every panel of the launch's dashboards shows fresh data of production.", func(g *gate.G) {
		c, p := cloud.Of(g.Launch()), providers.Of(g.Launch())
		for _, dashboard := range c.Dashboards() {
			g.Check(dashboard.Name, c.Metrics.Shows(dashboard))
		}
		for _, panel := range p.Panels() {
			g.Check(panel.Name, p.Prometheus.Shows(panel))
		}
	})

	s.Gate("LogAggregation", gate.Hard, "A request is found in the application's logs.", gate.OnAWS(func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		g.Within(l.Logs.Within.D() + slack)
		g.Check("a request is found", c.Captures(c.Logs))
		g.Advise("logs are kept", c.Logs.Kept(l.Logs.Retention))
	}))

	s.Gate("Tracing", gate.Warn, "The platform traces, and a request's trace arrives, as far as the database.", gate.OnTracing(func(g *gate.G) {
		c, t := cloud.Of(g.Launch()), g.Launch().Tracing
		g.Within(t.Within.D() + slack)
		if t.Provider != launch.XRay {
			request := providers.Of(g.Launch()).Request
			g.Check("a request is traced", request.IsTraced())
			g.Check("as far as the database", request.ReachesTheDatabase())
			return
		}
		g.Check("the platform traces", computeprobe.Traces(c.Platform))
		g.Check("a request is traced", c.WhereTraced(c.Request.IsTraced()))
		g.Check("as far as the database", c.WhereTraced(c.Request.ReachesTheDatabase()))
	}))

	s.Gate("Synthetic1min", gate.Hard, "Every monitor looks once a minute, from several regions, and in no maintenance.", gate.OnBetterStack(func(g *gate.G) {
		w := watch.Of(g.Launch())
		for _, m := range w.Monitors() {
			g.Check(m.Name+" looks often", w.Account.Looks(m, w.Often()))
		}
	}))

	s.Gate("AlertTest", gate.Hard, "Whoever is on call takes a test alert in time.", func(g *gate.G) {
		w := watch.Of(g.Launch())
		g.Within(w.Drill().Within + slack)
		g.Check("a test alert is taken", oncallprobe.Answers(w.OnCall, w.Drill()))
	})

	s.Gate("BSHealthGreen", gate.Hard, "The health check's monitor looks at the health document, and is green.", gate.OnBetterStack(func(g *gate.G) {
		w := watch.Of(g.Launch())
		g.Check("it watches the health document", w.Account.Watches(w.Health()))
		g.Advise("it warns before the certificate ends", w.Account.WarnsOfExpiry(w.Health()))
	}))

	s.Gate("BSLandingGreen", gate.Hard, "The landing page's monitor looks at the landing page, and is green.", gate.OnBetterStack(func(g *gate.G) {
		w := watch.Of(g.Launch())
		g.Check("it watches the landing page", w.Account.Watches(w.Landing()))
		g.Advise("it warns before the certificate and the domain end", w.Account.WarnsOfExpiry(w.Landing()))
	}))

	s.Gate("BSEscalation", gate.Hard, "Every monitor has an escalation policy that calls a person.", gate.OnBetterStack(func(g *gate.G) {
		w := watch.Of(g.Launch())
		for _, m := range w.Monitors() {
			g.Check(m.Name+" calls somebody", w.Account.Escalates(m))
		}
	}))

	s.Gate("SlackTestAlert", gate.Hard, "A test message arrives in the channel of the launch.", func(g *gate.G) {
		c := watch.Of(g.Launch()).Chat
		g.Within(c.Within + slack)
		if !c.Readable() { // nobody but a person can look into the channel
			g.Check("the chat takes a message", c.TakesMessages())
			g.Check("a person saw it in the channel", g.Confirmed())
			return
		}
		g.Check("a message arrives", c.Receives())
	})

	s.Gate("CWLogsStreaming", gate.Hard, "The platform streams the application's output into its own log group.", gate.OnAWS(func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		g.Within(l.Logs.Within.D() + slack)
		g.Check("a request is found", c.InPlatformLogs(c.Captures))
		g.Advise("logs are kept", c.InPlatformLogs(func(group *logsprobe.Group) probe.Claim { return group.Kept(l.Logs.Retention) }))
	}))
	s.Gate("StatusPageLive", gate.Hard, "The public status page is there, and says that all is well.", func(g *gate.G) {
		g.Check("it is green", statuspageprobe.Live(watch.Of(g.Launch()).Page, g.Launch().StatusPage.Resources))
	})
}
