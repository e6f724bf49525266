// Package tminus3 is the T-3 page of the runbook: the CDN and the database's migration, three days before the launch.
package tminus3

import (
	"testing"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
)

var page = gate.NewPage(launch.TMinus3,
	gate.NewSection("CDN", launch.RoleCDN, cdnGates),
	gate.NewSection("Migration", launch.RoleDatabase, migrationGates),
	gate.NewSection("Meta", launch.RoleCDN, metaGates),
)

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestTMinus3 is the T-3 page of the runbook.
func TestTMinus3(t *testing.T) { page.Run(t) }

func metaGates(s *gate.Section) {
	s.SignOff("CDNOwnerDue", "CDN", launch.RoleCDN)
	s.SignOff("DBOwnerDue", "Migration", launch.RoleDatabase)
}
