// Package launchday is the launch-day page of the runbook: the deployment. `make deploy` runs it, and rehearses unless
// LAUNCH_EXECUTE repeats the launch's id.
package launchday

import (
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/procedure/release"
)

var page = gate.NewPage(launch.LaunchDay, gate.NewSection("D3_Deploy", launch.RoleDeploy, deploySteps))

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestLaunchDay is the launch-day page of the runbook.
func TestLaunchDay(t *testing.T) { page.Run(t) }

func deploySteps(s *gate.Section) {
	s.InOrder()
	s.Within(2 * time.Hour) // the steps have bounds of their own, from launch.yaml

	s.Gate("LatestImage", gate.Hard, "The deploy command ran, and every address serves the launched version.", step("LatestImage"))
	s.Gate("Health", gate.Hard, "The launched version stays healthy on every address.", step("Health"))
}

// out is the attempt that the page's steps share.
var out procedure.Shared

// step is the body of a step's gate.
func step(name string) func(*gate.G) {
	return func(g *gate.G) {
		g.Check(name, out.Step(name, func() (*procedure.Procedure, error) { return release.Deploy(g.Launch()) }))
	}
}
