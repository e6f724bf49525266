package httpprobe

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
)

var loopback = fixed{netip.MustParseAddr("127.0.0.1")}

// plainSite answers over plain HTTP on loopback and returns its URL with a name for a host.
func plainSite(t *testing.T, handler http.HandlerFunc) (*Client, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	return &Client{Network: &probe.Network{}, Resolver: loopback}, "http://shop.example:" + port
}

func TestJudgeRedirect(t *testing.T) {
	from, err := url.Parse("http://shop.example/a%2Fb?x=1")
	require.NoError(t, err)
	for title, c := range map[string]struct {
		status   int
		location string
		class    string // empty: green
	}{
		"301":                {301, "https://shop.example/a%2Fb?x=1", ""},
		"308, default port":  {308, "https://SHOP.example:443/a%2Fb?x=1#top", ""},
		"302":                {302, "https://shop.example/a%2Fb?x=1", "http.temporary"},
		"303":                {303, "https://shop.example/a%2Fb?x=1", "http.temporary"},
		"307":                {307, "https://shop.example/a%2Fb?x=1", "http.temporary"},
		"300":                {300, "https://shop.example/a%2Fb?x=1", "http.redirect"},
		"304":                {304, "https://shop.example/a%2Fb?x=1", "http.no-redirect"},
		"200":                {200, "https://shop.example/a%2Fb?x=1", "http.no-redirect"},
		"404":                {404, "", "http.no-redirect"},
		"without Location":   {301, "", "http.no-redirect"},
		"broken Location":    {301, "https://[::1/", "http.malformed"},
		"relative":           {301, "/a%2Fb?x=1", "http.downgrade"},
		"without scheme":     {301, "//shop.example/a%2Fb?x=1", "http.downgrade"},
		"other host":         {301, "https://www.shop.example/a%2Fb?x=1", "http.other-host"},
		"other host, 302":    {302, "https://www.shop.example/a%2Fb?x=1", "http.other-host"},
		"other port":         {301, "https://shop.example:8443/a%2Fb?x=1", "http.other-host"},
		"host as a prefix":   {301, "https://shop.example.evil.example/a%2Fb?x=1", "http.other-host"},
		"host as a user":     {301, "https://shop.example@evil.example/a%2Fb?x=1", "http.other-host"},
		"with a user":        {301, "https://u:p@shop.example/a%2Fb?x=1", "http.other-host"},
		"unescaped path":     {301, "https://shop.example/a/b?x=1", "http.path-lost"},
		"front page":         {301, "https://shop.example/?x=1", "http.path-lost"},
		"no query":           {301, "https://shop.example/a%2Fb", "http.query-lost"},
		"more query":         {301, "https://shop.example/a%2Fb?x=1&y=2", "http.query-lost"},
		"to another program": {301, "javascript:alert(1)", "http.downgrade"},
	} {
		t.Run(title, func(t *testing.T) {
			x := &exchange{url: from, at: netip.MustParseAddrPort("203.0.113.80:80"), status: c.status, header: http.Header{}}
			if c.location != "" {
				x.header.Set("Location", c.location)
			}
			err := judgeRedirect(x, secure(from))
			if c.class == "" {
				assert.NoError(t, err)
				return
			}
			var unmet *probe.Unmet
			require.ErrorAs(t, err, &unmet)
			assert.Equal(t, c.class, unmet.Class, err)
			assert.Equal(t, from.String()+" at 203.0.113.80:80", unmet.From)
		})
	}
}

// hop is one answer of a chain for the pure judge.
func hop(t *testing.T, rawURL string, status int, location, body string) *exchange {
	t.Helper()
	target, err := url.Parse(rawURL)
	require.NoError(t, err)
	x := &exchange{url: target, status: status, header: http.Header{}, body: []byte(body)}
	if location != "" {
		x.header.Set("Location", location)
	}
	return x
}

func TestJudgeChain(t *testing.T) {
	const plain, safe, other, third = "http://shop.example/", "https://shop.example/", "https://www.shop.example/", "https://m.shop.example/"
	const short = "balance: 1200 kr on 1234.56.78901"
	first := hop(t, plain, 301, safe, "")
	cookie := hop(t, plain, 301, safe, "")
	cookie.header.Set("Set-Cookie", "session=1; Secure")
	for title, c := range map[string]struct {
		hops  []*exchange
		class string // empty: green
	}{
		"one redirect":            {[]*exchange{first, hop(t, safe, 200, "", "page")}, ""},
		"two redirects":           {[]*exchange{first, hop(t, safe, 301, other, ""), hop(t, other, 200, "", "page")}, ""},
		"to a 404":                {[]*exchange{first, hop(t, safe, 404, "", "page")}, ""},
		"to a 503":                {[]*exchange{first, hop(t, safe, 503, "", "page")}, "http.status"},
		"three redirects":         {[]*exchange{first, hop(t, safe, 301, other, ""), hop(t, other, 301, third, ""), hop(t, third, 200, "", "")}, "http.hops"},
		"loop over https":         {[]*exchange{first, hop(t, safe, 301, other, ""), hop(t, other, 301, safe, "")}, "http.loop"},
		"loop back to plain http": {[]*exchange{first, hop(t, safe, 301, plain, "")}, "http.loop"},
		"to itself":               {[]*exchange{hop(t, plain, 301, plain, "")}, "http.loop"},
		"plain http on the way":   {[]*exchange{first, hop(t, safe, 301, "http://www.shop.example/", ""), hop(t, "http://www.shop.example/", 200, "", "")}, "http.downgrade"},
		"a cookie in clear":       {[]*exchange{cookie, hop(t, safe, 200, "", "page")}, "http.leak"},
		"a page in clear":         {[]*exchange{hop(t, plain, 301, safe, strings.Repeat("x", maxNote+1)), hop(t, safe, 200, "", "page")}, "http.leak"},
		"a small page in clear":   {[]*exchange{hop(t, plain, 301, safe, "<b>"+short+"</b>"), hop(t, safe, 200, "", short)}, "http.leak"},
		"an empty line in clear":  {[]*exchange{hop(t, plain, 301, safe, "Moved\n"), hop(t, safe, 200, "", "\n")}, ""},
		"a note in clear":         {[]*exchange{hop(t, plain, 301, safe, "Moved Permanently"), hop(t, safe, 200, "", "page")}, ""},
		"a broken Location later": {[]*exchange{first, hop(t, safe, 301, "https://[::1/", "")}, "http.malformed"},
		"served in clear":         {[]*exchange{hop(t, plain, 200, "", "page")}, "http.no-redirect"},
	} {
		t.Run(title, func(t *testing.T) {
			err := judgeChain(c.hops, secure(c.hops[0].url))
			if c.class == "" {
				assert.NoError(t, err)
				return
			}
			var unmet *probe.Unmet
			require.ErrorAs(t, err, &unmet)
			assert.Equal(t, c.class, unmet.Class, err)
		})
	}
}

func TestJudgeHealth(t *testing.T) {
	flat := Health{StatusPath: "status", StatusOK: "ok", VersionPath: "version", Version: "1"}
	checked := Health{StatusPath: "status", StatusOK: "ok", VersionPath: "version", Version: "1", Checks: []string{"db.status"}}
	nested := Health{StatusPath: "data.status", StatusOK: "ok", VersionPath: "data.version", Version: "1"}
	for title, c := range map[string]struct {
		want   Health
		body   string
		header map[string]string
		class  string // empty: green
	}{
		"flat":                  {want: flat, body: `{"status":"ok","version":"1"}`},
		"nested":                {want: nested, body: `{"data":{"status":"ok","version":"1","checks":{"db":{"status":"pass"}}}}`},
		"a list of checks":      {want: flat, body: `{"status":"ok","version":"1","checks":[{"name":"db","status":"UP"},{"name":"disk","status":"Pass"}]}`},
		"checks that are true":  {want: flat, body: `{"status":"ok","version":"1","checks":{"db":true}}`},
		"checks as lists":       {want: flat, body: `{"status":"ok","version":"1","checks":{"db:conn":[{"status":"pass"},{"status":"pass"}],"disk":"ok"}}`},
		"health+json":           {want: flat, body: `{"status":"ok","version":"1"}`, header: map[string]string{"Content-Type": "application/health+json; charset=utf-8"}},
		"no-store among others": {want: flat, body: `{"status":"ok","version":"1"}`, header: map[string]string{"Cache-Control": "private, No-Store, max-age=0"}},

		"a check of ours":        {want: checked, body: `{"status":"ok","version":"1","db":{"status":"pass"}}`},
		"which is an object":     {want: Health{StatusPath: "status", StatusOK: "ok", VersionPath: "version", Version: "1", Checks: []string{"db"}}, body: `{"status":"ok","version":"1","db":{"status":"pass"}}`},
		"which fails":            {want: checked, body: `{"status":"ok","version":"1","db":{"status":"fail"}}`, class: "health.check"},
		"which is not there":     {want: checked, body: `{"status":"ok","version":"1"}`, class: "health.shape"},
		"which is null":          {want: checked, body: `{"status":"ok","version":"1","db":{"status":null}}`, class: "health.shape"},
		"which is an empty list": {want: checked, body: `{"status":"ok","version":"1","db":{"status":[]}}`, class: "health.shape"},

		"the status twice":     {want: flat, body: `{"status":"fail","status":"ok","version":"1"}`, class: "health.shape"},
		"a check twice":        {want: flat, body: `{"status":"ok","version":"1","checks":{"db":"fail","db":"pass"}}`, class: "health.shape"},
		"other shape":          {want: nested, body: `{"status":"ok","version":"1"}`, class: "health.shape"},
		"status is no text":    {want: flat, body: `{"status":true,"version":"1"}`, class: "health.shape"},
		"version is a number":  {want: flat, body: `{"status":"ok","version":1}`, class: "health.shape"},
		"no version":           {want: flat, body: `{"status":"ok"}`, class: "health.shape"},
		"a list":               {want: flat, body: `[{"status":"ok"}]`, class: "health.shape"},
		"null":                 {want: flat, body: `null`, class: "health.shape"},
		"empty":                {want: flat, body: ``, class: "health.shape"},
		"cut off":              {want: flat, body: `{"status":"ok","version":"1"`, class: "health.shape"},
		"two documents":        {want: flat, body: `{"status":"ok","version":"1"}{"status":"error"}`, class: "health.shape"},
		"as text":              {want: flat, body: `{"status":"ok","version":"1"}`, header: map[string]string{"Content-Type": "text/plain"}, class: "health.shape"},
		"degraded":             {want: flat, body: `{"status":"degraded","version":"1"}`, class: "health.status"},
		"OK in other letters":  {want: flat, body: `{"status":"OK","version":"1"}`, class: "health.status"},
		"failing check":        {want: flat, body: `{"status":"ok","version":"1","checks":{"a":{"status":"pass"},"db":{"status":"fail"}}}`, class: "health.check"},
		"failing list":         {want: flat, body: `{"status":"ok","version":"1","checks":[{"name":"db","status":"DOWN"}]}`, class: "health.check"},
		"check that is false":  {want: flat, body: `{"status":"ok","version":"1","checks":{"db":false}}`, class: "health.check"},
		"failing in a list":    {want: flat, body: `{"status":"ok","version":"1","checks":{"db":[{"status":"pass"},{"status":"warn"}]}}`, class: "health.check"},
		"check without status": {want: flat, body: `{"status":"ok","version":"1","checks":{"db":{}}}`, class: "health.check"},
		"checks are one text":  {want: flat, body: `{"status":"ok","version":"1","checks":"database down"}`, class: "health.check"},
		"checks are false":     {want: flat, body: `{"status":"ok","version":"1","checks":false}`, class: "health.check"},
		"check with no text":   {want: flat, body: `{"status":"ok","version":"1","checks":{"db":{"status":""}}}`, class: "health.check"},
		"other version":        {want: flat, body: `{"status":"ok","version":"1.0"}`, class: "health.version"},
		"max-age=0":            {want: flat, body: `{"status":"ok","version":"1"}`, header: map[string]string{"Cache-Control": "max-age=0"}, class: "http.cacheable"},
		"age zero":             {want: flat, body: `{"status":"ok","version":"1"}`, header: map[string]string{"Age": "0"}, class: "http.cached"},
	} {
		t.Run(title, func(t *testing.T) {
			x := hop(t, "https://shop.example/health", 200, "", c.body)
			x.header.Set("Content-Type", "application/json")
			x.header.Set("Cache-Control", "no-store")
			for name, value := range c.header {
				x.header.Set(name, value)
			}
			err := judgeHealth(x, c.want)
			if c.class == "" {
				assert.NoError(t, err)
				return
			}
			var unmet *probe.Unmet
			require.ErrorAs(t, err, &unmet)
			assert.Equal(t, c.class, unmet.Class, err)
		})
	}
}

func TestJudgeHealthOfACutBody(t *testing.T) {
	x := hop(t, "https://shop.example/health", 200, "", `{"status":"ok","version":"1"}`)
	x.header.Set("Content-Type", "application/json")
	x.cut = true
	err := judgeHealth(x, Health{StatusPath: "status", StatusOK: "ok", VersionPath: "version", Version: "1"})
	require.ErrorContains(t, err, "got more than 1048576 bytes")
}

func TestJudgeCookies(t *testing.T) {
	for line, want := range map[string]string{
		"s=1; Secure; HttpOnly; SameSite=Lax":    "",
		"s=1; secure; httponly; samesite=strict": "",
		"s=1; Secure; HttpOnly":                  "cookie s without SameSite",
		"s=1; Secure; HttpOnly; SameSite=None":   "cookie s without SameSite",
		"s=1; HttpOnly; SameSite=Lax":            "cookie s without Secure",
		"s=secret; Secure; SameSite=Lax":         "cookie s without HttpOnly",
		"=":                                      "a cookie that does not parse",
	} {
		got := strings.Join(looseCookies(http.Header{"Set-Cookie": {line}}), ", ")
		assert.Equal(t, want, got, line)
		assert.NotContains(t, got, "secret")
	}
}

func TestAPolicyWithoutADirectiveIsNone(t *testing.T) {
	for _, value := range []string{"", " ", ";", " ; , ;"} {
		missing := missingHeaders(http.Header{"Content-Security-Policy": {value}, "X-Content-Type-Options": {"nosniff"}})
		assert.Equal(t, []string{"no Content-Security-Policy"}, missing, value)
	}
	assert.Empty(t, missingHeaders(http.Header{"Content-Security-Policy": {"; default-src 'self'"}, "X-Content-Type-Options": {"NoSniff"}}))
}

func TestTransport(t *testing.T) {
	const page200 = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
	forever := func(conn net.Conn) {
		says(page200)(conn)
		for {
			if _, err := fmt.Fprint(conn, "."); err != nil {
				return
			}
			select {
			case <-t.Context().Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	for title, c := range map[string]struct {
		handler     tlstest.Handler
		class, part string
	}{
		"no HTTP":        {says("SSH-2.0-OpenSSH_9.2\r\n"), "http.malformed", "SSH-2.0"},
		"hints only":     {says(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 9)), "http.malformed", "informational answers only"},
		"half a body":    {says("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nhalf"), "closed", "breaks off in the middle of its body"},
		"closed":         {tlstest.CloseAfterHello, "closed", "closed without an answer"},
		"reset":          {tlstest.ResetAfterHello, "reset", "connection reset"},
		"silent":         {tlstest.Silent, "http.silent", "accepted the connection and said nothing for 5 s"},
		"endless body":   {forever, "http.silent", "a body that did not end within 5 s"},
		"too large head": {says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"), "http.malformed", "a head of more than 65536 bytes"},
		"refused":        {nil, "refused", "connection refused"},
		"too large body": {says(page200 + strings.Repeat("x", 2*MaxBody)), "http.size", "more than 1048576 bytes"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			address := "127.0.0.1:1" // where nobody listens
			if c.handler != nil {
				address = tlstest.NewServer(t, c.handler).Addr
			}
			_, port, err := net.SplitHostPort(address)
			require.NoError(t, err)
			client := &Client{Network: &probe.Network{}, Resolver: loopback}
			started := time.Now()
			red(t, run(t, Shows(client, "http://shop.example:"+port, "x")), probe.Fail, c.class, c.part, "from http://shop.example:"+port+"/ at "+address)
			assert.Less(t, time.Since(started), Timeout+2*time.Second)
		})
	}
}

// says answers whatever the request is.
func says(text string) tlstest.Handler {
	return func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = fmt.Fprint(conn, text) // the client judges, and may stop reading
		}
	}
}

// What cannot be read is not a page without mixed content.
func TestUnreadablePages(t *testing.T) {
	const mixed = `<img src="http://a.example/x.png">`
	var zipped bytes.Buffer
	packer := gzip.NewWriter(&zipped)
	_, err := packer.Write([]byte(mixed))
	require.NoError(t, err)
	require.NoError(t, packer.Close())
	for title, c := range map[string]struct{ coding, body, class, part string }{
		"gzip":            {"gzip", zipped.String(), "http.mixed", "img http://a.example/x.png"},
		"broken gzip":     {"gzip", mixed, "http.malformed", "gzip: invalid header"},
		"a bomb":          {"gzip", bomb(t), "http.size", "more than 1048576 bytes"},
		"another coding":  {"br", "\x0b\x02\x80", "http.coding", `content coding "br"`},
		"UTF-16":          {"", "<\x00i\x00m\x00g\x00", "http.charset", "no text"},
		"nothing at all":  {"", " \n", "http.empty", "an empty page"},
		"coding declined": {"identity", mixed, "http.mixed", "img"},
	} {
		t.Run(title, func(t *testing.T) {
			client, site := plainSite(t, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
				w.Header().Set("Content-Type", "text/html")
				if c.coding != "" {
					w.Header().Set("Content-Encoding", c.coding)
				}
				_, _ = fmt.Fprint(w, c.body)
			})
			red(t, run(t, NoMixedContent(client, site)), probe.Fail, c.class, c.part)
		})
	}
}

func bomb(t *testing.T) string {
	t.Helper()
	var zipped bytes.Buffer
	packer := gzip.NewWriter(&zipped)
	_, err := packer.Write(bytes.Repeat([]byte("x"), 2*MaxBody))
	require.NoError(t, err)
	require.NoError(t, packer.Close())
	return zipped.String()
}

// Which of two places a browser goes to is its own affair; most go nowhere.
func TestTwoLocations(t *testing.T) {
	x := hop(t, "http://shop.example/", 301, "https://shop.example/", "")
	x.header.Add("Location", "https://shop.example/")
	require.NoError(t, judgeRedirect(x, secure(x.url)), "twice the same")
	x.header.Add("Location", "https://evil.example/")
	var unmet *probe.Unmet
	require.ErrorAs(t, judgeRedirect(x, secure(x.url)), &unmet)
	assert.Equal(t, "http.malformed", unmet.Class)
	assert.Contains(t, unmet.Got, "https://evil.example/")
}

func TestHintsComeFirst(t *testing.T) {
	server := tlstest.NewServer(t, says("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\nhei"))
	_, port, err := net.SplitHostPort(server.Addr)
	require.NoError(t, err)
	r := run(t, Shows(&Client{Network: &probe.Network{}, Resolver: loopback}, "http://shop.example:"+port, "hei"))
	assert.Equal(t, probe.Pass, r.Status, r.Message())
}

func TestOneRequestForAllClaims(t *testing.T) {
	var requests atomic.Int32
	client, site := plainSite(t, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<p>hei</p>")
	})
	done := make(chan probe.Result)
	for range 4 {
		go func() { done <- probe.Run(t.Context(), "shows", Shows(client, site, "hei")) }()
		go func() { done <- probe.Run(t.Context(), "mixed", NoMixedContent(client, site+"/")) }()
	}
	for range 8 {
		r := <-done
		assert.Equal(t, probe.Pass, r.Status, r.Message())
	}
	assert.EqualValues(t, 1, requests.Load())
}

func TestAClaimHonoursItsDeadline(t *testing.T) {
	server := tlstest.NewServer(t, tlstest.Silent)
	_, port, err := net.SplitHostPort(server.Addr)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	started := time.Now()
	r := probe.Run(ctx, "shows", Shows(&Client{Network: &probe.Network{}, Resolver: loopback}, "http://shop.example:"+port, "x"))
	assert.Less(t, time.Since(started), time.Second)
	red(t, r, probe.Blocked, "timeout", "GET http://shop.example:"+port+"/ at 127.0.0.1:"+port)
}

func TestEvidenceKeepsNoSecret(t *testing.T) {
	client, site := plainSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "session=verysecret")
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<p>verysecret</p>")
	})
	r := run(t, SecurityHeaders(client, site))
	assert.Equal(t, probe.Fail, r.Status)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(text), "cookie session without Secure")
	assert.NotContains(t, string(text), "verysecret")
}

// With TLS 1.3 the handshake stands before the server says that it misses a client certificate.
func TestClientCertificateWanted(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	certificate, err := authority.Issue(tlstest.Names("shop.example"))
	require.NoError(t, err)
	server := tlstest.NewServer(t, tlstest.Serve(&tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}))
	client := &Client{Network: &probe.Network{Connect: map[string]string{"127.0.0.1:443": server.Addr}, Roots: authority.Pool()}, Resolver: loopback}
	red(t, run(t, SendsHSTS(client, "https://shop.example/", strict)), probe.Fail, "tls.alert", "certificate required", "TLS configuration")
}
