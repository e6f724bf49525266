package tminus5

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/ssllabsprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
	"github.com/getdrop/launchgate/internal/target"
)

func sslGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("CertAllDomains", gate.Hard, "TLS certificates are valid for all domains, on every address.", func(g *gate.G) {
		site, launch := target.Of(g.Launch()), g.Launch().At()
		for _, name := range g.Launch().TLS.Names {
			if name.Wildcard() {
				g.Check(string(name)+" is covered", tlsprobe.WildcardCovers(site.TLS, string(name), launch))
			}
		}
		for _, name := range site.CertificateNames() {
			g.Check(name+" has a valid certificate", tlsprobe.ValidFor(site.TLS, name, launch))
			g.Check(name+" sends the same certificate everywhere", tlsprobe.SameCertificate(site.TLS, name))
		}
	})

	s.Gate("Expiry90", gate.Hard, "Certificates expire well after the go-live date, or renew by themselves.", func(g *gate.G) {
		site, tls := target.Of(g.Launch()), g.Launch().TLS
		want := tlsprobe.Lifetime{Launch: g.Launch().At(), Days: tls.MinDays, DaysAutorenew: tls.MinDaysAutorenew}
		if tls.AutoRenew == "observed" {
			want.Log = g.Launch().Path(tls.CertLog)
		}
		for _, name := range site.CertificateNames() {
			g.Check(name, tlsprobe.OutlivesLaunch(site.TLS, name, want))
		}
	})

	s.Gate("HTTPSRedirect", gate.Hard, "Plain HTTP leads to HTTPS on the same name, with path and query.", func(g *gate.G) {
		site := target.Of(g.Launch())
		for _, name := range site.WebNames() {
			url := site.HTTP(name, "/deep/page?x=1&y=2")
			g.Check(url, httpprobe.RedirectsToHTTPS(site.Web, url))
			g.Advise(url+" is open", httpprobe.AcceptsPlainHTTP(site.Web, url))
		}
	})

	s.Gate("HSTS", gate.Hard, "Strict-Transport-Security is sent on every HTTPS answer, and on no other.", func(g *gate.G) {
		site, l := target.Of(g.Launch()), g.Launch()
		want := httpprobe.HSTS{MaxAge: l.TLS.HSTSMinAge.D(), IncludeSubDomains: true, Preload: true}
		urls := append(site.Pages(), site.HealthURL(), target.HTTPS(l.DNS.WWW.Name, "/"), target.HTTPS(l.DNS.Domain, "/there-is-no-such-page"))
		for _, url := range urls {
			g.Check(url, httpprobe.SendsHSTS(site.Web, url, want))
		}
		for _, name := range site.WebNames() {
			g.Check("not over "+site.HTTP(name, "/"), httpprobe.NoHSTSOverHTTP(site.Web, site.HTTP(name, "/")))
		}
	})

	s.Gate("HSTSPreload", gate.Warn, "The domain is eligible for the browsers' HSTS preload list.", func(g *gate.G) {
		site, name := target.Of(g.Launch()), g.Launch().DNS.Domain
		domain := string(name)
		if registered := httpprobe.RegistrableDomain(domain); registered != "" && registered != domain {
			g.NotApplicable("dns.domain " + domain + " is a subdomain, and the preload list takes only " + registered)
			return
		}
		g.Check("it is a registered domain", httpprobe.Registrable(domain))
		g.Check("its certificate is valid", tlsprobe.ValidFor(site.TLS, domain, time.Time{}))
		g.Check("its header asks for it", httpprobe.SendsPreloadHeader(site.Web, domain))
		g.Check("plain HTTP leads to that header first", httpprobe.PreloadableOverHTTP(site.Web, site.HTTP(name, "/")))
		g.Check("its redirects are few and secure", httpprobe.PreloadableRedirects(site.Web, domain))
		for _, below := range site.Subdomains() {
			g.Check(below+" is served over https", httpprobe.ServesHTTPS(site.Web, below))
		}
	})

	s.Gate("GradeA", gate.Hard, "The SSL Labs grade is A or better, on every address.", func(g *gate.G) {
		site, tls := target.Of(g.Launch()), g.Launch().TLS
		if tls.GradeSource == "ssllabs" {
			g.Within(ssllabsprobe.Patience)
			for _, name := range site.CertificateNames() {
				g.Check(name, ssllabsprobe.GradeAtLeast(site.SSLLabs, name, tls.MinGrade))
			}
			return
		}
		for _, name := range site.CertificateNames() {
			g.Check(name, tlsprobe.GradeAtLeast(site.TLS, name, tls.MinGrade, g.Launch().At()))
		}
	})

	s.Gate("ProtocolFloor", gate.Hard, "Old TLS versions and broken ciphers are refused.", func(g *gate.G) {
		site := target.Of(g.Launch())
		for _, name := range site.CertificateNames() {
			g.Check(name, tlsprobe.ProtocolFloor(site.TLS, name, site.MinVersion()))
		}
	})

	s.Gate("MixedContent", gate.Warn, "No page loads anything over plain HTTP.", func(g *gate.G) {
		site := target.Of(g.Launch())
		for _, url := range site.Pages() {
			g.Check(url, httpprobe.NoMixedContent(site.Web, url))
		}
	})

	s.Gate("SecurityHeaders", gate.Warn, "Every page carries the security headers a payments site needs.", func(g *gate.G) {
		site := target.Of(g.Launch())
		for _, url := range site.Pages() {
			g.Check(url, httpprobe.SecurityHeaders(site.Web, url))
		}
	})
}
