package target

import (
	"context"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/sumsubprobe"
)

var knownSumsub PerLaunch[sumsubprobe.Account]

// SumsubOf is the account at Sumsub of a launch: always the same one.
func SumsubOf(l *launch.Launch) *sumsubprobe.Account {
	return knownSumsub.Of(l, func(l *launch.Launch) *sumsubprobe.Account {
		t := Of(l)
		return &sumsubprobe.Account{Token: revealer(l.Sumsub.Token), Key: revealer(l.Sumsub.Key),
			API: &jsonapi.Service{Name: "Sumsub", Base: string(l.Sumsub.API), Network: t.Network, Resolver: t.Zone, Key: "sumsub.token with sumsub.secret_key, or this machine's clock,"}}
	})
}

// revealer reads a secret; nil where launch.yaml names none.
func revealer(s launch.Secret) func(context.Context) (string, error) {
	if s.IsZero() {
		return nil
	}
	return s.Reveal
}

// SumsubWebhook is the application's endpoint.
func (t *Targets) SumsubWebhook() string {
	return HTTPS(t.Launch.DNS.Domain, t.Launch.Sumsub.Webhook.Path)
}

// SumsubCheck is the check that a person went through.
func (t *Targets) SumsubCheck() sumsubprobe.Check {
	k := t.Launch.Sumsub.KYC
	return sumsubprobe.Check{Applicant: k.Applicant, Level: k.Level, TTL: k.TTL.D()}
}
