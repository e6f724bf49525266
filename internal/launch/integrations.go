package launch

import (
	"slices"
	"strings"
)

// The integrations that the suite knows. In launch.yaml case does not matter.
const (
	IntegrationBankID      = "bankid"
	IntegrationSumsub      = "sumsub"
	IntegrationStripe      = "stripe"
	IntegrationOpenBanking = "open banking"
)

// Integrations are the third parties whose keys are checked, in small letters and each once: those that launch.yaml lists, and Stripe where cards
// are charged.
func (l *Launch) Integrations() []string {
	var all []string
	add := func(name string) {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, name := range l.Integration {
		add(name)
	}
	if l.Payments.Enabled {
		add(IntegrationStripe)
	}
	return all
}
