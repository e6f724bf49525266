package tminus3

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/cdnprobe"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

func cdnGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)
	s.Within(time.Minute)

	s.Gate("Origin", gate.Hard, "The CDN fetches from the production origin, and has what the origin has.", gate.OnCDN(func(g *gate.G) {
		t, origin := target.Of(g.Launch()), g.Launch().CDN.Origin
		for _, b := range g.Launch().CDN.Behaviors {
			g.Check(t.CDN(b.Path)+" comes from the production origin", cdnprobe.FromOrigin(t.Web, t.CDN(b.Path), t.CDNOrigin()))
			if b.Cache == "static" && origin.URL != "" {
				g.Check(t.CDN(b.Path)+" is what the origin has", cdnprobe.SameAsOrigin(t.Web, t.CDN(b.Path), t.AtOrigin(b.Path), t.CDNOrigin()))
			}
		}
		if g.Launch().CDN.Provider == launch.CloudFront {
			c := cloud.Of(g.Launch())
			g.Check("the distribution is deployed", c.Front.Deployed())
			g.Check("it answers for the launch's names", c.Front.AnswersFor(c.FrontNames, string(g.Launch().CDN.Host)))
			g.Check("it fetches from the service", c.Front.FetchesFrom(c.ProductionHosts, string(origin.URL), c.OtherOrigins()...))
			if g.Launch().Compute.Provider == launch.AppRunner {
				g.Check("the service gets its own name", c.Front.KeepsHost(c.ProductionHosts))
			}
		}
	}))

	s.Gate("Behaviors", gate.Hard, "The CDN keeps what its specification says and nothing else; no page of one person reaches another.", gate.OnCDN(func(g *gate.G) {
		t := target.Of(g.Launch())
		for _, url := range t.CDNPaths("static") {
			g.Check(url+" is kept", cdnprobe.Cached(t.Web, url))
		}
		for _, url := range t.CDNPaths("never") {
			g.Check(url+" is not kept", cdnprobe.Uncached(t.Web, url))
		}
		for _, url := range t.CDNPaths("private") {
			g.Check(url+" reaches nobody else", cdnprobe.Private(t.Web, url, t.CDNSession()))
		}
		if g.Launch().CDN.Provider == launch.CloudFront {
			for _, b := range g.Launch().CDN.Behaviors {
				g.Check(b.Path+" is configured as "+b.Cache, cloud.Of(g.Launch()).Front.Treats(b.Path, b.Cache))
			}
		}
	}))

	s.Gate("AssetHeaders", gate.Hard, "Browsers keep fingerprinted files for a year, and ask again for everything else.", gate.OnCDN(func(g *gate.G) {
		t, assets := target.Of(g.Launch()), g.Launch().CDN.Assets
		g.Check("every fingerprinted file", cdnprobe.AssetsKept(t.Web, string(g.Launch().CDN.Host), t.CDNManifest(), assets.MaxAge.D()))
		for _, url := range t.CDNAll(assets.Unhashed) {
			g.Check(url, cdnprobe.NotKept(t.Web, url, assets.UnhashedMaxAge.D()))
		}
		for _, url := range t.HTML() {
			g.Check(url, cdnprobe.AskedAgain(t.Web, url))
		}
	}))

	s.Gate("WAF", gate.Hard, "The CDN's firewall refuses attacks and lets honest requests through.", gate.OnCDN(func(g *gate.G) {
		t, waf := target.Of(g.Launch()), g.Launch().CDN.WAF
		g.Check("attacks are refused", cdnprobe.Refuses(t.Web, t.CDN(waf.Path), waf.Status))
		if g.Launch().CDN.Provider == launch.CloudFront {
			g.Check("its rules block", cloud.Of(g.Launch()).FrontBlocks())
		}
		if waf.Resource != "" {
			g.Check("nobody goes around it", cloud.Of(g.Launch()).ResourceBlocks())
		}
	}))

	s.Gate("Purge", gate.Warn, "The purge command works: new content is there in time, at every address.", gate.OnCDN(func(g *gate.G) {
		t, purge := target.Of(g.Launch()), g.Launch().CDN.Purge
		g.Within(purge.Within.D() + time.Minute)
		g.Check("a canary is purged", cdnprobe.Purges(t.Web, t.CDN(purge.Path), t.CDNPurge()))
	}))

	s.Gate("GeoPerf", gate.Warn, "The CDN answers quickly where the visitors are.", gate.OnCDN(func(g *gate.G) {
		t, perf := target.Of(g.Launch()), g.Launch().CDN.Perf
		g.Within(2 * time.Minute) // for the rounds of measurements
		g.Check("the first byte", cdnprobe.FastFrom(t.Probes, t.CDNPerf(), perf.Locations, perf.P75.D()))
	}))
}
