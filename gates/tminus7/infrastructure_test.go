package tminus7

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/accessprobe"
	"github.com/getdrop/launchgate/internal/probe/cdnprobe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/iamprobe"
	"github.com/getdrop/launchgate/internal/probe/terraformprobe"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/database"
)

func infrastructureGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("Provisioned", gate.Hard, "All production infrastructure is there, and as it is written down.", gate.OnAWS(func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		if l.Infra.Dir != "" {
			g.Within(terraformprobe.Patience + time.Minute)
			g.Check("Terraform finds nothing to change", terraformprobe.NoDrift(l.Path(l.Infra.Dir)))
		}
		g.Check("the service runs", computeprobe.Runs(c.Platform))
		g.Check("the database is available", c.Database.Available())
		g.Check("the image is in the registry", c.Images.TagIs(l.Compute.Image.Digest()))
		g.Check("the log group is there", c.Logs.Exists())
		for _, secret := range l.Secrets {
			g.Check("the secret "+secret.Variable+" is there", c.Vault.IsThere(secret.ID, secret.MinLength))
		}
	}))

	s.Gate("LBHealth", gate.Hard, "Health checks ask the application itself, and pass on every instance.", gate.OnAWS(func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		g.Check("the platform asks the application", computeprobe.HealthChecked(c.Platform, l.Health.Path))
		g.Check("the application says that it is well, again and again", httpprobe.SteadilyWell(c.Web, c.HealthURL(), c.Health(""), 30))
		g.Check("every load balancer is watched", computeprobe.IsBalancedBy(c.Platform, c.TargetGroups()))
		for _, group := range c.TargetGroups() {
			g.Check("the load balancer asks the application, "+group, c.InItsTurn(group, c.Balanced.Asks(group, l.Health.Path)))
			g.Check("every target is healthy, "+group, c.InItsTurn(group, c.Balanced.AllHealthy(group, l.Compute.Scale.Min)))
		}
	}))

	s.Gate("Autoscale", gate.Hard, "The service has room to grow, and did grow and shrink in a drill.", gate.OnAWS(func(g *gate.G) {
		c, scale := cloud.Of(g.Launch()), g.Launch().Compute.Scale
		g.Check("the sizes are right", computeprobe.ScalesBetween(c.Platform, scale.Min, scale.Max))
		g.Check("it grew and shrank in the drill", c.ScaledInDrill())
	}))

	s.ValidFor(time.Hour)
	s.Gate("ReplicaLag", gate.Hard, "Every read replica is in sync with the database.", replicaLag)

	s.ValidFor(24 * time.Hour)
	s.Gate("BackupJobs", gate.Hard, "Backups run, and one was restored this month.", gate.OnAWS(func(g *gate.G) {
		c := cloud.Of(g.Launch())
		g.Check("backups are kept", c.Database.KeptFor(1))
		g.Check("the newest backup is complete and of today", c.Database.BackedUpWithin(26*time.Hour))
		g.Check("a backup was restored this month, and was whole", database.Drills(g.Launch()).Restored())
	}))

	s.Gate("CDNServing", gate.Hard, "The CDN is deployed, and serves every file of the build as it was built.", gate.OnCDN(func(g *gate.G) {
		t, cdn := target.Of(g.Launch()), g.Launch().CDN
		g.Within(time.Minute)
		g.Check("every fingerprinted file", cdnprobe.AssetsServed(t.Web, string(cdn.Host), t.CDNManifest()))
		if cdn.Provider == launch.CloudFront {
			g.Check("the distribution is deployed", cloud.Of(g.Launch()).Front.Deployed())
		}
	}))

	s.ValidFor(7 * 24 * time.Hour)
	s.Gate("IAM", gate.Hard, "The application's role may do what it must, and nothing that it must not.", gate.OnAWS(func(g *gate.G) {
		c, iam := cloud.Of(g.Launch()), g.Launch().IAM
		for _, entry := range iam.Allow {
			g.Check("may "+entry, c.Role.May(iamprobe.Parse(entry)))
		}
		for _, entry := range iam.Deny {
			g.Check("may not "+entry, c.Role.MayNot(iamprobe.Parse(entry)))
		}
		g.Check("nobody outside of the account reaches anything", accessprobe.NothingShared(c.Account, c.Shared()...))
	}))

	s.ValidFor(24 * time.Hour)
	s.Gate("Dashboards", gate.Warn, "No alarm rings, and every alarm measures something.", gate.OnAWS(func(g *gate.G) {
		c := cloud.Of(g.Launch())
		for _, alarm := range c.WantedAlarms() {
			g.Check(alarm.Name, c.Alarms.IsGreen(alarm.Name))
		}
	}))

	s.Gate("Cost", gate.Warn, "The month will cost no more than the budget.", gate.OnAWS(func(g *gate.G) {
		g.Check("the forecast", cloud.Of(g.Launch()).Budget.Within())
	}))

	s.Gate("Quotas", gate.Warn, "The account's quotas leave room for a launch that goes well.", gate.OnAWS(func(g *gate.G) {
		c := cloud.Of(g.Launch())
		g.Check("RDS", c.Database.QuotasLeave(headroom))
		for _, q := range g.Launch().AWS.Quotas {
			g.Check(q.Service+" "+q.Code, c.Quotas.Leaves(q.Service, q.Code, headroom))
		}
	}))
}

// headroom is how many percent of every quota must be free.
const headroom = 30
