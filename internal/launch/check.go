package launch

import (
	"crypto/x509"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// checker judges how the facts of a launch fit together. A key that could not be read is zero by now and was reported
// before, so every rule passes over zero values.
type checker struct {
	*Launch
	problems *Problems
}

func (c checker) bad(key, format string, args ...any) {
	c.problems.add(c.Position(key), key, format, args...)
}

// read says whether a key is there and could be read.
func (c checker) read(key string) bool {
	_, given := c.positions[key]
	return given && !slices.ContainsFunc(*c.problems, func(p Problem) bool { return p.Key == key })
}

func (l *Launch) check(problems *Problems, named []person) {
	c := checker{l, problems}
	c.production()
	c.people(named)
	c.schedule()
	c.names()
	c.records()
	c.resolvers()
	c.site()
	c.cdn()
	c.thresholds()
	c.authorities()
	c.cloud()
	c.drill()
	c.sql()
	c.monitoring()
	c.migration()
	c.mail()
	c.mailTest()
	c.github()
	c.bankid()
	c.sumsub()
	c.openBanking()
	c.flags()
	c.payments()
}

// authorities refuses a ca_file from which no certificate can be read: probes would then trust nobody, and say so of every server.
func (c checker) authorities() {
	if c.TLS.CAFile == "" {
		return
	}
	text, err := os.ReadFile(c.Path(c.TLS.CAFile))
	switch {
	case err != nil:
		c.bad("tls.ca_file", "want a PEM file of certificate authorities; got %v", err)
	case !x509.NewCertPool().AppendCertsFromPEM(text):
		c.bad("tls.ca_file", "want a PEM file of certificate authorities; got no certificate in %s", quote(c.TLS.CAFile))
	}
}

var launchID = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)

// production refuses what would let a run for production look at something else.
func (c checker) production() {
	if c.ID != "" && !launchID.MatchString(c.ID) {
		c.bad("launch", "want a short id in small letters, digits, . and -; got %s", quote(c.ID))
	}
	if c.Environment != "production" {
		return
	}
	for key, set := range map[string]bool{
		"network.connect": len(c.Network.Connect) > 0, "network.private": len(c.Network.Private) > 0,
		"dns.roots": len(c.DNS.Roots) > 0, "dns.dnssec.trust_anchor": len(c.DNS.DNSSEC.TrustAnchor) > 0, "tls.ca_file": c.TLS.CAFile != "",
		"web.plain_http_port": c.Web.PlainHTTPPort != 80 && c.read("web.plain_http_port"),
	} {
		if set {
			c.bad(key, "want it absent in production; got it set; it makes the suite look at something else than what the public sees; move it to the overlay of another environment")
		}
	}
}

// mayBeBot are the places that name who writes or is told, not who decides.
var mayBeBot = regexp.MustCompile(`^(document\.author|rollback\.notify\[\d+\])$`)

func (c checker) people(named []person) {
	if len(c.People) == 0 {
		return // reported before
	}
	for _, n := range named {
		switch p, known := c.People[n.id]; {
		case !known:
			c.bad(n.key, "%s", c.unknownPerson(n.id))
		case p.Bot && !mayBeBot.MatchString(n.key):
			c.bad(n.key, "want a person; got %s, which is a bot; an automation may write, never approve", quote(string(n.id)))
		}
	}
}

func (c checker) site() {
	if host := c.Web.URL.Host(); host != "" && c.DNS.Domain != "" && host != string(c.DNS.Domain) {
		c.bad("web.url", "want the host dns.domain, %s; got %s", c.DNS.Domain, quote(host))
	}
	if c.TLS.GradeSource == "ssllabs" && c.TLS.SSLLabsEmail == "" {
		c.bad("tls.ssllabs_email", "want the address that is registered with the SSL Labs API, because tls.grade_source is ssllabs; got none")
	}
	if c.Web.PlainHTTPPort > 65535 {
		c.bad("web.plain_http_port", "want a port up to 65535; got %d", c.Web.PlainHTTPPort)
	}
	for i, path := range append([]string{c.Health.Path}, c.Web.Pages...) {
		if path != "" && !strings.HasPrefix(path, "/") {
			key := "health.path"
			if i > 0 {
				key = fmt.Sprintf("web.pages[%d]", i-1)
			}
			c.bad(key, "want a path that begins with /; got %s", quote(path))
		}
	}
	for i, path := range c.Web.Closed {
		if !strings.HasPrefix(path, "/") {
			c.bad(fmt.Sprintf("web.closed[%d]", i), "want a path that begins with /; got %s", quote(path))
		}
	}
	for i, b := range c.Web.Bundle {
		key := fmt.Sprintf("web.bundle[%d]", i)
		if re, err := regexp.Compile(b.Pattern); err != nil || re.NumSubexp() != 1 {
			c.bad(key+".pattern", "want a regular expression (RE2) with exactly one group; got %s", quote(b.Pattern))
		}
		if c.Compute.Variables[b.Variable] == "" && b.Variable != "" {
			c.bad(key+".variable", "want a key of compute.variables with a value; got %s", quote(b.Variable))
		}
	}
	if v := c.Rollback.PreviousVersion; v != "" && v == c.Project.Version {
		c.bad("rollback.previous_version", "want another version than project.version; got %s for both; a rollback would change nothing", quote(v))
	}
}

func (c checker) thresholds() {
	for key, p := range map[string]Percent{"thresholds.error_rate": c.Thresholds.ErrorRate, "thresholds.db_pool": c.Thresholds.DBPool,
		"thresholds.cache_hit": c.Thresholds.CacheHit, "rollback.error_rate": c.Rollback.ErrorRate} {
		if p == 0 && c.read(key) {
			c.bad(key, "want a percentage above 0; got 0, which would always hold, or never")
		}
		if above := key == "thresholds.cache_hit" || key == "rollback.error_rate"; above && p == 100 {
			c.bad(key, "want a percentage below 100; got 100; more than that never happens")
		}
	}
}
