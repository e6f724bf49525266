package launch

import "strings"

// Sumsub is the provider of identity checks.
type Sumsub struct {
	Enabled bool          `yaml:"enabled" doc:"Sumsub checks identities. Where it is false, each of its gates needs a decision that declares it not applicable."`
	Token   Secret        `yaml:"token" doc:"App token of production, prd:…, that may read applicants and manage the client's settings, which the list of webhooks needs."`
	Key     Secret        `yaml:"secret_key" doc:"Secret key of the app token, which signs each call."`
	MaxSkew Duration      `yaml:"max_skew" default:"30s" doc:"How far the clock here may be from Sumsub's, which refuses calls that are 60 s off."`
	Webhook SumsubWebhook `yaml:"webhook"`
	KYC     SumsubKYC     `yaml:"kyc"`
}

// SumsubWebhook is where the application hears of reviews.
type SumsubWebhook struct {
	Path  string   `yaml:"path" default:"/api/kyc/webhook" doc:"The application's endpoint, at dns.domain."`
	Types []string `yaml:"types" doc:"Types of events that must be delivered there, such as applicantReviewed."`
}

// SumsubKYC is the check that a person went through in production with a real document.
type SumsubKYC struct {
	Applicant string   `yaml:"applicant" doc:"Id of the applicant. Absent: the gate is BLOCKED."`
	Level     string   `yaml:"level" doc:"Name of the level it was checked for. Default: any."`
	TTL       Duration `yaml:"ttl" default:"14d" doc:"How long ago the review may be."`
}

// sumsub judges what launch.yaml says about Sumsub. What is merely not said there blocks the gate that needs it.
func (c checker) sumsub() {
	s := c.Sumsub
	if !s.Enabled {
		return
	}
	if !strings.HasPrefix(s.Webhook.Path, "/") {
		c.bad("sumsub.webhook.path", "want a path that begins with /; got %s", quote(s.Webhook.Path))
	}
}
