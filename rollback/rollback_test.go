// Package rollback is the runbook's way back: whether it is ready, and the procedure itself. It waits for nothing: no gate,
// no approval, no date. `make rollback` runs the procedure, and rehearses unless LAUNCH_EXECUTE repeats the launch's id.
package rollback

import (
	"context"
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/procedure/release"
)

var page = gate.NewPage(launch.RollBack,
	gate.NewSection("Ready", launch.RoleDeploy, readyGates),
	gate.NewSection("Proc", launch.RoleDeploy, steps),
)

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestRollback is the rollback page of the runbook.
func TestRollback(t *testing.T) { page.Run(t) }

func readyGates(s *gate.Section) {
	s.Gate("PrevGood", gate.Hard, "The version to go back to is recorded, and is not the one that is launched.", func(g *gate.G) {
		g.Check("previous version", previousRecorded(g.Launch()))
	})

	s.Gate("Script", gate.Hard, "The rollback command is there and can be run.", func(g *gate.G) {
		g.Check("rollback.command", release.Previous(g.Launch()).Found)
	})
}

func previousRecorded(l *launch.Launch) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		next, previous := l.Project.Version, l.Rollback.PreviousVersion
		seen := probe.Evidence{Target: "launch.yaml", Observed: map[string]string{"version": next, "previous_version": previous}}
		if previous == "" || previous == next {
			return seen, &probe.Unmet{Class: "rollback.no-previous", Want: "a previous version that differs from the launched " + next, Got: "\"" + previous + "\"",
				From: "rollback.previous_version", Fix: "record the version that runs now; before a first launch, the version of a maintenance page"}
		}
		return seen, nil
	}
}

func steps(s *gate.Section) {
	s.InOrder()
	s.Within(2 * time.Hour) // the steps have bounds of their own, from launch.yaml

	s.Gate("1_Announce", gate.Info, "The channel hears that the previous version comes back.", step("1_Announce"))
	s.Gate("3_Run", gate.Hard, "The rollback command ran, and every address serves the previous version.", step("3_Run"))
	s.Gate("4_ConfirmPrevious", gate.Hard, "The previous version stays healthy on every address.", step("4_ConfirmPrevious"))
	s.Gate("6_Smoke", gate.Hard, "The smoke journeys succeed on the previous version.", step("6_Smoke"))
	s.Gate("8_Notify", gate.Info, "The channel hears how it ended.", step("8_Notify"))
}

// back is the attempt that the page's steps share.
var back procedure.Shared

// step is the body of a step's gate.
func step(name string) func(*gate.G) {
	return func(g *gate.G) {
		g.Check(name, back.Step(name, func() (*procedure.Procedure, error) { return release.Rollback(g.Launch(), &back) }))
	}
}
