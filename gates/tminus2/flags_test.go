package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/flagsprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func flagGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)
	s.Within(time.Minute)

	s.Gate("Coverage", gate.Warn, "Everything new in the release is behind a flag, or exempt for a reason.", gate.OnFlags(func(g *gate.G) {
		c, p := cloud.Of(g.Launch()), providers.Of(g.Launch())
		g.Check("every feature", flagsprobe.Covered(c.Flags(), p.FlagsPlan(), g.Launch().Flags.Features))
	}))

	s.Gate("DefaultOff", gate.Hard, "Every flag is off in production but those that are planned on.", gate.OnFlags(func(g *gate.G) {
		c, p := cloud.Of(g.Launch()), providers.Of(g.Launch())
		g.Check("every flag", flagsprobe.OffByDefault(c.Flags(), p.FlagsPlan()))
	}))

	s.Gate("RolloutPlan", gate.Hard, "The rollout plan says which flags, in what order, on what criteria, whose they are and how they are taken back.", gate.OnFlags(func(g *gate.G) {
		p := providers.Of(g.Launch())
		g.Check("it is complete", flagsprobe.Complete(p.FlagsPlan(), p.People()))
	}))

	s.Gate("AtLaunchTable", gate.Hard, "Every flag of the plan is in production what the plan says.", gate.OnFlags(func(g *gate.G) {
		c, p := cloud.Of(g.Launch()), providers.Of(g.Launch())
		g.Check("every flag", flagsprobe.AsPlanned(c.Flags(), p.FlagsPlan()))
	}))

	s.ValidFor(14 * 24 * time.Hour)
	s.Gate("KillSwitch", gate.Hard, "A feature is gone in time once its flag is turned off.", gate.OnFlags(func(g *gate.G) {
		c, p := cloud.Of(g.Launch()), providers.Of(g.Launch())
		g.Within(g.Launch().Flags.KillWithin.D() + time.Minute) // and turned on again
		g.Check("a drill in staging", flagsprobe.Kills(c.Flags(), p.KillSwitch()))
	}))
}
