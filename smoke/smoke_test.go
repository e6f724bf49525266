package smoke_test

import (
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/smoke"
)

var page = gate.NewPage(launch.Smoke, gate.NewSection("Journey", launch.RoleQA, journeys))

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestSmoke is what must work for somebody who opens the site, after every deployment.
func TestSmoke(t *testing.T) { page.Run(t) }

func journeys(s *gate.Section) {
	s.ValidFor(30 * time.Minute)

	s.Gate("Health", gate.Hard, "The health document says that the launched version runs, on every address.", func(g *gate.G) {
		walk(g, smoke.Health(target.Of(g.Launch()), g.Launch().Project.Version))
	})

	s.Gate("Landing", gate.Hard, "The landing page shows over HTTPS; plain HTTP and www lead to it.", func(g *gate.G) {
		walk(g, smoke.Landing(target.Of(g.Launch())))
	})
}

func walk(g *gate.G, journey []smoke.Step) {
	for _, step := range journey {
		g.Check(step.Name, step.Claim)
	}
}
