// Package tminus2 is the T-2 page of the runbook: the application, two days before the launch.
package tminus2

import (
	"testing"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
)

var page = gate.NewPage(launch.TMinus2,
	gate.NewSection("FeatureFlags", launch.RoleFeatureFlags, flagGates),
	gate.NewSection("Integrations", launch.RoleIntegrations, integrationGates),
	gate.NewSection("CI", launch.RoleTechLead, ciGates),
	gate.NewSection("App", launch.RoleTechLead, func(s *gate.Section) {
		databaseGates(s)
		appGates(s)
	}),
	gate.NewSection("BankID", launch.RoleIntegrations, bankIDGates),
	gate.NewSection("Sumsub", launch.RoleIntegrations, sumsubGates),
	gate.NewSection("OpenBanking", launch.RoleIntegrations, openBankingGates),
	gate.NewSection("Meta", launch.RoleIntegrations, metaGates),
)

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestTMinus2 is the T-2 page of the runbook.
func TestTMinus2(t *testing.T) { page.Run(t) }

func metaGates(s *gate.Section) {
	s.SignOff("FFOwnerDue", "FeatureFlags", launch.RoleFeatureFlags)
	s.SignOff("IntegrationOwnerDue", "Integrations", launch.RoleIntegrations)
}
