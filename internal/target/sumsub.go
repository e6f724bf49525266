package target

import "github.com/getdrop/launchgate/internal/probe/sumsubprobe"

// SumsubWebhook is the application's endpoint.
func (t *Targets) SumsubWebhook() string {
	return HTTPS(t.Launch.DNS.Domain, t.Launch.Sumsub.Webhook.Path)
}

// SumsubCheck is the check that a person went through.
func (t *Targets) SumsubCheck() sumsubprobe.Check {
	k := t.Launch.Sumsub.KYC
	return sumsubprobe.Check{Applicant: k.Applicant, Level: k.Level, TTL: k.TTL.D()}
}
