package cloud

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/acmprobe"
	"github.com/getdrop/launchgate/internal/probe/wafprobe"
)

// ProductionHosts are the names by which a CDN may fetch from the service: those that the platform serves, else the host of
// cdn.origin.url.
func (c *Cloud) ProductionHosts(ctx context.Context) ([]string, error) {
	if c.Launch.Compute.Provider == launch.ECS { // behind a load balancer, whose name the service does not know
		if host := c.Launch.CDN.Origin.URL.Host(); host != "" {
			return []string{host}, nil
		}
		return nil, nil
	}
	s, err := c.Platform.Describe(ctx)
	if err != nil {
		return nil, err
	}
	hosts := slices.Clone(s.Hosts)
	for _, domain := range slices.Sorted(maps.Keys(s.Domains)) {
		if strings.EqualFold(s.Domains[domain], "active") {
			hosts = append(hosts, domain)
		}
	}
	return hosts, nil
}

// OnFront says whether the CDN is a CloudFront distribution.
func (c *Cloud) OnFront() bool {
	return c.Launch.CDN.Enabled && c.Launch.CDN.Provider == launch.CloudFront
}

// TakesDomain says whether the service takes dns.domain itself; else a CDN before it does.
func (c *Cloud) TakesDomain() bool {
	return !c.Launch.CDN.Enabled || c.Launch.CDN.Host != c.Launch.DNS.Domain
}

// OtherOrigins are those that somebody decided on.
func (c *Cloud) OtherOrigins() []string { return launch.Texts(c.Launch.CDN.Origin.Also) }

// FrontNames are the names of the launch that lead to a domain of CloudFront.
func (c *Cloud) FrontNames(domain string) []string {
	var all []string
	for _, r := range c.Records() {
		if strings.EqualFold(r.Target, domain) {
			all = append(all, r.Name)
		}
	}
	return all
}

// FrontBlocks claims that a web ACL stands before the distribution, and refuses.
func (c *Cloud) FrontBlocks() probe.Claim {
	before := wafprobe.Where{What: "the distribution " + c.Launch.CDN.ID, Requests: c.requests(string(c.Launch.CDN.Host)), ACL: func(ctx context.Context) (string, error) {
		config, err := c.Front.Describe(ctx)
		return config.WebACL, err
	}}
	return wafprobe.Blocks(c.Account, before, c.Launch.CDN.WAF.Counting...)
}

// requests are those of launch.yaml that visitors make through the CDN, with the host that they have by then.
func (c *Cloud) requests(host string) []wafprobe.Request {
	var all []wafprobe.Request
	for _, b := range c.Launch.CDN.Behaviors {
		all = append(all, wafprobe.Request{Host: host, Path: b.Path})
	}
	return all
}

// ResourceBlocks claims that a web ACL stands before what is behind the CDN, and refuses.
func (c *Cloud) ResourceBlocks() probe.Claim {
	return wafprobe.Blocks(c.Account, wafprobe.Before(c.Account, string(c.Launch.CDN.WAF.Resource), c.requests("")...), c.Launch.CDN.WAF.Counting...)
}

// CertificateRenews claims that a certificate in ACM is renewed by itself.
func (c *Cloud) CertificateRenews(arn string) probe.Claim {
	return acmprobe.Renews(c.Account, func(context.Context) (string, error) { return arn, nil }, c.Zone.CNAME)
}

// FrontCertificateRenews claims that the distribution's certificate is renewed by itself.
func (c *Cloud) FrontCertificateRenews() probe.Claim {
	return acmprobe.Renews(c.Account, func(ctx context.Context) (string, error) {
		config, err := c.Front.Describe(ctx)
		if err == nil && config.Certificate == "" {
			err = &probe.Unmet{Class: "acm.missing", Want: "a certificate of ACM on the distribution " + config.ID, Got: "none", From: config.From, Fix: "request one in us-east-1 and have the distribution use it"}
		}
		return config.Certificate, err
	}, c.Zone.CNAME)
}
