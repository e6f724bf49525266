package cloud

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
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

// OtherOrigins are those that somebody decided on.
func (c *Cloud) OtherOrigins() []string {
	var all []string
	for _, host := range c.Launch.CDN.Origin.Also {
		all = append(all, string(host))
	}
	return all
}

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
