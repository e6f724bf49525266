// Package tminus0 is the page right before the launch: what was checked is what will run.
package tminus0

import (
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/providers"
)

var page = gate.NewPage(launch.TMinus0,
	gate.NewSection("Final", launch.RoleMonitoring, finalGates),
	gate.NewSection("Integrity", launch.RoleDeploy, integrityGates),
)

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestTMinus0 is the page right before the launch.
func TestTMinus0(t *testing.T) { page.Run(t) }

func integrityGates(s *gate.Section) {
	s.ValidFor(15 * time.Minute)

	s.Gate("AutoDeployOff", gate.Hard, "Nothing is deployed but by the pipeline.", gate.OnAWS(func(g *gate.G) {
		g.Check("no automatic deployments", computeprobe.AutoDeployOff(cloud.Of(g.Launch()).Platform))
	}))

	s.Gate("DigestPinned", gate.Hard, "The service has the image that was checked, by its digest.", gate.OnAWS(func(g *gate.G) {
		c, image := cloud.Of(g.Launch()), g.Launch().Compute.Image
		g.Check("the service has it", computeprobe.RunsImage(c.Platform, string(image)))
		g.Check("the registry has it under the production tag", c.Images.TagIs(image.Digest()))
	}))

	s.Gate("GitHub", gate.Warn, "Nobody deploys to production alone: somebody else approves, and administrators cannot go around it.", func(g *gate.G) {
		github := g.Launch().GitHub
		g.Check("the environment "+github.Environment, providers.Of(g.Launch()).GitHub.EnvironmentGuarded(github.Environment, github.Refs))
	})
}
