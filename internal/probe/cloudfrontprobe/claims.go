package cloudfrontprobe

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// Deployed claims that the distribution is enabled, no staging one, and that its newest configuration is at every edge.
func (d *Distribution) Deployed() probe.Claim {
	return d.claim(func(c Config) error {
		want := "a distribution that is enabled and Deployed"
		switch {
		case c.Staging:
			return c.unmet("cdn.staging", want, "a staging distribution, which visitors are not led to", "name the production distribution in cdn.id")
		case !c.Enabled:
			return c.unmet("cdn.disabled", want, "one that is disabled, status "+c.Status, "enable it")
		case c.Status != "Deployed":
			return c.unmet("cdn.status", want, "status "+c.Status, "wait until the newest configuration is at every edge")
		}
		return nil
	})
}

// AnswersFor claims that the distribution answers for the names, and for those that lead to it by its own name.
func (d *Distribution) AnswersFor(leadTo func(domain string) []string, all ...string) probe.Claim {
	return d.claim(func(c Config) error {
		for _, name := range append(all, leadTo(c.Domain)...) {
			if !slices.ContainsFunc(c.Aliases, func(alias string) bool { return covers(alias, name) }) {
				return c.unmet("cdn.alias", name+" among the alternate domain names", list(c.Aliases), "add it, with a certificate that has it")
			}
		}
		return nil
	})
}

// covers says whether an alternate domain name is a name, or a wildcard for it: one label, as in a certificate.
func covers(alias, name string) bool {
	if strings.EqualFold(alias, name) {
		return true
	}
	above, wildcard := strings.CutPrefix(alias, "*.")
	_, rest, _ := strings.Cut(name, ".")
	return wildcard && strings.EqualFold(above, rest)
}

// FetchesFrom claims that every origin that a behavior uses is one of the production hosts, and is asked over HTTPS only, for what visitors ask
// for and no folder below it. at is the address of the origin where launch.yaml has one, for its path and its port. also are hosts of other
// origins that somebody decided on, such as a bucket of images.
func (d *Distribution) FetchesFrom(production func(context.Context) ([]string, error), at string, also ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		hosts, err := production(ctx)
		if err != nil {
			return probe.Evidence{Target: d.id}, err
		}
		address, err := url.Parse(at)
		if err != nil {
			return probe.Evidence{Target: d.id}, err
		}
		return d.claim(func(c Config) error { return c.fetchesFrom(hosts, address, also) })(ctx)
	}
}

// place is the path and the port at which a production host is asked.
func place(host string, at *url.URL) (path, port string) {
	path, port = strings.TrimSuffix(at.Path, "/"), "443"
	if strings.EqualFold(host, at.Hostname()) {
		port = cmp.Or(at.Port(), port)
	}
	return path, port
}

func (c Config) fetchesFrom(hosts []string, at *url.URL, also []string) error {
	if len(hosts) == 0 {
		return &probe.Unknown{Class: "not-configured", Want: "the host of the production origin", Got: "none that the platform or launch.yaml names", Fix: "add cdn.origin.url"}
	}
	if len(c.Behaviors) == 0 {
		return &probe.Unknown{Class: "aws.error", Want: "the behaviors of " + c.ID, Got: "none", From: c.From, Fix: "ask again"}
	}
	for _, b := range c.Behaviors {
		for _, id := range b.Origins {
			origin, known := c.Origins[id]
			path, port := place(origin.Domain, at)
			want := fmt.Sprintf("%s from %s over HTTPS only", b.Pattern, list(hosts))
			switch {
			case !known:
				return c.unmet("cdn.origin", want, "an origin "+id+" that is not there", "see the behavior's origin")
			case names(c.Aliases, origin.Domain):
				return c.unmet("cdn.origin-loop", want, origin.Domain+", which is the distribution itself", "name the service as the origin")
			case !names(hosts, origin.Domain) && !names(also, origin.Domain):
				return c.unmet("cdn.origin", want, origin.Domain, "correct the origin, or list the host in cdn.origin.also")
			case origin.Protocol == "vpc":
				return &probe.Unknown{Class: "cdn.origin-vpc", Want: want, Got: "a VPC origin, which has its protocol elsewhere", From: c.From, Fix: "see the VPC origin; this needs the sign-off of its owner, as a waiver of this gate"}
			case origin.Protocol != "https-only" && origin.Protocol != "s3":
				return c.unmet("cdn.origin-protocol", want, origin.Domain+" by "+origin.Protocol, "set the origin's protocol policy to https-only")
			case names(hosts, origin.Domain) && strings.TrimSuffix(origin.Path, "/") != path:
				return c.unmet("cdn.origin-path", want+", with the origin path "+strconv.Quote(path), fmt.Sprintf("%s with the origin path %q", origin.Domain, origin.Path), "correct the origin path, or cdn.origin.url")
			case names(hosts, origin.Domain) && origin.Protocol == "https-only" && fmt.Sprint(origin.Port) != port:
				return c.unmet("cdn.origin-port", want+", at port "+port, fmt.Sprintf("%s at port %d", origin.Domain, origin.Port), "set the origin's HTTPS port, or correct cdn.origin.url")
			}
		}
	}
	return nil
}

// KeepsHost claims that no behavior hands the visitor's Host header to the origin, which App Runner answers with 404: it knows
// its own name and its custom domains alone. https://docs.aws.amazon.com/apprunner/latest/dg/manage-custom-domains.html
func (d *Distribution) KeepsHost(hosts func(context.Context) ([]string, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		of, err := hosts(ctx)
		if err != nil {
			return probe.Evidence{Target: d.id}, err
		}
		return d.claim(func(c Config) error {
			for _, b := range c.Behaviors {
				ours := slices.ContainsFunc(b.Origins, func(id string) bool { return names(of, c.Origins[id].Domain) })
				if ours && b.ForwardHost {
					return c.unmet("cdn.host-header", "the origin's own Host header for "+b.Pattern, "the visitor's", "use the origin request policy AllViewerExceptHostHeader")
				}
			}
			return nil
		})(ctx)
	}
}

// Treats claims that the behavior for a path lets it be kept as its specification says (static, never, private), and that nobody
// gets it without TLS.
func (d *Distribution) Treats(path, cache string) probe.Claim {
	return d.claim(func(c Config) error { return c.treats(path, cache) })
}

func (c Config) treats(path, cache string) error {
	i := slices.IndexFunc(c.Behaviors, func(b Behavior) bool { return fits(b.Pattern, path) })
	if i < 0 {
		return &probe.Unknown{Class: "aws.error", Want: "the behavior for " + path, Got: "none", From: c.From, Fix: "ask again"}
	}
	b := c.Behaviors[i]
	got := fmt.Sprintf("%s: kept for at least %d s, usually %d s, at most %d s", b.Pattern, b.MinTTL, b.DefaultTTL, b.MaxTTL)
	switch {
	case b.Viewer != "redirect-to-https" && b.Viewer != "https-only":
		return c.unmet("cdn.plain-http", path+" over HTTPS only, or redirected", b.Pattern+": "+b.Viewer, "set the viewer protocol policy to redirect-to-https")
	case cache == "static" && b.MaxTTL == 0:
		return c.unmet("cdn.not-kept", path+" kept", got, "give the behavior a cache policy such as CachingOptimized")
	case cache != "static" && (b.MinTTL > 0 || b.DefaultTTL > 0):
		return c.unmet("cdn.kept", path+" fetched for each request", got, "give the path a behavior of its own with the cache policy CachingDisabled")
	case cache == "private" && b.MaxTTL > 0:
		return c.unmet("cdn.kept", path+" kept for nobody, whatever the origin says", got, "give the path a behavior of its own with the cache policy CachingDisabled")
	}
	return nil
}

// fits says whether a path pattern stands for a path: * for any text, ? for one character, and a slash before it or none.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html#DownloadDistValuesPathPattern
func fits(pattern, path string) bool {
	quoted := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(strings.TrimPrefix(pattern, "/")))
	return regexp.MustCompile("(?s)^" + quoted + "$").MatchString(strings.TrimPrefix(path, "/"))
}

func (c Config) unmet(class, want, got, fix string) error {
	return &probe.Unmet{Class: class, Want: want, Got: got, From: c.From, Fix: fix}
}

func list(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
