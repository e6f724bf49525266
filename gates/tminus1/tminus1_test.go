// Package tminus1 is the T-1 page of the runbook: monitoring and backups, a day before the launch.
package tminus1

import (
	"testing"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
)

var page = gate.NewPage(launch.TMinus1,
	gate.NewSection("Monitoring", launch.RoleMonitoring, monitoringGates),
	gate.NewSection("Backup", launch.RoleBackups, backupGates),
	gate.NewSection("Meta", launch.RoleMonitoring, metaGates),
)

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestTMinus1 is the T-1 page of the runbook.
func TestTMinus1(t *testing.T) { page.Run(t) }

func metaGates(s *gate.Section) {
	s.SignOff("MonOwnerDue", "Monitoring", launch.RoleMonitoring)
	s.SignOff("BackupOwnerDue", "Backup", launch.RoleBackups)
}
