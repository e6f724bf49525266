// Package cloudfrontprobe claims things about how a CloudFront distribution is configured: what it fetches from, which names it
// answers for, and what it may keep. What it then really answers is for cdnprobe.
package cloudfrontprobe

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudfront"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"CloudFront.GetDistribution":        {Action: "cloudfront:GetDistribution", On: awsprobe.TheDistribution},
	"CloudFront.GetCachePolicy":         {Action: "cloudfront:GetCachePolicy", On: awsprobe.CDNPolicies},
	"CloudFront.GetOriginRequestPolicy": {Action: "cloudfront:GetOriginRequestPolicy", On: awsprobe.CDNPolicies},
}

// Distribution is one distribution.
type Distribution struct {
	account *awsprobe.Account
	id      string
	seen    probe.Memo[string, Config]
}

// New returns a distribution that was not looked at yet.
func New(account *awsprobe.Account, id string) *Distribution {
	return &Distribution{account: account, id: id}
}

// Config is how a distribution is configured.
type Config struct {
	ID          string            `json:"id"`
	From        string            `json:"-"`
	Domain      string            `json:"domain"`
	Status      string            `json:"status"`
	Enabled     bool              `json:"enabled"`
	Staging     bool              `json:"staging,omitempty"`
	Aliases     []string          `json:"aliases"`
	Origins     map[string]Origin `json:"origins"`   // by id
	Behaviors   []Behavior        `json:"behaviors"` // the first whose pattern fits decides; the default is the last
	WebACL      string            `json:"web_acl,omitempty"`
	Certificate string            `json:"certificate,omitempty"` // ARN in ACM
	Continuous  string            `json:"continuous_deployment,omitempty"`
}

// Origin is a server that the distribution fetches from.
type Origin struct {
	Domain   string `json:"domain"`
	Path     string `json:"path,omitempty"`
	Port     int32  `json:"https_port,omitempty"`
	Protocol string `json:"protocol"` // https-only, http-only, match-viewer; s3 or vpc, whose protocol is not a matter of the distribution
}

// Behavior is what happens to the paths of a pattern. Times are in seconds.
type Behavior struct {
	Pattern     string   `json:"pattern"`
	Origins     []string `json:"origins"` // ids; two of an origin group
	Viewer      string   `json:"viewer_protocol_policy"`
	MinTTL      int64    `json:"min_ttl"`
	DefaultTTL  int64    `json:"default_ttl"`
	MaxTTL      int64    `json:"max_ttl"`
	ForwardHost bool     `json:"forwards_host"`
	Functions   int      `json:"functions,omitempty"` // programs that may change what is asked and answered
}

// Describe asks CloudFront for the distribution and the policies that it refers to, once.
func (d *Distribution) Describe(ctx context.Context) (Config, error) {
	if d.id == "" {
		return Config{}, &probe.Unknown{Class: "not-configured", Want: "the CloudFront distribution", Got: "no cdn.id in launch.yaml", Fix: "add its id, such as E2QWRUHEXAMPLE"}
	}
	return d.seen.Try(ctx, "the distribution "+d.id, awsprobe.Patience, d.observe)
}

func (d *Distribution) observe(ctx context.Context) (Config, error) {
	cfg, who, err := d.account.Open(ctx, Needs)
	c := Config{ID: d.id, From: "cloudfront:GetDistribution as " + who.String()}
	if err != nil {
		return c, err
	}
	client := cloudfront.NewFromConfig(cfg)
	out, err := client.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: &d.id})
	switch {
	case awsprobe.Missing(err):
		return c, &probe.Unmet{Class: "cdn.missing", Want: "the distribution " + d.id, Got: "no such distribution", From: c.From, Fix: "create it, or correct cdn.id"}
	case err != nil:
		return c, awsprobe.Unreadable("cloudfront:GetDistribution", "the distribution "+d.id, who, err)
	case out.Distribution == nil || out.Distribution.DistributionConfig == nil:
		return c, &probe.Unknown{Class: "aws.error", Want: "the configuration of " + d.id, Got: "none", From: c.From, Fix: "ask again"}
	}
	read := reader{ctx: ctx, client: client, who: who, caches: map[string]lifetimes{}, forwards: map[string]bool{}}
	c.fill(out.Distribution)
	c.Behaviors, err = read.behaviors(out.Distribution.DistributionConfig)
	return c, err
}

// claim makes a claim of a pure judgement of the configuration.
func (d *Distribution) claim(judge func(Config) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		c, err := d.Describe(ctx)
		evidence := probe.Evidence{Target: d.id, Source: "CloudFront GetDistribution"}
		if c.From != "" {
			evidence.Asked = []string{c.From}
		}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = c
		if c.Continuous != "" {
			evidence.Notes = append(evidence.Notes, "continuous deployment "+c.Continuous+" may lead some visitors to another distribution")
		}
		for _, b := range c.Behaviors {
			if b.Functions > 0 {
				evidence.Notes = append(evidence.Notes, b.Pattern+" runs functions, which may change what is configured here")
			}
		}
		return evidence, judge(c)
	}
}
