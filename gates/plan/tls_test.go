package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

// tlsProvisioned is what TMinus5/SSL/CertAllDomains asks again of what is served, and what the platform says of it.
func tlsProvisioned(g *gate.G) {
	c, l := cloud.Of(g.Launch()), g.Launch()
	if l.Compute.Provider == launch.AppRunner && c.TakesDomain() {
		g.Check("the service has validated it", computeprobe.ServesDomain(c.Platform, string(l.DNS.Domain)))
	}
	for _, name := range l.TLS.Names {
		if name.Wildcard() {
			g.Check(string(name)+" is covered", tlsprobe.WildcardCovers(c.TLS, string(name), l.At()))
		}
	}
	for _, name := range c.CertificateNames() {
		g.Check(name+" has a valid certificate", tlsprobe.ValidFor(c.TLS, name, l.At()))
		g.Check(name+" sends the same certificate everywhere", tlsprobe.SameCertificate(c.TLS, name))
	}
}
