// Package smoke holds the user journeys: what somebody who opens the site must meet. They are claims, so that the smoke
// page, the deployment and the rollback make the very same ones; each names the version it expects to meet.
package smoke

import (
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/paymentprobe"
	"github.com/getdrop/launchgate/internal/probe/sumsubprobe"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/target/providers"
)

// Step is one step of a journey.
type Step struct {
	Name  string
	Claim probe.Claim
}

// Health is the journey of a machine: the health document is fresh, says ok, and shows the expected version on every address.
func Health(t *target.Targets, version string) []Step {
	return []Step{{"health document of version " + version, httpprobe.HealthIs(t.Web, t.HealthURL(), t.Health(version))}}
}

// Landing is the journey of a person: the landing page over HTTPS, with plain HTTP and www leading to it.
func Landing(t *target.Targets) []Step {
	l := t.Launch
	steps := []Step{
		{"landing page", httpprobe.Shows(t.Web, string(l.Web.URL), l.Web.Contains)},
		{"plain HTTP leads to it", httpprobe.RedirectsToHTTPS(t.Web, t.HTTP(l.DNS.Domain, "/"))},
	}
	www := target.HTTPS(l.DNS.WWW.Name, "/")
	if l.DNS.WWW.Mode == "redirect" {
		return append(steps, Step{"www leads to it", httpprobe.WWWRedirects(t.Web, www, string(l.DNS.Domain))})
	}
	return append(steps, Step{"www shows it too", httpprobe.Shows(t.Web, www, l.Web.Contains)})
}

// Integration is the journey through the application to a third party, as launch.yaml names it: as far as it goes without a person.
func Integration(p *providers.Providers, name string) []Step {
	switch name {
	case launch.IntegrationBankID:
		return []Step{{"the application sends people to BankID, which takes them in", p.LoginStarts()}}
	case launch.IntegrationSumsub:
		return []Step{{"the application gets access tokens from Sumsub", sumsubprobe.HandsOut(p.SumsubHandout())}}
	case launch.IntegrationOpenBanking:
		return []Step{{"the person's account shows a balance", p.OpenBanking.BalanceRead()}}
	case launch.IntegrationStripe:
		return []Step{{"somebody paid through the application, and got it back", paymentprobe.PaidAndRefunded(p.Payments, p.TestPayment())}}
	}
	return []Step{{name, providers.UnknownIntegration(name)}}
}
