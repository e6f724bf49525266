package target

import (
	"github.com/getdrop/launchgate/internal/launch"
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

// SumsubHandout is where the application hands out access tokens.
func (t *Targets) SumsubHandout() sumsubprobe.Handout {
	s := t.Launch.Sumsub.Smoke
	return sumsubprobe.Handout{Application: t.api("the application", launch.URL(HTTPS(t.Launch.DNS.Domain, "")), launch.Secret{}, "sumsub.smoke.session"),
		Path: s.Path, Header: s.Header, Session: s.Session.Revealer(), At: s.Token}
}
