package httpprobe

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/fixtures/webtest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe/hsts"
)

const year = "max-age=31536000; includeSubDomains; preload"

func TestRegistrable(t *testing.T) {
	for domain, want := range map[string]string{ // empty: registrable
		"getdrop.no":         "",
		"getdrop.example":    "",
		"shop.co.uk":         "",
		"shop.priv.no":       "",
		"me.github.io":       "",
		"xn--bcher-kva.no":   "",
		"staging.getdrop.no": "submit getdrop.no",
		"www.shop.co.uk":     "submit shop.co.uk",
		"a.b.c.getdrop.no":   "submit getdrop.no",
		"no":                 "a public suffix or no domain name",
		"co.uk":              "a public suffix or no domain name",
		"github.io":          "a public suffix or no domain name",
		"192.0.2.1":          "a public suffix or no domain name",
		"2001:db8::1":        "a public suffix or no domain name",
		"":                   "a public suffix or no domain name",
		".getdrop.no":        "a public suffix or no domain name",
		"getdrop.no.":        "a public suffix or no domain name",
	} {
		t.Run(domain, func(t *testing.T) {
			r := run(t, Registrable(domain))
			if want == "" {
				assert.Equal(t, probe.Pass, r.Status, r.Message())
				return
			}
			red(t, r, probe.Fail, "hsts.domain", "want a registered domain", want)
		})
	}
}

func TestJudgePreloadHeader(t *testing.T) {
	for title, c := range map[string]struct {
		values []string
		class  string // empty: green
	}{
		"a year":                    {[]string{year}, ""},
		"two years":                 {[]string{"max-age=63072000; includeSubDomains; preload"}, ""},
		"other letters and order":   {[]string{"Preload;INCLUDESUBDOMAINS ;Max-Age=31536000;"}, ""},
		"leading zeros":             {[]string{"max-age=031536000; includeSubDomains; preload"}, ""},
		"more directives":           {[]string{year + "; future; x=\"a;b\""}, ""},
		"the longest number":        {[]string{"max-age=18446744073709551615; includeSubDomains; preload"}, ""},
		"a second short":            {[]string{"max-age=31535999; includeSubDomains; preload"}, "hsts.short"},
		"switched off":              {[]string{"max-age=0; includeSubDomains; preload"}, "hsts.short"},
		"without includeSubDomains": {[]string{"max-age=31536000; preload"}, "hsts.subdomains"},
		"without preload":           {[]string{"max-age=31536000; includeSubDomains"}, "hsts.preload"},
		"without max-age":           {[]string{"includeSubDomains; preload"}, "hsts.malformed"},
		"preload with a value":      {[]string{"max-age=31536000; includeSubDomains; preload=1"}, "hsts.malformed"},
		"preload twice":             {[]string{year + "; preload"}, "hsts.malformed"},
		"commas":                    {[]string{"max-age=31536000, includeSubDomains, preload"}, "hsts.malformed"},
		"in quotes":                 {[]string{`max-age="31536000"; includeSubDomains; preload`}, "hsts.malformed"},
		"blanks around the number":  {[]string{"max-age = 31536000; includeSubDomains; preload"}, "hsts.malformed"},
		"a number of 65 bits":       {[]string{"max-age=18446744073709551616; includeSubDomains; preload"}, "hsts.malformed"},
		"another max-age in quotes": {[]string{`x="; max-age=1; "; ` + year}, ""},
		"a broken one in quotes":    {[]string{`x="; max-age=1"; ` + year}, "hsts.malformed"},
		"a name that begins so":     {[]string{year + "; max-age-of-cache=1"}, "hsts.malformed"},
		"two headers":               {[]string{year, year}, "hsts.duplicate"},
		"none":                      {nil, "hsts.missing"},
	} {
		t.Run(title, func(t *testing.T) {
			x := hop(t, home, 200, "", "")
			x.header["Strict-Transport-Security"] = c.values
			classIs(t, judgePreloadHeader(x), c.class)
		})
	}
}

// classIs asserts that nothing is wrong, or what.
func classIs(t *testing.T, err error, class string) {
	t.Helper()
	if class == "" {
		assert.NoError(t, err)
		return
	}
	var unmet *probe.Unmet
	require.ErrorAs(t, err, &unmet)
	assert.Equal(t, class, unmet.Class, err)
}

func TestJudgePreloadChain(t *testing.T) {
	const plain, safe, other = "http://shop.example/", "https://shop.example/", "https://www.shop.example/"
	at := func(url string, status int, location string) *exchange {
		x := hop(t, url, status, location, "")
		x.header.Set("Strict-Transport-Security", year)
		return x
	}
	bare := func(url string, status int, location string) *exchange { return hop(t, url, status, location, "") }
	expired := &exchange{url: at(safe, 0, "").url, err: &probe.Unmet{Class: "tls.expired"}}
	for title, c := range map[string]struct {
		hops  []*exchange
		class string // empty: green
	}{
		"to https":                    {[]*exchange{at(plain, 301, safe), at(safe, 200, "")}, ""},
		"for the time being":          {[]*exchange{at(plain, 302, safe), at(safe, 200, "")}, ""},
		"to a page":                   {[]*exchange{at(plain, 307, safe+"start"), at(safe+"start", 200, "")}, ""},
		"and then to www":             {[]*exchange{at(plain, 301, safe), at(safe, 301, other), bare(other, 200, "")}, ""},
		"three redirects":             {[]*exchange{at(plain, 301, safe), at(safe, 301, other), bare(other, 301, other+"a"), bare(other+"a", 404, "")}, ""},
		"four redirects":              {[]*exchange{at(plain, 301, safe), at(safe, 301, other), bare(other, 301, other+"a"), bare(other+"a", 301, other+"b")}, "http.hops"},
		"a loop":                      {[]*exchange{at(plain, 301, safe), at(safe, 301, other), bare(other, 301, safe)}, "http.loop"},
		"plain HTTP on the way":       {[]*exchange{at(plain, 301, safe), at(safe, 301, "http://www.shop.example/"), bare("http://www.shop.example/", 200, "")}, "http.downgrade"},
		"a Location nobody can read":  {[]*exchange{at(plain, 301, safe), at(safe, 301, "https://[::1/")}, "http.malformed"},
		"www first":                   {[]*exchange{at(plain, 301, other), at(other, 200, "")}, "http.other-host"},
		"www in clear first":          {[]*exchange{at(plain, 301, "http://www.shop.example/"), bare("http://www.shop.example/", 301, safe)}, "http.downgrade"},
		"to itself":                   {[]*exchange{at(plain, 301, plain)}, "http.downgrade"},
		"no scheme":                   {[]*exchange{at(plain, 301, "//shop.example/"), bare(plain, 200, "")}, "http.downgrade"},
		"served in clear":             {[]*exchange{at(plain, 200, "")}, "http.no-redirect"},
		"a choice":                    {[]*exchange{at(plain, 300, safe), at(safe, 200, "")}, "http.no-redirect"},
		"no Location":                 {[]*exchange{at(plain, 301, "")}, "http.no-redirect"},
		"a broken Location":           {[]*exchange{at(plain, 301, "https://[::1/")}, "http.malformed"},
		"header missing at the first": {[]*exchange{at(plain, 301, safe), bare(safe, 301, other), at(other, 200, "")}, "hsts.missing"},
		"header missing at a page":    {[]*exchange{at(plain, 301, safe+"start"), bare(safe+"start", 200, "")}, "hsts.missing"},
		"no valid certificate":        {[]*exchange{at(plain, 301, safe), expired}, "tls.expired"},
		"silent":                      {[]*exchange{{url: at(plain, 0, "").url, err: &probe.Unmet{Class: "http.silent"}}}, "http.silent"},
	} {
		t.Run(title, func(t *testing.T) { classIs(t, judgePreloadChain(c.hops), c.class) })
	}
	t.Run("closed", func(t *testing.T) {
		err := judgePreloadChain([]*exchange{{url: at(plain, 0, "").url, err: &probe.Unmet{Class: "refused"}}, at(safe, 200, "")})
		assert.Equal(t, probe.NA, probe.StatusOf(err))
	})
	t.Run("time-out", func(t *testing.T) {
		err := judgePreloadChain([]*exchange{{url: at(plain, 0, "").url, err: &probe.Unknown{Class: "timeout"}}})
		assert.Equal(t, probe.Blocked, probe.StatusOf(err))
	})
}

// The header must be on the redirect itself, not on the page that it leads to.
func TestPreloadOfASiteThatRedirects(t *testing.T) {
	w := newWorld(t)
	green(t, run(t, ServesHTTPS(w.client(), "api."+domain)))
	green(t, run(t, SendsPreloadHeader(w.client(), "www."+domain)))
	w.site.Break(webtest.HSTSMissingOnRedirect)
	red(t, run(t, SendsPreloadHeader(w.client(), "www."+domain)), probe.Fail, "hsts.missing", "none on a 301 answer")
	green(t, run(t, PreloadableRedirects(w.client(), "www."+domain)))
}

func TestPreloadFaults(t *testing.T) {
	for fault, classes := range map[webtest.Fault]map[string]string{
		webtest.RedirectOtherHost: {"preload over http": "http.other-host"},
		webtest.RedirectToHTTP:    {"preload over http": "http.downgrade"},
		webtest.RedirectLoop:      {"preload over http": "http.loop", "preload redirects": "http.downgrade"},
		webtest.SilentHTTP:        {"preload over http": "http.silent"},
		webtest.SilentHTTPS:       {"preload header": "tls.silent", "preload redirects": "tls.silent", "preload of www": "tls.silent"},
		webtest.RedirectTemporary: {"preload over http": ""},
		webtest.HSTSOverHTTP:      {"preload over http": ""},
		webtest.OldTLS:            {"preload header": ""},
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.site.Break(fault)
			client := w.client()
			for claim, class := range classes {
				r := run(t, claims[claim](client))
				assert.Equal(t, class, r.Class, r.Message())
			}
		})
	}
}

func TestPreloadWithoutPlainHTTP(t *testing.T) {
	w := newWorld(t)
	w.site.Break(webtest.PortClosed)
	r := run(t, PreloadableOverHTTP(w.client(), "http://"+domain+"/"))
	assert.Equal(t, probe.NA, r.Status, r.Message())
	assert.Contains(t, r.Message(), "nothing listens for plain HTTP")
}

type refusing struct{ err error }

func (r refusing) Addresses(context.Context, string) ([]netip.Addr, error) { return nil, r.err }

// A name that does not exist needs no https; one that nobody can look up may exist.
func TestServesHTTPSWhereTheNameExists(t *testing.T) {
	for title, c := range map[string]struct {
		err  error
		want probe.Status
	}{
		"no such name":  {&probe.Unmet{Class: "dns.no-address", Got: "NXDOMAIN"}, probe.NA},
		"a loop":        {&probe.Unmet{Class: "dns.loop"}, probe.Blocked},
		"silence":       {&probe.Unknown{Class: "timeout"}, probe.Blocked},
		"anything else": {context.DeadlineExceeded, probe.Blocked},
	} {
		t.Run(title, func(t *testing.T) {
			client := &Client{Network: &probe.Network{}, Resolver: refusing{c.err}}
			r := run(t, ServesHTTPS(client, "www."+domain))
			assert.Equal(t, c.want, r.Status, r.Message())
		})
	}
	client := &Client{Network: &probe.Network{Connect: map[string]string{"127.0.0.1:443": "127.0.0.1:1"}}, Resolver: loopback}
	red(t, run(t, ServesHTTPS(client, "www."+domain)), probe.Fail, "refused", "127.0.0.1:443")
}

// secureSite answers over https on loopback for one name.
func secureSite(t *testing.T, name string, handler http.HandlerFunc) *Client {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	certificate, err := authority.Issue(tlstest.Names(name))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return &Client{Network: &probe.Network{Connect: map[string]string{"127.0.0.1:443": server.Listener.Addr().String()}, Roots: authority.Pool()}, Resolver: loopback}
}

func TestRedirectsAreCounted(t *testing.T) {
	for redirects, class := range map[int]string{0: "", 3: "", 4: "http.hops", 9: "http.hops"} {
		client := secureSite(t, domain, func(w http.ResponseWriter, r *http.Request) {
			if len(r.URL.Path) <= redirects {
				http.Redirect(w, r, r.URL.Path+"1", http.StatusFound)
			}
		})
		r := run(t, PreloadableRedirects(client, domain))
		assert.Equal(t, class, r.Class, "%d: %s", redirects, r.Message())
	}
}

func FuzzPreloadHeader(f *testing.F) {
	for _, seed := range []string{year, `max-age="1";preload`, "max-age =1", "x=\"; max-age=1", "MAX-AGE=99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		x := hop(t, home, 200, "", "")
		x.header.Set("Strict-Transport-Security", value)
		if judgePreloadHeader(x) != nil {
			return
		}
		got, err := hsts.Parse(value)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, got.MaxAge, preloadAge)
		assert.True(t, got.IncludeSubDomains && got.Preload)
		assert.False(t, plainAge(value+`; max-age="1"`))
		assert.False(t, plainAge(value+"; max-age"))
	})
}
