package httpprobe

import (
	"context"
	"crypto/tls"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/fixtures/webtest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

const (
	domain  = "getdrop.example"
	service = "a1b2c3d4e5.eu-west-1.awsapprunner.com" // of the platform
)

const (
	home     = "https://" + domain + "/"
	www      = "https://www." + domain + "/p?q=1"
	plainURL = "http://" + domain + "/deep/path?x=1&y=%C3%A6"
	health   = "https://" + domain + "/api/health"
	absent   = "https://" + domain + "/no-such-page"
	two      = 63072000 * time.Second
)

var strict = HSTS{MaxAge: two, IncludeSubDomains: true, Preload: true}

var healthy = Health{StatusPath: "data.status", StatusOK: "ok", VersionPath: "data.version", Version: "1.4.0"}

type world struct {
	site      *webtest.Site
	authority *tlstest.Authority
	version   string // the version file
}

func newWorld(t *testing.T) world {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "version")
	require.NoError(t, os.WriteFile(file, []byte("1.4.0\n"), 0o600))
	return world{webtest.New(t, webtest.Config{Domain: domain, Service: service, Authority: authority, VersionFile: file, Broken: []string{"1.5.0"}}), authority, file}
}

// client is a new one, which has seen nothing yet.
func (w world) client() *Client {
	return &Client{Network: &probe.Network{Connect: w.site.Connect(), Roots: w.authority.Pool()}, Resolver: w.site}
}

func run(t *testing.T, claim probe.Claim) probe.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return probe.Run(ctx, "claim", claim)
}

// red asserts how a claim ended, and that its one line says all of the parts.
func red(t *testing.T, r probe.Result, status probe.Status, class string, parts ...string) {
	t.Helper()
	assert.Equal(t, status, r.Status, r.Message())
	assert.Equal(t, class, r.Class, r.Message())
	for _, part := range parts {
		assert.Contains(t, r.Message(), part)
	}
	assert.NotContains(t, r.Message(), "\n")
}

func green(t *testing.T, r probe.Result) {
	t.Helper()
	assert.Equal(t, probe.Pass, r.Status, r.Message())
	assert.Len(t, r.Evidence.Asked, len(webtest.Addresses), "every address is asked")
}

// claims are all claims about a good site, by name.
var claims = map[string]func(*Client) probe.Claim{
	"redirects to https":     func(c *Client) probe.Claim { return RedirectsToHTTPS(c, plainURL) },
	"www redirects to https": func(c *Client) probe.Claim { return RedirectsToHTTPS(c, "http://www."+domain+"/deep?x=1") },
	"accepts plain http":     func(c *Client) probe.Claim { return AcceptsPlainHTTP(c, plainURL) },
	"www redirects":          func(c *Client) probe.Claim { return WWWRedirects(c, www, domain) },
	"hsts":                   func(c *Client) probe.Claim { return SendsHSTS(c, home, strict) },
	"hsts on www":            func(c *Client) probe.Claim { return SendsHSTS(c, www, strict) },
	"hsts on health":         func(c *Client) probe.Claim { return SendsHSTS(c, health, strict) },
	"hsts on 404":            func(c *Client) probe.Claim { return SendsHSTS(c, absent, strict) },
	"no hsts over http":      func(c *Client) probe.Claim { return NoHSTSOverHTTP(c, plainURL) },
	"preload header":         func(c *Client) probe.Claim { return SendsPreloadHeader(c, domain) },
	"preload over http":      func(c *Client) probe.Claim { return PreloadableOverHTTP(c, "http://"+domain+"/") },
	"preload redirects":      func(c *Client) probe.Claim { return PreloadableRedirects(c, domain) },
	"preload of www":         func(c *Client) probe.Claim { return ServesHTTPS(c, "www."+domain) },
	"no mixed content":       func(c *Client) probe.Claim { return NoMixedContent(c, home) },
	"bundle": func(c *Client) probe.Claim {
		return BundleSays(c, home, regexp.MustCompile(`serviceMode:"([a-z]+)"`), "production")
	},
	"demo login":       func(c *Client) probe.Claim { return Refuses(c, demo("https://"+domain+webtest.LoginPath)) },
	"closed":           func(c *Client) probe.Claim { return NotServed(c, "https://"+domain+"/api/dev") },
	"well":             func(c *Client) probe.Claim { return SteadilyWell(c, health, healthy, 5) },
	"security headers": func(c *Client) probe.Claim { return SecurityHeaders(c, home) },
	"protocol floor": func(c *Client) probe.Claim {
		return tlsprobe.ProtocolFloor(&tlsprobe.Observer{Network: c.Network, Resolver: c.Resolver}, domain, tls.VersionTLS12)
	},
	"health":                  func(c *Client) probe.Claim { return HealthIs(c, health, healthy) },
	"health of the api":       func(c *Client) probe.Claim { return HealthIs(c, "https://api."+domain+"/api/health", healthy) },
	"health of the service":   func(c *Client) probe.Claim { return HealthIs(c, "https://"+service+"/api/health", healthy) },
	"landing page":            func(c *Client) probe.Claim { return Shows(c, home, webtest.Text) },
	"terms":                   func(c *Client) probe.Claim { return Shows(c, "https://"+domain+"/vilkaar", "Vilkår for bruk") },
	"privacy":                 func(c *Client) probe.Claim { return Shows(c, "https://"+domain+"/personvern", "Slik behandler vi") },
	"security headers, terms": func(c *Client) probe.Claim { return SecurityHeaders(c, "https://"+domain+"/vilkaar") },
}

func TestGoodSite(t *testing.T) {
	client := newWorld(t).client()
	for title, claim := range claims {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			green(t, run(t, claim(client)))
		})
	}
}

func TestFaults(t *testing.T) {
	type want struct {
		claim string
		class string
		parts []string
	}
	everyAddress := "(3 of 3 addresses are red)"
	cases := map[webtest.Fault][]want{
		webtest.HSTSMissing: {{"hsts", "hsts.missing", []string{"want one header Strict-Transport-Security: max-age=63072000; includeSubDomains; preload; got none on a 200 answer from " + home + " at 203.0.113.80:443", everyAddress}},
			{"hsts on www", "hsts.missing", []string{"none on a 301 answer"}}, {"hsts on health", "hsts.missing", nil}, {"hsts on 404", "hsts.missing", []string{"none on a 404 answer"}}},
		webtest.HSTSTwice:             {{"hsts", "hsts.duplicate", []string{"2 of them (max-age=63072000; includeSubDomains; preload | max-age=0), of which a browser obeys the first"}}},
		webtest.HSTSMalformed:         {{"hsts", "hsts.malformed", []string{"which browsers ignore", `max-age "two-years" is no number of seconds`}}},
		webtest.HSTSShort:             {{"hsts", "hsts.short", []string{"got max-age=86400", "raise max-age"}}},
		webtest.HSTSNoPreload:         {{"hsts", "hsts.preload", []string{"no preload in"}}},
		webtest.HSTSQuoted:            {{"preload header", "hsts.malformed", []string{`"max-age=\"63072000\"; includeSubDomains; preload", whose max-age browsers understand and the preload list does not`}}, {"preload over http", "hsts.malformed", nil}},
		webtest.HSTSOverHTTP:          {{"no hsts over http", "hsts.over-http", []string{"want no Strict-Transport-Security over plain HTTP", "http://" + domain}}},
		webtest.HSTSMissingOnError:    {{"hsts on 404", "hsts.missing", []string{"none on a 404 answer", "errors and redirects included"}}},
		webtest.HSTSMissingOnRedirect: {{"hsts on www", "hsts.missing", []string{"none on a 301 answer"}}},

		webtest.RedirectTemporary: {{"redirects to https", "http.temporary", []string{"want 301 or 308 to https://" + domain + "/deep/path?x=1&y=%C3%A6; got 302 to https://" + domain, "at 203.0.113.80:80", everyAddress}}, {"www redirects to https", "http.temporary", nil}},
		webtest.RedirectOtherHost: {{"redirects to https", "http.other-host", []string{"got 301 to https://www." + domain, "another host", "other hosts come after it"}}, {"www redirects to https", "http.other-host", nil}},
		webtest.RedirectLoop: {{"redirects to https", "http.loop", []string{"a loop: http://" + domain, "speaks plain HTTP to the application"}},
			{"landing page", "http.status", []string{"got 301 Moved Permanently to http://" + domain}}, {"www redirects to https", "http.downgrade", []string{"a redirect back to plain HTTP"}}},
		webtest.RedirectToHTTP:     {{"redirects to https", "http.downgrade", []string{"got 301 to http://www." + domain, "which is not https"}}},
		webtest.RedirectDropsPath:  {{"redirects to https", "http.path-lost", []string{"got 301 to https://" + domain + "/?x=1", "keep the path"}}, {"www redirects", "http.path-lost", nil}},
		webtest.RedirectDropsQuery: {{"redirects to https", "http.query-lost", []string{"keep the query"}}, {"www redirects", "http.query-lost", []string{"want 301 or 308 to https://" + domain + "/p?q=1; got 301 to https://" + domain + "/p"}}},
		webtest.RedirectLeaksBody:  {{"redirects to https", "http.leak", []string{"bytes of page in clear"}}},
		webtest.PortClosed:         {{"accepts plain http", "http.port-closed", []string{"connection refused", "at 203.0.113.80:80"}}},
		webtest.SilentHTTP:         {{"redirects to https", "http.silent", []string{"accepted the connection and said nothing for 5 s"}}, {"no hsts over http", "http.silent", nil}},
		webtest.SilentHTTPS:        {{"landing page", "tls.silent", []string{"accepted the connection and said nothing for 3 s", "203.0.113.80:443"}}, {"health", "tls.silent", nil}, {"redirects to https", "tls.silent", nil}},
		webtest.WWWServes:          {{"www redirects", "http.no-redirect", []string{"404 Not Found without a redirect", "redirect instead of serving"}}},

		webtest.OldTLS:         {{"protocol floor", "tls.protocol", []string{"got TLS 1.0, TLS 1.1 accepted", everyAddress}}},
		webtest.MixedContent:   {{"no mixed content", "http.mixed", []string{"got img http://" + domain + "/bilde.png", "load it over https"}}},
		webtest.MissingHeaders: {{"security headers", "http.headers", []string{"got no Content-Security-Policy, X-Content-Type-Options \"\""}}},
		webtest.InsecureCookie: {{"security headers", "http.headers", []string{"got cookie session without Secure, HttpOnly, SameSite"}}},
		webtest.TextMissing:    {{"landing page", "page.text", []string{`want a page that shows "` + webtest.Text + `"`, "Vi er straks tilbake"}}},

		webtest.BundleStaging: {{"bundle", "bundle.value", []string{`in which serviceMode:"([a-z]+)" is "production"; got "staging" in https://` + domain + "/assets/app"}}},
		webtest.DemoLogin:     {{"demo login", "http.login", []string{"want 401 or 403 to the login; got 200 OK from https://" + domain + "/api/auth/login", "take the account out"}}},
		webtest.DebugRoute:    {{"closed", "http.served", []string{"want 404, 401, 403 or 410; got 200 OK", "take the route out"}}},

		webtest.HealthShape:     {{"health", "health.shape", []string{`JSON without text at data.status: its keys are ["checks" "status" "version"]`, "health.status_path"}}, {"health of the api", "health.shape", nil}},
		webtest.HealthTwice:     {{"health", "health.shape", []string{`got JSON that says "status" twice`}}, {"well", "health.shape", nil}},
		webtest.HealthHTML:      {{"health", "health.shape", []string{`content type "text/html; charset=utf-8", beginning "<!doctype html>`}}},
		webtest.HealthCached:    {{"health", "http.cacheable", []string{`got cache-control "public, max-age=60"`}}},
		webtest.HealthAged:      {{"health", "http.cached", []string{"got one from a cache: Age 37 s"}}},
		webtest.HealthCheck:     {{"health", "health.check", []string{`check db="fail" while data.status="ok"`, "mend db"}}, {"well", "health.check", nil}},
		webtest.HealthAtService: {{"health of the service", "health.status", []string{`got data.status="error"`}}},
		webtest.HealthVersion:   {{"health", "health.version", []string{`got version "1.4.0-earlier"`, "at 203.0.113.81:443", "bring 1.4.0 out"}}},
	}
	for fault := range webtest.Faults {
		require.Contains(t, cases, fault, "every fault is seen red by a claim")
	}
	for fault, wants := range cases {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.site.Break(fault)
			require.Equal(t, []webtest.Fault{fault}, w.site.Broken())
			client := w.client()
			results := make([]probe.Result, len(wants))
			var running sync.WaitGroup
			for i, want := range wants {
				running.Go(func() { results[i] = run(t, claims[want.claim](client)) })
			}
			running.Wait()
			for i, want := range wants {
				red(t, results[i], probe.Fail, want.class, want.parts...)
			}
			require.NoError(t, w.site.Mend())
			client = w.client()
			for _, want := range wants {
				green(t, run(t, claims[want.claim](client)))
			}
		})
	}
}

func TestOneAddressAlone(t *testing.T) {
	w := newWorld(t)
	expired, err := w.authority.Issue(tlstest.Names(domain, "*."+domain), tlstest.Expired())
	require.NoError(t, err)
	w.site.SetCertificate(expired, webtest.Addresses[2])
	client := w.client()
	for title, claim := range claims {
		r := run(t, claim(client))
		if title == "accepts plain http" || title == "no hsts over http" || title == "protocol floor" || title == "health of the service" { // none is about this certificate
			green(t, r)
			continue
		}
		red(t, r, probe.Fail, "tls.expired", "one that expired", "[2001:db8:80::80]:443")
		assert.NotContains(t, r.Message(), "are red", "the other addresses are well: %s", title)
	}
}

func TestRunningVersion(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, os.WriteFile(w.version, []byte("1.3.9"), 0o600))
	red(t, run(t, HealthIs(w.client(), health, healthy)), probe.Fail, "health.version", `"1.3.9"`)

	require.NoError(t, os.WriteFile(w.version, []byte("1.5.0"), 0o600))
	client := w.client()
	red(t, run(t, HealthIs(client, health, healthy)), probe.Fail, "http.status", `got 503 Service Unavailable with data.status="error"`)
	red(t, run(t, Shows(client, home, webtest.Text)), probe.Fail, "http.status", "500 Internal Server Error")
	green(t, run(t, SendsHSTS(client, home, strict)))
	red(t, run(t, RedirectsToHTTPS(client, "http://"+domain+"/")), probe.Fail, "http.status", "500 Internal Server Error", home)

	require.NoError(t, os.Remove(w.version))
	red(t, run(t, HealthIs(w.client(), health, healthy)), probe.Fail, "http.status", "503")
}

func TestClosedPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site.Break(webtest.PortClosed)
	client := w.client()
	r := run(t, RedirectsToHTTPS(client, plainURL))
	green(t, r)
	assert.Contains(t, r.Evidence.Notes, "203.0.113.80:80 takes no connection for plain HTTP")
	r = run(t, NoHSTSOverHTTP(client, plainURL))
	assert.Equal(t, probe.NA, r.Status, r.Message())

	// With nobody behind https either, a closed port is no excuse.
	w.site.Break(webtest.SilentHTTPS)
	red(t, run(t, RedirectsToHTTPS(w.client(), plainURL)), probe.Fail, "tls.silent")
}

func TestNobodyCanTell(t *testing.T) {
	w := newWorld(t)
	client := w.client()
	for title, claim := range map[string]probe.Claim{
		"name that does not resolve": Shows(client, "https://gone.example/", "x"),
		"redirect of such a name":    RedirectsToHTTPS(client, "http://gone.example/"),
	} {
		t.Run(title, func(t *testing.T) {
			red(t, run(t, claim), probe.Blocked, "dns", "want the addresses of gone.example; got gone.example: no such name")
		})
	}
	for title, claim := range map[string]probe.Claim{
		"no URL":     Shows(client, "getdrop.example", "x"),
		"no text":    Shows(client, home, " "),
		"no version": HealthIs(client, health, Health{StatusPath: "data.status", StatusOK: "ok", VersionPath: "data.version"}),
		"ftp":        RedirectsToHTTPS(client, "ftp://getdrop.example/"),
	} {
		t.Run(title, func(t *testing.T) { red(t, run(t, claim), probe.Blocked, "not-configured") })
	}
	t.Run("address outside the environment", func(t *testing.T) {
		client := w.client()
		client.Resolver = fixed{netip.MustParseAddr("198.51.100.1")}
		red(t, run(t, Shows(client, home, webtest.Text)), probe.Blocked, "sealed", "198.51.100.1:443")
	})
	t.Run("some addresses red and some unknown", func(t *testing.T) {
		w.site.Break(webtest.TextMissing)
		client := w.client()
		client.Resolver = fixed{netip.MustParseAddr("198.51.100.1"), webtest.Addresses[0]}
		red(t, run(t, Shows(client, home, webtest.Text)), probe.Fail, "page.text", "203.0.113.80:443 (2 of 2 addresses are red)")
	})
}

type fixed []netip.Addr

func (f fixed) Addresses(context.Context, string) ([]netip.Addr, error) { return f, nil }
