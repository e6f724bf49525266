package target

import (
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/sumsubprobe"
)

// SumsubWebhook is the application's endpoint.
func (t *Targets) SumsubWebhook() string {
	return HTTPS(t.Launch.DNS.Domain, t.Launch.Sumsub.Webhook.Path)
}

// SumsubCheck is the check that a person went through.
func (t *Targets) SumsubCheck() sumsubprobe.Check {
	k := t.Launch.Sumsub.KYC
	return sumsubprobe.Check{Applicant: k.Applicant, Level: k.Level, TTL: k.TTL.D()}
}

// SumsubSigns claims that Sumsub signs what it delivers with the secret that launch.yaml refers to.
func (p *Providers) SumsubSigns() probe.Claim {
	return p.Sumsub.Signs(p.SumsubWebhook(), p.Launch.Sumsub.Webhook.Secret.Revealer())
}

// SumsubEndpoint is where the application hears of reviews, and the canary that it is tried with.
func (t *Targets) SumsubEndpoint() *sumsubprobe.Endpoint {
	w := t.Launch.Sumsub.Webhook
	base, path := split(w.Canary.Status)
	return &sumsubprobe.Endpoint{URL: t.SumsubWebhook(), Web: t.Web, Secret: w.Secret.Revealer(), Canary: sumsubprobe.Canary{User: w.Canary.User,
		API: t.API("the application", base, w.Canary.Token, "sumsub.webhook.canary.token"), Path: path, Applied: w.Canary.Applied, Event: w.Canary.Event, Within: w.Canary.Within.D()}}
}

// SumsubHandout is where the application hands out access tokens.
func (t *Targets) SumsubHandout() sumsubprobe.Handout {
	s := t.Launch.Sumsub.Smoke
	return sumsubprobe.Handout{Application: t.API("the application", launch.URL(HTTPS(t.Launch.DNS.Domain, "")), launch.Secret{}, "sumsub.smoke.session"),
		Path: s.Path, Header: s.Header, Session: s.Session.Revealer(), At: s.Token}
}
