package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/flagsprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

// flagsReviewed says that people have looked at the very plan that production follows.
func flagsReviewed(g *gate.G) {
	c := cloud.Of(g.Launch())
	g.Check("the plan is complete", flagsprobe.Complete(c.FlagsPlan(), c.People()))
	g.Check("production is as planned", flagsprobe.AsPlanned(c.Flags(), c.FlagsPlan()))
	g.Check("this very plan was approved", g.ApprovedFile(c.FlagsPlan()))
}
