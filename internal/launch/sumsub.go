package launch

import (
	"strings"
	"time"
)

// Sumsub is the provider of identity checks.
type Sumsub struct {
	Enabled bool          `yaml:"enabled" doc:"Sumsub checks identities. Where it is false, each of its gates needs a decision that declares it not applicable."`
	Token   Secret        `yaml:"token" doc:"App token of production, prd:…, that may read applicants and manage the client's settings, which the list of webhooks needs."`
	Key     Secret        `yaml:"secret_key" doc:"Secret key of the app token, which signs each call."`
	MaxSkew Duration      `yaml:"max_skew" default:"30s" doc:"How far the clock here may be from Sumsub's, which refuses calls that are 60 s off."`
	Webhook SumsubWebhook `yaml:"webhook"`
	KYC     SumsubKYC     `yaml:"kyc"`
	Smoke   SumsubSmoke   `yaml:"smoke"`
}

// SumsubWebhook is where the application hears of reviews.
type SumsubWebhook struct {
	Path   string       `yaml:"path" default:"/api/kyc/webhook" doc:"The application's endpoint, at dns.domain."`
	Types  []string     `yaml:"types" doc:"Types of events that must be delivered there, such as applicantReviewed."`
	Secret Secret       `yaml:"secret" doc:"The webhook's own secret key in production, which signs what is delivered."`
	Canary SumsubCanary `yaml:"canary"`
}

// SumsubCanary is an applicant who is nobody, to try the endpoint with.
type SumsubCanary struct {
	User    string   `yaml:"user" doc:"Its external id in the application. The application applies the reviews of it like others, of any level, and decides nothing by them. Absent: the gate is BLOCKED."`
	Status  URL      `yaml:"status" doc:"A document of the application's that is read with token, and says what was applied to the canary. Absent: the gate is BLOCKED."`
	Token   Secret   `yaml:"token" doc:"Bearer token of that document."`
	Applied string   `yaml:"applied_path" default:"applied" doc:"Dotted path in it: how many events were applied, a number that only grows."`
	Event   string   `yaml:"event_path" default:"event" doc:"Dotted path in it: the correlationId of the last event that was applied."`
	Within  Duration `yaml:"within" default:"10s" doc:"How soon an event must show there."`
}

// SumsubKYC is the check that a person went through in production with a real document.
type SumsubKYC struct {
	Applicant string   `yaml:"applicant" doc:"Id of the applicant. Absent: the gate is BLOCKED."`
	Level     string   `yaml:"level" doc:"Name of the level it was checked for. Default: any."`
	TTL       Duration `yaml:"ttl" default:"14d" doc:"How long ago the review may be."`
}

// SumsubSmoke is where the application hands out Sumsub's access tokens, with which a browser goes through a check.
type SumsubSmoke struct {
	Path    string `yaml:"path" doc:"Path of the application, at dns.domain, that is asked with POST, such as /api/kyc/token. Absent: TMinus2/Integrations/ProdSmoke is BLOCKED."`
	Header  string `yaml:"header" default:"Cookie" enum:"Cookie,Authorization"`
	Session Secret `yaml:"session" doc:"The header's value for an account that exists for this, as a secret: reference."`
	Token   string `yaml:"token_path" default:"token" doc:"Where in the JSON the access token stands."`
}

// sumsub judges what launch.yaml says about Sumsub. What is merely not said there blocks the gate that needs it.
func (c checker) sumsub() {
	s := c.Sumsub
	if !s.Enabled {
		return
	}
	if within := s.Webhook.Canary.Within; within.D() > time.Minute {
		c.bad("sumsub.webhook.canary.within", "want at most 1m, because it is waited for twice; got %s", within)
	}
	if !strings.HasPrefix(s.Webhook.Path, "/") {
		c.bad("sumsub.webhook.path", "want a path that begins with /; got %s", quote(s.Webhook.Path))
	}
	if s.Smoke.Path != "" && !strings.HasPrefix(s.Smoke.Path, "/") {
		c.bad("sumsub.smoke.path", "want a path that begins with /; got %s", quote(s.Smoke.Path))
	}
}
