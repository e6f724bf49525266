package launch

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// cdn judges what a CDN's specification says. What is merely not said there blocks the gate that needs it.
func (c checker) cdn() {
	n := c.CDN
	if !n.Enabled {
		return
	}
	if n.Host.Wildcard() {
		c.bad("cdn.host", "want one name; got the wildcard %s", n.Host)
	}
	if host := n.Origin.URL.Host(); host != "" && host == string(n.Host) {
		c.bad("cdn.origin.url", "want the origin as it is reached without the CDN; got the host of the CDN itself, %s", host)
	}
	if (n.Origin.Header == "") != (n.Origin.Value == "") {
		c.bad("cdn.origin", "want header and value, or neither; got one of them; without both nobody can tell which origin answers")
	}
	if n.Origin.Header != "" && !httpguts.ValidHeaderFieldName(n.Origin.Header) {
		c.bad("cdn.origin.header", "want the name of a header; got %s", quote(n.Origin.Header))
	}
	if (n.Purge.Path == "") != (len(n.Purge.Command) == 0) {
		c.bad("cdn.purge", "want path and command, or neither; got one of them")
	}
	c.cloudFront()
	c.behaviors()
	c.cdnPath("cdn.assets.base", n.Assets.Base)
	c.cdnPath("cdn.waf.path", n.WAF.Path)
	c.cdnPath("cdn.purge.path", n.Purge.Path)
	c.cdnPath("cdn.perf.path", n.Perf.Path)
	for i, path := range n.Assets.Unhashed {
		c.cdnPath(fmt.Sprintf("cdn.assets.unhashed[%d]", i), path)
	}
	for i, path := range n.Assets.HTML {
		c.cdnPath(fmt.Sprintf("cdn.assets.html[%d]", i), path)
	}
	if s := n.WAF.Status; c.read("cdn.waf.status") && (s < 400 || s > 499) {
		c.bad("cdn.waf.status", "want a status from 400 to 499; got %d, which refuses nothing", s)
	}
	if c.read("cdn.assets.unhashed_max_age") && n.Assets.UnhashedMaxAge >= n.Assets.MaxAge {
		c.bad("cdn.assets.unhashed_max_age", "want less than cdn.assets.max_age, %s; got %s", n.Assets.MaxAge, n.Assets.UnhashedMaxAge)
	}
}

var distribution = regexp.MustCompile(`^E[0-9A-Z]{6,}$`)

func (c checker) cloudFront() {
	n := c.CDN
	switch {
	case n.Provider == CloudFront && c.AWS.Account == "":
		c.bad("cdn.provider", "want aws.account, because the distribution is looked at there; got none")
	case n.Provider == CloudFront && n.ID == "":
		c.bad("cdn.id", "want the distribution's id, because cdn.provider is cloudfront; got none")
	case n.Provider != CloudFront && n.ID != "":
		c.bad("cdn.id", "want provider: cloudfront beside it; got %s; an id that nobody reads proves nothing", quote(n.Provider))
	case n.WAF.Resource != "" && (n.WAF.Resource.Account() != c.AWS.Account || n.WAF.Resource.Region() != c.AWS.Region):
		c.bad("cdn.waf.resource", "want something in account %s and region %s; got %s", c.AWS.Account, c.AWS.Region, quote(string(n.WAF.Resource)))
	case n.ID != "" && !distribution.MatchString(n.ID):
		c.bad("cdn.id", "want the id of a CloudFront distribution, such as E2QWRUHEXAMPLE; got %s", quote(n.ID))
	}
}

func (c checker) behaviors() {
	n := c.CDN
	if len(n.Behaviors) == 0 && !c.reported("cdn.behaviors") {
		c.bad("cdn.behaviors", "want paths and what the CDN may do with each, because cdn.enabled is true; got none")
	}
	seen, private := map[string]bool{}, false
	for i, b := range n.Behaviors {
		key := fmt.Sprintf("cdn.behaviors[%d].path", i)
		c.cdnPath(key, b.Path)
		if b.Path != "" && seen[b.Path] {
			c.bad(key, "want each path once; got %s again", quote(b.Path))
		}
		seen[b.Path] = true
		private = private || b.Cache == "private"
	}
	caches := map[string]bool{}
	for _, b := range n.Behaviors {
		caches[b.Cache] = true
	}
	switch {
	case len(n.Behaviors) == 0 || c.reported("cdn.behaviors"):
	case !caches["static"]:
		c.bad("cdn.behaviors", "want a path with cache: static; got none; a CDN keeps something")
	case n.Host == c.DNS.Domain && !caches["never"] && !private:
		c.bad("cdn.behaviors", "want a path with cache: never or private, because cdn.host is dns.domain; got none; say what the CDN must not keep, such as the API")
	}
	if private && (n.Session.Credential.IsZero() || n.Session.Sees == "") {
		c.bad("cdn.session", "want credential and sees, because a behavior is private; got not both; without them nobody can see whether a page leaks")
	}
}

// cdnPath refuses what cannot be asked for.
func (c checker) cdnPath(key, path string) {
	switch {
	case path == "":
	case !strings.HasPrefix(path, "/"):
		c.bad(key, "want a path that begins with /; got %s", quote(path))
	case strings.ContainsAny(path, "*#? "):
		c.bad(key, "want a path that can be asked for, without * ? # and blanks; got %s; name an example", quote(path))
	}
}

// reported says whether there is a problem with the key already.
func (c checker) reported(key string) bool {
	_, given := c.positions[key]
	return given && !c.read(key)
}
