package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/flagsprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/providers"
)

// flagsReviewed says that people have looked at the very plan that production follows.
func flagsReviewed(g *gate.G) {
	c, p := cloud.Of(g.Launch()), providers.Of(g.Launch())
	g.Check("the plan is complete", flagsprobe.Complete(p.FlagsPlan(), p.People()))
	g.Check("production is as planned", flagsprobe.AsPlanned(c.Flags(), p.FlagsPlan()))
	g.Check("this very plan was approved", g.ApprovedFile(p.FlagsPlan()))
}
