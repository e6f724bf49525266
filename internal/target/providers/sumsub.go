package providers

import (
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/sumsubprobe"
	"github.com/getdrop/launchgate/internal/target"
)

// SumsubWebhook is the application's endpoint.
func (p *Providers) SumsubWebhook() string {
	return target.HTTPS(p.Launch.DNS.Domain, p.Launch.Sumsub.Webhook.Path)
}

// SumsubCheck is the check that a person went through.
func (p *Providers) SumsubCheck() sumsubprobe.Check {
	k := p.Launch.Sumsub.KYC
	return sumsubprobe.Check{Applicant: k.Applicant, Level: k.Level, TTL: k.TTL.D()}
}

// SumsubSigns claims that Sumsub signs what it delivers with the secret that launch.yaml refers to.
func (p *Providers) SumsubSigns() probe.Claim {
	return p.Sumsub.Signs(p.SumsubWebhook(), p.Launch.Sumsub.Webhook.Secret.Revealer())
}

// SumsubEndpoint is where the application hears of reviews, and the canary that it is tried with.
func (p *Providers) SumsubEndpoint() *sumsubprobe.Endpoint {
	w := p.Launch.Sumsub.Webhook
	base, path := split(w.Canary.Status)
	return &sumsubprobe.Endpoint{URL: p.SumsubWebhook(), Web: p.Web, Secret: w.Secret.Revealer(), Canary: sumsubprobe.Canary{User: w.Canary.User,
		API: p.API("the application", base, w.Canary.Token, "sumsub.webhook.canary.token"), Path: path, Applied: w.Canary.Applied, Event: w.Canary.Event, Within: w.Canary.Within.D()}}
}

// SumsubHandout is where the application hands out access tokens.
func (p *Providers) SumsubHandout() sumsubprobe.Handout {
	s := p.Launch.Sumsub.Smoke
	return sumsubprobe.Handout{Application: p.API("the application", launch.URL(target.HTTPS(p.Launch.DNS.Domain, "")), launch.Secret{}, "sumsub.smoke.session"),
		Path: s.Path, Header: s.Header, Session: s.Session.Revealer(), At: s.Token}
}
