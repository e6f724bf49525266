// Package tminus7 is the T-7 page of the runbook: infrastructure, a week before the launch.
package tminus7

import (
	"testing"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
)

var page = gate.NewPage(launch.TMinus7,
	gate.NewSection("Infrastructure", launch.RoleInfrastructure, infrastructureGates),
	gate.NewSection("Database", launch.RoleDatabase, databaseGates),
	gate.NewSection("AWS", launch.RoleInfrastructure, awsGates),
	gate.NewSection("Secrets", launch.RoleInfrastructure, secretGates),
	gate.NewSection("Meta", launch.RoleInfrastructure, metaGates),
)

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestTMinus7 is the T-7 page of the runbook.
func TestTMinus7(t *testing.T) { page.Run(t) }

func metaGates(s *gate.Section) {
	s.SignOff("OwnerDue", "Infrastructure", launch.RoleInfrastructure)
}
