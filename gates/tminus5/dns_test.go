package tminus5

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/target"
)

func dnsGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("NameServers", gate.Hard, "Every name server of the zone is delegated to, answers with authority over UDP and TCP, and has the same zone.", func(g *gate.G) {
		zone := target.Of(g.Launch()).Zone
		g.Check("parent and zone name the same servers", dnsprobe.DelegationMatches(zone))
		g.Check("there are enough of them", dnsprobe.EnoughServers(zone))
		g.Check("their names have addresses", dnsprobe.ServersResolve(zone))
		g.Check("glue is right", dnsprobe.GlueMatches(zone))
		g.Check("each answers with authority", dnsprobe.ServersAuthoritative(zone))
		g.Check("each answers over UDP", dnsprobe.AnswersUDP(zone))
		g.Check("each answers over TCP", dnsprobe.AnswersTCP(zone))
		g.Check("each understands EDNS", dnsprobe.AnswersEDNS(zone))
		g.Check("large answers arrive", dnsprobe.FitsOrTruncates(zone))
		g.Check("all have the same serial", dnsprobe.SerialsAgree(zone))
	})

	s.Gate("ApexToTarget", gate.Hard, "The domain leads to the load balancer, on every name server.", func(g *gate.G) {
		zone := target.Of(g.Launch()).Zone
		leadsToTarget(g, g.Launch().DNS.Domain)
		g.Check("no CNAME at the apex", dnsprobe.NoCNAMEAtApex(zone))
		g.Check("IPv6 for all names or for none", dnsprobe.AAAAParity(zone, names(g.Launch())))
	})

	s.Gate("LowTTL", gate.Hard, "DNS records carry a TTL low enough for a quick rollback, and have for long enough.", func(g *gate.G) {
		t, dns := target.Of(g.Launch()), g.Launch().DNS
		before := dnsprobe.ReadSnapshot(g.Launch().Path(dns.RollbackFile), string(dns.Domain))
		for _, record := range t.Records() {
			g.Check(record.Name+" has a low TTL", dnsprobe.TTLAtMost(t.Zone, record, dns.LowTTL.D()))
			g.Check(record.Name+" has the same TTL everywhere", dnsprobe.TTLsAgree(t.Zone, record))
			g.Check(record.Name+" was lowered in time", dnsprobe.LowLongEnough(t.Zone, record, before))
		}
		g.Check("new names are not remembered as missing", dnsprobe.NegativeTTLAtMost(t.Zone, dns.NegativeTTL.D(), t.Records()...))
	})

	s.Gate("API", gate.Hard, "The API's name leads to the API's load balancer.", func(g *gate.G) {
		if api := g.Launch().DNS.API; api.Enabled {
			leadsToTarget(g, api.Name)
		} else {
			g.NotApplicable("dns.api.enabled is false")
		}
	})

	s.Gate("WWW", gate.Hard, "www leads to the domain.", func(g *gate.G) {
		t, dns := target.Of(g.Launch()), g.Launch().DNS
		leadsToTarget(g, dns.WWW.Name)
		if dns.WWW.Mode == "redirect" {
			url := target.HTTPS(dns.WWW.Name, "/p?q=1")
			g.Check(url+" redirects", httpprobe.WWWRedirects(t.Web, url, string(dns.Domain)))
		}
	})

	s.Gate("Propagation", gate.Hard, "Every name server and every resolver, in several regions, has the new records.", func(g *gate.G) {
		t, dns := target.Of(g.Launch()), g.Launch().DNS
		before := dnsprobe.ReadSnapshot(g.Launch().Path(dns.RollbackFile), string(dns.Domain))
		g.Check("every name server, again and again", dnsprobe.Converged(t.Zone, t.Records()...))
		g.Check("the resolvers cover enough regions", dnsprobe.RegionsCovered(t.Zone))
		for _, record := range t.Records() {
			g.Check(record.Name+" at the resolvers", dnsprobe.Propagated(t.Zone, record, before))
			g.Check(record.Name+" for clients in each subnet", dnsprobe.PropagatedToSubnets(t.Zone, record))
			if len(dns.Globalping.Locations) > 0 {
				g.Check(record.Name+" at probes around the world", dnsprobe.PropagatedWorldwide(t.Zone, record))
			}
		}
	})

	s.Gate("Failover", gate.Warn, "DNS failover routing is configured, where it is used.", func(g *gate.G) {
		if !g.Launch().DNS.Failover.Enabled {
			g.NotApplicable("dns.failover.enabled is false")
		}
	})

	s.Gate("OldRecordsDocumented", gate.Hard, "The old DNS records are written down and approved, for a rollback.", func(g *gate.G) {
		t, dns := target.Of(g.Launch()), g.Launch().DNS
		file := g.Launch().Path(dns.RollbackFile)
		before := dnsprobe.ReadSnapshot(file, string(dns.Domain))
		g.Check("every launch name stands there with its TTL", dnsprobe.SnapshotHolds(t.Zone, before, t.Records()...))
		g.Check("it is from before the change", dnsprobe.SnapshotPredates(t.Zone, before, t.Records()...))
		g.Check("this very file was approved", g.ApprovedFile(file))
	})

	s.Gate("DNSSEC", gate.Hard, "The zone is signed where it is meant to be, and every signature outlives the launch.", func(g *gate.G) {
		t := target.Of(g.Launch())
		g.Check("the parent vouches for it as planned", dnsprobe.SignedAsPlanned(t.Zone, g.Launch().DNS.DNSSEC.Signed))
		if g.Launch().DNS.DNSSEC.Signed {
			g.Check("keys match the DS", dnsprobe.KeysMatchDS(t.Zone))
			g.Check("signatures verify on every server", dnsprobe.SignaturesVerify(t.Zone, t.Records()...))
			g.Check("signatures outlive the launch", dnsprobe.SignaturesOutlive(t.Zone, t.Records()...))
			g.Advise("the algorithms are of today", dnsprobe.ModernAlgorithms(t.Zone))
			g.Advise("NSEC3 is plain", dnsprobe.PlainNSEC3(t.Zone))
		}
		g.Advise("who signs is vouched for", dnsprobe.VouchedFor(t.Zone))
	})

	s.Gate("CAA", gate.Hard, "The authority that issues the certificates is allowed to, by every CAA record.", func(g *gate.G) {
		zone := target.Of(g.Launch()).Zone
		for _, name := range g.Launch().TLS.Names {
			g.Check(string(name)+" may be issued for", dnsprobe.CAAPermits(zone, string(name)))
		}
		g.Check("nothing critical is unknown", dnsprobe.NoUnknownCritical(zone))
		g.Check("every server answers for CAA", dnsprobe.CAAAnswered(zone))
		g.Check("account and method are ours", dnsprobe.CAABindsToUs(zone))
		g.Advise("every name has CAA", dnsprobe.CAAIsThere(zone))
	})

	s.Gate("Mail", gate.Hard, "Mail in the domain's name is authenticated: SPF, DKIM and DMARC.", func(g *gate.G) {
		t, mail := target.Of(g.Launch()), g.Launch().Mail
		for _, domain := range t.EnvelopeDomains() {
			g.Check("one SPF record at "+domain, dnsprobe.OneSPF(t.Zone, domain))
			g.Check("SPF of "+domain+" can be read", dnsprobe.SPFReads(t.Zone, domain))
			g.Check("SPF of "+domain+" needs ten look-ups at most", dnsprobe.SPFWithinLimits(t.Zone, domain))
			g.Check("SPF of "+domain+" does not pass everybody", dnsprobe.SPFNotOpen(t.Zone, domain))
			g.Advise("SPF of "+domain+" ends in -all or ~all", dnsprobe.SPFEnds(t.Zone, domain))
		}
		for _, sender := range t.Senders() {
			g.Check("SPF passes "+sender.String(), dnsprobe.SPFPasses(t.Zone, string(mail.ReturnPath), sender))
			named := g.Advise
			if mail.OwnSenders {
				named = g.Check
			}
			named(sender.String()+" has a name", dnsprobe.SenderIsNamed(t.Zone, sender))
		}
		for _, selector := range mail.Selectors {
			g.Check("DKIM key "+selector+" is there", dnsprobe.DKIMKeyIsThere(t.Zone, selector))
			g.Check("DKIM key "+selector+" is strong", dnsprobe.DKIMKeyIsStrong(t.Zone, selector))
			g.Advise("DKIM key "+selector+" has 2048 bits", dnsprobe.DKIMKeyIsGood(t.Zone, selector))
			g.Advise("DKIM key "+selector+" is not for testing", dnsprobe.DKIMKeyIsLive(t.Zone, selector))
		}
		g.Check("one DMARC record", dnsprobe.OneDMARC(t.Zone))
		g.Check("DMARC protects the domain", dnsprobe.DMARCProtects(t.Zone))
		g.Advise("DMARC is for all mail", dnsprobe.DMARCForAll(t.Zone))
		g.Advise("DMARC asks for reports", dnsprobe.DMARCReports(t.Zone))
		g.Check("mail exchangers have addresses", dnsprobe.ExchangersHaveAddresses(t.Zone))
		g.Advise("mail exchangers are no aliases", dnsprobe.ExchangersAreNoAliases(t.Zone))
		g.Advise("MTA-STS asks for TLS", dnsprobe.AsksForTLS(t.Zone))
		g.Advise("the policy of MTA-STS is served", dnsprobe.ServesTLSPolicy(t.Zone, t.Fetch))
		g.Advise("reports on TLS are wanted", dnsprobe.WantsTLSReports(t.Zone))
	})

	s.Gate("Hygiene", gate.Warn, "No name dangles, mail was left alone, and no wildcard hides a mistake.", func(g *gate.G) {
		t, dns := target.Of(g.Launch()), g.Launch().DNS
		g.Check("nothing dangles", dnsprobe.NothingDangles(t.Zone, t.Records()...))
		g.Check("mail goes where it went", dnsprobe.MXIs(t.Zone, dns.MX))
		for _, name := range names(g.Launch()) {
			g.Advise(name+" stands there itself", dnsprobe.Explicit(t.Zone, name))
		}
	})
}

// leadsToTarget checks that a launch name answers what launch.yaml says, everywhere and in public addresses.
func leadsToTarget(g *gate.G, name launch.Domain) {
	t := target.Of(g.Launch())
	record := t.Record(name)
	g.Check(record.Name+" is the same on every name server", dnsprobe.AnswersAgree(t.Zone, record))
	g.Check(record.Name+" leads where it must", dnsprobe.LeadsTo(t.Zone, record))
	g.Check(record.Name+" ends in addresses", dnsprobe.ChainEnds(t.Zone, record.Name))
	g.Check(record.Name+" has public addresses only", dnsprobe.NoSpecialAddress(t.Zone, record.Name))
}

// names are the launch's names.
func names(l *launch.Launch) []string {
	var all []string
	for _, record := range l.DNS.Records {
		all = append(all, string(record.Name))
	}
	return all
}
