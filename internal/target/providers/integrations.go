package providers

import (
	"context"
	"fmt"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/target"
)

// LoginStarts is the claim that the application's address for logging in leads to BankID.
func (p *Providers) LoginStarts() probe.Claim {
	start := p.Launch.BankID.Start
	if start == "" {
		return func(context.Context) (probe.Evidence, error) {
			return probe.Evidence{Target: string(p.Launch.DNS.Domain)}, &probe.Unknown{Class: "not-configured", Want: "where the application sends people to BankID", Got: "no bankid.start in launch.yaml", Fix: "add it"}
		}
	}
	return p.BankID.ApplicationSends(target.HTTPS(p.Launch.DNS.Domain, start))
}

// UnknownIntegration is the claim about an integration that nobody here knows how to ask.
func UnknownIntegration(name string) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		return probe.Evidence{Target: name}, &probe.Unknown{Class: "not-configured", Want: fmt.Sprintf("an integration that the suite knows: %s, %s, %s, %s", launch.IntegrationBankID, launch.IntegrationOpenBanking, launch.IntegrationStripe, launch.IntegrationSumsub),
			Got: fmt.Sprintf("%q", name), From: "integrations", Fix: "correct its name, or have a person look at it and waive the gate until there is a probe"}
	}
}
