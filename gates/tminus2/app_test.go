package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func appGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("HealthURL", gate.Hard, "The health document says that the application is well, at the service's own address and at the domain.", gate.OnAWS(func(g *gate.G) {
		c := cloud.Of(g.Launch())
		g.Check("at the service's own address", c.WellAtService())
		g.Check("at the domain", httpprobe.SteadilyWell(c.Web, c.HealthURL(), c.Health(""), 3))
	}))

	s.Gate("BuildMatchesEnv", gate.Warn, "The commit that is launched is part of the default branch.", func(g *gate.G) {
		g.Check("it is in the default branch", providers.Of(g.Launch()).GitHub.OnDefaultBranch(cloud.Of(g.Launch()).Revision))
	})

	s.Gate("ServiceMode", gate.Hard, "The application runs, and its scripts were built, with the variables of production.", func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		if len(l.Compute.Variables) == 0 {
			g.NotApplicable("compute.variables is empty")
			return
		}
		for name, value := range l.Compute.Variables {
			g.Check(name+" is "+value, computeprobe.HasVariable(c.Platform, name, value))
		}
		for pattern, value := range c.Patterns() {
			g.Check("the scripts say "+value, httpprobe.BundleSays(c.Web, string(l.Web.URL), pattern, value))
		}
	})

	s.Gate("NoMock", gate.Hard, "Nothing that stands in for a third party is switched on.", func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		if len(l.Compute.Absent) == 0 {
			g.NotApplicable("compute.absent is empty")
			return
		}
		for _, name := range l.Compute.Absent {
			g.Check(name+" is not set", computeprobe.LacksVariable(c.Platform, name))
			g.Check(name+" is not in the image", c.Images.SetsNone(l.Compute.Image.Digest(), name))
		}
	})

	s.Gate("NoDebugRoutes", gate.Hard, "Routes for development and tests are not served.", func(g *gate.G) {
		site, l := target.Of(g.Launch()), g.Launch()
		if len(l.Web.Closed) == 0 {
			g.NotApplicable("web.closed is empty")
			return
		}
		for _, path := range l.Web.Closed {
			url := target.HTTPS(l.DNS.Domain, path)
			g.Check(url, httpprobe.NotServed(site.Web, url))
		}
	})
}
