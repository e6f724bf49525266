package tminus7

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

func awsGates(s *gate.Section) {
	s.ValidFor(15 * time.Minute)

	s.Gate("AppRunnerRunning", gate.Hard, "The service runs, and runs what was deployed last.", gate.OnAWS(func(g *gate.G) {
		g.Check("status and newest operation", computeprobe.Runs(cloud.Of(g.Launch()).Platform))
	}))

	s.Gate("RDSAvailable", gate.Hard, "The database is available, encrypted, and waits for no restart.", gate.OnAWS(func(g *gate.G) {
		database := cloud.Of(g.Launch()).Database
		g.Check("it is available", database.Available())
		g.Check("its storage is encrypted", database.Encrypted())
		g.Advise("a standby waits in another zone", database.InTwoZones())
	}))

	s.Gate("ECRProdTag", gate.Hard, "The registry has the image of the launch under the production tag, scanned.", gate.OnAWS(func(g *gate.G) {
		c, digest := cloud.Of(g.Launch()), g.Launch().Compute.Image.Digest()
		g.Check("the tag is the image of the launch", c.Images.TagIs(digest))
		g.Check("it is built for the service's processors", c.ImageStarts())
		g.Check("a scan found nothing critical", c.Images.Scanned(digest))
		g.Advise("the tag cannot be moved", c.Images.TagStays())
	}))

	s.ValidFor(24 * time.Hour)
	s.Gate("CertificateRenews", gate.Hard, "AWS renews every certificate of the launch without anybody's help.", gate.OnAWS(func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		if l.TLS.Renewal == "other" {
			g.NotApplicable("tls.renewal is other")
			return
		}
		switch {
		case c.TakesDomain() && l.Compute.Provider == launch.AppRunner:
			g.Check("that of the service", computeprobe.Renews(c.Platform, string(l.DNS.Domain), c.Zone.CNAME))
		case len(l.TLS.Certificates) == 0 && (c.TakesDomain() || !c.OnFront()):
			g.Check("that of dns.domain", c.CertificateRenews("")) // which nobody has named
		}
		if c.OnFront() {
			g.Check("that of the CDN", c.FrontCertificateRenews())
		}
		for _, arn := range l.TLS.Certificates {
			g.Check(string(arn), c.CertificateRenews(string(arn)))
		}
	}))

	s.ValidFor(15 * time.Minute)
	s.Gate("DNSFailover", gate.Warn, "The domain moves to another place when the first one fails.", func(g *gate.G) {
		if !g.Launch().DNS.Failover.Enabled {
			g.NotApplicable("dns.failover.enabled is false")
			return
		}
		gate.OnAWS(func(g *gate.G) {
			for _, r := range cloud.Of(g.Launch()).Records() {
				g.Check(r.Name, cloud.Of(g.Launch()).Zone53.FailsOver(r.Name, g.Launch().Health.Path))
			}
		})(g)
	})
}
