// Package plan is the first page of the runbook: what must be there before anything else makes sense.
package plan

import (
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

var page = gate.NewPage(launch.Plan,
	gate.NewSection("Roles", launch.RoleMonitoring, roleGates),
	gate.NewSection("Prerequisites", launch.RoleInfrastructure, prerequisiteGates),
)

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestPlan is the first page of the runbook.
func TestPlan(t *testing.T) { page.Run(t) }

// The runbook's ids have one part more, such as DNS/Configured; ours have three, so the part is in the name.
func prerequisiteGates(s *gate.Section) {
	s.Gate("BankID_Credentials", gate.Hard, "BankID knows the application's client, in production.", gate.OnBankID(bankIDCredentials))
	s.Gate("OpenBanking_Provider", gate.Hard, "The provider of open banking is chosen and under contract, and knows the launch's credential.", gate.OnOpenBanking(openBankingProvider))
	s.Gate("Sumsub_ProdAccount", gate.Hard, "The account at Sumsub is one of production, and its webhooks lead to the launch.", gate.OnSumsub(sumsubInProduction))
	s.Gate("DNS_Configured", gate.Hard, "The domain leads to the service, and the service takes it.", gate.OnAWS(func(g *gate.G) {
		c, domain := cloud.Of(g.Launch()), g.Launch().DNS.Domain
		record := c.Record(domain)
		var names []string
		for _, r := range c.Records() {
			names = append(names, r.Name)
		}
		g.Check("it is the same on every name server", dnsprobe.AnswersAgree(c.Zone, record))
		g.Check("it leads where it must", dnsprobe.LeadsTo(c.Zone, record))
		g.Check("it ends in addresses", dnsprobe.ChainEnds(c.Zone, record.Name))
		g.Check("it has public addresses only", dnsprobe.NoSpecialAddress(c.Zone, record.Name))
		g.Check("no CNAME at the apex", dnsprobe.NoCNAMEAtApex(c.Zone))
		g.Check("IPv6 for all names or for none", dnsprobe.AAAAParity(c.Zone, names))
		if g.Launch().Compute.Provider == launch.AppRunner && c.TakesDomain() { // elsewhere the load balancer or the CDN takes every name
			g.Check("the service serves it", computeprobe.ServesDomain(c.Platform, record.Name))
		}
	}))

	s.Gate("TLS_Provisioned", gate.Hard, "The certificates of all names are there and valid.", gate.OnAWS(tlsProvisioned))
	betterStackGate(s)
	slackGate(s)

	s.ValidFor(time.Hour)
	s.Gate("RDS_NoPublicAccess", gate.Hard, "Nobody on the internet reaches the database.", gate.OnAWS(func(g *gate.G) {
		c := cloud.Of(g.Launch())
		g.Check("these are all of its replicas", c.Database.HasReplicas(g.Launch().Database.Replicas...))
		for _, id := range c.Databases() {
			g.Check(id+" has no public address", c.Database.NotPublic(id))
			g.Check(id+" has closed security groups", c.DatabaseClosed(id))
			g.Check(id+" takes no connection", c.DatabaseNotReached(id))
		}
	}))

	s.Gate("FeatureFlags_Reviewed", gate.Hard, "Every feature flag was reviewed, and is what was approved.", gate.OnFlags(flagsReviewed))
}
