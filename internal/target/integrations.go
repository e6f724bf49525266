package target

import (
	"context"
	"fmt"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
)

// UnknownIntegration is the claim about an integration that nobody here knows how to ask.
func UnknownIntegration(name string) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		return probe.Evidence{Target: name}, &probe.Unknown{Class: "not-configured", Want: fmt.Sprintf("an integration that the suite knows: %s, %s, %s", launch.IntegrationBankID, launch.IntegrationStripe, launch.IntegrationSumsub),
			Got: fmt.Sprintf("%q", name), From: "integrations", Fix: "correct its name, or have a person look at it and waive the gate until there is a probe"}
	}
}
